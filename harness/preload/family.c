/*
 * family.c - malloc and its kin, as glibc documents them.
 *
 * malloc and free are the allocator's own functions, inlined, with the handle
 * read from preload_self: two or three instructions more than with a handle that
 * is an argument.  Whether the thread has one they do not ask: common/unattached.h.
 *
 * The rules that are the C library's and not the allocator's:
 *
 *     malloc(0)           a block of its own
 *     realloc(p, 0)       frees p, returns NULL
 *     count * size        that overflows: NULL, ENOMEM
 *     memalign            rounds the alignment up to a power of two
 *     posix_memalign      returns the error, errno stays
 *     free                errno stays
 *
 * Sources.  malloc(3), posix_memalign(3) of the Linux man-pages; [glibc] for what
 * they leave open.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/common/bits.h"
#include "preload.h"

/* Keeping this, every design holds that much address space back, or more. */
#define ALIGN_MAX ((size_t)1 << 26)

/* Not every header of a C library declares these. */
EXPORT void *memalign(size_t align, size_t size);
EXPORT void *valloc(size_t size);
EXPORT void *pvalloc(size_t size);
EXPORT void cfree(void *block);
EXPORT size_t malloc_usable_size(void *block);

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

/* ---- the two fast paths, and what they call without a heap ------------------ */

EXPORT void *malloc(size_t size)
{
	return PRELOAD_CALLS.malloc(preload_self, size);
}

EXPORT void free(void *block)
{
	PRELOAD_CALLS.free(preload_self, block);
}

/* In glibc up to 2.25 another name of free; old programs still call it. */
EXPORT void cfree(void *block)
{
	PRELOAD_CALLS.free(preload_self, block);
}

void *unattached_malloc(size_t size)
{
	struct thread_heap *self = handle_find();

	if (self == NULL)
		return no_memory();
	void *block = PRELOAD_CALLS.malloc(self, size);
	handle_drop(self);
	return block;
}

/* Without memory for a handle the block stays behind. */
void unattached_free(void *block)
{
	int saved_errno = errno;
	struct thread_heap *self = handle_find_to_free();

	if (self != NULL) {
		PRELOAD_CALLS.free(self, block);
		handle_drop(self);
	}
	errno = saved_errno;
}

/* ---- zeroed, resized ---------------------------------------------------------- */

EXPORT void *calloc(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return no_memory();
	struct thread_heap *self = handle_take();
	if (self == NULL)
		return no_memory();
	void *block = PRELOAD_CALLS.zero_malloc(self, bytes);
	handle_drop(self);
	return block;
}

static void *resize(void *block, size_t size)
{
	if (block == NULL)
		return PRELOAD_CALLS.malloc(preload_self, size);
	if (size == 0) {
		PRELOAD_CALLS.free(preload_self, block);
		return NULL;
	}
	struct thread_heap *self = handle_take();
	if (self == NULL)
		return no_memory();
	void *moved = PRELOAD_CALLS.realloc(self, block, size);
	handle_drop(self);
	return moved;
}

EXPORT void *realloc(void *block, size_t size)
{
	return resize(block, size);
}

EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return no_memory();
	return resize(block, bytes);
}

/* ---- aligned ------------------------------------------------------------------- */

/* `align`: a power of two. */
static void *aligned(size_t align, size_t size)
{
	if (align <= malloc_align(size))
		return PRELOAD_CALLS.malloc(preload_self, size);
	if (align > ALIGN_MAX || size > PTRDIFF_MAX)
		return no_memory();
	struct thread_heap *self = handle_take();
	if (self == NULL)
		return no_memory();
	void *block = PRELOAD_CALLS.aligned_malloc(self, align, size);
	handle_drop(self);
	return block;
}

EXPORT void *memalign(size_t align, size_t size)
{
	size_t power = MALLOC_ALIGN_BYTES;

	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	while (power < align)
		power *= 2;
	return aligned(power, size);
}

/* C17 would refuse some alignments; glibc's is memalign. */
EXPORT void *aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
	int saved_errno = errno;

	if (!is_power_of_two(align) || align % sizeof(void *) != 0)
		return EINVAL;
	void *block = aligned(align, size);
	errno = saved_errno;
	if (block == NULL)
		return ENOMEM;
	*out = block;
	return 0;
}

EXPORT void *valloc(size_t size)
{
	return aligned(PAGE_BYTES, size);
}

/* Whole pages. */
EXPORT void *pvalloc(size_t size)
{
	if (size > PTRDIFF_MAX - PAGE_BYTES)
		return no_memory();
	return aligned(PAGE_BYTES, round_up(size, PAGE_BYTES));
}

/* ---- looking -------------------------------------------------------------------- */

/* All of it may be written. */
EXPORT size_t malloc_usable_size(void *block)
{
	return block == NULL ? 0
	                     : PRELOAD_CALLS.usable_size(preload_heap(), block);
}
