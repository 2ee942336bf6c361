/*
 * explain.c - a request answered in words, before it is made.
 *
 * The stations are those of arena.c, in the same order.  Sorting the unsorted
 * list would change the heap, so its chunks are looked at where they are.
 */
#include "../common/sentence.h"
#include "bins.h"

/* The oldest unsorted chunk of exactly `bytes`, or NULL. */
static const struct chunk *unsorted_equal(const struct arena *arena,
                                          size_t bytes)
{
	const struct ring *link = arena->unsorted.prev;

	while (link != &arena->unsorted &&
	       chunk_bytes(ring_chunk(link)) != bytes)
		link = link->prev;
	return link == &arena->unsorted ? NULL : ring_chunk(link);
}

/* The shortest chunk of at least `bytes`, unsorted or in a bin, or NULL. */
static const struct chunk *shortest_fit(struct arena *arena, size_t bytes)
{
	uint64_t links = 0;
	const struct chunk *best = pt_bin_search(arena, bytes, &links);
	const struct ring *link = arena->unsorted.prev;

	for (; link != &arena->unsorted; link = link->prev) {
		const struct chunk *chunk = ring_chunk(link);
		if (chunk_bytes(chunk) >= bytes &&
		    (best == NULL || chunk_bytes(chunk) < chunk_bytes(best)))
			best = chunk;
	}
	return best;
}

static bool is_lone_remainder(const struct arena *arena, size_t bytes)
{
	const struct ring *only = arena->unsorted.next;

	return bytes < LARGE_MIN_BYTES && !ring_is_empty(&arena->unsorted) &&
	       only->next == &arena->unsorted &&
	       ring_chunk(only) == arena->last_remainder &&
	       chunk_bytes(ring_chunk(only)) > bytes + CHUNK_MIN_BYTES;
}

static void say_split(struct sentence *text, const struct chunk *chunk,
                      size_t bytes)
{
	size_t rest = chunk_bytes(chunk) - bytes;

	say(text, " at %p", (const void *)chunk);
	if (rest >= CHUNK_MIN_BYTES)
		say(text, "; its last %zu bytes go to the unsorted list", rest);
	else
		say(text, ", whole");
}

static void say_memory(struct sentence *text, const struct arena *arena,
                       size_t bytes)
{
	const struct pt_heap *heap = arena->heap;

	if (bytes >= counter_read(&heap->mmap_threshold))
		say(text,
		    "no free chunk fits, and %zu bytes are above the mmap "
		    "threshold of %zu: a mapping of its own",
		    bytes, (size_t)counter_read(&heap->mmap_threshold));
	else
		say(text,
		    "no free chunk fits and the top has %zu bytes: it grows, "
		    "by %zu more than needed",
		    chunk_bytes(arena->top), heap->top_pad);
}

static void say_search(struct sentence *text, struct arena *arena, size_t bytes)
{
	const struct chunk *chunk = unsorted_equal(arena, bytes);

	if (bytes >= LARGE_MIN_BYTES && arena->free_bytes[TIER_FAST] > 0)
		say(text, "a large request: the fast bins are emptied; then ");
	if (is_lone_remainder(arena, bytes)) {
		say(text, "cut from the last remainder");
		say_split(text, ring_chunk(arena->unsorted.next), bytes);
	} else if (chunk != NULL) {
		say(text,
		    "an unsorted chunk of exactly %zu bytes at %p; older ones "
		    "go to their bins",
		    bytes, (const void *)chunk);
	} else if ((chunk = shortest_fit(arena, bytes)) != NULL) {
		say(text, "the shortest chunk that fits, %zu bytes",
		    chunk_bytes(chunk));
		say_split(text, chunk, bytes);
	} else if (chunk_bytes(arena->top) >= bytes + CHUNK_MIN_BYTES) {
		say(text, "no free chunk fits: cut from the top, of %zu bytes",
		    chunk_bytes(arena->top));
	} else {
		say_memory(text, arena, bytes);
	}
}

/* From the arena, once the thread cache has nothing. */
static void say_arena(struct sentence *text, struct arena *arena, size_t bytes)
{
	size_t bin = fast_bin(bytes);
	const struct ring *small = &arena->bins[pt_bin_of(bytes)];

	if (bytes <= arena->heap->fast_max_bytes && arena->fast[bin] != NULL)
		say(text,
		    "the fast bin of %zu bytes: the last one freed, at %p; "
		    "more of them go to the thread cache",
		    bytes, (const void *)arena->fast[bin]);
	else if (bytes < LARGE_MIN_BYTES && !ring_is_empty(small))
		say(text,
		    "the small bin of %zu bytes: the first one freed, at %p",
		    bytes, chunk_block(ring_chunk(small->prev)));
	else
		say_search(text, arena, bytes);
}

