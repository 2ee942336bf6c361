/* hole-in-vtable.c - forgot realloc. */
#include "mistake.h"

static void spoil(struct allocator *allocator)
{
	allocator->realloc = NULL;
}
