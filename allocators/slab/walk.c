/*
 * walk.c - the heap laid out: extents in address order, free lists in the
 * order in which a search meets them.
 */
#include "walk.h"

struct walk {
	struct slab_heap *heap;
	extent_visitor *visit;
	void *ctx;
};

/* Hands out one extent, unless it is empty; false once the visitor stops. */
static bool give(const struct walk *walk, const void *start, size_t bytes,
                 enum extent_kind kind, const char *tier)
{
	struct extent extent = {(void *)start, bytes, kind, tier};

	return bytes == 0 || walk->visit(walk->ctx, &extent);
}

static bool walk_heap(const struct walk *walk)
{
	return give(walk, walk->heap, walk->heap->bytes, EXTENT_METADATA, "");
}

/* Colouring, slots, tail, and the descriptor if it is there. */
static bool walk_slab(const struct walk *walk, const struct slab *slab)
{
	const struct slab_layout *layout = &slab->cache->layout;
	const char *start = slab_start(slab), *end = start + layout->slab_bytes;
	const char *tier = slab->used > 0 ? "slot" : "empty slab";

	if (slab->cache->internal)
		return give(walk, start, layout->slab_bytes, EXTENT_METADATA,
		            "");
	if (!give(walk, start, slab->colour, EXTENT_SLACK, ""))
		return false;
	for (size_t i = 0; i < layout->slots; i++) {
		bool is_free = slot_is_free(slab, i);
		if (!give(walk, slot_address(slab, i), layout->slot_bytes,
		          is_free ? EXTENT_FREE : EXTENT_LIVE,
		          is_free ? tier : ""))
			return false;
	}
	const char *tail = slot_address(slab, layout->slots);
	if (layout->off_slab)
		return give(walk, tail, (size_t)(end - tail), EXTENT_SLACK, "");
	return give(walk, tail, (size_t)((const char *)slab - tail),
	            EXTENT_SLACK, "") &&
	       give(walk, slab, layout->descriptor_bytes, EXTENT_METADATA, "");
}

/* The pages of a free block that have memory behind them. */
static bool walk_free_block(const struct walk *walk, const struct page *block)
{
	const struct kpages *pages = &walk->heap->pages;
	const struct arena *arena = kpages_arena_of(pages, block);
	const struct page *end = block + ((size_t)1 << block->order);

	for (const struct page *page = block, *next; page < end; page = next) {
		size_t number = (size_t)(page - arena->page);
		size_t to = kpages_backed_run_end(arena, number,
		                                  (size_t)(end - arena->page));
		next = &arena->page[to];
		if (page->backed &&
		    !give(walk, kpages_address(pages, page),
		          (to - number) << PAGE_LOG2, EXTENT_FREE, "page heap"))
			return false;
	}
	return true;
}

/* Visits what starts at a page; returns its pages, 0 to stop. */
static size_t walk_page(const struct walk *walk, const struct page *page)
{
	const struct kpages *pages = &walk->heap->pages;
	size_t count = 1;
	bool more = true;

	switch (page->use) {
	case PAGE_FREE:
		count = (size_t)1 << page->order;
		more = walk_free_block(walk, page);
		break;
	case PAGE_SLAB:
		count = page->slab->cache->layout.slab_bytes >> PAGE_LOG2;
		more = walk_slab(walk, page->slab);
		break;
	case PAGE_LARGE:
		count = page->run_pages;
		more = give(walk, kpages_address(pages, page),
		            count << PAGE_LOG2, EXTENT_LIVE, "");
		break;
	default:
		break;
	}
	return more ? count : 0;
}

static bool walk_arena(const struct walk *walk, const struct arena *arena)
{
	if (!give(walk, arena, arena->map_bytes, EXTENT_METADATA, ""))
		return false;
	for (size_t number = arena->first, count; number < arena->top;
	     number += count)
		if ((count = walk_page(walk, &arena->page[number])) == 0)
			return false;
	return true;
}

void slab_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct walk walk = {slab_heap_of(heap), visit, ctx};
	const struct arena *arena = TAILQ_FIRST(&walk.heap->pages.arenas);

	for (; arena != NULL && (const char *)arena < (const char *)heap;
	     arena = TAILQ_NEXT(arena, by_address))
		if (!walk_arena(&walk, arena))
			return;
	if (!walk_heap(&walk))
		return;
	for (; arena != NULL; arena = TAILQ_NEXT(arena, by_address))
		if (!walk_arena(&walk, arena))
			return;
}

/* ---- free lists ----------------------------------------------------------- */

struct list_walk {
	free_block_visitor *visit;
	void *ctx;
	const char *list;
};

static bool list_slabs(struct list_walk *walk, const struct slab_list *slabs,
                       const char *list)
{
	const struct slab *slab;

	TAILQ_FOREACH (slab, slabs, link) {
		const struct slab_layout *layout = &slab->cache->layout;
		for (size_t i = 0; i < layout->slots; i++) {
			struct free_block block = {list, slot_address(slab, i),
			                           layout->slot_bytes};
			if (slot_is_free(slab, i) &&
			    !walk->visit(walk->ctx, &block))
				return false;
		}
	}
	return true;
}

static bool list_extent(void *ctx, const struct extent *extent)
{
	struct list_walk *walk = ctx;
	struct free_block block = {walk->list, extent->start, extent->bytes};

	return walk->visit(walk->ctx, &block);
}

static void list_pages(struct slab_heap *heap, struct list_walk *lists)
{
	static const char *const names[PAGE_ORDERS] = {
		"pages order 0",  "pages order 1",  "pages order 2",
		"pages order 3",  "pages order 4",  "pages order 5",
		"pages order 6",  "pages order 7",  "pages order 8",
		"pages order 9",  "pages order 10", "pages order 11",
		"pages order 12", "pages order 13", "pages order 14",
		"pages order 15", "pages order 16", "pages order 17",
		"pages order 18"};
	struct walk walk = {heap, list_extent, lists};

	for (unsigned k = 0; k < PAGE_ORDERS; k++) {
		const struct page *block;
		lists->list = names[k];
		TAILQ_FOREACH (block, &heap->pages.free[k], link)
			if (!walk_free_block(&walk, block))
				return;
	}
}

void slab_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx)
{
	struct slab_heap *self = slab_heap_of(heap);
	struct list_walk lists = {visit, ctx, ""};
	const struct kmem_cache *cache;

	TAILQ_FOREACH (cache, &self->chain, chain)
		if (!cache->internal &&
		    (!list_slabs(&lists, &cache->partial,
		                 cache->partial_name) ||
		     !list_slabs(&lists, &cache->empty, cache->empty_name)))
			return;
	list_pages(self, &lists);
}
