/*
 * inspect.c - the heap laid open: walk, free lists, check.
 */
#include "fit.h"

#include <stdio.h>

#include "diagnose.h"
#include "tree.h"

/* ---- walk --------------------------------------------------------------- */

static bool visit_bytes(extent_visitor *visit, void *ctx, const void *start,
                        size_t bytes, enum extent_kind kind, const char *tier)
{
	struct extent extent = {(void *)start, bytes, kind, tier};
	return visit(ctx, &extent);
}

static bool visit_block(extent_visitor *visit, void *ctx, struct block *block)
{
	size_t bytes = block_bytes(block);

	if (block_is_free(block))
		return visit_bytes(visit, ctx, block, bytes, EXTENT_FREE,
		                   "hole");
	return visit_bytes(visit, ctx, block, TAG_BYTES, EXTENT_METADATA, "") &&
	       visit_bytes(visit, ctx, block_payload(block), bytes - TAGS_BYTES,
	                   EXTENT_LIVE, "") &&
	       visit_bytes(visit, ctx, block_footer(block), TAG_BYTES,
	                   EXTENT_METADATA, "");
}

/* The descriptor, the rest of its page if it has one, the prologue. */
static bool visit_start(extent_visitor *visit, void *ctx,
                        const struct fit_heap *heap)
{
	const char *rest = (const char *)(heap + 1);
	size_t rest_bytes = (size_t)((char *)prologue(heap) - rest);

	return visit_bytes(visit, ctx, heap, sizeof *heap, EXTENT_METADATA,
	                   "") &&
	       (rest_bytes == 0 ||
	        visit_bytes(visit, ctx, rest, rest_bytes, EXTENT_SLACK, "")) &&
	       visit_bytes(visit, ctx, prologue(heap), TAG_BYTES,
	                   EXTENT_METADATA, "");
}

void fit_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct fit_heap *self = (struct fit_heap *)heap;

	if (!visit_start(visit, ctx, self))
		return;
	for (struct block *block = self->first; block != fence(self);
	     block = block_after(block))
		if (!visit_block(visit, ctx, block))
			return;
	if (visit_bytes(visit, ctx, self->top, TAG_BYTES, EXTENT_METADATA,
	                "") &&
	    wilderness_bytes(self) > 0)
		visit_bytes(visit, ctx, self->top + TAG_BYTES,
		            wilderness_bytes(self), EXTENT_FREE, "wilderness");
}

/* ---- the holes in the order of the index -------------------------------- */

struct block *holes_first(const struct fit_heap *heap)
{
	if (heap->index == INDEX_CHAIN)
		return chain_next(heap, &heap->chain);
	struct block *hole = RB_ROOT(&heap->tree);
	while (hole != NULL && RB_LEFT(hole, node) != NULL)
		hole = RB_LEFT(hole, node);
	return hole;
}

/* The in-order successor: down to the right, or up from a left child. */
static struct block *tree_next(struct block *hole)
{
	struct block *next = RB_RIGHT(hole, node);

	if (next != NULL) {
		while (RB_LEFT(next, node) != NULL)
			next = RB_LEFT(next, node);
		return next;
	}
	for (next = RB_PARENT(hole, node);
	     next != NULL && RB_RIGHT(next, node) == hole;
	     next = RB_PARENT(next, node))
		hole = next;
	return next;
}

struct block *holes_next(const struct fit_heap *heap, struct block *hole)
{
	return heap->index == INDEX_CHAIN ? chain_next(heap, hole)
	                                  : tree_next(hole);
}

static const char *holes_index_name(const struct fit_heap *heap)
{
	static const char *const names[] = {
		[INDEX_CHAIN] = "chain",
		[INDEX_ADDRESS_TREE] = "tree by address",
		[INDEX_SIZE_TREE] = "tree by size",
	};
	return names[heap->index];
}

/* Once round the chain from the rover. */
static void list_from_rover(const struct fit_heap *heap,
                            free_block_visitor *visit, void *ctx)
{
	struct block *hole = heap->rover;

	do {
		struct free_block block = {"chain from the rover", hole,
		                           hole->tag};
		if (hole != &heap->chain && !visit(ctx, &block))
			return;
		hole = hole->next;
	} while (hole != heap->rover);
}

void fit_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx)
{
	const struct fit_heap *self = (struct fit_heap *)heap;

	if (self->policy->roves) {
		list_from_rover(self, visit, ctx);
		return;
	}
	for (struct block *hole = holes_first(self); hole != NULL;
	     hole = holes_next(self, hole)) {
		struct free_block block = {holes_index_name(self), hole,
		                           hole->tag};
		if (!visit(ctx, &block))
			return;
	}
}

/* ---- check -------------------------------------------------------------- */

static const char *broken(struct fit_heap *heap, const char *sentence,
                          const void *where)
{
	snprintf(heap->message, sizeof heap->message, "%s %s, at %p",
	         heap->policy->name, sentence, where);
	return heap->message;
}

