/* failing-assert.c - an assert of its own fails in the seventh malloc. */
#include "mistake.h"

static void *asserting_malloc(struct thread_heap *self, size_t size)
{
	bool seventh = is_the_seventh();

	assert(!seventh && "I5: seven is too many");
	return sound_allocator.malloc(self, size);
}

static void spoil(struct allocator *allocator)
{
	allocator->malloc = asserting_malloc;
}
