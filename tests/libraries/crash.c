/* crash.c - writes to nowhere when asked for MARK bytes. */
#include "mistake.h"

void *malloc(size_t size)
{
	if (size == MARK)
		*(volatile char *)8 = 1;
	return bump(size);
}

void *realloc(void *block, size_t size)
{
	(void)block;
	return bump(size);
}
