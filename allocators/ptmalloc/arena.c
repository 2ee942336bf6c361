/*
 * arena.c - malloc and free in one arena, under its lock.
 *
 * Idea.  Best fit over chunks of any size, made fast by looking first where a
 * good answer is likely and cheap.  The stations of a request, in this order:
 *
 *     fast bin   --> exact, last freed first
 *     small bin  --> exact, first freed first
 *     (large request: consolidate the fast bins)
 *     unsorted   --> an exact fit; the last remainder, if it is alone;
 *        |           all others go to their bins
 *     bins       --> the shortest that fits                   bins.c
 *     top        --> cut from its front
 *     (consolidate the fast bins, and once more from `unsorted`)
 *     memory     --> a mapping, or a longer top               heaps.c, mapped.c
 *
 * A chunk that is too long is split; the rest goes to the unsorted list.  After
 * a small request it is the *last remainder*: a row of small requests is then
 * cut from one chunk, one behind the other.
 *
 *     [-------- free --------]  =>  [ live ][----- rest -----]
 *                                             unsorted, last remainder
 *
 * free: a small chunk goes to a fast bin; any other is merged with its free
 * neighbours and goes to the unsorted list, or into the top if it touches it.
 *
 *     [free][this][free]  =>  [------ free ------]
 *     [free][this][ top    =>  [------ top
 *
 * Words.
 *     stash   to move equal chunks from a bin to the thread's cache, as far as
 *             they have room there, when one was taken: they are at hand now
 *
 * Invariants: ptmalloc.c.
 * Cost.     malloc  O(1) from fast and small bins; else O(unsorted chunks, each
 *                   of which is sorted once, and sizes in a large bin)
 *           free    O(1), but for consolidation and trimming
 * Threads.  Under the arena's lock.
 * Sources.  [Lea], [glibc] _int_malloc, _int_free.
 *
 * Read next: heaps.c.
 */
#include "bins.h"

/* ---- taking chunks -------------------------------------------------------- */

/* Marks a chunk that is on no list as in use. */
static void set_in_use(struct arena *arena, struct chunk *chunk, size_t bytes)
{
	chunk_set_head(chunk, bytes | arena->not_main | PREV_IN_USE);
	chunk_mark(chunk_at(chunk, bytes), PREV_IN_USE);
}

/* Takes a listed chunk; what it has beyond `bytes` stays free. */
static struct chunk *take(struct arena *arena, struct chunk *chunk,
                          size_t bytes)
{
	size_t rest = chunk_bytes(chunk) - bytes;

	pt_bin_remove(arena, chunk);
	if (rest < CHUNK_MIN_BYTES) {
		arena->stats.exact_fits++;
		set_in_use(arena, chunk, bytes + rest);
		return chunk;
	}
	arena->stats.splits++;
	chunk_set_head(chunk, bytes | arena->not_main | PREV_IN_USE);
	chunk_set_free(chunk_at(chunk, bytes), rest, arena->not_main);
	pt_unsorted_push(arena, chunk_at(chunk, bytes));
	if (bytes < LARGE_MIN_BYTES)
		arena->last_remainder = chunk_at(chunk, bytes);
	return chunk;
}

static void stash(struct arena *arena, struct chunk *chunk,
                  struct tcache *cache)
{
	cache_push(cache, cache_bin(chunk_bytes(chunk)), chunk_block(chunk));
	arena->in_use++;
}

static void count_refill(struct tcache *cache)
{
	counter_add(&cache->refills, 1);
}

static struct chunk *fast_take(struct arena *arena, size_t bytes,
                               struct tcache *cache)
{
	struct chunk *chunk = fast_pop(arena, bytes), *equal;

	if (chunk == NULL || !cache_has_room(cache, bytes))
		return chunk;
	count_refill(cache);
	while (cache_has_room(cache, bytes) &&
	       (equal = fast_pop(arena, bytes)) != NULL)
		stash(arena, equal, cache);
	return chunk;
}

/* The oldest chunk of a small bin, or NULL. */
static struct chunk *small_pop(struct arena *arena, size_t bytes)
{
	struct ring *bin = &arena->bins[pt_bin_of(bytes)];

	return ring_is_empty(bin) ? NULL
	                          : take(arena, ring_chunk(bin->prev), bytes);
}

static struct chunk *small_take(struct arena *arena, size_t bytes,
                                struct tcache *cache)
{
	struct chunk *chunk = small_pop(arena, bytes), *equal;

