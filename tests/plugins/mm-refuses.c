/* mm-refuses.c - a CS:APP allocator whose mm_init says no. */
#include "mm.h"

int mm_init(void)
{
	return -1;
}

void *mm_malloc(size_t size)
{
	(void)size;
	return NULL;
}

void mm_free(void *block)
{
	(void)block;
}

void *mm_realloc(void *block, size_t size)
{
	(void)size;
	return block;
}
