/*
 * fast.c - fast bins: small chunks that are not merged yet.
 *
 * Idea.  Merging costs more than it brings where a program frees and allocates
 * the same few sizes all the time.  Small chunks therefore wait, still marked in
 * use, on lists of one size each, last in, first out.  Merging is made up for
 * all of them at once: before a large request is served, when a long chunk
 * becomes free, and when memory would have to be asked for.
 *
 *     fast[0]  32  -> block -> block -> NULL        P of the chunk behind each
 *     fast[1]  48  -> NULL                          is set: nobody merges it
 *     ...
 *     fast[9] 176  -> block -> NULL
 *                        |
 *                        '-- consolidate: merge, and on to the unsorted list
 *
 * Words.
 *     consolidate  empty all fast bins, merging each chunk with its neighbours
 *
 * Invariants, verified in check.c.
 *     I6  a chunk in a fast bin is marked in use, has the bin's size, and is in
 *         no other list
 *
 * Cost.     push, pop O(1); consolidate O(chunks in fast bins)
 * Threads.  Under the arena's lock.  (glibc pushes with compare-and-swap.)
 * Push and pop are inline, in bins.h: they are the whole of most calls that
 * a thread cache passes on.
 * Sources.  [glibc] malloc_consolidate; the lists were new in Lea's 2.7.0.
 *
 * Read next: arena.c.
 */
#include "bins.h"

/* Those that lie beside each other merge when the later one is freed. */
bool pt_fast_consolidate(struct arena *arena)
{
	if (arena->free_bytes[TIER_FAST] == 0)
		return false;
	for (size_t bin = 0; bin < FAST_BINS; bin++) {
		size_t bytes = CHUNK_MIN_BYTES + bin * CHUNK_ALIGN;
		struct chunk *chunk;
		while ((chunk = fast_pop(arena, bytes)) != NULL)
			pt_arena_merge(arena, chunk);
	}
	assert(arena->free_bytes[TIER_FAST] == 0);
	return true;
}
