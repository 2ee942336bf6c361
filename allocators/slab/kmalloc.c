/*
 * kmalloc.c - malloc for any size: a row of size caches, and pages.
 *
 * Idea.  Whoever has no cache of his own asks for bytes.  A row of caches,
 * "size-16" to "size-8192", serves the request from the first whose objects are
 * large enough; a table finds it without a search.  Larger requests get a run
 * of pages of their own.
 *
 *     size        1..16  17..32  33..48  49..64  65..80  81..96  97..112 ...
 *     class_of[]    0      1       2       2       3       3       4
 *                   |      |        \     /         \     /        |
 *     size_cache  16      32          64              96          128    ...
 *
 *     8193 and more        n pages, for the pages that the size needs
 *     aligned, < a page    "aligned-64": a cache with 64-byte slots at
 *                          multiples of 64, made when first asked for
 *     aligned, more        pages at a multiple of the alignment
 *
 * What it costs: a request of just over a class wastes the distance between two
 * classes.  The knob `spacing` sets it: with powers of two up to a half of a
 * slot is lost, with four classes a doubling up to a fifth, for more caches and
 * so for more slabs that are partly empty.
 *
 * Words.
 *     class   index of a size cache
 *     large   a block that is a run of pages; `run_pages` is in the page map
 *     route   which of the three a request takes
 *
 * Invariants, verified in slab_check().
 *     I9  class_of[] names for each size the smallest size cache that holds it
 *
 * Cost.     a table lookup before the cache
 * Threads.  None: one thread at a time.
 * Sources.  [Bonwick94, 3] kmem_alloc; 96 and 192 as in Linux [Gorman04, 8.4].
 *
 * Read next: walk.c; or ../ptmalloc/ptmalloc.c, which has several heaps.
 */
#include "kmalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- the row of size caches ----------------------------------------------- */

static size_t next_size(enum kmalloc_spacing spacing, size_t size)
{
	size_t doubling = (size_t)1 << log2_floor(size);
	size_t step = doubling;

	if (spacing == SPACING_LINUX &&
	    (size == 64 || size == 96 || size == 128 || size == 192))
		step = doubling / 2;
	if (spacing == SPACING_QUARTER)
		step = doubling / 4;
	if (spacing == SPACING_EIGHTH)
		step = doubling / 8;
	return size + (step < MALLOC_ALIGN_BYTES ? MALLOC_ALIGN_BYTES : step);
}

static size_t table_index(size_t size)
{
	return (size + MALLOC_ALIGN_BYTES - 1) / MALLOC_ALIGN_BYTES;
}

size_t kmalloc_table_bytes(size_t kmalloc_max)
{
	return table_index(kmalloc_max) + 1;
}

bool kmalloc_open(struct slab_heap *heap, enum kmalloc_spacing spacing)
{
	size_t from = 0, size = MALLOC_ALIGN_BYTES;
	char name[32];

	for (unsigned class = 0; size <= heap->config.kmalloc_max; class ++) {
		assert(class < SIZE_CACHES_MAX);
		snprintf(name, sizeof name, "size-%zu", size);
		heap->size_cache[class] = kmem_cache_create(
			(struct heap *)heap,
			&(struct kmem_cache_spec){.name = name, .size = size});
		if (heap->size_cache[class] == NULL)
			return false;
		for (; from <= table_index(size); from++)
			heap->class_of[from] = (uint8_t) class;
		size = next_size(spacing, size);
	}
	return true;
}

static struct kmem_cache *size_cache_for(const struct slab_heap *heap,
                                         size_t size)
{
	return heap->size_cache[heap->class_of[table_index(size)]];
}

struct kmem_cache *kmalloc_cache(struct heap *heap, size_t size)
{
	struct slab_heap *self = slab_heap_of(heap);

	return size <= self->config.kmalloc_max ? size_cache_for(self, size)
	                                        : NULL;
}

/* ---- large blocks --------------------------------------------------------- */

static size_t pages_for(size_t size)
{
	return size == 0 ? 1 : round_up(size, PAGE_BYTES) >> PAGE_LOG2;
}

/* `count` pages as one live block; its entry in the page map, or NULL. */
static struct page *large_alloc(struct slab_heap *heap, size_t count,
                                size_t align_pages)
{
	struct kpages *pages = &heap->pages;
	struct page *page = kpages_alloc(pages, count, align_pages);

	if (page == NULL && slab_heap_relieve(heap) > 0)
		page = kpages_alloc(pages, count, align_pages);
	if (page == NULL)
		return NULL;
	page->use = PAGE_LARGE;
	page->run_pages = count;
	return page;
}

