/*
 * environment.c - rounds every request up to what ROUND says: whether a variable
 * in brackets arrives can be seen in resident memory.
 */
#include <stdlib.h>

#include "mistake.h"

void *malloc(size_t size)
{
	const char *round = getenv("ROUND");
	size_t least = round == NULL ? 0 : strtoul(round, NULL, 10);
	char *block = bump(size < least ? least : size);

	if (block != NULL && least > 0)
		memset(block, 1, least);
	return block;
}

void *realloc(void *block, size_t size)
{
	(void)block;
	return malloc(size);
}
