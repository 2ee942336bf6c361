/*
 * chunk.c - chunks: address space in pieces of 4 MiB, and the memory in them.
 *
 * Idea.  A chunk is aligned to its size, so that any address in it leads to its
 * head by clearing bits, and from there to the entry of its page:
 *
 *     block & ~(chunk - 1)
 *     |
 *     +--------+---------+----------------+-----+-----+-----------+-------+
 *     | struct | map[]   | nodes[]        | run | run | available | run   |
 *     +--------+---------+----------------+-----+-----+-----------+-------+
 *     '----------- header_pages ----------' ^ the page header_pages
 *
 * Only what is needed has memory.  Of the header that is the struct, the map and
 * the nodes up to the highest page that was ever in a run; of the pages, those
 * in runs and those that were.  A page that is available is
 *
 *     uncommitted  never used, or purged             costs nothing
 *     clean        committed ahead of use, zero      a kernel call for many runs
 *     dirty        was in a run                      reused before it is purged
 *
 * and any two may lie side by side in one available run.
 *
 * Each arena keeps one wholly available chunk, the spare, with what memory it
 * has: a program that swings around a chunk's border does not map and unmap.
 *
 * Invariants, verified in check.c.
 *     I1  runs, live and available, tile a chunk's pages behind its header
 *     I2  no two available runs are neighbours
 *     I3  the counts of live, committed and dirty pages are those of the map,
 *         and pages in live runs are committed
 *     I4  the spare chunk is wholly available and not in the tree
 *
 * Cost.     a chunk     one reservation, one commit; 1.1 % of it is header
 * Threads.  Under the arena's lock.
 * Sources.  [Evans06], [Evans11]; commit on demand is ours: the original
 *           leaves it to the kernel's page faults.
 *
 * Read next: large.c.
 */
#include <errno.h>

#include "jemalloc.h"

enum { AHEAD_SHARE = 16 }; /* of the live pages may be committed ahead */

static int compare(const struct je_chunk *a, const struct je_chunk *b)
{
	return (a > b) - (a < b);
}

RB_GENERATE(je_chunk_tree, je_chunk, link, compare)

static bool commit(struct je_arena *arena, void *start, size_t bytes)
{
	if (!page_source_commit(arena->heap->source, start, bytes))
		return false;
	counter_add(&arena->grows, 1);
	return true;
}

static void purge(struct je_arena *arena, void *start, size_t bytes)
{
	page_source_purge(arena->heap->source, start, bytes);
	counter_add(&arena->shrinks, 1);
	counter_add(&arena->given_bytes, bytes);
}

static void set_header_bytes(struct je_arena *arena, struct je_chunk *chunk,
                             size_t bytes)
{
	counter_add(&arena->header_bytes, bytes - chunk->header_bytes);
	chunk->header_bytes = bytes;
}

/* Header bytes, in whole pages, with the node of `page` in them. */
static size_t header_up_to(const struct je_heap *heap, uint32_t page)
{
	if (page == heap->chunk_pages)
		page--; /* a run that ends with the chunk leaves no rest */
	return round_up(heap->nodes_offset + (page - heap->header_pages + 1) *
	                                             sizeof(struct je_avail),
	                PAGE_BYTES);
}

/* ---- pages with memory -------------------------------------------------- */

/* Makes a chunk the spare one, or NULL none, and brings the counts along. */
static void set_spare(struct je_arena *arena, struct je_chunk *chunk)
{
	arena->spare = chunk;
	counter_set(&arena->spare_pages,
	            chunk == NULL ? 0 : chunk->backed_pages);
	counter_set(&arena->spare_dirty_pages,
	            chunk == NULL ? 0 : chunk->dirty_pages);
}

/* Adds to the counts of available pages of a chunk and of its arena. */
static void count_backed(struct je_arena *arena, struct je_chunk *chunk,
                         size_t backed, size_t dirty)
{
	chunk->backed_pages += (uint32_t)backed;
	chunk->dirty_pages += (uint32_t)dirty;
	counter_add(&arena->backed_pages, backed);
	counter_add(&arena->dirty_pages, dirty);
	if (chunk == arena->spare)
		set_spare(arena, chunk);
}

