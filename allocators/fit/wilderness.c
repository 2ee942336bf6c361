/*
 * wilderness.c - the end of the heap, where memory comes from and goes to.
 *
 * Idea.  The committed bytes above the last block are not a block: no tag of
 * theirs is ever written, so pages that nobody uses stay untouched.  `top`
 * says where they begin; the live tag that stands there, the fence, stops
 * merging and walking as the prologue does at the other end.
 *
 *     wilderness=kept     ...| block |F|.......wilderness.......|
 *                                    ^ top                      ^ end
 *     wilderness=listed   ...| block | hole                   |F|
 *                                                             ^ top
 *
 * Kept, it is used when no hole fits, so that it is broken into last
 * ("wilderness preservation", [Wilson95, 3.4]).  Listed, all memory that the
 * source gives becomes a hole at once, and the policy may choose it early.
 *
 * Invariant, verified in inspect.c.
 *     I7  the fence stands at `top`, inside the page source's committed bytes,
 *         which end at `end`
 */
#include "fit.h"

static void set_top(struct fit_heap *heap, struct block *block)
{
	heap->top = (char *)block;
	block->tag = LIVE;
	if (heap->top + TAG_BYTES > heap->touched)
		heap->touched = heap->top + TAG_BYTES;
}

/*
 * Kept, the wilderness begins right behind the descriptor.  Listed, the
 * descriptor has its page to itself, so that the holes made of new memory are
 * whole pages: an experiment in units that divide a page comes out even.
 */
void wilderness_open(struct fit_heap *heap)
{
	size_t align =
		heap->wilderness_is_listed ? PAGE_BYTES : MALLOC_ALIGN_BYTES;
	size_t payload = round_up((size_t)(heap + 1) + TAGS_BYTES, align);

	heap->first = payload_block((void *)payload);
	*prologue(heap) = LIVE;
	set_top(heap, heap->first);
	if (heap->wilderness_is_listed && wilderness_bytes(heap) > 0)
		wilderness_list(heap);
}

struct block *wilderness_take(struct fit_heap *heap, size_t bytes)
{
	struct block *block = fence(heap);

	assert(bytes <= wilderness_bytes(heap));
	set_top(heap, block_at(block, bytes));
	block_set(block, bytes | LIVE);
	return block;
}

void wilderness_swallow(struct fit_heap *heap, struct block *block)
{
	set_top(heap, block);
}

/* What a request that no hole fits can use at the end of the heap. */
static size_t usable_at_end(const struct fit_heap *heap)
{
	if (!heap->wilderness_is_listed)
		return wilderness_bytes(heap);
	const struct block *last = hole_before(fence(heap));
	if (last == NULL || heap->coalesce == COALESCE_NEVER)
		return 0;
	return last->tag;
}

size_t wilderness_growth(const struct fit_heap *heap, size_t bytes)
{
	return round_up(bytes - usable_at_end(heap), heap->growth);
}

bool wilderness_grow(struct fit_heap *heap, size_t bytes)
{
	size_t more = wilderness_growth(heap, bytes);

	if (page_source_grow(heap->pages, more) == NULL)
		return false;
	heap->end += more;
	heap->stats.grows++;
	return true;
}

struct block *wilderness_list(struct fit_heap *heap)
{
	struct block *block = fence(heap);
	size_t bytes = wilderness_bytes(heap);

	set_top(heap, block_at(block, bytes));
	block_set(block, bytes);
	return holes_append(heap, block);
}

/* The lowest page boundary at which the heap may end. */
static char *lowest_end(const struct fit_heap *heap)
{
	char *end = (char *)round_up((size_t)heap->top + TAG_BYTES, PAGE_BYTES);
	size_t left = (size_t)(end - heap->top) - TAG_BYTES;

	if (heap->wilderness_is_listed && left > 0 && left < heap->min_block)
		end += PAGE_BYTES; /* too few bytes for a hole */
	return end;
}

size_t wilderness_trim(struct fit_heap *heap)
{
	holes_sweep(heap);
	if (heap->wilderness_is_listed) {
		struct block *last = hole_before(fence(heap));
		if (last == NULL)
			return 0;
		holes_remove(heap, last);
		wilderness_swallow(heap, last);
	}
	size_t bytes = (size_t)(heap->end - lowest_end(heap));
	if (bytes > 0) {
		page_source_shrink(heap->pages, bytes);
		heap->end -= bytes;
		heap->stats.shrinks++;
	}
	if (heap->wilderness_is_listed && wilderness_bytes(heap) > 0)
		wilderness_list(heap);
	return bytes;
}
