/* hang.c - never comes back from the seventh malloc. */
#include "mistake.h"

static void *hanging_malloc(struct thread_heap *self, size_t size)
{
	volatile bool forever = true;

	if (is_the_seventh())
		while (forever)
			;
	return sound_allocator.malloc(self, size);
}

static void spoil(struct allocator *allocator)
{
	allocator->malloc = hanging_malloc;
}
