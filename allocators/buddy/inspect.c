/*
 * inspect.c - the buddy heap as others see it: the walk, the invariants, the
 * free lists.
 */
#include "buddy.h"

#include <stdio.h>

/* ---- walk --------------------------------------------------------------- */

struct walk {
	extent_visitor *visit;
	void *ctx;
};

/* Visits one extent if it has any bytes; false if the walk is to end. */
static bool visit(const struct walk *walk, void *start, size_t bytes,
                  enum extent_kind kind, const char *tier)
{
	struct extent extent = {start, bytes, kind, tier};

	return bytes == 0 || walk->visit(walk->ctx, &extent);
}

/* A page that begins with a descriptor; the rest of it is of no use. */
static bool walk_descriptor(const struct walk *walk, void *start, size_t bytes)
{
	bytes = round_up(bytes, MALLOC_ALIGN_BYTES);
	return visit(walk, start, bytes, EXTENT_METADATA, "") &&
	       visit(walk, (char *)start + bytes, PAGE_BYTES - bytes,
	             EXTENT_SLACK, "");
}

static bool walk_arena(const struct buddy_heap *heap, struct arena *arena,
                       const struct walk *walk)
{
	if (!visit(walk, arena->map, arena->map_committed, EXTENT_METADATA,
	           "") ||
	    !walk_descriptor(walk, arena, sizeof *arena))
		return false;
	struct block block;
	for (size_t at = 0; at < arena->top; at = block_end(block)) {
		block = block_at(heap, arena->base + at);
		bool is_free = block_is_free(heap, block);
		if (!visit(walk, block_start(block), order_bytes(block.order),
		           is_free ? EXTENT_FREE : EXTENT_LIVE,
		           is_free ? "hole" : ""))
			return false;
	}
	return visit(walk, arena->base + arena->top,
	             arena->committed - arena->top, EXTENT_FREE, "wilderness");
}

static bool walk_region(struct buddy_heap *heap, struct region *region,
                        const struct walk *walk)
{
	if (region->kind == REGION_HEAP)
		return walk_descriptor(walk, heap, sizeof *heap);
	if (region->kind == REGION_ARENA)
		return walk_arena(heap, (struct arena *)region, walk);
	struct chunk *chunk = (struct chunk *)region;
	return walk_descriptor(walk, chunk, sizeof *chunk) &&
	       visit(walk, chunk_block(chunk), chunk->bytes, EXTENT_LIVE, "");
}

void buddy_walk(struct heap *heap, extent_visitor *visitor, void *ctx)
{
	struct buddy_heap *self = buddy_of(heap);
	struct walk walk = {visitor, ctx};
	struct region *at;

	TAILQ_FOREACH (at, &self->regions, by_address)
		if (!walk_region(self, at, &walk))
			return;
}

/* ---- free lists --------------------------------------------------------- */

static const char *const list_name[ORDERS] = {
	[4] = "order 4",   [5] = "order 5",   [6] = "order 6",
	[7] = "order 7",   [8] = "order 8",   [9] = "order 9",
	[10] = "order 10", [11] = "order 11", [12] = "order 12",
	[13] = "order 13", [14] = "order 14", [15] = "order 15",
	[16] = "order 16", [17] = "order 17", [18] = "order 18",
	[19] = "order 19", [20] = "order 20", [21] = "order 21",
	[22] = "order 22", [23] = "order 23", [24] = "order 24",
	[25] = "order 25", [26] = "order 26", [27] = "order 27",
	[28] = "order 28", [29] = "order 29", [30] = "order 30",
};

void buddy_free_lists(struct heap *heap, free_block_visitor *visitor, void *ctx)
{
	struct buddy_heap *self = buddy_of(heap);
	struct region *region;

	for (unsigned k = self->min_order; k <= self->max_order; k++) {
		for (struct hole *at = self->list[k]; at != NULL;
		     at = at->next) {
			struct free_block block = {list_name[k], at,
			                           order_bytes(k)};
			if (!visitor(ctx, &block))
				return;
		}
	}
	TAILQ_FOREACH (region, &self->regions, by_address) {
		struct arena *arena = (struct arena *)region;
		if (region->kind != REGION_ARENA ||
		    arena->committed == arena->top)
			continue;
		struct free_block block = {"wilderness",
		                           arena->base + arena->top,
		                           arena->committed - arena->top};
		if (!visitor(ctx, &block))
			return;
	}
}

/* ---- check -------------------------------------------------------------- */

/* What the map says, to be compared with the lists. */
struct census {
	size_t free_blocks[ORDERS];
	size_t pairs
		[ORDERS]; /* free blocks of this order, both halves of one */
	size_t committed_bytes;
};

static const char *broken(struct buddy_heap *heap, const char *sentence,
                          const void *where)
{
	snprintf(heap->message, sizeof heap->message, "buddy %s at %p",
	         sentence, where);
	return heap->message;
}

static void count_free(const struct buddy_heap *heap, struct block block,
                       struct census *census)
{
	struct block buddy = block_buddy(block);

	census->free_blocks[block.order]++;
	if (buddy.offset > block.offset && block_is_free(heap, buddy))
		census->pairs[block.order]++;
}

/* The map has no byte set inside `block`. */
static bool map_is_clear_inside(const struct buddy_heap *heap,
                                struct block block)
{
	size_t unit = order_bytes(heap->min_order);

