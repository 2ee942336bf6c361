/*
 * heaps.c - the memory of arenas: one region for the main arena, a chain of
 * aligned heaps for each other one.
 *
 * Idea.  The source has one contiguous region, which can only belong to one
 * arena: the main one grows and shrinks there, as with sbrk.  Every other arena
 * lives in heaps: 64 MiB of address space each, at a multiple of 64 MiB, of
 * which only the front is committed.  So the arena of a chunk is found without a
 * table: bit A of its head tells whether to look, and masking its address gives
 * its heap, which names the arena.
 *
 *     main:    | pt_heap, main arena | chunks ...                | top  |
 *
 *     thread:  0                                                   64 MiB
 *      space 1 | space, arena | chunks ...              | fence |......|
 *      space 2 | space | chunks ...  | top | reserved, not committed ..|
 *                 |
 *                 '-- before --> space 1            arena->top: in space 2
 *
 * Only the last heap has a top.  When it cannot grow any more, a fence is put at
 * its end, two tags that look like chunks in use, so that nothing merges beyond:
 *
 *     ...| old top                       |
 *     ...| free              |16 |P| 0 |P|      the rest of it is free
 *
 * Where address space is limited a space may get less than 64 MiB; it begins at a
 * multiple of 64 MiB all the same.
 *
 * When all of a later heap has merged into its top, the heap goes back, the
 * fence before it is taken down, and what is free there becomes the top again.
 *
 * Words.
 *     space   one heap of a thread arena (glibc: heap_info); the word `heap` is
 *             taken in this lab
 *     fence   glibc: fencepost chunks
 *     pad     bytes that a top is given beyond what it needs, and left with
 *
 * Invariants, verified in check.c.
 *     I8  bit A is set in all chunks of a space and in none of the main arena; a
 *         space begins at a multiple of 64 MiB and names its arena
 *
 * Cost.     a call to the source for every `top_pad` bytes
 * Threads.  Under the arena's lock; open and close have the arena to themselves.
 * Sources.  [Gloger06] heaps of a thread arena, found by masking; [glibc]
 *           sysmalloc, systrim, new_heap, heap_trim.
 *
 * Read next: mapped.c.
 */
#include <errno.h>

#include "bins.h"

enum {
	SPACE_MIN_BYTES = 32 << 10, /* committed at first, at least [glibc]  */
	FENCE_TAIL_BYTES = 16,      /* the second tag of a fence             */
	FENCE_BYTES = 32,           /* the shortest fence                    */
};

/* ---- where chunks begin and end ------------------------------------------- */

struct chunk *pt_first_chunk(const struct arena *arena,
                             const struct thread_space *space)
{
	const void *fixed_end = arena + 1;

	if (space != NULL && (const void *)arena != (const void *)(space + 1))
		fixed_end = space + 1;
	return (struct chunk *)round_up((size_t)fixed_end, CHUNK_ALIGN);
}

struct thread_space *pt_last_space(const struct arena *arena)
{
	return arena->not_main ? space_of(arena->top) : NULL;
}

/* Makes [chunk, end) the top, fresh memory but for `chunk` itself. */
static void set_top(struct arena *arena, struct chunk *chunk, const char *end)
{
	size_t bytes = (size_t)(end - (char *)chunk);

	chunk_set_head(chunk, bytes | arena->not_main | PREV_IN_USE);
	arena->top = chunk;
}

static void count_committed(struct arena *arena, size_t bytes)
{
	arena->committed_bytes += bytes;
	arena->stats.grows++;
}

static void arena_init(struct arena *arena, struct pt_heap *heap,
                       size_t not_main)
{
	arena->heap = heap;
	arena->not_main = not_main;
	pt_bins_init(arena);
}

void pt_main_open(struct pt_heap *heap, size_t committed_bytes)
{
	struct arena *arena = &heap->main;
	struct chunk *first = pt_first_chunk(arena, NULL);
	char *end = (char *)heap + committed_bytes;

	arena_init(arena, heap, 0);
	set_top(arena, first, end);
	arena->fresh = chunk_block(first);
	arena->committed_bytes = committed_bytes;
	arena->fixed_bytes = (size_t)((char *)&first->head - (char *)heap);
	arena->next = arena;
}

/* ---- spaces --------------------------------------------------------------- */

/*
 * A space with room for its own tags, `extra` bytes of structures, a chunk of
 * `bytes` and a top, and `pad` more where possible.  NULL with ENOMEM.
 */
