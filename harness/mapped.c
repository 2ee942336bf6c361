/*
 * mapped.c - mmap, for whole tables.
 *
 *     | bytes of all, in a line of 64 | memory ... |
 */
#include "mapped.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { HEAD_BYTES = 64 };

static size_t *head_of(void *memory)
{
	return (size_t *)(void *)((char *)memory - HEAD_BYTES);
}

void *mapped_new(size_t bytes)
{
	size_t all = bytes + HEAD_BYTES;
	void *start =
		mmap(NULL, all, PROT_READ | PROT_WRITE,
	             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (start == MAP_FAILED)
		return NULL;
	*(size_t *)start = all;
	return (char *)start + HEAD_BYTES;
}

void *mapped_new_touched(size_t bytes)
{
	void *memory = mapped_new(bytes);

	if (memory != NULL)
		memset(memory, 0, bytes);
	return memory;
}

void *mapped_grow(void *memory, size_t bytes)
{
	void *grown = mapped_new(bytes);

	if (grown != NULL && memory != NULL) {
		memcpy(grown, memory, *head_of(memory) - HEAD_BYTES);
		mapped_free(memory);
	}
	return grown;
}

void mapped_free(void *memory)
{
	if (memory != NULL)
		munmap(head_of(memory), *head_of(memory));
}
