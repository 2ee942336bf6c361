/*
 * resize.c - realloc without moving: the upper halves of a block are cut off,
 * or the free blocks above it taken in.
 *
 * A block of order k can become one of order m where it is if it is the lower
 * buddy at each order from k to m - 1 and each upper buddy is free or lies in
 * the wilderness:
 *
 *     |a 32|. 32|. 64|b 128|      a to order 7:  |a 128|b 128|
 *     |x 32|a 32|. 64|b 128|      a cannot grow: it is an upper buddy
 */
#include "buddy.h"

bool buddy_can_absorb(const struct buddy_heap *heap, struct block block,
                      unsigned order)
{
	if (block.offset + order_bytes(order) > block.arena->bytes)
		return false; /* only of an arena shorter than max_block */
	for (; block.order < order; block.order++) {
		struct block buddy = block_buddy(block);
		if (buddy.offset < block.offset)
			return false; /* it would have to start lower */
		if (buddy.offset < block.arena->top &&
		    !block_is_free(heap, buddy))
			return false;
	}
	return true;
}

/* Lets a live block grow over its upper buddies; false: it stays as it was. */
static bool absorb(struct buddy_heap *heap, struct block block, unsigned order)
{
	struct arena *arena = block.arena;
	size_t end = block.offset + order_bytes(order);

	if (!buddy_can_absorb(heap, block, order) ||
	    !buddy_arena_commit(heap, arena, end))
		return false;
	for (; block.order < order; block.order++) {
		if (block_is_free(heap, block_buddy(block)))
			buddy_list_remove(heap, block_buddy(block));
		heap->stats.merges++; /* [block][buddy] => [--- block ---] */
	}
	if (end > arena->top)
		arena->top = end;
	*map_byte(heap, arena, block.offset) = (uint8_t)order;
	return true;
}

bool buddy_resize(struct buddy_heap *heap, void *start, size_t size)
{
	struct region *region = region_of(heap, start);
	bool is_large = size > arena_bytes(heap);

	if (region->kind == REGION_CHUNK) {
		struct chunk *chunk = (struct chunk *)region;
		if (!is_large || size > chunk->bytes)
			return false;
		buddy_chunk_shrink(heap, chunk, size);
		return true;
	}
	if (is_large)
		return false;
	struct block block = block_at(heap, start);
	unsigned order = order_for(heap, MALLOC_ALIGN_BYTES, size);
	if (order > block.order)
		return absorb(heap, block, order);
	buddy_split(heap, block, order);
	return true;
}
