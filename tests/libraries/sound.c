/* sound.c - no mistake at all, but neither memalign nor malloc_usable_size. */
#include "mistake.h"

void *malloc(size_t size)
{
	return bump(size);
}

void *realloc(void *block, size_t size)
{
	void *copy = bump(size);

	if (block != NULL && copy != NULL)
		memcpy(copy, block,
		       size_of(block) < size ? size_of(block) : size);
	return copy;
}
