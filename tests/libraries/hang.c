/* hang.c - never comes back when asked for MARK bytes. */
#include "mistake.h"

void *malloc(size_t size)
{
	for (volatile int forever = 1; size == MARK && forever;)
		;
	return bump(size);
}

void *realloc(void *block, size_t size)
{
	(void)block;
	return bump(size);
}
