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

enum { HEADROOM_SHARE = 4 }; /* a growing block gets 1/4 more: as gperftools*/

/* ---- malloc ---------------------------------------------------------------------- */

void *tcm_malloc_pages(struct tcm_cache *self, size_t size, size_t align)
{
	if (size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	struct tcm_span *span = tcm_span_alloc(&self->heap->page_heap,
	                                       tcm_pages_for(size), align, 0);
	return span == NULL ? NULL : span->start;
}

static void *pop(struct tcm_cache *self, unsigned class)
{
	struct tcm_bin *bin = &self->bin[class];
	void **top = tcm_bin_top(bin);

	if (top == bin->low)
		return tcm_cache_at_low(self, bin);
	tcm_bin_set_top(bin, top - 1);
	return top[-1];
}

void *tcm_malloc_any(struct tcm_cache *self, size_t size)
{
	if (size > TCM_SMALL_MAX)
		return tcm_malloc_pages(self, size, 1);
	return pop(self, tcm_class_of(&self->heap->classes, size));
}

void *tcm_zero_malloc(struct thread_heap *handle, size_t size)
{
	struct tcm_cache *self = tcm_cache_of(handle);
	void *block = tcm_malloc_any(self, size);

	if (block == NULL)
		return NULL;
	if (size > TCM_SMALL_MAX &&
	    tcm_entry_span(tcm_page_map_get(&self->heap->map, block))->is_fresh)
		return block;
	return memset(block, 0, size);
}

unsigned tcm_aligned_class(const struct tcm_heap *heap, size_t align,
                           size_t size)
{
	if (size > TCM_SMALL_MAX || align > TCM_PAGE_BYTES)
		return 0;
	unsigned class = tcm_class_of(&heap->classes, size);
	while (class < heap->classes.count &&
	       !is_aligned((void *)tcm_class_bytes(heap, class), align))
		class ++;
	return class < heap->classes.count ? class : 0;
}

/* Spans begin at a page, so objects lie at multiples of their size's factors. */
void *tcm_aligned_malloc(struct thread_heap *handle, size_t align, size_t size)
{
	struct tcm_cache *self = tcm_cache_of(handle);
	unsigned class = tcm_aligned_class(self->heap, align, size);

	if (class != 0)
		return pop(self, class);
	return tcm_malloc_pages(
		self, size,
		align <= TCM_PAGE_BYTES ? 1 : align >> TCM_PAGE_LOG2);
}

/* ---- what is known of a block ------------------------------------------------------ */

static size_t usable_bytes(const struct tcm_heap *heap, uint64_t entry)
{
	unsigned class = tcm_entry_class(entry);

	return class != 0 ? tcm_class_bytes(heap, class)
	                  : tcm_span_bytes(tcm_entry_span(entry));
}

size_t tcm_usable_size(struct heap *heap, const void *block)
{
	struct tcm_heap *self = tcm_heap_of(heap);

	return usable_bytes(self, tcm_page_map_get(&self->map, block));
}

/* ---- realloc ----------------------------------------------------------------------- */

/* Whether it fits and uses more than half. */
static bool stays(size_t usable, size_t size)
{
	return size <= usable &&
	       (size > usable / 2 || usable <= MALLOC_ALIGN_BYTES);
}

enum tcm_resize tcm_resize_way(size_t usable, unsigned class, size_t size)
{
	if (stays(usable, size))
		return TCM_STAYS;
	if (class != 0 || size <= TCM_SMALL_MAX || size > PTRDIFF_MAX)
		return TCM_MOVES;
	return size <= usable ? TCM_CUTS : TCM_GROWS_OR_MOVES;
}

static size_t with_headroom(size_t usable, size_t size)
{
	size_t roomy = usable + usable / HEADROOM_SHARE;

	return size > usable && size < roomy ? roomy : size;
}

/* Moves the block; one that shrinks stays where it is without memory. */
static void *move(struct tcm_cache *self, void *block, size_t usable,
                  size_t size)
{
	size_t roomy = with_headroom(usable, size);
	void *moved = tcm_malloc_any(self, roomy);

	if (moved == NULL && roomy > size)
		moved = tcm_malloc_any(self, size);
	if (moved == NULL)
		return size <= usable ? block : NULL;
	memcpy(moved, block, size < usable ? size : usable);
	counter_add(&self->moves, 1);
	tcm_free((struct thread_heap *)self, block);
	return moved;
}

static bool extend(struct tcm_heap *heap, struct tcm_span *span, size_t size)
{
	size_t need = tcm_pages_for(size) - span->pages;
	size_t wish = tcm_pages_for(with_headroom(tcm_span_bytes(span), size)) -
	              span->pages;

	return tcm_pages_for(size) <= TCM_PAGES_MAX &&
	       tcm_span_extend(&heap->page_heap, span, need, wish);
}

/* What realloc does with a block that is too small or far too large; apart, so
 * that the way of a block that stays saves no registers. */
static TCM_NOINLINE void *resize(struct tcm_cache *self, void *block,
                                 uint64_t entry, size_t size)
{
	struct tcm_span *span = tcm_entry_span(entry);
	size_t usable = usable_bytes(self->heap, entry);

	switch (tcm_resize_way(usable, tcm_entry_class(entry), size)) {
	case TCM_CUTS:
		tcm_span_cut(&self->heap->page_heap, span, tcm_pages_for(size));
		return block;
	case TCM_GROWS_OR_MOVES:
		if (extend(self->heap, span, size))
			return block;
		break;
	case TCM_STAYS:
	case TCM_MOVES:
		break;
	}
	return move(self, block, usable, size);
}

static inline void *realloc_mapped(struct tcm_cache *self, void *block,
                                   uint64_t entry, size_t size)
{
	return stays(usable_bytes(self->heap, entry), size)
	               ? block
	               : resize(self, block, entry, size);
}

static TCM_NOINLINE void *realloc_by_any_map(struct tcm_cache *self,
                                             void *block, size_t size)
{
	uint64_t entry = tcm_page_map_get(&self->heap->map, block);

	return realloc_mapped(self, block, entry, size);
}

void *tcm_realloc(struct thread_heap *handle, void *block, size_t size)
{
	struct tcm_cache *self = tcm_cache_of(handle);

	if (block == NULL)
		return tcm_malloc(handle, size);
	if (CHECKED)
		tcm_misuse_check(self, block, "realloc");
	if (self->map_kind == TCM_MAP_2)
		return realloc_mapped(
			self, block, tcm_map2_get(self->map_root, block), size);
	return realloc_by_any_map(self, block, size);
}

/* ---- trim -------------------------------------------------------------------------- */

/*
 * Thread caches stay: they are their owners'.  Descriptors come last, for spans
 * that merge give theirs back.
 */
size_t tcm_trim(struct heap *heap)
{
	struct tcm_heap *self = tcm_heap_of(heap);

	for (unsigned class = 1; class < self->classes.count; class ++)
		tcm_transfer_flush(&self->centrals, class);
	size_t bytes = tcm_page_heap_release(&self->page_heap, TCM_PAGES_MAX);
	return bytes + tcm_metadata_trim(&self->metadata);
}
