/*
 * large.c - blocks of whole pages, and the calls beside malloc and free.
 *
 *     size     1 .. 1 KiB     tcmalloc.c, the fast path
 *              .. 256 KiB     the same lists, found by the larger table
 *              .. 1 MiB       medium: 1..128 pages from a list of the page heap
 *              beyond         large: the best fit from its tree
 *
 * realloc keeps a block where it is while it fits and uses more than half.  What
 * must move to grow gets a quarter more than it had, so that growing step by step
 * costs O(1) a byte; a block of pages first tries to take free pages behind it.
 */
#include <errno.h>
#include <string.h>

#include "../common/bits.h"
#include "tcmalloc.h"

enum { HEADROOM_SHARE = 4 }; /* a growing block gets 1/4 more [gperftools]   */

/* ---- malloc ---------------------------------------------------------------------- */

void *tc_malloc_pages(struct tc_cache *self, size_t size, size_t align)
{
	if (size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	struct tc_span *span = tc_span_alloc(&self->heap->page_heap,
	                                     tc_pages_for(size), align, 0);
	return span == NULL ? NULL : span->start;
}

static void *pop(struct tc_cache *self, unsigned class)
{
	struct tc_bin *bin = &self->bin[class];
	void **top = tc_bin_top(bin);

	if (top == bin->low)
		return tc_cache_at_low(self, bin);
	tc_bin_set_top(bin, top - 1);
	return top[-1];
}

void *tc_malloc_any(struct tc_cache *self, size_t size)
{
	if (size > TC_SMALL_MAX)
		return tc_malloc_pages(self, size, 1);
	return pop(self, tc_class_of(&self->heap->classes, size));
}

void *tc_zero_malloc(struct thread_heap *handle, size_t size)
{
	struct tc_cache *self = tc_cache_of(handle);
	void *block = tc_malloc_any(self, size);

	if (block == NULL)
		return NULL;
	if (size > TC_SMALL_MAX &&
	    tc_entry_span(tc_page_map_get(&self->heap->map, block))->is_fresh)
		return block;
	return memset(block, 0, size);
}

unsigned tc_aligned_class(const struct tc_heap *heap, size_t align, size_t size)
{
	if (size > TC_SMALL_MAX || align > TC_PAGE_BYTES)
		return 0;
	unsigned class = tc_class_of(&heap->classes, size);
	while (class < heap->classes.count &&
	       !is_aligned((void *)tc_class_bytes(heap, class), align))
		class ++;
	return class < heap->classes.count ? class : 0;
}

/* Spans begin at a page, so objects lie at multiples of their size's factors. */
void *tc_aligned_malloc(struct thread_heap *handle, size_t align, size_t size)
{
	struct tc_cache *self = tc_cache_of(handle);
	unsigned class = tc_aligned_class(self->heap, align, size);

	if (class != 0)
		return pop(self, class);
	return tc_malloc_pages(
		self, size, align <= TC_PAGE_BYTES ? 1 : align >> TC_PAGE_LOG2);
}

/* ---- what is known of a block ------------------------------------------------------ */

static size_t usable_bytes(const struct tc_heap *heap, uint64_t entry)
{
	unsigned class = tc_entry_class(entry);

	return class != 0 ? tc_class_bytes(heap, class)
	                  : tc_span_bytes(tc_entry_span(entry));
}

size_t tc_usable_size(struct heap *heap, const void *block)
{
	struct tc_heap *self = tc_heap_of(heap);

	return usable_bytes(self, tc_page_map_get(&self->map, block));
}

/* ---- realloc ----------------------------------------------------------------------- */

enum tc_resize tc_resize_way(size_t usable, unsigned class, size_t size)
{
	if (size <= usable &&
	    (size > usable / 2 || usable <= MALLOC_ALIGN_BYTES))
		return TC_STAYS;
	if (class != 0 || size <= TC_SMALL_MAX || size > PTRDIFF_MAX)
		return TC_MOVES;
	return size <= usable ? TC_CUTS : TC_GROWS_OR_MOVES;
}

static size_t with_headroom(size_t usable, size_t size)
{
	size_t roomy = usable + usable / HEADROOM_SHARE;

	return size > usable && size < roomy ? roomy : size;
}

/* Moves the block; one that shrinks stays where it is without memory. */
static void *move(struct tc_cache *self, void *block, size_t usable,
                  size_t size)
{
	size_t roomy = with_headroom(usable, size);
	void *moved = tc_malloc_any(self, roomy);

	if (moved == NULL && roomy > size)
		moved = tc_malloc_any(self, size);
	if (moved == NULL)
		return size <= usable ? block : NULL;
	memcpy(moved, block, size < usable ? size : usable);
	counter_add(&self->moves, 1);
	tc_free((struct thread_heap *)self, block);
	return moved;
}

static bool extend(struct tc_heap *heap, struct tc_span *span, size_t size)
{
	size_t need = tc_pages_for(size) - span->pages;
	size_t wish = tc_pages_for(with_headroom(tc_span_bytes(span), size)) -
	              span->pages;

	return tc_pages_for(size) <= TC_PAGES_MAX &&
	       tc_span_extend(&heap->page_heap, span, need, wish);
}

void *tc_realloc(struct thread_heap *handle, void *block, size_t size)
{
	struct tc_cache *self = tc_cache_of(handle);

	if (block == NULL)
		return tc_malloc(handle, size);
	if (CHECKED)
		tc_misuse_check(self, block, "realloc");
	uint64_t entry = tc_page_map_get(&self->heap->map, block);
	size_t usable = usable_bytes(self->heap, entry);
	enum tc_resize way = tc_resize_way(usable, tc_entry_class(entry), size);
	if (way == TC_STAYS)
		return block;
	struct tc_span *span = tc_entry_span(entry);
	if (way == TC_CUTS)
		tc_span_cut(&self->heap->page_heap, span, tc_pages_for(size));
	else if (way == TC_MOVES || !extend(self->heap, span, size))
		return move(self, block, usable, size);
	return block;
}

/* ---- trim -------------------------------------------------------------------------- */

/* Thread caches stay: they are their owners'. */
size_t tc_trim(struct heap *heap)
{
	struct tc_heap *self = tc_heap_of(heap);

	for (unsigned class = 1; class < self->classes.count; class ++)
		tc_transfer_flush(&self->centrals, class);
	return tc_page_heap_release(&self->page_heap, TC_PAGES_MAX);
}
