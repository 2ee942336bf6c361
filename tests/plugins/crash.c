/* crash.c - writes to address 8 in the seventh malloc. */
#include "mistake.h"

static void *crashing_malloc(struct thread_heap *self, size_t size)
{
	char *volatile nowhere = (char *)8;

	if (is_the_seventh())
		*nowhere = 1;
	return sound_allocator.malloc(self, size);
}

static void spoil(struct allocator *allocator)
{
	allocator->malloc = crashing_malloc;
}
