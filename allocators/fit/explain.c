/*
 * explain.c - one sentence about a request, before it is made.
 *
 * The same questions in the same order as in fit.c, without the changes.  A
 * sentence about malloc begins with the address that malloc will return, so
 * that a test can hold it to its word; the one exception is deferred
 * coalescing when a sweep must come first.
 */
#include "../common/sentence.h"
#include "fit.h"

static const char *order_name(const struct fit_heap *heap)
{
	static const char *const orders[] = {
		[ORDER_ADDRESS] = "address order",
		[ORDER_LIFO] = "LIFO order",
		[ORDER_FIFO] = "FIFO order",
		[ORDER_SIZE] = "size order",
	};
	switch (heap->index) {
	case INDEX_ADDRESS_TREE:
		return "the tree by address";
	case INDEX_SIZE_TREE:
		return "the tree by size";
	case INDEX_CHAIN:
		break;
	}
	return orders[heap->order];
}

static size_t count_holes(const struct fit_heap *heap)
{
	size_t count = 0;

	for (struct block *hole = holes_first(heap); hole != NULL;
	     hole = holes_next(heap, hole))
		count++;
	return count;
}

/* Counted from 1. */
static size_t hole_position(const struct fit_heap *heap,
                            const struct block *wanted)
{
	size_t position = 1;

	for (struct block *hole = holes_first(heap); hole != wanted;
	     hole = holes_next(heap, hole))
		position++;
	return position;
}

static void say_block(struct sentence *sentence, const struct fit_heap *heap,
                      struct block *block, size_t align)
{
	size_t lead = align == 0 ? 0 : lead_bytes(heap, block, align);

	say(sentence, "block at %p: ", block_payload(block_at(block, lead)));
	if (lead > 0)
		say(sentence, "%zu bytes up for the alignment, ", lead);
}

static void say_remainder(struct sentence *sentence,
                          const struct fit_heap *heap, size_t left)
{
	if (left == 0)
		say(sentence, "it fits exactly");
	else if (left < heap->split_min)
		say(sentence, "its last %zu bytes are too few for a hole",
		    left);
	else
		say(sentence, "its last %zu bytes stay a hole", left);
}

static void say_hole(struct sentence *sentence, const struct fit_heap *heap,
                     struct block *hole, size_t bytes, size_t align)
{
	say_block(sentence, heap, hole, align);
	say(sentence, "hole %zu of %zu in %s is %s of at least %zu bytes; ",
	    hole_position(heap, hole), count_holes(heap), order_name(heap),
	    heap->policy->choice, bytes);
	say_remainder(sentence, heap, hole->tag - bytes);
}

static void say_no_hole(struct sentence *sentence, const struct fit_heap *heap,
                        size_t bytes)
{
	size_t holes = count_holes(heap);

	if (holes > 1)
		say(sentence, "none of %zu holes has %zu bytes", holes, bytes);
	else
		say(sentence, "no hole has %zu bytes", bytes);
}

/* ---- deferred coalescing: what a sweep would make ----------------------- */

struct sweep {
	size_t merges;
	size_t largest; /* hole afterwards */
};

static struct sweep foresee_sweep(const struct fit_heap *heap)
{
	struct sweep sweep = {0, 0};
	size_t run = 0;

	if (heap->coalesce != COALESCE_DEFERRED || !heap->unswept)
		return sweep;
	for (struct block *block = heap->first; block != fence(heap);
	     block = block_after(block)) {
		if (!block_is_free(block)) {
			run = 0;
			continue;
		}
		sweep.merges += run > 0;
		run += block->tag;
		if (run > sweep.largest)
			sweep.largest = run;
	}
	sweep.merges += run > 0 && !heap->wilderness_is_listed;
	return sweep;
}

/* ---- malloc ------------------------------------------------------------- */

static void say_growth(struct sentence *sentence, const struct fit_heap *heap,
                       size_t bytes, size_t align)
{
	struct block *last = hole_before(fence(heap));
	struct block *start = fence(heap);

	if (heap->wilderness_is_listed && last != NULL &&
	    heap->coalesce != COALESCE_NEVER)
		start = last;
	say_block(sentence, heap, start, align);
	say_no_hole(sentence, heap, bytes);
	if (!heap->wilderness_is_listed)
		say(sentence, ", nor has the wilderness (%zu)",
		    wilderness_bytes(heap));
	say(sentence, ": the heap grows by %zu",
	    wilderness_growth(heap, bytes));
}

