/*
 * mistake.h - a malloc to be preloaded, sound until the test's trace begins: a
 * bump in memory of its own.  Each file beside this one breaks one call of it.
 *
 * MARK bytes are what a test asks for when the mistake is to happen; nothing in
 * a program's start does.
 */
#ifndef TESTS_LIBRARIES_MISTAKE_H
#define TESTS_LIBRARIES_MISTAKE_H

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum { MARK = 77777, ROOM = 1 << 27, ALIGN = 16 };

static char *room;
static size_t used;

static void *bump(size_t size)
{
	size_t bytes = (size + 2 * ALIGN - 1) / ALIGN * ALIGN;

	if (room == NULL)
		room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
		            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes > ROOM - used)
		return NULL;
	char *block = room + used + ALIGN;
	memcpy(block - ALIGN, &size, sizeof size);
	used += bytes;
	return block;
}

static size_t size_of(const void *block)
{
	size_t size;

	memcpy(&size, (const char *)block - ALIGN, sizeof size);
	return size;
}

void *malloc(size_t size);
void free(void *block);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void *memalign(size_t align, size_t size);
size_t malloc_usable_size(void *block);

void free(void *block)
{
	(void)block;
}

void *calloc(size_t count, size_t size)
{
	return malloc(count * size);
}

#endif
