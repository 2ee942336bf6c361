/*
 * mm8.c - an allocator as one writes it for the CS:APP malloc lab: global
 * variables, memlib below, blocks at multiples of 8.
 *
 * The heap is a row of blocks, each with a 4-byte header that holds its size and
 * a bit for "live".  malloc walks along the row from the start, joins free
 * neighbours as it meets them, and takes the first block that is large enough;
 * free clears a bit.
 *
 *     | 4 unused | hdr |  payload  | hdr |  payload  | ... | end
 *                      ^ multiple of 8
 */
#include <stdint.h>
#include <string.h>

#include "memlib.h"
#include "mm.h"

team_t team = {"the lab", "nobody", "nobody@example.org", "", ""};

enum { HEADER_BYTES = 4, LIVE = 1, SPLIT_MIN = 16 };

static char *first; /* the first header */

static uint32_t *header(char *at)
{
	return (uint32_t *)at;
}

/* Of the whole block, header included. */
static size_t size_at(char *at)
{
	return *header(at) & ~7u;
}

static int is_free(char *at)
{
	return (*header(at) & LIVE) == 0;
}

static char *end(void)
{
	return (char *)mem_heap_hi() + 1;
}

int mm_init(void)
{
	char *start = mem_sbrk(HEADER_BYTES);

	first = start + HEADER_BYTES;
	return start == (void *)-1 ? -1 : 0;
}

/* Joins the free blocks behind `at` with it. */
static void join(char *at)
{
	char *next = at + size_at(at);

	while (next < end() && is_free(next)) {
		*header(at) += (uint32_t)size_at(next);
		next = at + size_at(at);
	}
}

static void *take(char *at, size_t bytes)
{
	size_t rest = size_at(at) - bytes;

	if (rest >= SPLIT_MIN) {
		*header(at + bytes) = (uint32_t)rest;
		*header(at) = (uint32_t)bytes;
	}
	*header(at) |= LIVE;
	return at + HEADER_BYTES;
}

void *mm_malloc(size_t size)
{
	if (size == 0 || size > INT32_MAX / 2)
		return NULL;
	size_t bytes = (size + HEADER_BYTES + 7) & ~(size_t)7;
	for (char *at = first; at < end(); at += size_at(at)) {
		if (!is_free(at))
			continue;
		join(at);
		if (size_at(at) >= bytes)
			return take(at, bytes);
	}
	char *at = mem_sbrk((int)bytes);
	if (at == (void *)-1)
		return NULL;
	*header(at) = (uint32_t)bytes | LIVE;
	return at + HEADER_BYTES;
}

void mm_free(void *block)
{
	if (block != NULL)
		*header((char *)block - HEADER_BYTES) &= ~(uint32_t)LIVE;
}

void *mm_realloc(void *block, size_t size)
{
	if (block == NULL)
		return mm_malloc(size);
	size_t usable = size_at((char *)block - HEADER_BYTES) - HEADER_BYTES;
	if (size <= usable)
		return block;
	void *moved = mm_malloc(size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, block, usable);
	mm_free(block);
	return moved;
}
