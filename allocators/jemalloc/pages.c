/*
 * pages.c - available runs of pages: best fit, splitting, merging.
 *
 * Idea.  What is not in use in an arena's chunks lies in available runs, as long
 * as they can be.  A request for pages takes the front of the smallest run that
 * is long enough, the lowest of equals; pages that come back merge with
 * available neighbours, which the page map finds: the entry just behind is
 * the first of a run, the entry just before the last of one, and both of these
 * hold the run's length.
 *
 *     before   | live | live  3 pages | available 5     5 |
 *     give       .      '--merged--------'
 *     after    | live | available 8                     8 |
 *
 *     take 2   | live | live | available 6              6 |
 *
 * The tree is ordered by (pages, address) and reaches over all chunks of the
 * arena.  Best fit leaves long runs long; the lowest address lets the higher
 * chunks drain, until they are wholly available and can go.
 *
 * Invariant, verified in check.c.
 *     I5  the tree holds each available run once, but for the spare chunk's
 *
 * Cost.     take, give  O(log runs), and O(pages) to set the map's entries
 * Threads.  Under the arena's lock.
 * Sources.  [Evans06]; the tree by size and address is [Evans11]'s.
 *
 * Read next: chunk.c, what lies under the pages.
 */
#include <errno.h>

#include "jemalloc.h"

static int compare(const struct je_avail *a, const struct je_avail *b)
{
	if (a->pages != b->pages)
		return a->pages < b->pages ? -1 : 1;
	return (a > b) - (a < b);
}

RB_GENERATE_INTERNAL(je_avail_tree, je_avail, link, compare, JE_TREE_FUNCTION)

/* ---- the tree ----------------------------------------------------------- */

struct je_avail *je_pages_search(const struct je_arena *arena, uint32_t pages,
                                 uint64_t *links)
{
	struct je_avail *at = RB_ROOT(&arena->avail), *found = NULL;

	while (at != NULL) {
		++*links;
		if (at->pages >= pages) {
			found = at;
			at = RB_LEFT(at, link);
		} else {
			at = RB_RIGHT(at, link);
		}
	}
	return found;
}

struct je_avail *je_pages_after(const struct je_arena *arena,
                                struct je_avail *run)
{
	struct je_avail_tree *tree = (struct je_avail_tree *)&arena->avail;

	return run == NULL ? RB_MIN(je_avail_tree, tree)
	                   : RB_NEXT(je_avail_tree, tree, run);
}

static void insert(struct je_arena *arena, struct je_avail *run)
{
	struct je_avail **link = &RB_ROOT(&arena->avail), *parent = NULL;
	uint64_t links = 0;

	while (*link != NULL) {
		parent = *link;
		links++;
		link = compare(run, parent) < 0 ? &RB_LEFT(parent, link)
		                                : &RB_RIGHT(parent, link);
	}
	RB_SET(run, parent, link);
	*link = run;
	je_avail_tree_RB_INSERT_COLOR(&arena->avail, run);
	counter_add(&arena->links, links);
}

/* Writes a run's length where the neighbours look for it. */
static void set_length(struct je_chunk *chunk, uint32_t page, uint32_t pages)
{
	const uint32_t states = ENTRY_BACKED | ENTRY_DIRTY;
	uint32_t number = pages << ENTRY_NUMBER_SHIFT;

	chunk->map[page] = (chunk->map[page] & states) | number;
	chunk->map[page + pages - 1] =
		(chunk->map[page + pages - 1] & states) | number;
}

static void insert_run(struct je_arena *arena, struct je_chunk *chunk,
                       uint32_t page, uint32_t pages)
{
	struct je_avail *run = je_node(arena->heap, chunk, page);

	if (pages == 0)
		return;
	set_length(chunk, page, pages);
	run->page = page;
	run->pages = pages;
	insert(arena, run);
}

static void remove_run(struct je_arena *arena, struct je_chunk *chunk,
                       uint32_t page)
{
	je_avail_tree_RB_REMOVE(&arena->avail,
	                        je_node(arena->heap, chunk, page));
}

/* ---- chunks ------------------------------------------------------------- */

void je_pages_init_chunk(struct je_arena *arena, struct je_chunk *chunk)
{
	const struct je_heap *heap = arena->heap;

	set_length(chunk, heap->header_pages,
	           heap->chunk_pages - heap->header_pages);
}

static void insert_chunk(struct je_arena *arena, struct je_chunk *chunk)
{
	const struct je_heap *heap = arena->heap;

	insert_run(arena, chunk, heap->header_pages,
	           heap->chunk_pages - heap->header_pages);
}

/* A chunk without live pages leaves the tree. */
static void retire_chunk(struct je_arena *arena, struct je_chunk *chunk)
{
	remove_run(arena, chunk, arena->heap->header_pages);
	je_chunk_set_spare(arena, chunk);
}

/* ---- take --------------------------------------------------------------- */

