/*
 * check.c - the invariants, one by one: see ptmalloc.c.
 *
 * Every row of chunks is walked once and counted; every list is walked once, and
 * each of its chunks must be what the list is for.  If both counts agree and the
 * links of lists are sound, each free chunk is in one list, once.
 */
#include <stdio.h>

#include "bins.h"
#include "inspect.h"

/* What the rows of an arena's chunks add up to. */
struct tally {
	size_t in_use, specials, free_chunks;
	size_t committed, fixed, free_bytes[TIERS];
};

struct checker {
	struct pt_heap *heap;
	struct block_set special;
	size_t specials; /* met in all rows */
	size_t committed_bytes;
};

/* The sentence is kept in the heap; `where` is a chunk, a block, a bin. */
static const char *broken(struct pt_heap *heap, const char *sentence,
                          const void *where)
{
	snprintf(heap->message, sizeof heap->message, "ptmalloc %s: %p",
	         sentence, where);
	return heap->message;
}

/* ---- rows of chunks: I1, I2, I8 ------------------------------------------- */

static const char *check_tags(struct checker *checker,
                              const struct arena *arena,
                              const struct chunk *chunk,
                              const struct chunk *end)
{
	size_t bytes = chunk_bytes(chunk);

	if (bytes < CHUNK_MIN_BYTES ||
	    bytes > (size_t)((const char *)end - (const char *)chunk))
		return broken(checker->heap,
		              "I1: a chunk of an impossible size", chunk);
	if ((chunk_head(chunk) & (NOT_MAIN | IS_MAPPED)) != arena->not_main)
		return broken(checker->heap,
		              "I8: a chunk whose flags are not its arena's",
		              chunk);
	return NULL;
}

static const char *check_free_chunk(struct checker *checker,
                                    const struct arena *arena,
                                    const struct chunk *chunk,
                                    const struct chunk *end)
{
	const struct chunk *next = chunk_after(chunk);

	if (next->prev_bytes != chunk_bytes(chunk))
		return broken(checker->heap,
		              "I2: a free chunk whose size is not behind it",
		              chunk);
	if (next == end && end == arena->top)
		return broken(checker->heap, "I2: a free chunk before the top",
		              chunk);
	if (!chunk_prev_in_use(chunk))
		return broken(checker->heap,
		              "I2: a free chunk behind a free one", chunk);
	if (block_set_tier(&checker->special, chunk) != NULL)
		return broken(checker->heap,
		              "I6: a chunk in a cache is free for merging",
		              chunk);
	return NULL;
}

static void tally_chunk(struct checker *checker, struct tally *tally,
                        const struct chunk *chunk)
{
	const char *special = block_set_tier(&checker->special, chunk);

	if (!chunk_in_use(chunk)) {
		tally->free_chunks++;
		tally->free_bytes[pt_chunk_tier(chunk)] += chunk_bytes(chunk);
		return;
	}
	if (special != NULL)
		checker->specials++;
	if (special == pt_tier_names[TIER_FAST])
		tally->free_bytes[TIER_FAST] += chunk_bytes(chunk);
	else
		tally->in_use++;
}

static const char *check_row(struct checker *checker, struct tally *tally,
                             const struct arena *arena,
                             const struct thread_space *space)
{
	const struct chunk *chunk = pt_first_chunk(arena, space);
	const struct chunk *end = pt_chunks_end(arena, space);
	const char *sentence = NULL;

	if (!chunk_prev_in_use(chunk))
		return broken(checker->heap,
		              "I2: nothing is before the first chunk", chunk);
	for (; chunk != end; chunk = chunk_after(chunk)) {
		sentence = check_tags(checker, arena, chunk, end);
		if (sentence == NULL && !chunk_in_use(chunk))
			sentence = check_free_chunk(checker, arena, chunk, end);
		if (sentence != NULL)
			return sentence;
		tally_chunk(checker, tally, chunk);
	}
	if (end == arena->top &&
	    (!chunk_prev_in_use(end) || chunk_bytes(end) < CHUNK_MIN_BYTES))
		return broken(checker->heap, "I1: the top is damaged", end);
	return NULL;
}

/* ---- lists: I3, I4, I5 ---------------------------------------------------- */

static const char *check_listed(struct pt_heap *heap, const struct ring *link,
                                size_t flags, unsigned bin)
{
	const struct chunk *chunk = ring_chunk(link);

	if (link->next->prev != link || link->prev->next != link)
		return broken(heap, "I3: the links of a free chunk disagree",
		              chunk);
	if (chunk_in_use(chunk))
		return broken(heap, "I3: a listed chunk is in use", chunk);
	if ((chunk_head(chunk) & IS_UNSORTED) != flags ||
	    (flags == 0 && pt_bin_of(chunk_bytes(chunk)) != bin))
		return broken(heap, "I3: a free chunk is in the wrong list",
		              chunk);
	return NULL;
}

