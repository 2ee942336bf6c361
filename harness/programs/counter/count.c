/*
 * count.c - liballoclab-count.so: counts the calls of malloc and its family on
 * their way to the library behind it.  Preloaded in front of that library in one
 * run that is not timed.
 *
 * A call is what the program asks: malloc(p), free(p) with p != NULL, realloc...
 * operator new and delete are counted where they come as malloc and free; a
 * library that has its own operators is asked directly and not counted there.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../record/preload/next.h"
#include "count_page.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT void *memalign(size_t align, size_t size);
EXPORT void *valloc(size_t size);
EXPORT void *pvalloc(size_t size);

enum { COLD, STARTING, STARTED };

static _Atomic int state = COLD;
static struct count_page *page; /* NULL: nobody wants to know */
static _Atomic unsigned threads;
static __thread unsigned slot; /* 0: none yet */

/* ---- the start ----------------------------------------------------------- */

static void map_page(void)
{
	const char *path = getenv(COUNT_VARIABLE);
	int file = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (file < 0)
		return;
	map = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, file,
	           0);
	close(file);
	if (map == MAP_FAILED)
		return;
	page = map;
	page->processes++;
}

/* The first program's is kept. */
static void name_server(void)
{
	Dl_info info;
	void *code;

	memcpy(&code, &next.malloc, sizeof code);
	if (page == NULL || atomic_exchange(&page->named, 1) != 0 ||
	    dladdr(code, &info) == 0)
		return;
	strncpy(page->served_by, info.dli_fname, COUNT_NAME_BYTES - 1);
}

static void start(void)
{
	int expected = COLD, error = errno;

	if (!atomic_compare_exchange_strong(&state, &expected, STARTING))
		return;
	next_find();
	map_page();
	name_server();
	atomic_store(&state, STARTED);
	errno = error;
}

static inline void count(void)
{
	if (atomic_load_explicit(&state, memory_order_acquire) != STARTED)
		start();
	if (page == NULL)
		return;
	if (slot == 0)
		slot = 1 + threads++ % COUNT_SLOTS;
	atomic_fetch_add_explicit(&page->slots[slot - 1].calls, 1,
	                          memory_order_relaxed);
}

/* A program that never allocates is one all the same. */
__attribute__((constructor)) static void constructor(void)
{
	if (atomic_load(&state) == COLD)
		start();
}

/* ---- the family ---------------------------------------------------------- */

EXPORT void *malloc(size_t size)
{
	count();
	return next.malloc(size);
}

EXPORT void *calloc(size_t number, size_t size)
{
	count();
	return next.calloc(number, size);
}

EXPORT void free(void *block)
{
	if (block == NULL || next_is_bootstrap(block))
		return;
	count();
	next.free(block);
}

/* A block from before `next` was known: it stays behind, its bytes move. */
static void *leave_bootstrap(void *block, size_t size)
{
	size_t bytes = next_bootstrap_bytes(block);
	void *moved = next.malloc(size);

	if (moved != NULL)
		memcpy(moved, block, bytes < size ? bytes : size);
	return moved;
}

EXPORT void *realloc(void *block, size_t size)
{
	count();
	return next_is_bootstrap(block) ? leave_bootstrap(block, size)
	                                : next.realloc(block, size);
}

EXPORT void *reallocarray(void *block, size_t number, size_t size)
{
	size_t bytes;

	if (!__builtin_mul_overflow(number, size, &bytes))
		return realloc(block, bytes);
	errno = ENOMEM;
	return NULL;
}

EXPORT void *memalign(size_t align, size_t size)
{
	count();
	return next.memalign(align, size);
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
	count();
	return next.aligned_alloc(align, size);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
	count();
	return next.posix_memalign(out, align, size);
}

EXPORT void *valloc(size_t size)
{
	count();
	return next.valloc(size);
}

EXPORT void *pvalloc(size_t size)
{
	count();
	return next.pvalloc(size);
}
