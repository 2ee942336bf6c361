/* lost-byte.c - the seventh malloc changes byte 3 of the block before. */
#include "mistake.h"

static void *losing_malloc(struct thread_heap *self, size_t size)
{
	static char *last;

	if (is_the_seventh())
		last[3] = (char)~last[3];
	return last = sound_allocator.malloc(self, size);
}

static void spoil(struct allocator *allocator)
{
	allocator->malloc = losing_malloc;
}
