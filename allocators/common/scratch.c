/*
 * scratch.c - a sorted array of blocks, on pages of its own.
 */
#include "scratch.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "bits.h"

void *scratch_open(struct scratch *scratch, size_t bytes)
{
	const struct page_source_options os = {.kind = PAGE_SOURCE_OS};

	*scratch = (struct scratch){.bytes = round_up(bytes + 1, PAGE_BYTES)};
	if (!page_source_open(&scratch->pages, &os))
		return NULL;
	scratch->start =
		page_source_map(&scratch->pages, scratch->bytes, PAGE_BYTES);
	return scratch->start;
}

void scratch_close(struct scratch *scratch)
{
	if (scratch->start != NULL)
		page_source_unmap(&scratch->pages, scratch->start,
		                  scratch->bytes);
	page_source_close(&scratch->pages);
}

bool block_set_open(struct block_set *set, size_t capacity)
{
	*set = (struct block_set){.capacity = capacity};
	set->entries =
		scratch_open(&set->scratch, capacity * sizeof *set->entries);
	return set->entries != NULL;
}

void block_set_close(struct block_set *set)
{
	scratch_close(&set->scratch);
}

void block_set_add(struct block_set *set, const void *block, const char *tier)
{
	assert(set->count < set->capacity);
	set->entries[set->count++] = (struct cached_block){block, tier};
}

static int by_address(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t)((const struct cached_block *)a)->block;
	uintptr_t right = (uintptr_t)((const struct cached_block *)b)->block;

	return (left > right) - (left < right);
}

/* Moves entry `at` down the heap of the first `count` to where it belongs. */
static void sift(struct cached_block *entries, size_t at, size_t count)
{
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count &&
		    by_address(&entries[child], &entries[child + 1]) < 0)
			child++;
		if (by_address(&entries[at], &entries[child]) >= 0)
			return;
		struct cached_block swap = entries[at];
		entries[at] = entries[child];
		entries[child] = swap;
	}
}

/* Heapsort: in place, where the C library's qsort may call malloc. */
void block_set_sort(struct block_set *set)
{
	for (size_t i = set->count / 2; i-- > 0;)
		sift(set->entries, i, set->count);
	for (size_t end = set->count; end-- > 1;) {
		struct cached_block swap = set->entries[0];
		set->entries[0] = set->entries[end];
		set->entries[end] = swap;
		sift(set->entries, 0, end);
	}
}

const char *block_set_tier(const struct block_set *set, const void *block)
{
	const struct cached_block key = {block, NULL};
	const struct cached_block *found =
		bsearch(&key, set->entries, set->count, sizeof key, by_address);

	return found == NULL ? NULL : found->tier;
}

const void *block_set_twice(const struct block_set *set)
{
	for (size_t i = 1; i < set->count; i++)
		if (set->entries[i].block == set->entries[i - 1].block)
			return set->entries[i].block;
	return NULL;
}
