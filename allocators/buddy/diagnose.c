/*
 * diagnose.c - what is wrong with a pointer that is no live block: the checked
 * build's sentences.
 *
 * The order map tells a live block, a free block and the inside of either
 * apart, for every unit of an arena, so each mistake has its own sentence.
 */
#include "buddy.h"

#include "../common/misuse.h"

/* The arena or chunk whose blocks include `address`, NULL if none does. */
static struct region *find_region(const struct buddy_heap *heap,
                                  const char *address)
{
	struct region *at;

	TAILQ_FOREACH (at, &heap->regions, by_address) {
		struct arena *arena = (struct arena *)at;
		struct chunk *chunk = (struct chunk *)at;
		if (at->kind == REGION_ARENA && address >= arena->base &&
		    address < arena->base + arena_bytes(heap))
			return at;
		if (at->kind == REGION_CHUNK && address >= chunk_block(chunk) &&
		    address < chunk_block(chunk) + chunk->bytes)
			return at;
	}
	return NULL;
}

/* Finds the block below top that `offset` lies in; false: the map is broken. */
static bool find_enclosing(const struct buddy_heap *heap, struct arena *arena,
                           size_t offset, struct block *block)
{
	for (unsigned k = heap->min_order; k <= heap->max_order; k++) {
		size_t start = round_down(offset, order_bytes(k));
		unsigned byte = *map_byte(heap, arena, start);
		if (byte == INSIDE)
			continue;
		*block = block_of(arena, start, byte & ~(unsigned)FREE_FLAG);
		return block->order >= k && block->order <= heap->max_order &&
		       start % order_bytes(block->order) == 0;
	}
	return false;
}

static void require_live_in_arena(const struct buddy_heap *heap,
                                  struct arena *arena, const char *start)
{
	size_t offset = (size_t)(start - arena->base);
	struct block block;

	if (offset >= arena->top)
		misuse("buddy", start,
		       "double free, or never allocated: it lies above the "
		       "last block");
	if (!find_enclosing(heap, arena, offset, &block))
		misuse("buddy", start, "the order map is damaged here");
	size_t inside = offset - block.offset;
	bool is_free = block_is_free(heap, block);
	if (is_free && inside == 0)
		misuse("buddy", start,
		       "double free: a free block of %zu bytes starts here",
		       order_bytes(block.order));
	if (is_free)
		misuse("buddy", start,
		       "double free, or never allocated: it lies %zu bytes "
		       "into the free block of %zu at %p",
		       inside, order_bytes(block.order),
		       (void *)block_start(block));
	if (inside != 0)
		misuse("buddy", start,
		       "interior pointer: it lies %zu bytes into the live "
		       "block of %zu at %p",
		       inside, order_bytes(block.order),
		       (void *)block_start(block));
}

void buddy_require_live(const struct buddy_heap *heap, const void *block)
{
	struct region *region = find_region(heap, block);

	if (region == NULL)
		misuse("buddy", block,
		       "foreign pointer: no arena and no chunk "
		       "of this heap holds it");
	if (region->kind == REGION_ARENA) {
		require_live_in_arena(heap, (struct arena *)region, block);
		return;
	}
	char *start = chunk_block((struct chunk *)region);
	if ((const char *)block != start)
		misuse("buddy", block,
		       "interior pointer: it lies %zu bytes into the large "
		       "block at %p",
		       (size_t)((const char *)block - start), (void *)start);
}

/* Whether a free block of `order` starts at `hole`. */
static bool is_hole(const struct buddy_heap *heap, const struct hole *hole,
                    unsigned order)
{
	struct region *region = find_region(heap, (const char *)hole);

	if (region == NULL || region->kind != REGION_ARENA ||
	    !is_aligned(hole, order_bytes(order)))
		return false;
	struct arena *arena = (struct arena *)region;
	size_t offset = (size_t)((const char *)hole - arena->base);
	return block_is_free(heap, block_of(arena, offset, order));
}

void buddy_require_sound_links(const struct buddy_heap *heap,
                               const struct hole *hole, unsigned order)
{
	const struct hole *next = hole->next, *prev = hole->prev;
	bool next_is_sound = next == NULL ||
	                     (is_hole(heap, next, order) && next->prev == hole);
	bool prev_is_sound =
		prev == NULL ? heap->list[order] == hole
			     : is_hole(heap, prev, order) && prev->next == hole;

	if (!next_is_sound || !prev_is_sound)
		misuse("buddy", hole,
		       "the links of the free block of %zu bytes are damaged: "
		       "it was written after it was freed",
		       order_bytes(order));
}
