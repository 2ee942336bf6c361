/*
 * arena.c - arenas, chunks and the memory behind their pages: every call that
 * the slab allocator makes to its page source, but for the heap's descriptor.
 */
#include "arena.h"

#include <errno.h>

/* An arena is no shorter, however little address space there is. */
enum { ARENA_LEAST_BYTES = 256 << 10 };

/* Bytes of the arena's struct with a page map of `entries`, in whole pages. */
static size_t map_bytes_for(size_t entries)
{
	return round_up(sizeof(struct arena) + entries * sizeof(struct page),
	                PAGE_BYTES);
}

static bool commit(struct kpages *pages, void *start, size_t bytes)
{
	if (!page_source_commit(pages->source, start, bytes))
		return false;
	pages->stats->grows++;
	return true;
}

static void purge(struct kpages *pages, void *start, size_t bytes)
{
	page_source_purge(pages->source, start, bytes);
	pages->stats->shrinks++;
}

/* ---- backed pages -------------------------------------------------------- */

size_t kpages_backed_run_end(const struct arena *arena, size_t from, size_t end)
{
	size_t to = from + 1;

	while (to < end && arena->page[to].backed == arena->page[from].backed)
		to++;
	return to;
}

size_t kpages_unback(struct kpages *pages, struct arena *arena, size_t from,
                     size_t end)
{
	size_t purged = 0;

	for (size_t to; from < end; from = to) {
		to = kpages_backed_run_end(arena, from, end);
		if (!arena->page[from].backed)
			continue;
		purge(pages, page_address(arena, from),
		      (to - from) << PAGE_LOG2);
		for (size_t i = from; i < to; i++)
			arena->page[i].backed = false;
		purged += to - from;
	}
	return purged;
}

long kpages_back(struct kpages *pages, struct arena *arena, size_t from,
                 size_t end)
{
	size_t start = from, before = 0, added = 0;

	for (size_t to; from < end; from = to) {
		to = kpages_backed_run_end(arena, from, end);
		if (arena->page[from].backed) {
			before += to - from;
			continue;
		}
		if (!commit(pages, page_address(arena, from),
		            (to - from) << PAGE_LOG2)) {
			size_t purged = kpages_unback(pages, arena, start, end);
			pages->free_backed -= purged - added;
			errno = ENOMEM;
			return -1;
		}
		for (size_t i = from; i < to; i++)
			arena->page[i].backed = true;
		added += to - from;
	}
	return (long)before;
}

/* ---- arenas -------------------------------------------------------------- */

/* New address space mostly lies above all arenas or below them: O(1) then. */
static void arena_insert(struct kpages *pages, struct arena *arena)
{
	struct arena *above = TAILQ_FIRST(&pages->arenas);
	struct arena *highest = TAILQ_LAST(&pages->arenas, arena_list);

	if (highest == NULL || highest < arena) {
		TAILQ_INSERT_TAIL(&pages->arenas, arena, by_address);
		return;
	}
	while (above < arena)
		above = TAILQ_NEXT(above, by_address);
	TAILQ_INSERT_BEFORE(above, arena, by_address);
}

/*
 * Reserves `count` pages, or fewer where it must be, but at least `least`, and
 * commits a map of the first `entries` of them.
 */
static struct arena *arena_map(struct kpages *pages, size_t count, size_t least,
                               size_t entries)
{
	size_t bytes = count << PAGE_LOG2;
	struct arena *arena = page_source_reserve_some(pages->source, 0, &bytes,
	                                               least << PAGE_LOG2,
	                                               pages->arena_bytes);

	if (arena == NULL)
		return NULL;
	if (!commit(pages, arena, map_bytes_for(entries))) {
		page_source_release(pages->source, arena, bytes);
		errno = ENOMEM;
		return NULL;
	}
	arena->pages = bytes >> PAGE_LOG2;
	arena->map_bytes = map_bytes_for(entries);
	arena_insert(pages, arena);
	return arena;
}

void kpages_arena_unmap(struct kpages *pages, struct arena *arena)
{
	size_t reserved = arena->pages << PAGE_LOG2;

	TAILQ_REMOVE(&pages->arenas, arena, by_address);
	if (pages->open == arena)
		pages->open = NULL;
	purge(pages, arena, arena->map_bytes);
	page_source_release(pages->source, arena, reserved);
}

/*
 * The map is about a hundredth of an arena and runs begin at multiples of their
 * order: four times the run is enough.
 */
static size_t least_pages(const struct kpages *pages, size_t run)
{
	size_t least = (size_t)4 << log2_ceil(run);
	size_t most = pages->arena_bytes >> PAGE_LOG2;

	if (least < ARENA_LEAST_BYTES >> PAGE_LOG2)
		least = ARENA_LEAST_BYTES >> PAGE_LOG2;
	return least < most ? least : most;
}

struct arena *kpages_arena_new(struct kpages *pages, size_t run)
{
	struct arena *arena = arena_map(pages, pages->arena_bytes >> PAGE_LOG2,
	                                least_pages(pages, run), 1);

	if (arena == NULL)
		return NULL;
	arena->first = map_bytes_for(arena->pages) >> PAGE_LOG2;
	arena->top = arena->first;
	return arena;
}

bool kpages_arena_extend_map(struct kpages *pages, struct arena *arena,
                             size_t end)
{
	size_t needed = map_bytes_for(end);

	if (needed <= arena->map_bytes)
		return true;
	if (!commit(pages, (char *)arena + arena->map_bytes,
	            needed - arena->map_bytes))
		return false;
	arena->map_bytes = needed;
	return true;
}

void kpages_arena_cut_map(struct kpages *pages, struct arena *arena)
{
	size_t needed = map_bytes_for(arena->top);

	if (needed == arena->map_bytes)
		return;
	purge(pages, (char *)arena + needed, arena->map_bytes - needed);
	arena->map_bytes = needed;
}

/* ---- chunks -------------------------------------------------------------- */

struct page *kpages_chunk_map(struct kpages *pages, size_t count, size_t align)
{
	if (align << PAGE_LOG2 >= pages->arena_bytes) {
		errno = ENOMEM;
		return NULL;
	}
	struct arena *chunk =
		arena_map(pages, align + count, align + count, align + 1);
	if (chunk == NULL)
		return NULL;
	if (!commit(pages, page_address(chunk, align), count << PAGE_LOG2)) {
		kpages_arena_unmap(pages, chunk);
		errno = ENOMEM;
		return NULL;
	}
	chunk->is_chunk = true;
	chunk->first = align;
	chunk->top = chunk->pages;
	chunk->used = count;
	chunk->page[align].backed = true;
	chunk->page[align].fresh = true;
	return &chunk->page[align];
}

void kpages_chunk_cut(struct kpages *pages, struct arena *chunk, size_t count)
{
	size_t bytes = count << PAGE_LOG2;
	char *tail = page_address(chunk, chunk->pages - count);

	purge(pages, tail, bytes);
	if (count == chunk->used) {
		kpages_arena_unmap(pages, chunk);
		return;
	}
	page_source_release(pages->source, tail, bytes);
	chunk->pages -= count;
	chunk->top -= count;
	chunk->used -= count;
}
