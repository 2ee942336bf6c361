/*
 * explain.c - one request, answered in words without being carried out.
 *
 * Each sentence is computed by the questions that the real call asks
 * (buddy_find_free, block_is_free, buddy_can_absorb), and it names the address
 * that the call will use wherever that address is known before the source is
 * asked.
 */
#include "../common/sentence.h"
#include "buddy.h"

/* "once", "twice", "3 times". */
static void say_times(struct sentence *text, unsigned times)
{
	if (times <= 2)
		say(text, times == 1 ? "once" : "twice");
	else
		say(text, "%u times", times);
}

/* ---- malloc ------------------------------------------------------------- */

static void say_empty_lists(struct sentence *text, unsigned first,
                            unsigned last)
{
	if (first == last)
		say(text, "order %u is empty", first);
	else
		say(text, "orders %u to %u are empty", first, last);
}

/* What becomes of the block that was found, wherever it was. */
static void say_given(struct sentence *text, struct block block, unsigned order)
{
	if (block.order == order) {
		say(text, " is given whole");
		return;
	}
	say(text, " is split ");
	say_times(text, block.order - order);
	say(text, "; the lowest %zu bytes are given", order_bytes(order));
}

static void explain_growth(struct block block, unsigned order,
                           struct sentence *text)
{
	say(text, "no free block has order %u or more, so ", order);
	if (block.arena == NULL)
		say(text,
		    "a new arena is reserved: its first block, of order %u,",
		    block.order);
	else
		say(text, "%s: the block of order %u at %p",
		    block_end(block) > block.arena->committed
		            ? "the heap grows"
		            : "the wilderness is used",
		    block.order, (void *)block_start(block));
	say_given(text, block, order);
}

static void explain_malloc(const struct buddy_heap *heap, size_t align,
                           size_t size, struct sentence *text)
{
	if (size > PTRDIFF_MAX) {
		say(text, "it fails: no block can be that large");
		return;
	}
	if (size > arena_bytes(heap) || align > arena_bytes(heap)) {
		say(text,
		    "the largest block has %zu bytes, so a chunk of its own "
		    "is mapped, of %zu",
		    arena_bytes(heap), chunk_bytes(size));
		return;
	}
	unsigned order = order_for(heap, align, size);
	struct block block = buddy_find_free(heap, order);
	if (block.arena == NULL) {
		explain_growth(buddy_find_wilderness(heap, order), order, text);
		return;
	}
	if (block.order > order) {
		say_empty_lists(text, order, block.order - 1);
		say(text, ", so ");
	}
	say(text, "the block of order %u at %p", block.order,
	    (void *)block_start(block));
	say_given(text, block, order);
}

/* ---- free --------------------------------------------------------------- */

/* How far merging would go; `block` becomes what it would be then. */
static unsigned count_merges(const struct buddy_heap *heap, struct block *block)
{
	unsigned merges = 0;

	while (block->order < heap->max_order &&
	       block_is_free(heap, block_buddy(*block))) {
		block->offset &= ~((uint32_t)1 << block->order);
		block->order++;
		merges++;
	}
	return merges;
}

static void explain_merging(const struct buddy_heap *heap, struct block block,
                            struct sentence *text)
{
	unsigned merges = count_merges(heap, &block);

	if (merges > 0) {
		say(text, "its buddy is free: merged ");
		say_times(text, merges);
		say(text, " into the block of order %u at %p", block.order,
		    (void *)block_start(block));
	}
	if (block.order >= PAGE_ORDER && block_end(block) == block.arena->top)
		say(text, "%s, and no block lies above: the wilderness",
		    merges > 0 ? "" : "nothing to merge with");
	else if (merges > 0)
		say(text, ", whose buddy is not free");
	else
		say(text, "its buddy at %p is not free: it goes on list %u",
		    (void *)block_start(block_buddy(block)), block.order);
}

static void explain_free(const struct buddy_heap *heap, const void *start,
                         struct sentence *text)
{
	if (start == NULL) {
		say(text, "NULL: nothing to free");
		return;
	}
	struct region *region = region_of(heap, start);
	if (region->kind == REGION_CHUNK) {
		say(text, "a chunk of its own: it goes back to the source");
		return;
	}
	struct block block = block_at(heap, start);
	size_t length = heap->length[block.order];
	if (length < heap->unmerged_max)
		say(text,
		    "list %u has %zu of at most %zu blocks: it goes there "
		    "unmerged",
		    block.order, length, heap->unmerged_max);
	else
		explain_merging(heap, block, text);
}

/* ---- realloc ------------------------------------------------------------ */

/* True if the block stays where it is, and then says why. */
static bool explain_in_place(const struct buddy_heap *heap, const void *start,
                             size_t size, struct sentence *text)
{
	struct region *region = region_of(heap, start);
	bool is_large = size > arena_bytes(heap);

	if (region->kind == REGION_CHUNK) {
		if (!is_large || size > ((struct chunk *)region)->bytes)
			return false;
		say(text, "it stays: the chunk keeps %zu bytes",
		    chunk_bytes(size));
		return true;
	}
	if (is_large)
		return false;
	struct block block = block_at(heap, start);
	unsigned order = order_for(heap, MALLOC_ALIGN_BYTES, size);
	if (order == block.order)
		say(text, "it stays: still order %u", order);
	else if (order < block.order)
		say(text, "it stays: split down to order %u, the rest is free",
		    order);
	else if (buddy_can_absorb(heap, block, order))
		say(text,
		    "it stays: all between it and the end of order %u is free",
		    order);
	else
		return false;
	return true;
}

static void explain_realloc(const struct buddy_heap *heap,
                            const struct request *request,
                            struct sentence *text)
{
	if (request->block != NULL &&
	    explain_in_place(heap, request->block, request->size, text))
		return;
	if (request->block != NULL)
		say(text, "it moves: ");
	explain_malloc(heap, MALLOC_ALIGN_BYTES, request->size, text);
}

void buddy_explain(struct heap *heap, const struct request *request,
                   char *sentence, size_t capacity)
{
	struct buddy_heap *self = buddy_of(heap);
	struct sentence text = sentence_begin(sentence, capacity);

	if (request->kind == REQUEST_FREE)
		explain_free(self, request->block, &text);
	else if (request->kind == REQUEST_REALLOC)
		explain_realloc(self, request, &text);
	else
		explain_malloc(self,
		               request->align > MALLOC_ALIGN_BYTES
		                       ? request->align
		                       : MALLOC_ALIGN_BYTES,
		               request->size, &text);
}