	if (chunk == NULL || !cache_has_room(cache, bytes))
		return chunk;
	count_refill(cache);
	while (cache_has_room(cache, bytes) &&
	       (equal = small_pop(arena, bytes)) != NULL)
		stash(arena, equal, cache);
	return chunk;
}

/* Whether a small request is to be cut from `chunk` though it does not fit. */
static bool is_lone_remainder(const struct arena *arena,
                              const struct chunk *chunk, size_t bytes)
{
	return bytes < LARGE_MIN_BYTES && chunk == arena->last_remainder &&
	       chunk->link.next == chunk->link.prev &&
	       chunk_bytes(chunk) > bytes + CHUNK_MIN_BYTES;
}

/*
 * Empties the unsorted list into the bins, oldest first.  The first chunk of
 * exactly `bytes` is the answer; more of them are stashed, and when there is no
 * room for more, the rest stays unsorted.  NULL: none fits exactly.
 */
static struct chunk *sort(struct arena *arena, size_t bytes,
                          struct tcache *cache)
{
	struct chunk *found = NULL;
	bool refilled = false;

	for (int sorted = 0;
	     sorted < SORT_MAX && !ring_is_empty(&arena->unsorted); sorted++) {
		struct chunk *chunk = ring_chunk(arena->unsorted.prev);
		arena->stats.links++;
		if (found == NULL && is_lone_remainder(arena, chunk, bytes))
			return take(arena, chunk, bytes);
		if (chunk_bytes(chunk) != bytes) {
			pt_bin_insert(arena, chunk);
			continue;
		}
		take(arena, chunk, bytes);
		if (found == NULL) {
			found = chunk;
		} else {
			stash(arena, chunk, cache);
			refilled = true;
		}
		if (!cache_has_room(cache, bytes))
			break;
	}
	if (refilled)
		count_refill(cache);
	return found;
}

struct chunk *pt_top_take(struct arena *arena, size_t bytes)
{
	struct chunk *chunk = arena->top;
	size_t all = chunk_bytes(chunk);

	if (all < bytes + CHUNK_MIN_BYTES)
		return NULL;
	arena->top = chunk_at(chunk, bytes);
	chunk_set_head(arena->top,
	               (all - bytes) | arena->not_main | PREV_IN_USE);
	chunk_set_head(chunk, bytes | arena->not_main | PREV_IN_USE);
	if ((char *)chunk_block(arena->top) > arena->fresh)
		arena->fresh = chunk_block(arena->top);
	return chunk;
}

/* ---- malloc --------------------------------------------------------------- */

/* From the unsorted list, the bins or the top; NULL: nothing fits. */
static struct chunk *search(struct arena *arena, size_t bytes,
                            struct tcache *cache)
{
	struct chunk *chunk;

	arena->stats.searches++;
	chunk = sort(arena, bytes, cache);
	if (chunk != NULL)
		return chunk;
	chunk = pt_bin_search(arena, bytes, &arena->stats.links);
	if (chunk != NULL)
		return take(arena, chunk, bytes);
	return pt_top_take(arena, bytes);
}

/*
 * New memory: a mapping for a large request, else a longer top.  Where the one
 * is refused the other is tried.
 */
static NOINLINE struct chunk *memory_take(struct arena *arena, size_t bytes)
{
	struct pt_heap *heap = arena->heap;
	bool is_large = bytes >= counter_read(&heap->mmap_threshold);
	struct chunk *chunk = NULL;

	if (is_large)
		chunk = pt_mapped_malloc(heap, bytes);
	if (chunk == NULL && pt_top_grow(arena, bytes)) {
		arena->in_use++;
		return pt_top_take(arena, bytes);
	}
	if (chunk == NULL && !is_large)
		chunk = pt_mapped_malloc(heap, bytes);
	return chunk;
}

struct chunk *pt_arena_malloc(struct arena *arena, size_t bytes,
                              struct tcache *cache)
{
	struct chunk *chunk = NULL;

	if (bytes <= arena->heap->fast_max_bytes)
		chunk = fast_take(arena, bytes, cache);
	if (chunk == NULL && bytes < LARGE_MIN_BYTES)
		chunk = small_take(arena, bytes, cache);
	if (bytes >= LARGE_MIN_BYTES)
		pt_fast_consolidate(arena);
	if (chunk == NULL)
		chunk = search(arena, bytes, cache);
	if (chunk == NULL && pt_fast_consolidate(arena))
		chunk = search(arena, bytes, cache);
	if (chunk == NULL)
		return memory_take(arena, bytes);
	arena->in_use++;
	return chunk;
}

