/* overlap.c - gives the same block to all who ask for MARK bytes. */
#include "mistake.h"

void *malloc(size_t size)
{
	static void *again;

	if (size != MARK)
		return bump(size);
	if (again == NULL)
		again = bump(size);
	return again;
}

void *realloc(void *block, size_t size)
{
	(void)block;
	return bump(size);
}
