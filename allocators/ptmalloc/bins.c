/*
 * bins.c - where free chunks wait: the unsorted list, small bins, large bins.
 *
 * Idea.  A freed chunk gets one chance: it goes to the unsorted list, and only
 * if the next malloc looks at it there and does not want it, to the bin for its
 * size.  Below 1024 bytes there is a bin for every size; above, a bin takes a
 * range of sizes, longer with every group, and keeps its chunks in order.  A
 * bitmap says which bins need not be looked at.
 *
 *     bin     0  1   2   3  ...  63    64..96  ..111  ..120  ..123  124 125 126
 *             unused 32  48     1008   64      512    4 KiB  32 KiB 256 KiB rest
 *                    one size each     sizes from 1024, so many bytes in a bin
 *
 * A large bin is a list from the longest to the shortest chunk.  The first chunk
 * of each size is also on the *size list*, so that a search skips its equals:
 *
 *     bin -> 1600 -> 1600 -> 1600 -> 1568 -> 1552 -> 1552 -> bin     link
 *             |                       |       |
 *             '---------------------->'------>'--> back to 1600      by_size
 *
 * A chunk of a size that is there already becomes the second of its size, and
 * the second is what a search prefers: neither is on the size list.
 *
 * Words.
 *     unsorted   freed, not yet asked for; newest first, looked at oldest first
 *     small bin  first in, first out, so that chunks have time to be merged
 *     binmap     bit i set: bin i may hold something; cleared by searches only
 *
 * Invariants, verified in check.c.
 *     I3  a chunk that is free for merging is in the list for its size, once
 *     I4  a large bin is in order, and its size list has the first of each size
 *     I5  a bin that holds a chunk has its bit set
 *
 * Cost.     remove O(1); insert O(sizes in the bin); search O(bins, sizes)
 * Threads.  Under the arena's lock.
 * Sources.  [Lea] bins and their order; [glibc] the size list, the binmap and
 *           the spacing of bins.
 *
 * Read next: fast.c.
 */
#include "bins.h"

const char *const pt_tier_names[TIERS] = {
	[TIER_FAST] = "fast bin",
	[TIER_UNSORTED] = "unsorted",
	[TIER_SMALL] = "small bin",
	[TIER_LARGE] = "large bin",
};

void pt_bins_init(struct arena *arena)
{
	ring_init(&arena->unsorted);
	for (int i = 0; i < BINS; i++)
		ring_init(&arena->bins[i]);
}

/* ---- the binmap ----------------------------------------------------------- */

static void mark(struct arena *arena, unsigned bin)
{
	arena->binmap[bin / 64] |= (uint64_t)1 << bin % 64;
}

static void unmark(struct arena *arena, unsigned bin)
{
	arena->binmap[bin / 64] &= ~((uint64_t)1 << bin % 64);
}

/* The first bin from `bin` on whose bit is set; BINS: none. */
static unsigned next_marked(const struct arena *arena, unsigned bin)
{
	for (unsigned word = bin / 64; word < BIN_WORDS; word++) {
		uint64_t bits = arena->binmap[word];
		if (word == bin / 64)
			bits &= ~(uint64_t)0 << bin % 64;
		if (bits != 0)
			return word * 64 + (unsigned)__builtin_ctzl(bits);
	}
	return BINS;
}

/* ---- insert and remove ---------------------------------------------------- */

/* Enters a chunk where the order of a large bin wants it; links followed. */
static uint64_t large_insert(struct ring *bin, struct chunk *chunk)
{
	struct chunk *at = ring_chunk(bin->next);
	size_t bytes = chunk_bytes(chunk);
	uint64_t links = 1;

	if (ring_is_empty(bin)) {
		ring_insert_before(&chunk->link, bin);
		ring_init(&chunk->by_size);
		return 0;
	}
	if (bytes < chunk_bytes(ring_chunk(bin->prev))) { /* the new shortest */
		ring_insert_before(&chunk->link, bin);
		ring_insert_before(&chunk->by_size, &at->by_size);
		return links;
	}
	for (; bytes < chunk_bytes(at); links++)
		at = by_size_chunk(at->by_size.next);
	if (bytes == chunk_bytes(at)) {
		ring_insert_after(&chunk->link, &at->link);
		chunk->by_size.next = NULL;
	} else {
		ring_insert_before(&chunk->link, &at->link);
		ring_insert_before(&chunk->by_size, &at->by_size);
	}
	return links;
}

