/* crash-loading.c - crashes before the program's main(). */
#include "mistake.h"

__attribute__((constructor)) static void crash(void)
{
	*(volatile char *)8 = 1;
}

void *malloc(size_t size)
{
	return bump(size);
}

void *realloc(void *block, size_t size)
{
	(void)block;
	return bump(size);
}