static NOINLINE void *kmalloc_large(struct slab_heap *heap, size_t size,
                                    size_t align_pages)
{
	if (size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	struct page *page = large_alloc(heap, pages_for(size), align_pages);
	return page == NULL ? NULL : kpages_address(&heap->pages, page);
}

/* Resizes a large block where it is; false if it has to move. */
static bool large_resize(struct slab_heap *heap, struct page *page, size_t size)
{
	size_t count = page->run_pages, wanted = pages_for(size);

	if (size <= heap->config.kmalloc_max || size > PTRDIFF_MAX)
		return false;
	if (wanted > count && !kpages_extend(&heap->pages, page, count, wanted))
		return false;
	if (wanted < count)
		kpages_cut(&heap->pages, page, count, wanted);
	page->run_pages = wanted;
	return true;
}

/* ---- malloc, free --------------------------------------------------------- */

void *kmalloc(struct slab_heap *heap, size_t size)
{
	if (size > heap->config.kmalloc_max)
		return kmalloc_large(heap, size, 1);
	return kmem_cache_alloc(size_cache_for(heap, size));
}

/* Pages that the source just committed are zero already. */
void *kzalloc(struct slab_heap *heap, size_t size)
{
	void *block = kmalloc(heap, size);

	if (block == NULL)
		return NULL;
	const struct page *page = kpages_page_of(&heap->pages, block);
	if (page->use != PAGE_LARGE || !page->fresh)
		memset(block, 0, size);
	return block;
}

struct kmalloc_route kmalloc_route(const struct slab_heap *heap, size_t align,
                                   size_t size)
{
	struct kmalloc_route route = {.align_pages = 1};
	size_t slot = (size_t)1 << log2_ceil(size > align ? size : align);

	if (align <= MALLOC_ALIGN_BYTES && size <= heap->config.kmalloc_max) {
		route.cache = size_cache_for(heap, size);
		route.slot_bytes = route.cache->layout.slot_bytes;
	} else if (align > MALLOC_ALIGN_BYTES && slot < PAGE_BYTES) {
		route.cache = heap->aligned_cache[log2_floor(slot)];
		route.slot_bytes = slot;
	} else {
		route.pages = pages_for(size);
		if (align > PAGE_BYTES)
			route.align_pages = align >> PAGE_LOG2;
	}
	return route;
}

/* The cache of slots of `slot` bytes at multiples of it; made on demand. */
static struct kmem_cache *aligned_cache(struct slab_heap *heap, size_t slot)
{
	struct kmem_cache **cache = &heap->aligned_cache[log2_floor(slot)];
	char name[32];

	if (*cache != NULL)
		return *cache;
	snprintf(name, sizeof name, "aligned-%zu", slot);
	*cache = kmem_cache_create((struct heap *)heap,
	                           &(struct kmem_cache_spec){.name = name,
	                                                     .size = slot,
	                                                     .align = slot});
	return *cache;
}

/* A cache made for a request that then fails is not kept. */
static NOINLINE void aligned_cache_drop(struct slab_heap *heap,
                                        struct kmem_cache *cache, size_t slot)
{
	if (kmem_cache_destroy(cache)) { /* no object of it is live */
		heap->aligned_cache[log2_floor(slot)] = NULL;
		slab_heap_relieve(heap);
	}
	errno = ENOMEM;
}

static void *aligned_slot_alloc(struct slab_heap *heap, size_t slot)
{
	struct kmem_cache *cache = aligned_cache(heap, slot);

	if (cache == NULL)
		return NULL;
	void *block = kmem_cache_alloc(cache);
	if (block == NULL)
		aligned_cache_drop(heap, cache, slot);
	return block;
}

void *kmalloc_aligned(struct slab_heap *heap, size_t align, size_t size)
{
	if (align <= MALLOC_ALIGN_BYTES)
		return kmalloc(heap, size);
	if (size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	struct kmalloc_route route = kmalloc_route(heap, align, size);
	if (route.pages > 0)
		return kmalloc_large(heap, size, route.align_pages);
	return aligned_slot_alloc(heap, route.slot_bytes);
}

void kfree(struct slab_heap *heap, void *block)
{
	if (block == NULL)
		return;
	if (CHECKED)
		slab_misuse_check_block(heap, block, "free");
	struct page *page = kpages_page_of(&heap->pages, block);
	if (page->use == PAGE_LARGE) {
		kpages_free(&heap->pages, page, page->run_pages);
		return;
	}
	struct slab *slab = page->slab;
	slab_put(slab->cache, slab, slot_index(slab, block));
}

size_t ksize(const struct slab_heap *heap, const void *block)
{
	const struct page *page = kpages_page_of(&heap->pages, block);

	return page->use == PAGE_LARGE ? page->run_pages << PAGE_LOG2
	                               : page->slab->cache->layout.slot_bytes;
}

/* ---- realloc -------------------------------------------------------------- */

bool krealloc_keeps_slot(const struct slab_heap *heap, size_t usable,
                         size_t size)
{
	return size <= usable && size <= heap->config.kmalloc_max &&
	       size_cache_for(heap, size)->layout.slot_bytes >= usable;
}

/* Moves a block; one that only shrinks stays where it is without memory. */
static void *krealloc_move(struct slab_heap *heap, void *block, size_t usable,
                           size_t size)
{
	void *moved = kmalloc(heap, size);

	if (moved == NULL)
		return size <= usable ? block : NULL;
	memcpy(moved, block, size < usable ? size : usable);
	heap->stats.moves++;
	kfree(heap, block);
	return moved;
}

void *krealloc(struct slab_heap *heap, void *block, size_t size)
{
	if (block == NULL)
		return kmalloc(heap, size);
	if (CHECKED)
		slab_misuse_check_block(heap, block, "realloc");
	struct page *page = kpages_page_of(&heap->pages, block);
	size_t usable = ksize(heap, block);
	bool stays =
		krealloc_keeps_slot(heap, usable, size) ||
		(page->use == PAGE_LARGE && large_resize(heap, page, size));
	return stays ? block : krealloc_move(heap, block, usable, size);
}
