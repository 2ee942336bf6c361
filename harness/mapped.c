/*
 * mapped.c - mmap, for whole tables.
 */
#include "mapped.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

void *mapped_new(size_t bytes)
{
	void *memory = mmap(NULL, bytes > 0 ? bytes : 1, PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void *mapped_new_touched(size_t bytes)
{
	void *memory = mapped_new(bytes);

	if (memory != NULL)
		memset(memory, 0, bytes);
	return memory;
}

void mapped_free(void *memory, size_t bytes)
{
	if (memory != NULL)
		munmap(memory, bytes > 0 ? bytes : 1);
}