/* The stepper's requests come from the handle that was attached last. */
static void say_malloc(struct sentence *text, struct pt_heap *heap,
                       size_t align, size_t size)
{
	const struct tcache *cache = heap->list.handles;

	if (size > PTRDIFF_MAX - align) {
		say(text, "no memory: larger than half the address space");
		return;
	}
	struct arena *arena = cache == NULL ? &heap->main : cache->arena;
	size_t bytes = chunk_bytes_for(size), bin = cache_bin(bytes);
	if (align > MALLOC_ALIGN_BYTES) {
		bytes += align + CHUNK_MIN_BYTES;
		say(text, "%zu bytes, to cut an aligned chunk from: ", bytes);
	} else if (cache != NULL && bin < CACHE_BINS &&
	           cache->bins[bin] != NULL) {
		say(text,
		    "the thread cache has %zu blocks of %zu bytes: the last "
		    "one freed, at %p",
		    cache_count(cache, bin), bytes,
		    (const void *)cache->bins[bin]);
		return;
	}
	say_arena(text, arena, bytes);
}

static void say_merge(struct sentence *text, const struct arena *arena,
                      const struct chunk *chunk)
{
	const struct chunk *next = chunk_after(chunk);

	if (!chunk_prev_in_use(chunk))
		say(text, "it merges with the free %zu bytes before; ",
		    chunk->prev_bytes);
	if (next == arena->top)
		say(text, "it becomes part of the top");
	else if (!chunk_in_use(next))
		say(text,
		    "it merges with the free %zu bytes behind, and goes to the "
		    "unsorted list",
		    chunk_bytes(next));
	else
		say(text, "it goes to the unsorted list");
}

static void say_free(struct sentence *text, struct pt_heap *heap,
                     const void *block)
{
	const struct chunk *chunk = block_chunk(block);
	size_t bytes = chunk_bytes(chunk);

	if (chunk_is_mapped(chunk)) {
		say(text, "its mapping of %zu bytes goes back",
		    mapped_bytes(chunk));
		if (!heap->thresholds_are_fixed && bytes <= THRESHOLD_MAX &&
		    bytes > counter_read(&heap->mmap_threshold))
			say(text, ", and the mmap threshold rises to %zu",
			    bytes);
		return;
	}
	if (cache_has_room(heap->list.handles, bytes))
		say(text,
		    "the thread cache has room for %zu bytes: it holds "
		    "%zu of them",
		    bytes, cache_count(heap->list.handles, cache_bin(bytes)));
	else if (bytes <= heap->fast_max_bytes)
		say(text, "the fast bin of %zu bytes, not merged", bytes);
	else
		say_merge(text, chunk_arena(heap, chunk), chunk);
}

static bool extends_in_place(const struct arena *arena,
                             const struct chunk *chunk, size_t bytes)
{
	const struct chunk *next = chunk_after(chunk);
	size_t all = chunk_bytes(chunk) + chunk_bytes(next);

	if (next == arena->top)
		return all >= bytes + CHUNK_MIN_BYTES;
	return !chunk_in_use(next) && all >= bytes;
}

static void say_realloc(struct sentence *text, struct pt_heap *heap,
                        const struct request *request)
{
	const struct chunk *chunk = block_chunk(request->block);

	if (request->size > PTRDIFF_MAX) {
		say(text, "no memory: larger than half the address space");
		return;
	}
	size_t bytes = chunk_bytes_for(request->size);
	if (chunk_is_mapped(chunk)) {
		say(text, "a mapped chunk: its mapping is resized");
	} else if (bytes <= chunk_bytes(chunk)) {
		say(text, "it stays where it is");
		if (chunk_bytes(chunk) - bytes >= CHUNK_MIN_BYTES)
			say(text, "; its last %zu bytes become free",
			    chunk_bytes(chunk) - bytes);
	} else if (extends_in_place(chunk_arena(heap, chunk), chunk, bytes)) {
		say(text, "it grows into the free %zu bytes behind it",
		    chunk_bytes(chunk_after(chunk)));
	} else {
		say(text, "it moves: ");
		say_malloc(text, heap, 0, request->size);
	}
}

void pt_explain(struct heap *heap, const struct request *request,
                char *sentence, size_t capacity)
{
	struct pt_heap *self = pt_of(heap);
	struct sentence text = sentence_begin(sentence, capacity);

	if (request->kind == REQUEST_FREE && request->block == NULL)
		say(&text, "NULL: nothing happens");
	else if (request->kind == REQUEST_FREE)
		say_free(&text, self, request->block);
	else if (request->kind == REQUEST_REALLOC && request->block != NULL)
		say_realloc(&text, self, request);
	else
		say_malloc(&text, self, request->align, request->size);
}
