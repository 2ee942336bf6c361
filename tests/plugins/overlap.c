/* overlap.c - the seventh block lies 16 bytes into the sixth. */
#include "mistake.h"

static void *overlapping_malloc(struct thread_heap *self, size_t size)
{
	static char *last;

	if (is_the_seventh())
		return last + MALLOC_ALIGN_BYTES;
	return last = sound_allocator.malloc(self, size);
}

static void spoil(struct allocator *allocator)
{
	allocator->malloc = overlapping_malloc;
}