static void say_malloc(struct sentence *sentence, const struct fit_heap *heap,
                       size_t bytes, size_t align)
{
	struct found found = heap->policy->search(heap, bytes);

	if (found.hole != NULL) {
		say_hole(sentence, heap, found.hole, bytes, align);
		return;
	}
	if (bytes <= wilderness_bytes(heap)) {
		say_block(sentence, heap, fence(heap), align);
		say_no_hole(sentence, heap, bytes);
		say(sentence, ": it is cut from the wilderness (%zu)",
		    wilderness_bytes(heap));
		return;
	}
	struct sweep sweep = foresee_sweep(heap);
	if (sweep.merges == 0) {
		say_growth(sentence, heap, bytes, align);
		return;
	}
	say_no_hole(sentence, heap, bytes);
	say(sentence,
	    ", nor has the wilderness: a sweep merges %zu pairs of neighbours, "
	    "then the largest has %zu, and the search is made again",
	    sweep.merges, sweep.largest);
}

/* ---- realloc and free --------------------------------------------------- */

/* What becomes of the last `left` bytes of a block that shrinks. */
static void say_tail(struct sentence *sentence, const struct fit_heap *heap,
                     const struct block *block, size_t left)
{
	const struct block *after = block_after(block);

	if (left < heap->split_min || heap->coalesce != COALESCE_IMMEDIATE)
		say_remainder(sentence, heap, left);
	else if (block_is_free(after))
		say(sentence, "its last %zu bytes join the hole of %zu behind",
		    left, after->tag);
	else if (after == fence(heap) && !heap->wilderness_is_listed)
		say(sentence, "its last %zu bytes join the wilderness", left);
	else
		say_remainder(sentence, heap, left);
}

static void say_realloc(struct sentence *sentence, const struct fit_heap *heap,
                        struct block *block, size_t bytes)
{
	const struct block *after = block_after(block);

	if (bytes > block_bytes(block) &&
	    !fit_grows_in_place(heap, block, bytes)) {
		say_malloc(sentence, heap, bytes, 0);
		say(sentence, "; the contents move there");
		return;
	}
	say_block(sentence, heap, block, 0);
	if (bytes <= block_bytes(block)) {
		say(sentence, "it shrinks where it is; ");
		say_tail(sentence, heap, block, block_bytes(block) - bytes);
	} else if (after == fence(heap)) {
		say(sentence, "it grows into the wilderness behind it");
	} else {
		say(sentence, "it grows into the hole of %zu behind it; ",
		    after->tag);
		say_remainder(sentence, heap,
		              block_bytes(block) + after->tag - bytes);
	}
}

static void say_free(struct sentence *sentence, const struct fit_heap *heap,
                     const struct block *block)
{
	const struct block *before = hole_before(block);
	const struct block *after = block_after(block);
	const char *with = "merges with";

	say(sentence, "the block of %zu bytes ", block_bytes(block));
	if (heap->coalesce != COALESCE_IMMEDIATE) {
		say(sentence, "becomes a hole, not merged with others");
		return;
	}
	if (before != NULL) {
		say(sentence, "%s the hole of %zu before it", with,
		    before->tag);
		with = " and with";
	}
	if (block_is_free(after)) {
		say(sentence, "%s the hole of %zu behind it", with, after->tag);
		with = " and with";
	}
	if (!heap->wilderness_is_listed && after == fence(heap)) {
		say(sentence, "%s the wilderness", with);
		with = " and with";
	}
	if (with[0] == 'm')
		say(sentence, "becomes a hole between two live blocks");
}

void fit_explain(struct heap *heap, const struct request *request, char *text,
                 size_t capacity)
{
	const struct fit_heap *self = (const struct fit_heap *)heap;
	struct sentence sentence = sentence_begin(text, capacity);
	size_t align = request->align > MALLOC_ALIGN_BYTES ? request->align : 0;

	if (request->block == NULL && request->kind == REQUEST_FREE) {
		say(&sentence, "free(NULL) does nothing");
	} else if (request->kind == REQUEST_FREE) {
		say_free(&sentence, self, payload_block(request->block));
	} else if (request->size > PTRDIFF_MAX - align) {
		say(&sentence, "refused: no heap is that large");
	} else {
		size_t bytes = bytes_for(self, request->size);
		if (request->kind == REQUEST_REALLOC && request->block != NULL)
			say_realloc(&sentence, self,
			            payload_block(request->block), bytes);
		else if (align != 0)
			say_malloc(&sentence, self,
			           aligned_bytes(self, bytes, align), align);
		else
			say_malloc(&sentence, self, bytes, 0);
	}
}
