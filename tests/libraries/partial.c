/* partial.c - replaces malloc and free, and leaves calloc and realloc. */
#include <stddef.h>

void *malloc(size_t size);
void free(void *block);

static char memory[1 << 20];
static size_t used;

void *malloc(size_t size)
{
	void *block = memory + used;
	used += (size + 15) / 16 * 16;
	return block;
}

void free(void *block)
{
	(void)block;
}