	for (size_t at = block.offset + unit; at < block_end(block); at += unit)
		if (*map_byte(heap, block.arena, at) != INSIDE)
			return false;
	return true;
}

/* I1, I5: the blocks tile [0, top). */
static const char *check_tiles(struct buddy_heap *heap, struct arena *arena,
                               struct census *census)
{
	struct block block;

	for (size_t at = 0; at < arena->top; at = block_end(block)) {
		char *start = arena->base + at;
		block = block_at(heap, start);
		if (block.order < heap->min_order ||
		    block.order > heap->max_order)
			return broken(heap, "I5: no block starts", start);
		if (at % order_bytes(block.order) != 0)
			return broken(heap, "I1: misaligned block", start);
		if (block_end(block) > arena->top)
			return broken(heap, "I5: block across top", start);
		if (!map_is_clear_inside(heap, block))
			return broken(heap, "I5: two blocks overlap", start);
		if (block_is_free(heap, block))
			count_free(heap, block, census);
	}
	for (size_t i = arena->top >> heap->min_order; i < arena->map_committed;
	     i++)
		if (arena->map[i] != INSIDE)
			return broken(heap, "I5: block above top",
			              &arena->map[i]);
	return NULL;
}

/* I6: with eager merging no free block of a page or more ends at top. */
static bool wilderness_is_whole(const struct buddy_heap *heap,
                                struct arena *arena)
{
	if (heap->unmerged_max > 0)
		return true;
	for (unsigned k = PAGE_ORDER; k <= heap->max_order; k++) {
		struct block last =
			block_of(arena, arena->top - order_bytes(k), k);
		if (arena->top >= order_bytes(k) && block_is_free(heap, last))
			return false;
	}
	return true;
}

static const char *check_arena(struct buddy_heap *heap, struct arena *arena,
                               struct census *census)
{
	if (arena->top > arena->committed || arena->top % PAGE_BYTES != 0 ||
	    arena->committed > arena->bytes)
		return broken(heap, "I5: top is wrong", arena);
	const char *sentence = check_tiles(heap, arena, census);
	if (sentence != NULL)
		return sentence;
	if (!wilderness_is_whole(heap, arena))
		return broken(heap, "I6: a free block ends at top",
		              arena->base + arena->top);
	census->committed_bytes +=
		PAGE_BYTES + arena->map_committed + arena->committed;
	return NULL;
}

/* Whether `at` can be followed: a block below some top starts there. */
static bool lies_in_an_arena(const struct buddy_heap *heap, const void *at)
{
	struct region *region;

	if (!is_aligned(at, order_bytes(heap->min_order)))
		return false;
	TAILQ_FOREACH (region, &heap->regions, by_address) {
		struct arena *arena = (struct arena *)region;
		if (region->kind == REGION_ARENA && (char *)at >= arena->base &&
		    (char *)at < arena->base + arena->top)
			return true;
	}
	return false;
}

/* I3, I8 of one list; every link is proved before it is followed. */
static const char *check_list(struct buddy_heap *heap, unsigned order,
                              const struct census *census)
{
	struct hole *before = NULL;
	size_t length = 0;

	for (struct hole *at = heap->list[order]; at != NULL; at = at->next) {
		if (!lies_in_an_arena(heap, at))
			return broken(heap, "I3: damaged link", before);
		struct block block = block_at(heap, at);
		if (block.order != order || !block_is_free(heap, block))
			return broken(heap, "I3: listed, but not free", at);
		if (at->prev != before)
			return broken(heap, "I3: damaged link back", at);
		if (heap->list_order == LIST_ADDRESS && at < before)
			return broken(heap, "I8: list out of order", at);
		before = at;
		length++;
	}
	if (length != census->free_blocks[order] ||
	    length != heap->length[order])
		return broken(heap, "I3: free, but not listed; its list",
		              &heap->list[order]);
	return NULL;
}

static const char *check_order(struct buddy_heap *heap, unsigned order,
                               const struct census *census)
{
	bool marked = heap->nonempty >> order & 1;

	if (marked != (heap->list[order] != NULL))
		return broken(heap, "I4: wrong bit for the list",
		              &heap->list[order]);
	if (census->pairs[order] > heap->unmerged_max / 2)
		return broken(heap, "I2: free buddies, not merged, on the list",
		              &heap->list[order]);
	return check_list(heap, order, census);
}

const char *buddy_check(struct heap *heap)
{
	struct buddy_heap *self = buddy_of(heap);
	struct census census = {.committed_bytes = PAGE_BYTES};
	const char *sentence = NULL;
	struct region *at;

	TAILQ_FOREACH (at, &self->regions, by_address) {
		if (at->kind == REGION_CHUNK)
			census.committed_bytes +=
				PAGE_BYTES + ((struct chunk *)at)->bytes;
		if (at->kind == REGION_ARENA)
			sentence =
				check_arena(self, (struct arena *)at, &census);
		if (sentence != NULL)
			return sentence;
	}
	for (unsigned k = 0; k < ORDERS; k++) {
		sentence = check_order(self, k, &census);
		if (sentence != NULL)
			return sentence;
	}
	if (census.committed_bytes != self->pages->committed_bytes)
		return broken(self, "I7: the regions do not add up", self);
	return NULL;
}