/* Takes a chunk off the size list; the next of its size steps in for it. */
void pt_size_list_leave(struct arena *arena, struct chunk *chunk)
{
	const struct ring *bin = &arena->bins[pt_bin_of(chunk_bytes(chunk))];
	struct ring *next = chunk->link.next;
	struct chunk *equal = ring_chunk(next);

	if (next != bin && equal->by_size.next == NULL)
		ring_insert_before(&equal->by_size, &chunk->by_size);
	ring_remove(&chunk->by_size);
}

void pt_bin_insert(struct arena *arena, struct chunk *chunk)
{
	unsigned number = pt_bin_of(chunk_bytes(chunk));
	struct ring *bin = &arena->bins[number];

	assert(chunk_head(chunk) & IS_UNSORTED);
	ring_remove(&chunk->link);
	arena->free_bytes[TIER_UNSORTED] -= chunk_bytes(chunk);
	chunk_unmark(chunk, IS_UNSORTED);
	arena->free_bytes[pt_chunk_tier(chunk)] += chunk_bytes(chunk);
	mark(arena, number);
	if (chunk_bytes(chunk) < LARGE_MIN_BYTES)
		ring_insert_after(&chunk->link, bin);
	else
		arena->stats.links += large_insert(bin, chunk);
}

/* ---- search --------------------------------------------------------------- */

/* The shortest chunk of a large bin with `bytes` at least, from the short end. */
static struct chunk *large_search(const struct ring *bin, size_t bytes,
                                  uint64_t *links)
{
	if (ring_is_empty(bin))
		return NULL;
	struct chunk *at = ring_chunk(bin->next);
	*links += 1;
	if (chunk_bytes(at) < bytes) /* the longest */
		return NULL;
	do {
		at = by_size_chunk(at->by_size.prev);
		*links += 1;
	} while (chunk_bytes(at) < bytes);
	struct chunk *second = ring_chunk(at->link.next);
	if (at->link.next != bin && second->by_size.next == NULL)
		at = second;
	return at;
}

/* The shortest chunk of the first bin from `bin` on that holds any. */
static struct chunk *next_bin_search(struct arena *arena, unsigned bin)
{
	for (bin = next_marked(arena, bin); bin < BINS;
	     bin = next_marked(arena, bin + 1)) {
		if (!ring_is_empty(&arena->bins[bin]))
			return ring_chunk(arena->bins[bin].prev);
		unmark(arena, bin);
	}
	return NULL;
}

struct chunk *pt_bin_search(struct arena *arena, size_t bytes, uint64_t *links)
{
	unsigned bin = pt_bin_of(bytes);

	if (bytes >= LARGE_MIN_BYTES) {
		struct chunk *chunk =
			large_search(&arena->bins[bin], bytes, links);
		if (chunk != NULL)
			return chunk;
	}
	return next_bin_search(arena, bin + 1);
}

/* ---- memory that nobody needs now ---------------------------------------- */

/* | tags, links |  ..|== page ==|== page ==|..  | next chunk */
static size_t drop_pages(struct arena *arena, struct chunk *chunk)
{
	size_t start = round_up((size_t)(chunk + 1), PAGE_BYTES);
	size_t end = round_down((size_t)chunk_after(chunk), PAGE_BYTES);

	if (start >= end)
		return 0;
	page_source_drop(arena->heap->pages, (void *)start, end - start);
	return end - start;
}

static size_t drop_pages_of_ring(struct arena *arena, const struct ring *ring)
{
	size_t bytes = 0;

	for (struct ring *at = ring->next; at != ring; at = at->next)
		bytes += drop_pages(arena, ring_chunk(at));
	return bytes;
}

size_t pt_bins_drop_pages(struct arena *arena)
{
	size_t bytes = drop_pages_of_ring(arena, &arena->unsorted);

	for (unsigned bin = next_marked(arena, pt_bin_of(LARGE_MIN_BYTES));
	     bin < BINS; bin = next_marked(arena, bin + 1))
		bytes += drop_pages_of_ring(arena, &arena->bins[bin]);
	return bytes;
}
