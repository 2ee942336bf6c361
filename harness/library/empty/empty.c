/*
 * empty.c - a malloc that does nothing, to be preloaded: the floor of the
 * libraries' rows, as the null allocator is that of the lab's.
 *
 * What a replay pays on its way to a library (the adapter's jump, the call
 * across objects) it pays here, too; malloc then hands out the next of the
 * addresses of the thread's ring, which lie 16 bytes apart, and free forgets.
 * Blocks overlap; nobody reads them.
 *
 * A program's start does read its blocks.  So malloc begins with honest memory
 * that is never used twice, until the harness calls alloclab_empty_begin().
 *
 *     | START_BYTES: for the start | ring | ring | ... far beyond: large blocks |
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define EXPORT __attribute__((visibility("default")))

enum {
	ALIGN = 16,
	START_BYTES = 1 << 20,
	RING_BYTES = 1 << 14, /* a power of two: 1024 places */
	RINGS = 64,           /* then threads share them     */
};

static const size_t RESERVED_BYTES = (size_t)1 << 36;

static char *start, *rings;
static size_t used; /* of the start */
static atomic_uint rings_taken;
static bool has_begun;
static _Thread_local char *next; /* in the thread's ring; NULL: it has none */

/* Shared, so that no limit on private memory minds the reservation. */
static bool reserve(void)
{
	void *memory = mmap(NULL, RESERVED_BYTES, PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return false;
	start = memory;
	rings = (char *)(((uintptr_t)memory + START_BYTES + RING_BYTES - 1) &
	                 ~((uintptr_t)RING_BYTES - 1));
	return true;
}

/* Before the replay.  NULL when START_BYTES are used up. */
static void *start_malloc(size_t size)
{
	size_t bytes = (size + ALIGN - 1) / ALIGN * ALIGN;

	if ((start == NULL && !reserve()) || bytes > START_BYTES - used)
		return NULL;
	used += bytes;
	return start + used - bytes;
}

/* The first malloc of a thread, or one before the replay. */
static __attribute__((noinline)) void *first_malloc(size_t size)
{
	if (!has_begun)
		return start_malloc(size);
	unsigned ring = atomic_fetch_add_explicit(&rings_taken, 1,
	                                          memory_order_relaxed);
	next = rings + ring % RINGS * RING_BYTES;
	return next;
}

/* Not in any header: the harness looks it up. */
EXPORT void alloclab_empty_begin(void);
EXPORT void *malloc(size_t size);
EXPORT void *calloc(size_t count, size_t size);
EXPORT void *realloc(void *block, size_t size);
EXPORT void *memalign(size_t align, size_t size);
EXPORT void free(void *block);

/* From here on nothing is what it seems.  The first ring's pages are there. */
EXPORT void alloclab_empty_begin(void)
{
	if (start == NULL && !reserve())
		return;
	memset(rings, 0, RING_BYTES);
	has_begun = true;
}

EXPORT void *malloc(size_t size)
{
	char *block = next;

	if (block == NULL)
		return first_malloc(size);
	uintptr_t ring = (uintptr_t)block & ~((uintptr_t)RING_BYTES - 1);
	next = (char *)(ring | (((uintptr_t)block + ALIGN) & (RING_BYTES - 1)));
	return block;
}

/* Fresh memory is zero. */
EXPORT void *calloc(size_t count, size_t size)
{
	return malloc(count * size);
}

EXPORT void *realloc(void *block, size_t size)
{
	if (has_begun && block != NULL)
		return block;
	void *copy = malloc(size);
	/* Beyond the old block lies our own memory: reading it is harmless. */
	if (block != NULL && copy != NULL)
		memmove(copy, block, size);
	return copy;
}

EXPORT void *memalign(size_t align, size_t size)
{
	char *block = malloc(size + align);

	return block == NULL ? NULL
	                     : (void *)(((uintptr_t)block + align - 1) &
	                                ~(align - 1));
}

EXPORT void free(void *block)
{
	(void)block;
}
