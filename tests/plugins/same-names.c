/* same-names.c - has functions called like some of the lab's own. */
#include "mistake.h"

/* Exported, as a student's functions are who forgot `static`. */
struct block *holes_first(const void *heap);
void verdict_set(void);

struct block *holes_first(const void *heap)
{
	(void)heap;
	return NULL;
}

static int called;

void verdict_set(void)
{
	called++;
}

static void *calling_malloc(struct thread_heap *self, size_t size)
{
	verdict_set();
	if (holes_first(self) != NULL || called == 0)
		return NULL;
	return sound_allocator.malloc(self, size);
}

static void spoil(struct allocator *allocator)
{
	allocator->malloc = calling_malloc;
}