static void purge_pages(struct je_arena *arena, struct je_chunk *chunk,
                        uint32_t from, uint32_t end)
{
	size_t dirty = 0;

	purge(arena, je_page_address(chunk, from),
	      (size_t)(end - from) << PAGE_LOG2);
	for (uint32_t page = from; page < end; page++) {
		dirty += (chunk->map[page] & ENTRY_DIRTY) != 0;
		chunk->map[page] &= ~(uint32_t)(ENTRY_BACKED | ENTRY_DIRTY);
	}
	count_backed(arena, chunk, (size_t)0 - (end - from), (size_t)0 - dirty);
}

static bool has_state(const struct je_chunk *chunk, uint32_t page,
                      uint32_t which)
{
	return (chunk->map[page] & (which | ENTRY_ALLOCATED)) == which;
}

size_t je_chunk_purge(struct je_arena *arena, struct je_chunk *chunk,
                      uint32_t which, size_t most)
{
	uint32_t first = arena->heap->header_pages, from;
	size_t purged = 0;

	for (uint32_t end = arena->heap->chunk_pages;
	     end > first && purged < most; end = from) {
		from = end - 1;
		if (!has_state(chunk, from, which))
			continue;
		while (from > first && end - from < most - purged &&
		       has_state(chunk, from - 1, which))
			from--;
		purge_pages(arena, chunk, from, end);
		purged += end - from;
	}
	return purged;
}

static bool is_backed(const struct je_chunk *chunk, uint32_t page)
{
	return (chunk->map[page] & ENTRY_BACKED) != 0;
}

/* The end of the uncommitted pages at `from`, at most `limit`. */
static uint32_t gap_end(const struct je_chunk *chunk, uint32_t from,
                        uint32_t limit)
{
	while (from < limit && !is_backed(chunk, from))
		from++;
	return from;
}

static bool commit_pages(struct je_arena *arena, struct je_chunk *chunk,
                         uint32_t from, uint32_t end)
{
	if (!commit(arena, je_page_address(chunk, from),
	            (size_t)(end - from) << PAGE_LOG2))
		return false;
	for (uint32_t page = from; page < end; page++)
		chunk->map[page] |= ENTRY_BACKED;
	count_backed(arena, chunk, end - from, 0);
	return true;
}

/*
 * A kernel call for each small run would cost more than its first use, so a
 * growing arena commits some pages beyond: a sixteenth of what it has.
 */
static uint32_t ahead_limit(const struct je_arena *arena,
                            const struct je_chunk *chunk, uint32_t end,
                            uint32_t limit)
{
	uint64_t ahead = counter_read(&arena->live_pages) / AHEAD_SHARE;

	if (ahead > arena->heap->config.ahead_pages)
		ahead = arena->heap->config.ahead_pages;
	if (ahead > limit - end)
		ahead = limit - end;
	return gap_end(chunk, end, end + (uint32_t)ahead);
}

/* Commits what has no memory in [page, end); a gap at the end may reach on. */
static bool back_pages(struct je_arena *arena, struct je_chunk *chunk,
                       uint32_t page, uint32_t end, uint32_t limit)
{
	for (uint32_t from = page, to; from < end; from = to) {
		to = gap_end(chunk, from, end);
		if (to == from) {
			to++;
			continue;
		}
		uint32_t ahead =
			to == end ? ahead_limit(arena, chunk, end, limit) : to;
		if (!commit_pages(arena, chunk, from, ahead) &&
		    (ahead == to || !commit_pages(arena, chunk, from, to)))
			return false;
	}
	return true;
}

/* Takes back what back_pages committed: what is clean in [page, end). */
static void unback_pages(struct je_arena *arena, struct je_chunk *chunk,
                         uint32_t page, uint32_t end)
{
	for (; page < end; page++)
		if ((chunk->map[page] & (ENTRY_BACKED | ENTRY_DIRTY)) ==
		    ENTRY_BACKED)
			purge_pages(arena, chunk, page, page + 1);
}

