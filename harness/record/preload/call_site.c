/*
 * call_site.c - unwinds the stack, and gives each one a number.
 *
 * Idea.  A stack is a path in a tree: a site is a place in the code and the site
 * of its caller.  Programs have millions of calls from thousands of sites, so a
 * thread remembers the numbers of its last stacks, by a hash of all return
 * addresses; the tree is asked for the others only.  A new site is written to a
 * shared mapping, as records are.
 *
 *     return addresses   hash       this thread's last stacks
 *     parse <- load <- main  ->  | hash, site | hash, site | ...
 *                                     |  not there
 *                                     v
 *     main, 0 => 1    load, 1 => 2    parse, 2 => 3     the tree, under its lock
 *
 * A place is a module and an offset in it, found without locks by
 * _dl_find_object: an address would mean another place once a library has been
 * unloaded and another one loaded.
 *
 * The unwinder is libunwind's, for most programs are built without frame
 * pointers.
 *
 * Cost.     SITES_MAX sites, 32 to 64 bytes each in memory; further ones are 0.
 * Threads.  Any.  No lock is held while the dynamic linker is asked.
 * Read next: unwinder.c, ../raw_sites.c (the other end).
 */
#include "call_site.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../raw.h"
#include "map_file.h"
#include "unwinder.h"

enum {
	OWN_FRAMES = 6, /* ours above the caller, at most */
	LAST_STACKS = 256,
	MODULES_MAX = 1024,
	SITES_MAX = 1 << 20,
	INDEX_BYTES = 2 * SITES_MAX * 4,
	WINDOW_SITES = 4096,
};

static unwinder *unwind;
static const char *own_begin, *own_end; /* our library */

/* The tree, under the lock. */
static pthread_mutex_t lock;
static struct {
	char path[4096];
	unsigned depth;
	struct module {
		const struct link_map *map;
		uint64_t base; /* another one may get a freed map */
	} modules[MODULES_MAX];
	unsigned module_count;
	uint32_t site_count;
	uint32_t *index;        /* of sites by their hash; 0: empty */
	struct raw_site *sites; /* of all windows, one after the other */
} tree;

struct last_stack {
	uint64_t hash;
	uint32_t site;
};
static __thread struct last_stack last_stacks[LAST_STACKS]
	__attribute__((tls_model("initial-exec")));
static __thread uint32_t last_image __attribute__((tls_model("initial-exec")));
static __thread bool is_inside __attribute__((tls_model("initial-exec")));
static uint32_t image_number; /* a fork's child has other sites */

/* --- the tree, under its lock ------------------------------------------- */

/* Appends the path of the module, and a 0. */
static bool append_module(const char *path, const struct link_map *map)
{
	int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	char name[4096] = "";

	if (file < 0)
		return false;
	if (map->l_name[0] != '\0')
		snprintf(name, sizeof name, "%s", map->l_name);
	else if (readlink("/proc/self/exe", name, sizeof name - 1) < 0)
		name[0] = '\0'; /* the program itself, and no /proc */
	size_t bytes = strlen(name) + 1;
	bool good = write(file, name, bytes) == (ssize_t)bytes;
	close(file);
	return good;
}