/* ---- free ----------------------------------------------------------------- */

struct chunk *pt_arena_merge(struct arena *arena, struct chunk *chunk)
{
	struct chunk *next = chunk_after(chunk);
	size_t bytes = chunk_bytes(chunk);

	if (!chunk_prev_in_use(chunk)) { /* [free][this] => [-- free --] */
		chunk = chunk_before(chunk);
		bytes += chunk_bytes(chunk);
		pt_bin_remove(arena, chunk);
		arena->stats.merges++;
	}
	if (next == arena->top) { /* [this][top] => [-- top --] */
		chunk_set_head(chunk, (bytes + chunk_bytes(next)) |
		                              arena->not_main | PREV_IN_USE);
		arena->top = chunk;
		arena->stats.merges++;
		return chunk;
	}
	if (!chunk_in_use(next)) { /* [this][free] => [-- free --] */
		bytes += chunk_bytes(next);
		pt_bin_remove(arena, next);
		arena->stats.merges++;
	} else {
		chunk_unmark(next, PREV_IN_USE);
	}
	chunk_set_free(chunk, bytes, arena->not_main);
	pt_unsorted_push(arena, chunk);
	return chunk;
}

/* A long chunk became free: time to merge all there is, and to trim. */
static NOINLINE void tidy(struct arena *arena)
{
	struct pt_heap *heap = arena->heap;

	pt_fast_consolidate(arena);
	pt_spaces_drop(arena, heap->top_pad);
	if (chunk_bytes(arena->top) >= counter_read(&heap->trim_threshold))
		pt_top_trim(arena, heap->top_pad);
}

void pt_arena_free(struct arena *arena, struct chunk *chunk)
{
	arena->in_use--;
	if (chunk_bytes(chunk) <= arena->heap->fast_max_bytes) {
		fast_push(arena, chunk);
		return;
	}
	chunk = pt_arena_merge(arena, chunk);
	if (chunk_bytes(chunk) >= CONSOLIDATE_BYTES)
		tidy(arena);
}

/* ---- resizing ------------------------------------------------------------- */

/* [---- live ----] => [live][free] */
void pt_arena_cut_tail(struct arena *arena, struct chunk *chunk, size_t bytes)
{
	size_t rest = chunk_bytes(chunk) - bytes;
	struct chunk *tail = chunk_at(chunk, bytes);

	if (rest < CHUNK_MIN_BYTES)
		return;
	arena->stats.splits++;
	chunk_set_head(chunk, chunk_head(chunk) - rest);
	chunk_set_head(tail, rest | arena->not_main | PREV_IN_USE);
	arena->in_use++;
	pt_arena_free(arena, tail);
}

/*
 * [live][ top => [-- live --][ top; a longer top first if need be, where glibc
 * would move the block and leave a hole.  Large blocks move to a mapping.
 */
static bool extend_into_top(struct arena *arena, struct chunk *chunk,
                            size_t bytes)
{
	size_t more = bytes - chunk_bytes(chunk);

	if (chunk_bytes(arena->top) < more + CHUNK_MIN_BYTES &&
	    (bytes >= counter_read(&arena->heap->mmap_threshold) ||
	     !pt_top_extend(arena, more)))
		return false;
	pt_top_take(arena, more);
	chunk_set_head(chunk, chunk_head(chunk) + more);
	return true;
}

bool pt_arena_extend(struct arena *arena, struct chunk *chunk, size_t bytes)
{
	struct chunk *next = chunk_after(chunk);
	size_t all = chunk_bytes(chunk) + chunk_bytes(next);

	if (next == arena->top)
		return extend_into_top(arena, chunk, bytes);
	if (chunk_in_use(next) || all < bytes)
		return false;
	pt_bin_remove(arena, next); /* [live][free] => [-- live --][rest] */
	arena->stats.merges++;
	chunk_set_head(chunk, chunk_head(chunk) + chunk_bytes(next));
	chunk_mark(chunk_after(chunk), PREV_IN_USE);
	pt_arena_cut_tail(arena, chunk, bytes);
	return true;
}
