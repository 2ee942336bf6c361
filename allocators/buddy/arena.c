/*
 * arena.c - where the blocks of the buddy allocator lie: arenas that are
 * reserved whole and committed from below, and chunks for large requests.
 *
 * An arena is one reservation.  Its blocks start at a multiple of max_block, so
 * every block of order k is aligned to 2^k as an address too, and the arena of
 * a block is found by rounding its address down.  Map and blocks are committed
 * together, each from its low end, so an arena costs metadata only for the part
 * that is in use (one byte a unit: 1/32 of it at the default min_block):
 *
 *     reserved    |<--- map ------>|<-page->|<------------ max_block -------->|
 *                 | 5.6...|        | arena  | blocks ... |wild.|              |
 *     committed   |#######|        |########|############|#####|              |
 *                                           ^ base       ^ top ^ committed
 *
 * Where a program may have little address space an arena is a half of max_block
 * long, a quarter..., but its blocks begin at a multiple of max_block all the
 * same.  Of the largest part that is to be had it takes half: others need some.
 */
#include "buddy.h"

/* An arena is no shorter (1 MiB), however little address space there is. */
enum { LEAST_ORDER = 20 };

/* ---- the list of regions ------------------------------------------------ */

/* New address space mostly lies above all regions or below them: O(1) then. */
static void region_link(struct buddy_heap *heap, struct region *region,
                        enum region_kind kind)
{
	struct region *above = TAILQ_FIRST(&heap->regions);
	struct region *highest = TAILQ_LAST(&heap->regions, region_list);

	region->kind = kind;
	if (highest == NULL || highest < region) {
		TAILQ_INSERT_TAIL(&heap->regions, region, by_address);
		return;
	}
	while (above < region)
		above = TAILQ_NEXT(above, by_address);
	TAILQ_INSERT_BEFORE(above, region, by_address);
}

static void region_unlink(struct buddy_heap *heap, struct region *region)
{
	TAILQ_REMOVE(&heap->regions, region, by_address);
}

/*
 * Reserves `bytes` at a multiple of `align` with `before` bytes in front of
 * them, before <= align; returns the aligned address, or NULL.
 */
static char *reserve_behind(struct page_source *pages, size_t before,
                            size_t bytes, size_t align)
{
	return page_source_reserve_some(pages, before, &bytes, bytes, align);
}

/* ---- the heap ----------------------------------------------------------- */

struct buddy_heap *buddy_heap_open(struct page_source *pages)
{
	struct buddy_heap *heap =
		page_source_map(pages, PAGE_BYTES, PAGE_BYTES);

	if (heap == NULL)
		return NULL;
	*heap = (struct buddy_heap){.pages = pages};
	TAILQ_INIT(&heap->regions);
	region_link(heap, &heap->region, REGION_HEAP);
	return heap;
}

void buddy_heap_close(struct buddy_heap *heap)
{
	struct region *at, *next;

	for (at = TAILQ_FIRST(&heap->regions); at != NULL; at = next) {
		next = TAILQ_NEXT(at, by_address);
		if (at->kind == REGION_ARENA)
			buddy_arena_close(heap, (struct arena *)at);
		else if (at->kind == REGION_CHUNK)
			buddy_chunk_close(heap, (struct chunk *)at);
	}
	page_source_unmap(heap->pages, heap, PAGE_BYTES);
}

/* ---- arenas ------------------------------------------------------------- */

/* The bytes of the map that the blocks below `end` need. */
static size_t map_bytes_below(const struct buddy_heap *heap, size_t end)
{
	return round_up(end >> heap->min_order, PAGE_BYTES);
}

/* What lies before the blocks of an arena: its map and its page. */
static size_t bytes_before(const struct buddy_heap *heap, size_t bytes)
{
	return map_bytes_below(heap, bytes) + PAGE_BYTES;
}

/* Reserves max_block, or a part of it: `least` at least. */
static char *reserve_blocks(struct buddy_heap *heap, size_t least,
                            size_t *bytes)
{
	size_t part = arena_bytes(heap), align = part;
	char *base;

	while ((base = reserve_behind(heap->pages, bytes_before(heap, part),
	                              part, align)) == NULL &&
	       part / 2 >= least)
		part /= 2;
	*bytes = part;
	return base;
}

/*
 * The upper half of a short arena goes back, and of the map what is for it: the
 * blocks begin where they did.
 */
static size_t leave_half(struct buddy_heap *heap, char *base, size_t bytes)
{
	size_t half = bytes / 2;
	size_t before = bytes_before(heap, bytes);
	size_t spare = before - bytes_before(heap, half);

	page_source_release(heap->pages, base + half, half);
	if (spare > 0)
		page_source_release(heap->pages, base - before, spare);
	return half;
}

