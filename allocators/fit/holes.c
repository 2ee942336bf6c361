/*
 * holes.c - holes come, go and merge.
 *
 * Idea.  A boundary tag at both ends of every block tells, in two reads,
 * whether the blocks on either side are free and where they start.  So freeing
 * a block merges it with both in constant time [Knuth97, 2.5 exercise 12]:
 *
 *     [left 48][freed 32][right 64] => [------- hole 144 -------]
 *
 * `coalesce` says when: at each free, never, or deferred, which leaves the
 * blocks as they are in the hope that the next requests have their sizes, and
 * merges all neighbours in one sweep when the heap would have to grow.
 *
 * Invariants, verified in inspect.c.
 *     I3  a block is free <=> it is in the index, once
 *     I5  coalesce=immediate: a hole has no free neighbour, neither a hole nor
 *         a wilderness that is kept
 */
#include "fit.h"
#include "tree.h"

/* ---- the index: chain or tree ------------------------------------------- */

void holes_insert(struct fit_heap *heap, struct block *hole,
                  struct block *place)
{
	uint64_t links = 0;

	switch (heap->index) {
	case INDEX_CHAIN:
		links = chain_insert(heap, hole, place);
		break;
	case INDEX_ADDRESS_TREE:
		links = address_tree_insert(&heap->tree, hole);
		break;
	case INDEX_SIZE_TREE:
		links = size_tree_insert(&heap->tree, hole);
		break;
	}
	heap->stats.links += links;
}

struct block *holes_remove(struct fit_heap *heap, struct block *hole)
{
	switch (heap->index) {
	case INDEX_CHAIN:
		return chain_remove(heap, hole);
	case INDEX_ADDRESS_TREE:
		address_tree_remove(&heap->tree, hole);
		break;
	case INDEX_SIZE_TREE:
		size_tree_remove(&heap->tree, hole);
		break;
	}
	return NULL;
}

/* [-- hole --] => [given away][rest] */
struct block *holes_cut(struct fit_heap *heap, struct block *hole, size_t bytes)
{
	struct block *rest = block_at(hole, bytes);
	size_t left = hole->tag - bytes;
	bool roving = heap->rover == hole;

	/* The rest may lie where the hole's links are: unlink first. */
	struct block *place = holes_remove(heap, hole);
	block_set(rest, left);
	holes_insert(heap, rest, place);
	if (roving)
		heap->rover = rest;
	return rest;
}

/* ---- coalescing --------------------------------------------------------- */

/*
 * Joins `hole`, which is in no index, with the free blocks on both sides, and
 * enters the result, or leaves it to a kept wilderness that it touches.
 * Returns the result; it is the fence if the wilderness has it.  (The loops go
 * round more than once in a sweep only.)
 */
static struct block *merge(struct fit_heap *heap, struct block *hole)
{
	struct block *place = NULL, *other;
	size_t bytes = hole->tag;
	bool roving = false;

	while (block_is_free(other = block_at(hole, bytes))) {
		roving |= heap->rover == other;
		bytes += other->tag; /* [hole][other] => [--- hole ---] */
		place = holes_remove(heap, other);
		heap->stats.merges++;
	}
	while ((other = hole_before(hole)) != NULL) {
		roving |= heap->rover == other;
		bytes += other->tag; /* [other][hole] => [--- other ---] */
		place = holes_remove(heap, other);
		hole = other;
		heap->stats.merges++;
	}
	block_set(hole, bytes);
	if (block_after(hole) == fence(heap) && !heap->wilderness_is_listed) {
		wilderness_swallow(heap, hole);
		heap->stats.merges++;
		return hole;
	}
	holes_insert(heap, hole, place);
	if (roving)
		heap->rover = hole;
	return hole;
}

struct block *holes_append(struct fit_heap *heap, struct block *block)
{
	if (heap->coalesce != COALESCE_NEVER)
		return merge(heap, block);
	holes_insert(heap, block, NULL);
	return block;
}

void holes_release(struct fit_heap *heap, struct block *block)
{
	/* Free, even where a merge makes the tag mean nothing: a second free
	 * of the block will read it. */
	block_set(block, block_bytes(block));
	heap->unswept = true;
	if (heap->coalesce == COALESCE_IMMEDIATE)
		merge(heap, block);
	else
		holes_insert(heap, block, NULL);
}

bool holes_sweep(struct fit_heap *heap)
{
	uint64_t merges_before = heap->stats.merges;

	if (heap->coalesce != COALESCE_DEFERRED || !heap->unswept)
		return false;
	for (struct block *block = heap->first; block != fence(heap);
	     block = block_after(block)) {
		struct block *after = block_after(block);
		if (block_is_free(block) &&
		    (block_is_free(after) ||
		     (after == fence(heap) && !heap->wilderness_is_listed))) {
			bool roving = heap->rover == block;
			holes_remove(heap, block);
			block = merge(heap, block);
			if (roving && block != fence(heap))
				heap->rover = block;
		}
	}
	heap->unswept = false;
	return heap->stats.merges > merges_before;
}