/* The module's number, from 1 on; 0 without room. */
static uint64_t module_number_locked(const struct link_map *map)
{
	char path[sizeof tree.path + 16];

	for (unsigned i = 0; i < tree.module_count; i++)
		if (tree.modules[i].map == map &&
		    tree.modules[i].base == map->l_addr)
			return i + 1;
	if (tree.module_count == MODULES_MAX)
		return 0;
	snprintf(path, sizeof path, "%s.modules", tree.path);
	if (!append_module(path, map))
		return 0;
	tree.modules[tree.module_count++] = (struct module){map, map->l_addr};
	return tree.module_count;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t hash = (a ^ b * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;

	return hash ^ hash >> 32;
}

/* The place of a site in the index, or the empty one that ends its search. */
static uint32_t *probe_locked(uint64_t place, uint32_t caller)
{
	uint64_t mask = INDEX_BYTES / sizeof *tree.index - 1;
	uint64_t at = mix(place, caller) & mask;

	for (;; at = (at + 1) & mask) {
		const struct raw_site *site = &tree.sites[tree.index[at]];
		if (tree.index[at] == 0 ||
		    (site->place == place && site->caller == caller))
			return &tree.index[at];
	}
}

/* The next window of the file, at its place among the sites. */
static bool map_window_locked(uint32_t first)
{
	size_t bytes = WINDOW_SITES * sizeof *tree.sites;
	char path[sizeof tree.path + 16];

	snprintf(path, sizeof path, "%s.sites", tree.path);
	void *window =
		map_file(path, 0, (off_t)(first * sizeof *tree.sites), bytes);
	if (window == NULL)
		return false;
	return mremap(window, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
	              &tree.sites[first]) != MAP_FAILED;
}

static uint32_t site_get_locked(uint64_t place, uint32_t caller)
{
	uint32_t *found = probe_locked(place, caller);
	uint32_t site = tree.site_count;

	if (*found != 0)
		return *found;
	if (site == SITES_MAX ||
	    (site % WINDOW_SITES == 0 && !map_window_locked(site)))
		return 0;
	if (site == 0) /* number 0 is no site */
		site = tree.site_count = 1;
	tree.site_count++;
	tree.sites[site].caller = caller;
	atomic_store_explicit(&tree.sites[site].place, place,
	                      memory_order_release);
	*found = site;
	return site;
}

/* --- stacks ------------------------------------------------------------- */

struct frame {
	const struct link_map *module;
	uint64_t offset;
};

static struct frame frame_of(void *address)
{
	struct dl_find_object found;

	if (_dl_find_object(address, &found) != 0)
		return (struct frame){NULL, (uintptr_t)address};
	return (struct frame){found.dlfo_link_map,
	                      (uintptr_t)address - found.dlfo_link_map->l_addr};
}

/* Numbers a stack, outermost frame first. */
static uint32_t stack_site(void *const *addresses, int count)
{
	struct frame frames[RAW_DEPTH_MAX];
	uint32_t site = 0;
	int cancel;

	for (int i = 0; i < count; i++)
		frames[i] = frame_of(addresses[i]);
	/* Opening a file is a cancellation point; malloc must not be one. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&lock);
	for (int i = count; i-- > 0;) {
		uint64_t module = 0;
		if (frames[i].module != NULL)
			module = module_number_locked(frames[i].module);
		site = site_get_locked(raw_place(module, frames[i].offset),
		                       site);
		if (site == 0)
			break;
	}
	pthread_mutex_unlock(&lock);
	pthread_setcancelstate(cancel, NULL);
	return site;
}

static bool is_own(const void *address)
{
	return (const char *)address >= own_begin &&
	       (const char *)address < own_end;
}

/* The thread's last stacks are another image's after a fork. */
static struct last_stack *last_stack(uint64_t hash)
{
	if (last_image != image_number)
		memset(last_stacks, 0, sizeof last_stacks);
	last_image = image_number;
	return &last_stacks[hash % LAST_STACKS];
}

static uint32_t unwound_site(void)
{
	void *addresses[RAW_DEPTH_MAX + OWN_FRAMES];
	int count = unwind(addresses, (int)tree.depth + OWN_FRAMES), own = 0;
	uint64_t hash = 1;

	while (own < count && is_own(addresses[own]))
		own++;
	count -= own;
	if (count > (int)tree.depth)
		count = (int)tree.depth;
	for (int i = 0; i < count; i++)
		hash = mix(hash, (uintptr_t)addresses[own + i]);
	struct last_stack *last = last_stack(hash);
	if (last->hash != hash)
		*last = (struct last_stack){hash,
		                            stack_site(addresses + own, count)};
	return last->site;
}

uint32_t call_site(void)
{
	int error = errno;

	if (unwind == NULL || tree.index == NULL || is_inside)
		return 0;
	is_inside = true;
	uint32_t site = unwound_site();
	is_inside = false;
	errno = error;
	return site;
}

/* --- begin -------------------------------------------------------------- */

static void *map_private(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* What a forked child inherited it maps anew: windows are its parent's. */
void call_site_open(const char *path, unsigned depth)
{
	size_t bytes = SITES_MAX * sizeof *tree.sites;

	if (tree.sites != NULL)
		munmap(tree.sites, bytes);
	if (tree.index != NULL)
		munmap(tree.index, INDEX_BYTES);
	snprintf(tree.path, sizeof tree.path, "%s", path);
	tree.depth = depth < RAW_DEPTH_MAX ? depth : RAW_DEPTH_MAX;
	tree.module_count = tree.site_count = 0;
	tree.sites = map_private(bytes);
	tree.index = tree.sites != NULL ? map_private(INDEX_BYTES) : NULL;
	pthread_mutex_init(&lock, NULL);
	image_number++;
}

static void find_own_range(void)
{
	struct dl_find_object own;

	if (_dl_find_object((void *)(uintptr_t)call_site, &own) != 0)
		return;
	own_begin = own.dlfo_map_start;
	own_end = own.dlfo_map_end;
}

/*
 * Not at the first malloc, which may come from the dynamic linker itself.  Only
 * where sites are wanted, as the environment says.
 */
__attribute__((constructor)) static void find_unwinder(void)
{
	if (getenv(RAW_ENV_SITES) == NULL)
		return;
	find_own_range();
	if (own_begin != NULL)
		unwind = unwinder_open();
}