struct arena *buddy_arena_open(struct buddy_heap *heap, unsigned order)
{
	size_t least = order_bytes(order < LEAST_ORDER ? LEAST_ORDER : order);
	size_t bytes;
	char *base = reserve_blocks(heap, least, &bytes);

	if (base == NULL)
		return NULL;
	if (bytes < arena_bytes(heap) && bytes / 2 >= least)
		bytes = leave_half(heap, base, bytes);
	size_t before = bytes_before(heap, bytes);
	struct arena *arena = (struct arena *)(base - PAGE_BYTES);
	if (!page_source_commit(heap->pages, arena, PAGE_BYTES)) {
		page_source_release(heap->pages, base - before, before + bytes);
		return NULL;
	}
	*arena = (struct arena){
		.base = base,
		.bytes = bytes,
		.map = (uint8_t *)(base - before),
	};
	region_link(heap, &arena->region, REGION_ARENA);
	return arena;
}

/* Purges the blocks above `end` and the pages of the map that only they use. */
static void uncommit(struct buddy_heap *heap, struct arena *arena, size_t end)
{
	size_t map_end = map_bytes_below(heap, end);

	if (arena->committed > end)
		page_source_purge(heap->pages, arena->base + end,
		                  arena->committed - end);
	if (arena->map_committed > map_end)
		page_source_purge(heap->pages, arena->map + map_end,
		                  arena->map_committed - map_end);
	arena->committed = end;
	arena->map_committed = map_end;
}

void buddy_arena_close(struct buddy_heap *heap, struct arena *arena)
{
	char *start = (char *)arena->map;
	size_t bytes = bytes_before(heap, arena->bytes) + arena->bytes;

	region_unlink(heap, &arena->region);
	uncommit(heap, arena, 0);
	page_source_purge(heap->pages, arena, PAGE_BYTES);
	page_source_release(heap->pages, start, bytes);
}

bool buddy_arena_commit(struct buddy_heap *heap, struct arena *arena,
                        size_t end)
{
	if (end <= arena->committed)
		return true;
	size_t map_end = map_bytes_below(heap, end);
	size_t map_more = map_end - arena->map_committed;
	if (map_more > 0 &&
	    !page_source_commit(heap->pages, arena->map + arena->map_committed,
	                        map_more))
		return false;
	if (!page_source_commit(heap->pages, arena->base + arena->committed,
	                        end - arena->committed)) {
		if (map_more > 0)
			page_source_purge(heap->pages,
			                  arena->map + arena->map_committed,
			                  map_more);
		return false;
	}
	arena->committed = end;
	arena->map_committed = map_end;
	heap->stats.grows++;
	return true;
}

void buddy_arena_trim(struct buddy_heap *heap, struct arena *arena)
{
	if (arena->top == 0) {
		heap->stats.shrinks++;
		buddy_arena_close(heap, arena);
	} else if (arena->committed > arena->top) {
		heap->stats.shrinks++;
		uncommit(heap, arena, arena->top);
	}
}

/* ---- chunks ------------------------------------------------------------- */

void *buddy_chunk_open(struct buddy_heap *heap, size_t align, size_t size)
{
	size_t bytes = chunk_bytes(size);

	if (align < arena_bytes(heap)) /* so that region_of() finds it */
		align = arena_bytes(heap);
	char *block = reserve_behind(heap->pages, PAGE_BYTES, bytes, align);
	if (block == NULL)
		return NULL;
	struct chunk *chunk = (struct chunk *)(block - PAGE_BYTES);
	if (!page_source_commit(heap->pages, chunk, PAGE_BYTES + bytes)) {
		page_source_release(heap->pages, chunk, PAGE_BYTES + bytes);
		return NULL;
	}
	chunk->bytes = bytes;
	region_link(heap, &chunk->region, REGION_CHUNK);
	heap->stats.grows++;
	return block;
}

void buddy_chunk_close(struct buddy_heap *heap, struct chunk *chunk)
{
	region_unlink(heap, &chunk->region);
	heap->stats.shrinks++;
	page_source_unmap(heap->pages, chunk, PAGE_BYTES + chunk->bytes);
}

void buddy_chunk_shrink(struct buddy_heap *heap, struct chunk *chunk,
                        size_t size)
{
	size_t bytes = chunk_bytes(size);

	if (bytes == chunk->bytes)
		return;
	page_source_unmap(heap->pages, chunk_block(chunk) + bytes,
	                  chunk->bytes - bytes);
	chunk->bytes = bytes;
	heap->stats.shrinks++;
}
