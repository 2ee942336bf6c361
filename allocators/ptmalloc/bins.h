/*
 * bins.h - the lists of an arena's free chunks: what goes in and out of them
 * most often, inline; bins.c and fast.c have the rest, and the pictures.
 */
#ifndef ALLOCATORS_PTMALLOC_BINS_H
#define ALLOCATORS_PTMALLOC_BINS_H

#include "ptmalloc.h"

/* ---- bins.c: where free chunks wait --------------------------------------- */

void pt_bins_init(struct arena *arena);

/*
 * The bin for chunks of `bytes`: 2..126.  From 1024 bytes on a bin takes sizes of
 * 64 bytes, then of 512, 4096, 32 KiB and 256 KiB.  The sums are glibc's.
 */
static inline unsigned pt_bin_of(size_t bytes)
{
	if (bytes < LARGE_MIN_BYTES)
		return (unsigned)(bytes >> 4);
	if (bytes >> 6 <= 48)
		return (unsigned)(48 + (bytes >> 6));
	if (bytes >> 9 <= 20)
		return (unsigned)(91 + (bytes >> 9));
	if (bytes >> 12 <= 10)
		return (unsigned)(110 + (bytes >> 12));
	if (bytes >> 15 <= 4)
		return (unsigned)(119 + (bytes >> 15));
	if (bytes >> 18 <= 2)
		return (unsigned)(124 + (bytes >> 18));
	return BINS - 1;
}

/* Where a free chunk, not in a fast bin, is. */
static inline enum tier pt_chunk_tier(const struct chunk *chunk)
{
	if (chunk_head(chunk) & IS_UNSORTED)
		return TIER_UNSORTED;
	return chunk_bytes(chunk) < LARGE_MIN_BYTES ? TIER_SMALL : TIER_LARGE;
}

/* Adds a free chunk, tags set, to the unsorted list. */
static inline void pt_unsorted_push(struct arena *arena, struct chunk *chunk)
{
	assert(chunk_head(chunk) & IS_UNSORTED);
	arena->free_bytes[TIER_UNSORTED] += chunk_bytes(chunk);
	ring_insert_after(&chunk->link, &arena->unsorted);
}

/* A chunk on the size list of its large bin is about to leave the bin. */
void pt_size_list_leave(struct arena *arena, struct chunk *chunk);

/* Takes a free chunk off the unsorted list or out of its bin.  O(1). */
static inline void pt_bin_remove(struct arena *arena, struct chunk *chunk)
{
	enum tier tier = pt_chunk_tier(chunk);

	assert(chunk_after(chunk)->prev_bytes == chunk_bytes(chunk) && "I2");
	assert(chunk->link.next->prev == &chunk->link && "I3");
	if (tier == TIER_LARGE && chunk->by_size.next != NULL)
		pt_size_list_leave(arena, chunk);
	arena->free_bytes[tier] -= chunk_bytes(chunk);
	ring_remove(&chunk->link);
}

/* Moves a chunk from the unsorted list to its bin. */
void pt_bin_insert(struct arena *arena, struct chunk *chunk);

/*
 * The chunk that a search of the bins finds for `bytes`: the smallest that fits,
 * but for ties the second of its size; NULL: none.  Takes nothing.  Adds the
 * links that it followed to `links`.
 */
struct chunk *pt_bin_search(struct arena *arena, size_t bytes, uint64_t *links);

/* ---- fast.c: small chunks that have not been merged yet ------------------- */

static inline size_t fast_bin(size_t bytes)
{
	return cache_bin(bytes);
}

static inline void fast_push(struct arena *arena, struct chunk *chunk)
{
	struct entry **bin = &arena->fast[fast_bin(chunk_bytes(chunk))];
	struct entry *entry = chunk_block(chunk);

	arena->free_bytes[TIER_FAST] += chunk_bytes(chunk);
	entry->next = *bin;
	*bin = entry;
}

/* The last one pushed of that size, or NULL. */
static inline struct chunk *fast_pop(struct arena *arena, size_t bytes)
{
	struct entry **bin = &arena->fast[fast_bin(bytes)];
	struct entry *entry = *bin;

	if (entry == NULL)
		return NULL;
	*bin = entry->next;
	arena->free_bytes[TIER_FAST] -= bytes;
	return block_chunk(entry);
}

/*
 * Drops the whole pages inside the chunks of all bins and the unsorted list, but
 * for those with their links; returns those bytes, which stay committed.
 */
size_t pt_bins_drop_pages(struct arena *arena);

/* Merges and moves all to the unsorted list; whether there were any. */
bool pt_fast_consolidate(struct arena *arena);

#endif
