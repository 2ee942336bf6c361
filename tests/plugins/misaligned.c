/* misaligned.c - every block is 8 bytes too far up. */
#include "mistake.h"

static void *misaligned_malloc(struct thread_heap *self, size_t size)
{
	char *block = sound_allocator.malloc(self, size + MALLOC_ALIGN_BYTES);

	return block == NULL ? NULL : block + MALLOC_ALIGN_BYTES / 2;
}

static void spoil(struct allocator *allocator)
{
	allocator->malloc = misaligned_malloc;
}
