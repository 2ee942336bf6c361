/*
 * ptmalloc.c - the design of glibc 2.31's malloc: best fit with boundary tags,
 * in arenas, behind a cache for each thread.
 *
 * Idea.  Doug Lea's malloc is best fit made cheap: boundary tags that cost 8
 * bytes, bins by size, and laziness wherever a chunk is likely to be wanted
 * again as it is.  Gloger gave each thread an arena of its own to run it in, with
 * a lock; glibc put a small cache in front that needs none.
 *
 *     malloc(100)                                      free(block)
 *        |                                                |
 *     thread cache   7 blocks of each size to 1032     thread cache   no lock
 *        | empty                                          | full
 *     ---+------------------ arena's lock ----------------+------------------
 *     fast bins      to 120 bytes, not merged          fast bins
 *     unsorted list  one chance                        merge, unsorted list
 *     small bins     one size each                        or top
 *     large bins     sorted
 *     top            the end of the heap
 *     ---+------------------------------------------------+------------------
 *     page source    the main arena: one region that grows; other arenas: heaps
 *                    of 64 MiB, committed bit by bit; large chunks: mappings
 *
 * A heap with two threads:
 *
 *     | pt_heap, main arena | tcache 1 | chunks ...     | top |     one region
 *     | space | arena 2 | tcache 2 | chunks ... | top |.......|     64 MiB
 *     | links, tags | one large block |                             a mapping
 *
 * Words.
 *     chunk    a piece of an arena, live or free               chunk.h
 *     arena    bins, a top and a lock; not this lab's page source of that name
 *     top      the last chunk of an arena, in no bin: what is not used yet
 *     space    64 MiB of addresses of a thread arena           heaps.c
 *     mapped   of a chunk: a mapping of its own                mapped.c
 *
 * Invariants, verified one by one in check.c.
 *     I1   chunks follow each other from the first one of a heap to its top or
 *          fence exactly; each has a multiple of 16 bytes, 32 at least
 *     I2   bit P of a chunk is clear <=> the chunk before is free for merging;
 *          prev_bytes then says how long that is, and it has no free neighbour
 *     I3-I5  bins.c        I6  fast.c, also for thread caches
 *     I7   what an arena counts (chunks in use, free bytes by tier, committed
 *          and fixed bytes) is so
 *     I8   heaps.c         I9  mapped.c         I10  threads.c
 *     I11  all heaps and mappings together are what the source has committed
 *
 * Cost.     malloc, free  20, 21 instructions from, to the thread cache
 *           metadata      8 bytes a chunk, 3.2 KiB a thread: arena, cache
 *           rounding      to 16 bytes less 8: 24, 40, 56, ...
 *           waste         holes too small for what is asked, a top and caches
 *                         for each thread
 * Threads.  Many.  Locks and their order: ptmalloc.h.
 * Sources.  [Lea], [Gloger06], [glibc], [glibcWiki].
 *
 * Files, in the order to read them.
 *     ptmalloc.c, chunk.h, ptmalloc.h  the contract and the fast path; chunks
 *     bins.c, fast.c, bins.h           where free chunks wait
 *     arena.c                          malloc and free in one arena
 *     heaps.c, mapped.c                where memory comes from
 *     threads.c                        arenas and threads
 *     walk.c, usage.c, explain.c       the heap for the harness, the stepper
 *     check.c, diagnose.c              the invariants; a caller's mistakes
 *     knobs.c                          what can be set
 *
 * Read next: chunk.h.
 */
#include "bins.h"

#include <errno.h>
#include <string.h>

#include "../common/misuse.h"
#include "../common/unattached.h"

/* ---- create and destroy --------------------------------------------------- */

static struct heap *pt_create(const struct knob_values *values,
                              struct page_source *pages,
                              const char *single_thread)
{
	size_t bytes = round_up(sizeof(struct pt_heap) + 2 * CHUNK_MIN_BYTES,
	                        PAGE_BYTES);
	struct pt_heap *heap = page_source_grow(pages, bytes);

	if (heap == NULL)
		return NULL;
	heap->pages = pages; /* the rest of it is zero */
	heap->single_thread = single_thread;
	pt_set_knobs(heap, values);
	ring_init(&heap->mapped.chunks);
	pt_main_open(heap, bytes);
	heap->list.arenas = 1;
	heap->list.next_to_share = &heap->main;
	heap->list.free_arenas = &heap->main;
	return (struct heap *)heap;
}