/* A list's chunks are added to `count`. */
static const char *check_list(struct pt_heap *heap, const struct ring *list,
                              size_t flags, unsigned bin, size_t *count)
{
	for (const struct ring *link = list->next; link != list;
	     link = link->next, (*count)++) {
		const char *sentence = check_listed(heap, link, flags, bin);
		if (sentence != NULL)
			return sentence;
	}
	return NULL;
}

static const char *check_large(struct pt_heap *heap, const struct ring *bin)
{
	const struct ring *link = bin->next;
	const struct chunk *first = ring_chunk(link), *group = first;

	if (link == bin)
		return NULL;
	if (first->by_size.next == NULL)
		return broken(heap, "I4: the longest is not on the size list",
		              first);
	while ((link = link->next) != bin) {
		const struct chunk *chunk = ring_chunk(link);
		bool is_equal = chunk_bytes(chunk) == chunk_bytes(group);
		if (chunk_bytes(chunk) > chunk_bytes(group))
			return broken(heap, "I4: a large bin is out of order",
			              chunk);
		if (is_equal != (chunk->by_size.next == NULL) ||
		    (!is_equal && (group->by_size.next != &chunk->by_size ||
		                   chunk->by_size.prev != &group->by_size)))
			return broken(heap, "I4: the size list skips a size",
			              chunk);
		if (!is_equal)
			group = chunk;
	}
	if (group->by_size.next != &first->by_size ||
	    first->by_size.prev != &group->by_size)
		return broken(heap, "I4: the size list does not close", group);
	return NULL;
}

static const char *check_bins(struct pt_heap *heap, const struct arena *arena,
                              size_t *count)
{
	const char *sentence =
		check_list(heap, &arena->unsorted, IS_UNSORTED, 0, count);

	for (unsigned i = 0; sentence == NULL && i < BINS; i++) {
		const struct ring *bin = &arena->bins[i];
		if (!ring_is_empty(bin) &&
		    (arena->binmap[i / 64] >> i % 64 & 1) == 0)
			return broken(heap, "I5: a bin is not in the binmap",
			              bin);
		sentence = check_list(heap, bin, 0, i, count);
		if (sentence == NULL && i >= pt_bin_of(LARGE_MIN_BYTES))
			sentence = check_large(heap, bin);
	}
	return sentence;
}

/* ---- caches: I6 ----------------------------------------------------------- */

static const char *check_entries(struct pt_heap *heap,
                                 const struct entry *entry, size_t bytes,
                                 size_t *count)
{
	for (*count = 0; entry != NULL; entry = entry->next, (*count)++)
		if (chunk_bytes(block_chunk(entry)) != bytes)
			return broken(heap,
			              "I6: a chunk is in a bin of another size",
			              entry);
	return NULL;
}

static const char *check_cache(struct pt_heap *heap, const struct tcache *cache)
{
	for (size_t bin = 0; bin < CACHE_BINS; bin++) {
		size_t bytes = CHUNK_MIN_BYTES + bin * CHUNK_ALIGN, count;
		const char *sentence =
			check_entries(heap, cache->bins[bin], bytes, &count);
		if (sentence != NULL)
			return sentence;
		if (count != cache_count(cache, bin) ||
		    count > heap->cache_limit)
			return broken(heap,
			              "I6: a thread cache has another number "
			              "of blocks than it says",
			              cache->bins[bin]);
	}
	return NULL;
}

static const char *check_fast(struct pt_heap *heap, const struct arena *arena)
{
	const char *sentence = NULL;

	for (size_t bin = 0; sentence == NULL && bin < FAST_BINS; bin++) {
		size_t count;
		sentence = check_entries(heap, arena->fast[bin],
		                         CHUNK_MIN_BYTES + bin * CHUNK_ALIGN,
		                         &count);
	}
	return sentence;
}

/* ---- arenas: I7, I8, I10 -------------------------------------------------- */

static const char *check_spaces(struct checker *checker, struct tally *tally,
                                const struct arena *arena)
{
	const struct thread_space *space = pt_last_space(arena);
	const char *sentence = NULL;

	for (; sentence == NULL && space != NULL; space = space->before) {
		const struct chunk *first = pt_first_chunk(arena, space);
		if (space->arena != arena)
			return broken(checker->heap,
			              "I8: a space of another arena", space);
		sentence = check_row(checker, tally, arena, space);
		tally->committed += space->committed_bytes;
		tally->fixed +=
			(size_t)((const char *)first - (const char *)space) +
			TAG_BYTES;
		if (space != pt_last_space(arena))
			tally->fixed += space->fence_bytes - TAG_BYTES;
	}
	return sentence;
}