static struct thread_space *space_open(struct page_source *pages, size_t extra,
                                       size_t bytes, size_t pad)
{
	size_t need = sizeof(struct thread_space) + extra + CHUNK_ALIGN +
	              bytes + CHUNK_MIN_BYTES;

	if (need > THREAD_SPACE_BYTES) {
		errno = ENOMEM;
		return NULL;
	}
	need = need + pad < THREAD_SPACE_BYTES ? need + pad
	                                       : THREAD_SPACE_BYTES;
	if (need < SPACE_MIN_BYTES)
		need = SPACE_MIN_BYTES;
	need = round_up(need, PAGE_BYTES);
	size_t reserved = THREAD_SPACE_BYTES;
	struct thread_space *space = page_source_reserve_some(
		pages, 0, &reserved, need, THREAD_SPACE_BYTES);
	if (space == NULL)
		return NULL;
	if (!page_source_commit(pages, space, need)) {
		page_source_release(pages, space, reserved);
		errno = ENOMEM;
		return NULL;
	}
	space->reserved_bytes = reserved;
	space->committed_bytes = need;
	return space;
}

static void space_close(struct page_source *pages, struct thread_space *space)
{
	size_t reserved = space->reserved_bytes;

	page_source_purge(pages, space, space->committed_bytes);
	page_source_release(pages, space, reserved);
}

static char *space_end(const struct thread_space *space)
{
	return (char *)space + space->committed_bytes;
}

/* Lets the arena's chunks go on in a new, empty space. */
static void space_begin(struct arena *arena, struct thread_space *space)
{
	space->arena = arena;
	struct chunk *first = pt_first_chunk(arena, space);
	set_top(arena, first, space_end(space));
	arena->fresh = chunk_block(first);
	arena->fixed_bytes += (size_t)((char *)&first->head - (char *)space);
	count_committed(arena, space->committed_bytes);
}

struct arena *pt_arena_open(struct pt_heap *heap)
{
	struct thread_space *space =
		space_open(heap->pages, sizeof(struct arena), 0, heap->top_pad);

	if (space == NULL)
		return NULL;
	struct arena *arena = (struct arena *)(space + 1);
	arena_init(arena, heap, NOT_MAIN);
	space_begin(arena, space);
	return arena;
}

void pt_arena_close(struct arena *arena)
{
	struct page_source *pages = arena->heap->pages;
	struct thread_space *space = pt_last_space(arena), *before;

	for (; space != NULL; space = before) {
		before = space->before; /* the first one holds the arena */
		space_close(pages, space);
	}
}

/*
 * Ends a space that is to have a follower: its top becomes a fence and, if it is
 * long enough, a free chunk before that.
 */
static void fence_raise(struct arena *arena)
{
	struct thread_space *space = pt_last_space(arena);
	struct chunk *top = arena->top;
	struct chunk *tail =
		(struct chunk *)(space_end(space) - FENCE_TAIL_BYTES);
	size_t bytes = chunk_bytes(top) - FENCE_BYTES;
	struct chunk *fence =
		bytes < CHUNK_MIN_BYTES ? top : chunk_at(top, bytes);

	space->fence_bytes = (size_t)(space_end(space) - (char *)fence);
	arena->fixed_bytes += space->fence_bytes - TAG_BYTES;
	tail->prev_bytes = space->fence_bytes - FENCE_TAIL_BYTES;
	chunk_set_head(tail, PREV_IN_USE);
	chunk_set_head(fence, tail->prev_bytes | NOT_MAIN | PREV_IN_USE);
	if (fence != top) {
		chunk_set_head(top, bytes | NOT_MAIN | PREV_IN_USE);
		pt_arena_merge(arena, top);
	}
}

/* The chain's last space is `space`, the fence at its end is in the way. */
static void fence_lower(struct arena *arena, struct thread_space *space)
{
	struct chunk *fence =
		(struct chunk *)(space_end(space) - space->fence_bytes);

	if (!chunk_prev_in_use(fence)) { /* [free][fence] => [-- top --] */
		fence = chunk_before(fence);
		pt_bin_remove(arena, fence);
		arena->stats.merges++;
	}
	arena->fixed_bytes -= space->fence_bytes - TAG_BYTES;
	space->fence_bytes = 0;
	set_top(arena, fence, space_end(space));
	arena->fresh = space_end(space);
}

/* ---- growing -------------------------------------------------------------- */