static void pt_destroy(struct heap *heap)
{
	struct pt_heap *self = pt_of(heap);
	struct arena *arena = self->main.next, *next;

	while (!ring_is_empty(&self->mapped.chunks))
		pt_mapped_free(self, mapped_chunk(self->mapped.chunks.next));
	for (; arena != &self->main; arena = next) {
		next = arena->next;
		pt_arena_close(arena);
	}
	page_source_shrink(self->pages, self->main.committed_bytes);
}

static_assert(offsetof(struct tcache, heap) + sizeof(struct pt_heap *) <=
                      UNATTACHED_BYTES,
              "a handle of no heap has empty bins without room");

/* ---- malloc --------------------------------------------------------------- */

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

/* A block, and what is known of it. */
struct answer {
	struct chunk *chunk;
	char *fresh; /* bytes of its heap from here on were never used */
};

static struct answer ask(struct arena *arena, size_t bytes,
                         struct tcache *cache)
{
	struct answer answer = {.fresh = arena->fresh};

	answer.chunk = pt_arena_malloc(arena, bytes, cache);
	arena_unlock(arena);
	return answer;
}

/* A chunk from the thread's arena, or from another if that has no memory. */
static struct answer ask_arenas(struct tcache *cache, size_t bytes)
{
	struct arena *arena = arena_take(cache), *other;
	struct answer answer = ask(arena, bytes, cache);

	if (answer.chunk != NULL || (other = pt_arena_retry(arena)) == NULL)
		return answer;
	arena_lock(other);
	return ask(other, bytes, cache);
}

static NOINLINE void *malloc_from_arena(struct tcache *cache, size_t size)
{
	if (cache->heap == NULL)
		return unattached_malloc(size);
	if (size > PTRDIFF_MAX)
		return no_memory();
	struct answer answer = ask_arenas(cache, chunk_bytes_for(size));
	return answer.chunk == NULL ? NULL : chunk_block(answer.chunk);
}

/*
 * The bin of a request: 0..24 -> 0, 25..40 -> 1, ... 1017..1032 -> 63; what is
 * too large, SIZE_MAX included, gets a number of CACHE_BINS or more.
 */
static inline size_t request_bin(size_t size)
{
	size_t least = CHUNK_MIN_BYTES - TAG_BYTES;
	size_t bytes = (size < least ? least : size) + TAG_BYTES - 1;

	return bytes / CHUNK_ALIGN - 1;
}

static void *pt_malloc(struct thread_heap *self, size_t size)
{
	struct tcache *cache = tcache_of(self);
	size_t bin = request_bin(size);

	if (unlikely(bin >= CACHE_BINS || cache->bins[bin] == NULL))
		return malloc_from_arena(cache, size);
	return cache_pop(cache, bin);
}

/* Clears what may have been used: all but what lies above the heap's fresh. */
static void *clear(const struct answer *answer, size_t size)
{
	char *block = chunk_block(answer->chunk);

	if (chunk_is_mapped(answer->chunk))
		return block;
	if (space_of(answer->fresh - 1) != space_of(block) &&
	    chunk_head(answer->chunk) & NOT_MAIN)
		return memset(block, 0, size);
	if (answer->fresh < block + size)
		size = answer->fresh < block ? 0
		                             : (size_t)(answer->fresh - block);
	return memset(block, 0, size);
}

static void *pt_zero_malloc(struct thread_heap *self, size_t size)
{
	struct tcache *cache = tcache_of(self);
	size_t bin = request_bin(size);

	if (bin < CACHE_BINS && cache->bins[bin] != NULL)
		return memset(cache_pop(cache, bin), 0, size);
	if (size > PTRDIFF_MAX)
		return no_memory();
	struct answer answer = ask_arenas(cache, chunk_bytes_for(size));
	return answer.chunk == NULL ? NULL : clear(&answer, size);
}