/* I1, I2: after this the row of blocks can be followed. */
static const char *check_blocks(struct fit_heap *heap)
{
	struct block *block = heap->first;

	for (; block < fence(heap); block = block_after(block)) {
		size_t bytes = block_bytes(block);
		if ((block->tag & ~(size_t)LIVE) != bytes ||
		    bytes < heap->min_block ||
		    bytes > (size_t)(heap->top - (char *)block))
			return broken(heap, "I1: a header cannot be right",
			              block);
		if (*block_footer(block) != block->tag)
			return broken(heap, "I2: footer and header differ",
			              block);
	}
	if (block != fence(heap))
		return broken(heap, "I1: the blocks miss the fence", block);
	return NULL;
}

/* I7: both ends. */
static const char *check_ends(struct fit_heap *heap)
{
	if (*prologue(heap) != LIVE)
		return broken(heap, "I7: the prologue is damaged", heap);
	if (heap->top < (char *)heap->first ||
	    heap->top + TAG_BYTES > heap->end || fence(heap)->tag != LIVE)
		return broken(heap, "I7: the fence is damaged", heap->top);
	if ((size_t)(heap->end - (char *)heap) != heap->pages->committed_bytes)
		return broken(heap, "I7: the end is not the source's",
		              heap->end);
	if (heap->wilderness_is_listed && wilderness_bytes(heap) != 0)
		return broken(heap, "I7: memory is listed nowhere", heap->top);
	return NULL;
}

/* I5: nothing is left to merge. */
static const char *check_merged(struct fit_heap *heap)
{
	struct block *block = heap->first;

	if (heap->coalesce != COALESCE_IMMEDIATE)
		return NULL;
	for (; block != fence(heap); block = block_after(block)) {
		const struct block *after = block_after(block);
		if (!block_is_free(block))
			continue;
		if (block_is_free(after) ||
		    (after == fence(heap) && !heap->wilderness_is_listed))
			return broken(heap, "I5: a hole has a free neighbour",
			              block);
	}
	return NULL;
}

/* Sets SEEN in the footer of every hole, for check_index() to clear again. */
static void mark_holes(struct fit_heap *heap)
{
	for (struct block *block = heap->first; block != fence(heap);
	     block = block_after(block))
		if (block_is_free(block))
			*block_footer(block) |= SEEN;
}

/* Clears what is left; returns a hole that still was marked, or NULL. */
static struct block *unmark_holes(struct fit_heap *heap)
{
	struct block *marked = NULL;

	for (struct block *block = heap->first; block != fence(heap);
	     block = block_after(block)) {
		if (*block_footer(block) & SEEN)
			marked = block;
		*block_footer(block) = block->tag;
	}
	return marked;
}

/* Whether this is a hole that was marked, and not yet met. */
static bool unmark_hole(struct fit_heap *heap, struct block *hole)
{
	if (hole < heap->first || hole >= fence(heap) ||
	    !is_aligned(block_payload(hole), MALLOC_ALIGN_BYTES) ||
	    !block_is_free(hole) ||
	    block_bytes(hole) > (size_t)(heap->top - (char *)hole) ||
	    *block_footer(hole) != (hole->tag | SEEN))
		return false;
	*block_footer(hole) = hole->tag;
	return true;
}

/* Whether the index may have `a` before `b`. */
static bool is_ordered(const struct fit_heap *heap, const struct block *a,
                       const struct block *b)
{
	bool by_size =
		heap->index == INDEX_SIZE_TREE ||
		(heap->index == INDEX_CHAIN && heap->order == ORDER_SIZE);
	bool by_address =
		heap->index == INDEX_ADDRESS_TREE ||
		(heap->index == INDEX_CHAIN && heap->order == ORDER_ADDRESS);

	if (by_size && a->tag != b->tag)
		return a->tag < b->tag;
	return (!by_size && !by_address) || a < b;
}

/* I3 (one half), I4, I6, I8: every hole in the index is sound. */
static const char *check_index(struct fit_heap *heap)
{
	struct block *before = NULL;
	bool rover_is_met = heap->rover == &heap->chain;

	for (struct block *hole = holes_first(heap); hole != NULL;
	     hole = holes_next(heap, hole)) {
		if (!unmark_hole(heap, hole))
			return broken(heap, "I3: the index has no hole here",
			              hole);
		if (before != NULL && !is_ordered(heap, before, hole))
			return broken(heap, "I4: the index is not in order",
			              hole);
		if (heap->index == INDEX_ADDRESS_TREE &&
		    !address_tree_knows_largest(hole))
			return broken(heap, "I8: the largest hole below", hole);
		rover_is_met |= heap->rover == hole;
		before = hole;
	}
	if (heap->index == INDEX_CHAIN && !rover_is_met)
		return broken(heap, "I6: the rover is lost", heap->rover);
	return NULL;
}

const char *fit_check(struct heap *heap)
{
	struct fit_heap *self = (struct fit_heap *)heap;
	const char *sentence = check_ends(self);

	if (sentence == NULL)
		sentence = check_blocks(self);
	if (sentence == NULL)
		sentence = check_merged(self);
	if (sentence != NULL)
		return sentence;
	mark_holes(self);
	sentence = check_index(self);
	const struct block *missing = unmark_holes(self);
	if (sentence == NULL && missing != NULL)
		sentence =
			broken(self, "I3: a hole is not in the index", missing);
	return sentence;
}
