/* mm-incomplete.c - a CS:APP allocator whose mm_realloc is not written yet. */
#include "memlib.h"
#include "mm.h"

int mm_init(void)
{
	return 0;
}

void *mm_malloc(size_t size)
{
	void *block = mem_sbrk((int)((size + 7) & ~(size_t)7));

	return block == (void *)-1 ? NULL : block;
}

void mm_free(void *block)
{
	(void)block;
}