/* The pages [page, page + pages) leave the run that starts at `first`. */
static bool carve(struct je_arena *arena, struct je_chunk *chunk,
                  uint32_t first, uint32_t page, uint32_t pages)
{
	uint32_t end = first + je_entry_number(chunk->map[first]);
	uint32_t dirty = 0;

	remove_run(arena, chunk, first);
	insert_run(arena, chunk, first, page - first);
	insert_run(arena, chunk, page + pages, end - page - pages);
	counter_add(page - first + end - page - pages == 0 ? &arena->exact_fits
	                                                   : &arena->splits,
	            1);
	for (uint32_t i = page; i < page + pages; i++)
		dirty += (chunk->map[i] & ENTRY_DIRTY) != 0;
	chunk->live_pages += pages;
	chunk->backed_pages -= pages;
	chunk->dirty_pages -= dirty;
	counter_add(&arena->live_pages, pages);
	counter_add(&arena->backed_pages, (uint64_t)0 - pages);
	counter_add(&arena->dirty_pages, (uint64_t)0 - dirty);
	return dirty == 0;
}

/* A run of at least `pages` pages, in a chunk that may be opened for it. */
static struct je_avail *find_run(struct je_arena *arena, uint32_t pages)
{
	uint64_t links = 0;
	struct je_avail *run = je_pages_search(arena, pages, &links);

	counter_add(&arena->searches, 1);
	counter_add(&arena->links, links);
	if (run != NULL)
		return run;
	struct je_chunk *chunk = je_chunk_open(arena);
	if (chunk == NULL)
		return NULL;
	insert_chunk(arena, chunk);
	return je_node(arena->heap, chunk, arena->heap->header_pages);
}

static char *try_take(struct je_arena *arena, uint32_t pages, uint32_t align,
                      bool *fresh)
{
	bool had_spare = arena->spare != NULL;
	struct je_avail *run = find_run(arena, pages + align - 1);

	if (run == NULL)
		return NULL;
	struct je_chunk *chunk = je_chunk_of(arena->heap, run);
	uint32_t first = run->page;
	uint32_t page = (uint32_t)round_up(first, align);

	if (!je_chunk_back(arena, chunk, page, page + pages,
	                   first + run->pages)) {
		if (chunk->live_pages == 0)
			retire_chunk(arena, chunk);
		if (!had_spare)
			je_chunk_drop_spare(arena);
		errno = ENOMEM;
		return NULL;
	}
	*fresh = carve(arena, chunk, first, page, pages);
	return je_page_address(chunk, page);
}

char *je_pages_take(struct je_arena *arena, uint32_t pages, uint32_t align,
                    bool *fresh)
{
	char *start = try_take(arena, pages, align, fresh);

	if (start != NULL || counter_read(&arena->backed_pages) == 0)
		return start;
	je_purge_all(arena); /* the source is at its limit: make room */
	return try_take(arena, pages, align, fresh);
}

bool je_pages_are_available(const struct je_heap *heap,
                            const struct je_chunk *chunk, uint32_t page,
                            uint32_t end)
{
	return end <= heap->chunk_pages && page < end &&
	       !(chunk->map[page] & ENTRY_ALLOCATED) &&
	       page + je_entry_number(chunk->map[page]) >= end;
}

bool je_pages_take_behind(struct je_arena *arena, struct je_chunk *chunk,
                          uint32_t page, uint32_t end)
{
	if (!je_pages_are_available(arena->heap, chunk, page, end) ||
	    !je_chunk_back(arena, chunk, page, end,
	                   page + je_entry_number(chunk->map[page])))
		return false;
	carve(arena, chunk, page, page, end - page);
	return true;
}

/* ---- give --------------------------------------------------------------- */

static void mark_dirty(struct je_arena *arena, struct je_chunk *chunk,
                       uint32_t page, uint32_t pages)
{
	for (uint32_t i = page; i < page + pages; i++)
		chunk->map[i] = ENTRY_BACKED | ENTRY_DIRTY;
	if (chunk->dirty_pages == 0)
		chunk->dirty_since = ++arena->turns;
	chunk->live_pages -= pages;
	chunk->backed_pages += pages;
	chunk->dirty_pages += pages;
	counter_add(&arena->live_pages, (uint64_t)0 - pages);
	counter_add(&arena->backed_pages, pages);
	counter_add(&arena->dirty_pages, pages);
}

/* Joins pages that came back with the available runs beside them. */
static void merge(struct je_arena *arena, struct je_chunk *chunk, uint32_t page,
                  uint32_t pages)
{
	const struct je_heap *heap = arena->heap;
	uint32_t next = page + pages;

	if (next < heap->chunk_pages && !(chunk->map[next] & ENTRY_ALLOCATED)) {
		remove_run(arena, chunk, next);
		pages += je_entry_number(chunk->map[next]);
		counter_add(&arena->merges, 1);
	}
	if (page > heap->header_pages &&
	    !(chunk->map[page - 1] & ENTRY_ALLOCATED)) {
		uint32_t before = je_entry_number(chunk->map[page - 1]);
		page -= before;
		pages += before;
		remove_run(arena, chunk, page);
		counter_add(&arena->merges, 1);
	}
	insert_run(arena, chunk, page, pages);
}

void je_pages_give(struct je_arena *arena, struct je_chunk *chunk,
                   uint32_t page, uint32_t pages)
{
	mark_dirty(arena, chunk, page, pages);
	merge(arena, chunk, page, pages);
	if (chunk->live_pages == 0)
		retire_chunk(arena, chunk);
	je_purge(arena);
}