/* Asks for `need` and `pad` more, then for `need` alone. */
static size_t main_grow(struct arena *arena, size_t need, size_t pad)
{
	struct page_source *pages = arena->heap->pages;
	size_t wish = round_up(need + pad, PAGE_BYTES);

	need = round_up(need, PAGE_BYTES);
	if (page_source_grow(pages, wish) != NULL)
		return wish;
	if (wish > need && page_source_grow(pages, need) != NULL)
		return need;
	return 0;
}

static size_t space_grow(struct arena *arena, size_t need, size_t pad)
{
	struct page_source *pages = arena->heap->pages;
	struct thread_space *space = pt_last_space(arena);
	size_t room = space->reserved_bytes - space->committed_bytes;
	size_t wish = round_up(need + pad, PAGE_BYTES);

	need = round_up(need, PAGE_BYTES);
	if (need > room)
		return 0;
	if (wish > room)
		wish = room;
	if (!page_source_commit(pages, space_end(space), wish)) {
		if (wish == need ||
		    !page_source_commit(pages, space_end(space), need))
			return 0;
		wish = need;
	}
	space->committed_bytes += wish;
	return wish;
}

bool pt_top_extend(struct arena *arena, size_t bytes)
{
	size_t need = bytes + CHUNK_MIN_BYTES - chunk_bytes(arena->top);
	size_t pad = arena->heap->top_pad;
	size_t more = arena->not_main ? space_grow(arena, need, pad)
	                              : main_grow(arena, need, pad);

	if (more == 0)
		return false;
	chunk_set_head(arena->top, chunk_head(arena->top) + more);
	count_committed(arena, more);
	return true;
}

bool pt_top_grow(struct arena *arena, size_t bytes)
{
	struct pt_heap *heap = arena->heap;

	if (bytes > PTRDIFF_MAX - heap->top_pad - PAGE_BYTES) {
		errno = ENOMEM;
		return false;
	}
	if (pt_top_extend(arena, bytes))
		return true;
	if (!arena->not_main)
		return false;
	struct thread_space *space =
		space_open(heap->pages, 0, bytes, heap->top_pad);
	if (space == NULL)
		return false;
	space->before = pt_last_space(arena);
	fence_raise(arena);
	space_begin(arena, space);
	return true;
}

/* ---- shrinking ------------------------------------------------------------ */

size_t pt_top_trim(struct arena *arena, size_t pad)
{
	struct page_source *pages = arena->heap->pages;
	size_t keep = CHUNK_MIN_BYTES + pad;

	if (chunk_bytes(arena->top) <= keep)
		return 0;
	size_t bytes = round_down(chunk_bytes(arena->top) - keep, PAGE_BYTES);
	if (bytes == 0)
		return 0;
	char *end = (char *)chunk_after(arena->top) - bytes;
	if (arena->not_main) {
		page_source_purge(pages, end, bytes);
		space_of(end - 1)->committed_bytes -= bytes;
	} else {
		page_source_shrink(pages, bytes);
	}
	chunk_set_head(arena->top, chunk_head(arena->top) - bytes);
	if (arena->fresh > end)
		arena->fresh = end;
	arena->committed_bytes -= bytes;
	arena->stats.shrinks++;
	return bytes;
}

/* What the space before could still serve, once this one is gone. */
static size_t room_before(const struct thread_space *before)
{
	const struct chunk *fence =
		(const struct chunk *)(space_end(before) - before->fence_bytes);
	size_t room = before->fence_bytes +
	              (before->reserved_bytes - before->committed_bytes);

	if (!chunk_prev_in_use(fence))
		room += fence->prev_bytes;
	return room;
}

size_t pt_spaces_drop(struct arena *arena, size_t pad)
{
	struct thread_space *space = pt_last_space(arena);
	size_t bytes = 0;

	while (space != NULL && space->before != NULL &&
	       arena->top == pt_first_chunk(arena, space) &&
	       room_before(space->before) >=
	               pad + CHUNK_MIN_BYTES + PAGE_BYTES) {
		struct thread_space *before = space->before;
		arena->fixed_bytes -=
			(size_t)((char *)&arena->top->head - (char *)space);
		arena->committed_bytes -= space->committed_bytes;
		arena->stats.shrinks++;
		bytes += space->committed_bytes;
		space_close(arena->heap->pages, space);
		fence_lower(arena, before);
		space = before;
	}
	return bytes;
}