/* ---- aligned -------------------------------------------------------------- */

/* The least of a chunk to be cut off so that its block is aligned: or 0. */
static size_t lead_bytes(const struct chunk *chunk, size_t align)
{
	size_t block = (size_t)chunk_block(chunk);
	size_t lead = round_up(block, align) - block;

	if (lead > 0 && lead < CHUNK_MIN_BYTES && !chunk_is_mapped(chunk))
		lead += align;
	return lead;
}

/* [---- live ----] => [free][live][free]; under the arena's lock. */
static struct chunk *cut_both_ends(struct arena *arena, struct chunk *chunk,
                                   size_t lead, size_t bytes)
{
	struct chunk *aligned = chunk_at(chunk, lead);
	size_t all = chunk_bytes(chunk);

	if (lead > 0) {
		chunk_set_head(aligned,
		               (all - lead) | arena->not_main | PREV_IN_USE);
		chunk_set_head(chunk, chunk_head(chunk) - (all - lead));
		arena->stats.splits++;
		arena->in_use++;
		pt_arena_free(arena, chunk);
	}
	pt_arena_cut_tail(arena, aligned, bytes);
	return aligned;
}

/* From one arena, which is locked and is not when this returns. */
static struct chunk *ask_aligned(struct arena *arena, size_t align,
                                 size_t bytes)
{
	struct chunk *chunk =
		pt_arena_malloc(arena, bytes + align + CHUNK_MIN_BYTES, NULL);

	if (chunk != NULL) {
		size_t lead = lead_bytes(chunk, align);
		chunk = chunk_is_mapped(chunk)
		                ? pt_mapped_shift(arena->heap, chunk, lead)
		                : cut_both_ends(arena, chunk, lead, bytes);
	}
	arena_unlock(arena);
	return chunk;
}

static void *pt_aligned_malloc(struct thread_heap *self, size_t align,
                               size_t size)
{
	if (align <= MALLOC_ALIGN_BYTES)
		return pt_malloc(self, size);
	if (size > PTRDIFF_MAX - align - 2 * CHUNK_MIN_BYTES)
		return no_memory();
	size_t bytes = chunk_bytes_for(size);
	struct arena *arena = arena_take(tcache_of(self)), *other;
	struct chunk *chunk = ask_aligned(arena, align, bytes);
	if (chunk == NULL && (other = pt_arena_retry(arena)) != NULL) {
		arena_lock(other);
		chunk = ask_aligned(other, align, bytes);
	}
	return chunk == NULL ? NULL : chunk_block(chunk);
}

/* ---- free ----------------------------------------------------------------- */

static NOINLINE void free_to_arena(struct tcache *cache, void *block)
{
	struct chunk *chunk = block_chunk(block);

	if (cache->heap == NULL) {
		unattached_free(block);
		return;
	}
	if (chunk_is_mapped(chunk)) {
		pt_mapped_free(cache->heap, chunk);
		return;
	}
	struct arena *arena = chunk_arena(cache->heap, chunk);
	arena_lock(arena);
	pt_arena_free(arena, chunk);
	arena_unlock(arena);
}

/* The block's second word is the key: freed twice, or by chance. */
static NOINLINE void free_suspect(struct tcache *cache, void *block, size_t bin)
{
	pt_require_uncached(cache, block, bin);
	cache_push(cache, bin, block);
}

static void pt_free(struct thread_heap *self, void *block)
{
	struct tcache *cache = tcache_of(self);

	if (unlikely(block == NULL))
		return;
	if (CHECKED && cache->heap != NULL)
		pt_require_live(cache->heap, block, "free");
	size_t bin = cache_bin(chunk_head(block_chunk(block)));
	if (unlikely(bin >= CACHE_BINS || cache_room(cache, bin) == 0)) {
		free_to_arena(cache, block);
		return;
	}
	if (unlikely(((struct entry *)block)->key == cache)) {
		free_suspect(cache, block, bin);
		return;
	}
	cache_push(cache, bin, block);
}

