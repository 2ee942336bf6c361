/*
 * next.c - dlsym(RTLD_NEXT), and a buffer for what dlsym allocates meanwhile.
 */
#include "next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { BOOTSTRAP_BYTES = 64 * 1024, BOOTSTRAP_ALIGN = 16 };

static _Alignas(BOOTSTRAP_ALIGN) char buffer[BOOTSTRAP_BYTES];
static size_t buffer_used;

static void *bootstrap_aligned(size_t align, size_t size)
{
	if (align < BOOTSTRAP_ALIGN)
		align = BOOTSTRAP_ALIGN;
	uintptr_t from = ((uintptr_t)buffer + buffer_used + align - 1) &
	                 ~((uintptr_t)align - 1);
	size_t start = from - (uintptr_t)buffer;

	if (start > sizeof buffer || size > sizeof buffer - start) {
		errno = ENOMEM;
		return NULL;
	}
	buffer_used = start + size;
	return buffer + start;
}

static void *bootstrap_malloc(size_t size)
{
	return bootstrap_aligned(BOOTSTRAP_ALIGN, size);
}

/* The buffer is fresh memory everywhere: nothing is handed out twice. */
static void *bootstrap_calloc(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return bootstrap_malloc(bytes);
}

/* interpose.c copies bootstrap blocks itself; no other exist so early. */
static void *bootstrap_realloc(void *block, size_t size)
{
	(void)block;
	return bootstrap_malloc(size);
}

static void bootstrap_free(void *block)
{
	(void)block;
}

static int bootstrap_posix_memalign(void **out, size_t align, size_t size)
{
	void *block = bootstrap_aligned(align, size);

	if (block == NULL)
		return ENOMEM;
	*out = block;
	return 0;
}

static void *bootstrap_pages(size_t size)
{
	return bootstrap_aligned((size_t)sysconf(_SC_PAGESIZE), size);
}

struct next_allocator next = {
	.malloc = bootstrap_malloc,
	.calloc = bootstrap_calloc,
	.realloc = bootstrap_realloc,
	.free = bootstrap_free,
	.memalign = bootstrap_aligned,
	.posix_memalign = bootstrap_posix_memalign,
	.aligned_alloc = bootstrap_aligned,
	.valloc = bootstrap_pages,
	.pvalloc = bootstrap_pages,
};

/*
 * `function` points to a function pointer.  POSIX lets dlsym's object pointer
 * be one, ISO C has no cast for it: copy the bytes.  A function that the next
 * library lacks stays the bootstrap's.
 */
static void find(void *function, const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (symbol != NULL)
		memcpy(function, &symbol, sizeof symbol);
}

/* Whether two functions come from one file. */
static bool are_neighbours(const void *one, const void *two)
{
	Dl_info first, second;

	return dladdr(one, &first) != 0 && dladdr(two, &second) != 0 &&
	       first.dli_fbase == second.dli_fbase;
}

/* Another allocator's would misread our blocks. */
static void find_usable_size(void *function)
{
	const void *malloc_there = dlsym(RTLD_NEXT, "malloc");
	const void *symbol = dlsym(RTLD_NEXT, "malloc_usable_size");

	if (malloc_there != NULL && symbol != NULL &&
	    are_neighbours(malloc_there, symbol))
		memcpy(function, &symbol, sizeof symbol);
}

void next_find(void)
{
	struct next_allocator found = next;

	find(&found.malloc, "malloc");
	find(&found.calloc, "calloc");
	find(&found.realloc, "realloc");
	find(&found.free, "free");
	find(&found.memalign, "memalign");
	find(&found.posix_memalign, "posix_memalign");
	find(&found.aligned_alloc, "aligned_alloc");
	find(&found.valloc, "valloc");
	find(&found.pvalloc, "pvalloc");
	find_usable_size(&found.usable_size);
	next = found;
}

bool next_is_bootstrap(const void *block)
{
	return (uintptr_t)block - (uintptr_t)buffer < sizeof buffer;
}

size_t next_bootstrap_bytes(const void *block)
{
	return buffer_used - (size_t)((const char *)block - buffer);
}