bool je_chunk_back(struct je_arena *arena, struct je_chunk *chunk,
                   uint32_t page, uint32_t end, uint32_t limit)
{
	size_t header = chunk->header_bytes;
	size_t wanted = header_up_to(arena->heap, end);

	if (wanted > header) {
		if (!commit(arena, (char *)chunk + header, wanted - header))
			return false;
		set_header_bytes(arena, chunk, wanted);
	}
	if (back_pages(arena, chunk, page, end, limit))
		return true;
	unback_pages(arena, chunk, page, end);
	if (wanted > header) {
		purge(arena, (char *)chunk + header, wanted - header);
		set_header_bytes(arena, chunk, header);
	}
	errno = ENOMEM;
	return false;
}

/* ---- chunks ------------------------------------------------------------- */

static struct je_chunk *map_chunk(struct je_arena *arena)
{
	struct je_heap *heap = arena->heap;
	size_t bytes = heap->config.chunk_bytes;
	size_t header = header_up_to(heap, heap->header_pages);
	struct je_chunk *chunk =
		page_source_reserve(heap->source, bytes, bytes);

	if (chunk == NULL)
		return NULL;
	if (!commit(arena, chunk, header)) {
		page_source_release(heap->source, chunk, bytes);
		errno = ENOMEM;
		return NULL;
	}
	chunk->arena = arena;
	set_header_bytes(arena, chunk, header);
	je_pages_init_chunk(arena, chunk);
	RB_INSERT(je_chunk_tree, &arena->chunks, chunk);
	return chunk;
}

static void unmap_chunk(struct je_arena *arena, struct je_chunk *chunk)
{
	struct je_heap *heap = arena->heap;
	size_t header = chunk->header_bytes;

	RB_REMOVE(je_chunk_tree, &arena->chunks, chunk);
	je_chunk_purge(arena, chunk, ENTRY_BACKED, SIZE_MAX);
	set_header_bytes(arena, chunk, 0);
	purge(arena, chunk, header);
	page_source_release(heap->source, chunk, heap->config.chunk_bytes);
}

struct je_chunk *je_chunk_open(struct je_arena *arena)
{
	struct je_chunk *chunk = arena->spare;

	if (chunk == NULL)
		return map_chunk(arena);
	set_spare(arena, NULL);
	return chunk;
}

void je_chunk_drop_spare(struct je_arena *arena)
{
	struct je_chunk *spare = arena->spare;

	if (spare == NULL)
		return;
	set_spare(arena, NULL);
	unmap_chunk(arena, spare);
}

void je_chunk_set_spare(struct je_arena *arena, struct je_chunk *chunk)
{
	je_chunk_drop_spare(arena);
	set_spare(arena, chunk);
}

/* Purges the pages of a chunk, live ones too. */
static void purge_everything(struct je_arena *arena, struct je_chunk *chunk)
{
	const struct je_heap *heap = arena->heap;

	for (uint32_t page = heap->header_pages, end; page < heap->chunk_pages;
	     page = end) {
		end = page + 1;
		while (end < heap->chunk_pages &&
		       is_backed(chunk, end) == is_backed(chunk, page))
			end++;
		if (is_backed(chunk, page))
			purge(arena, je_page_address(chunk, page),
			      (size_t)(end - page) << PAGE_LOG2);
	}
	purge(arena, chunk, chunk->header_bytes);
}

void je_chunk_close_all(struct je_arena *arena)
{
	struct je_heap *heap = arena->heap;
	struct je_chunk *chunk = RB_MIN(je_chunk_tree, &arena->chunks), *next;

	for (; chunk != NULL; chunk = next) {
		next = RB_NEXT(je_chunk_tree, , chunk);
		RB_REMOVE(je_chunk_tree, &arena->chunks, chunk);
		purge_everything(arena, chunk);
		page_source_release(heap->source, chunk,
		                    heap->config.chunk_bytes);
	}
}

struct je_chunk *je_chunk_find(struct je_heap *heap, const void *address)
{
	struct je_chunk *key = je_chunk_of(heap, address), *found = NULL;

	for (unsigned i = 0; i < heap->config.arenas && found == NULL; i++) {
		struct je_arena *arena = je_arena_at(heap, i);
		if (arena == NULL)
			continue;
		je_lock(heap, &arena->lock);
		found = RB_FIND(je_chunk_tree, &arena->chunks, key);
		je_unlock(heap, &arena->lock);
	}
	return found;
}