/* ---- realloc -------------------------------------------------------------- */

/* Resizes a chunk of an arena where it is; false if it has to move. */
static bool resize_in_arena(struct pt_heap *heap, struct chunk *chunk,
                            size_t bytes)
{
	struct arena *arena = chunk_arena(heap, chunk);
	bool stays = true;

	if (chunk_bytes(chunk) - bytes < CHUNK_MIN_BYTES) /* not if longer */
		return true;
	arena_lock(arena);
	if (chunk_bytes(chunk) >= bytes)
		pt_arena_cut_tail(arena, chunk, bytes);
	else
		stays = pt_arena_extend(arena, chunk, bytes);
	arena_unlock(arena);
	return stays;
}

/* A new block with the contents of the old, which has `usable` bytes. */
static NOINLINE void *move(struct tcache *cache, void *block, size_t usable,
                           size_t size)
{
	struct thread_heap *self = (struct thread_heap *)cache;
	void *moved = pt_malloc(self, size);

	if (moved == NULL)
		return NULL;
	memcpy(moved, block, usable < size ? usable : size);
	counter_add(&cache->moves, 1);
	pt_free(self, block);
	return moved;
}

static void *pt_realloc(struct thread_heap *self, void *block, size_t size)
{
	struct tcache *cache = tcache_of(self);

	if (block == NULL)
		return pt_malloc(self, size);
	if (CHECKED)
		pt_require_live(cache->heap, block, "realloc");
	if (size > PTRDIFF_MAX)
		return no_memory();
	struct chunk *chunk = block_chunk(block);
	size_t bytes = chunk_bytes_for(size), usable = chunk_usable(chunk);

	if (chunk_is_mapped(chunk)) {
		chunk = pt_mapped_resize(cache->heap, chunk, bytes);
		if (chunk != NULL)
			return chunk_block(chunk);
	} else if (resize_in_arena(cache->heap, chunk, bytes)) {
		return block;
	}
	return move(cache, block, usable, size);
}

/* ---- the rest of the contract --------------------------------------------- */

static size_t pt_usable_size(struct heap *heap, const void *block)
{
	if (CHECKED)
		pt_require_live(pt_of(heap), block, "usable_size");
	return chunk_usable(block_chunk(block));
}

static size_t trim_arena(struct arena *arena)
{
	arena_lock(arena);
	pt_fast_consolidate(arena);
	size_t bytes = pt_spaces_drop(arena, 0);
	bytes += pt_top_trim(arena, 0);
	pt_bins_drop_pages(arena); /* they stay committed: not counted */
	arena_unlock(arena);
	return bytes;
}

static size_t pt_trim(struct heap *heap)
{
	struct pt_heap *self = pt_of(heap);
	struct arena *arena = &self->main;
	size_t bytes = 0;

	list_lock(self); /* the ring may not grow meanwhile */
	do
		bytes += trim_arena(arena);
	while ((arena = arena->next) != &self->main);
	list_unlock(self);
	return bytes;
}

const struct allocator ptmalloc_allocator = {
	.name = "ptmalloc",
	.summary =
		"the design of glibc 2.31: boundary tags, bins, arenas, tcache",
	.source = "glibc",
	.knobs = pt_knobs,
	.has_locks = true,
	.knows_unattached = true,
	.create = pt_create,
	.destroy = pt_destroy,
	.attach = pt_attach,
	.detach = pt_detach,
	.malloc = pt_malloc,
	.zero_malloc = pt_zero_malloc,
	.aligned_malloc = pt_aligned_malloc,
	.realloc = pt_realloc,
	.free = pt_free,
	.usable_size = pt_usable_size,
	.trim = pt_trim,
	.stats = pt_stats,
	.usage = pt_usage,
	.fork_prepare = pt_fork_prepare,
	.fork_parent = pt_fork_parent,
	.fork_child = pt_fork_child,
	.walk = pt_walk,
	.check = pt_check,
	.free_lists = pt_free_lists,
	.explain = pt_explain,
};