static const char *check_counts(struct pt_heap *heap, const struct arena *arena,
                                const struct tally *tally)
{
	if (tally->in_use != arena->in_use)
		return broken(heap, "I7: an arena miscounts chunks in use",
		              arena);
	for (int tier = 0; tier < TIERS; tier++)
		if (tally->free_bytes[tier] != arena->free_bytes[tier])
			return broken(heap, "I7: an arena miscounts free bytes",
			              pt_tier_names[tier]);
	if (tally->committed != arena->committed_bytes ||
	    tally->fixed != arena->fixed_bytes)
		return broken(heap, "I7: an arena miscounts its memory", arena);
	return NULL;
}

static const char *check_main(struct checker *checker, struct tally *tally)
{
	const struct arena *arena = &checker->heap->main;
	const char *heap = (const char *)checker->heap;

	tally->committed =
		(size_t)((const char *)chunk_after(arena->top) - heap);
	tally->fixed =
		(size_t)((const char *)pt_first_chunk(arena, NULL) - heap) +
		TAG_BYTES;
	return check_row(checker, tally, arena, NULL);
}

static const char *check_arena(struct checker *checker,
                               const struct arena *arena)
{
	struct tally tally = {0};
	size_t listed = 0;
	const char *sentence = arena->not_main
	                               ? check_spaces(checker, &tally, arena)
	                               : check_main(checker, &tally);

	checker->committed_bytes += tally.committed;
	if (sentence == NULL)
		sentence = check_fast(checker->heap, arena);
	if (sentence == NULL)
		sentence = check_bins(checker->heap, arena, &listed);
	if (sentence == NULL && listed != tally.free_chunks)
		sentence = broken(checker->heap,
		                  "I3: a free chunk is in no list", arena);
	if (sentence == NULL)
		sentence = check_counts(checker->heap, arena, &tally);
	return sentence;
}

static const char *check_attached(struct pt_heap *heap,
                                  const struct arena *arena)
{
	size_t handles = 0, listed = 0;

	for (const struct tcache *cache = heap->list.handles; cache != NULL;
	     cache = cache->next)
		handles += cache->arena == arena;
	for (const struct arena *at = heap->list.free_arenas; at != NULL;
	     at = at->next_free)
		listed += at == arena;
	if (arena->attached != handles)
		return broken(heap, "I10: an arena miscounts its handles",
		              arena);
	if (listed != (handles == 0))
		return broken(
			heap,
			"I10: the free list is not that of arenas without "
			"handles",
			arena);
	return NULL;
}

/* ---- mapped chunks: I9 ---------------------------------------------------- */

static const char *check_mapped(struct checker *checker)
{
	struct pt_heap *heap = checker->heap;
	const struct ring *all = &heap->mapped.chunks, *link;
	size_t count = 0, committed = 0, live = 0;

	for (link = all->next; link != all; link = link->next, count++) {
		const struct chunk *chunk = mapped_chunk(link);
		if ((chunk_head(chunk) & FLAGS) != IS_MAPPED ||
		    !is_aligned(mapped_start(chunk), PAGE_BYTES) ||
		    mapped_bytes(chunk) % PAGE_BYTES != 0)
			return broken(heap, "I9: a mapped chunk is damaged",
			              chunk);
		committed += mapped_bytes(chunk);
		live += chunk_usable(chunk);
	}
	if (count != heap->mapped.count || live != heap->mapped.live_bytes ||
	    committed != heap->mapped.committed_bytes)
		return broken(heap, "I9: mapped chunks are miscounted", all);
	checker->committed_bytes += committed;
	return NULL;
}

/* ---- the whole heap ------------------------------------------------------- */

static const char *check_all(struct checker *checker)
{
	struct pt_heap *heap = checker->heap;
	const struct arena *arena = &heap->main;
	const struct tcache *cache = heap->list.handles;
	const char *sentence = NULL;
	const void *twice = block_set_twice(&checker->special);

	if (twice != NULL)
		return broken(heap, "I6: a chunk is in two caches", twice);
	for (; sentence == NULL && cache != NULL; cache = cache->next)
		sentence = check_cache(heap, cache);
	do {
		if (sentence == NULL)
			sentence = check_arena(checker, arena);
		if (sentence == NULL)
			sentence = check_attached(heap, arena);
	} while ((arena = arena->next) != &heap->main);
	if (sentence == NULL && checker->specials != checker->special.count)
		sentence = broken(heap, "I6: a cached chunk is in no heap",
		                  heap->list.handles);
	if (sentence == NULL)
		sentence = check_mapped(checker);
	if (sentence == NULL &&
	    checker->committed_bytes != heap->pages->committed_bytes)
		sentence = broken(heap,
		                  "I11: heaps and mappings are not what "
		                  "the source has committed",
		                  heap);
	return sentence;
}

const char *pt_check(struct heap *heap)
{
	struct checker checker = {.heap = pt_of(heap)};

	if (!pt_special_open(checker.heap, &checker.special))
		return "ptmalloc: no memory to check with";
	const char *sentence = check_all(&checker);
	block_set_close(&checker.special);
	return sentence;
}
