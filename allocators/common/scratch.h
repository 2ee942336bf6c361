/*
 * scratch.h - memory for looking at a heap without changing it.
 *
 * A walk must know which blocks lie in a cache, and the caches are lists or
 * arrays of pointers: it gathers them in a block set, sorts it, and asks it for
 * each block that it meets.  The set's memory comes from the operating system
 * and not from the source of the heap, so that the heap and its counts stay as
 * they are.
 *
 *     struct block_set set;
 *     if (!block_set_open(&set, blocks_in_caches))
 *         return;
 *     block_set_add(&set, block, "thread cache");    for each cached block
 *     block_set_sort(&set);
 *     ... block_set_tier(&set, block) ...            NULL: in no cache
 *     block_set_close(&set);
 *
 * Threads: one at a time, at quiescence.
 */
#ifndef ALLOCATORS_COMMON_SCRATCH_H
#define ALLOCATORS_COMMON_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "page_source.h"

struct scratch {
	struct page_source pages;
	void *start;
	size_t bytes;
};

/* `bytes` zero bytes, at a page's start; NULL without memory. */
void *scratch_open(struct scratch *scratch, size_t bytes);
void scratch_close(struct scratch *scratch);

struct cached_block {
	const void *block;
	const char *tier;
};

struct block_set {
	struct scratch scratch;
	struct cached_block *entries;
	size_t count, capacity;
};

/* An empty set for at most `capacity` blocks; false without memory. */
bool block_set_open(struct block_set *set, size_t capacity);
void block_set_close(struct block_set *set);

void block_set_add(struct block_set *set, const void *block, const char *tier);

/* By address, before the first question.  O(n log n). */
void block_set_sort(struct block_set *set);

/*
 * The tier that the block was added with, or NULL.  Needs a sorted set.
 * O(log n).
 */
const char *block_set_tier(const struct block_set *set, const void *block);

/*
 * A block that was added twice, or NULL: no block may lie in two caches.  Needs
 * a sorted set.  O(n).
 */
const void *block_set_twice(const struct block_set *set);

#endif
