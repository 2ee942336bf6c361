/* broken-check.c - check() finds a broken invariant. */
#include "mistake.h"

static const char *complaining_check(struct heap *heap)
{
	(void)heap;
	return "broken-check I9: nothing is ever right";
}

static void spoil(struct allocator *allocator)
{
	allocator->check = complaining_check;
}
