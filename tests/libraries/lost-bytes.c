/* lost-bytes.c - realloc forgets to copy. */
#include "mistake.h"

void *malloc(size_t size)
{
	return bump(size);
}

void *realloc(void *block, size_t size)
{
	(void)block;
	return bump(size);
}
