/*
 * growth.c - more committed pages: from returned spans, or from the source.
 *
 * Idea.  Addresses are reserved 64 MiB at a time, or fewer where the program may
 * not have so many, memory is committed as the
 * heap needs it, at least a MiB at a time, so that a kernel call serves many
 * spans and neighbours in time are neighbours in memory and can merge:
 *
 *     region    start                     top                      end
 *             |-|span|span|....span.....|  reserved, not committed  |-|
 *              ^ never used              ^ grows by 128 pages or more  ^ never
 *
 * If the last span below the top is free, only what it lacks is asked for.  A
 * source that refuses 128 pages is asked for just the pages needed.  The first
 * page of a region and the last are never used: so no span touches one of another
 * region, and a region can be looked at by itself; and the page beside a span
 * always has an entry in the page map, 0 where no span is.
 *
 * Returned spans come first: their addresses have entries in the page map
 * already, and every page that is used again is one fewer to ask for.
 *
 * Invariants, verified in check.c.
 *     I4  spans tile every region from its start to its top
 *
 * Cost.     a kernel call or two for each MiB
 * Threads.  Under the page heap's lock.
 * Sources.  [Ghemawat] growth by at least 128 pages.
 *
 * Read next: page_map.c, how an address leads to its span.
 */
#include <errno.h>

#include "../common/bits.h"
#include "page_heap.h"

enum { REGION_BYTES = 64 << 20, REGION_LEAST = 1 << 20 };

static struct tcm_span *take_spare(struct tcm_spares *spares)
{
	assert(spares->count > 0);
	return spares->of[--spares->count];
}

/* ---- returned spans ---------------------------------------------------------- */

/* Commits the front of a returned span; the rest stays returned. */
static bool recommit(struct tcm_page_heap *heap, struct tcm_span *span,
                     size_t pages, struct tcm_spares *spares)
{
	if (!page_source_commit(heap->source, span->start,
	                        pages << TCM_PAGE_LOG2))
		return false;
	tcm_free_remove(heap, span);
	span->state = TCM_SPAN_NORMAL; /* the rest must not merge with it */
	span->is_fresh = true;
	if (pages < span->pages) {
		struct tcm_span *rest = take_spare(spares);
		*rest = (struct tcm_span){
			.start = span->start + (pages << TCM_PAGE_LOG2),
			.pages = span->pages - (uint32_t)pages,
			.state = TCM_SPAN_RETURNED,
		};
		span->pages = (uint32_t)pages;
		tcm_span_release(heap, rest);
		counter_add(&heap->splits, 1);
	}
	tcm_span_release(heap, span);
	return true;
}

static bool grow_from_returned(struct tcm_page_heap *heap, size_t pages,
                               struct tcm_spares *spares)
{
	uint64_t links = 0;
	struct tcm_span *span = tcm_free_find(&heap->returned, pages, &links);

	counter_add(&heap->links, links);
	if (span == NULL)
		return false;
	size_t more = pages > heap->growth_pages ? pages : heap->growth_pages;
	if (more > span->pages)
		more = span->pages;
	return recommit(heap, span, more, spares) ||
	       (more > pages && recommit(heap, span, pages, spares));
}

/* ---- regions ----------------------------------------------------------------- */

/* A region of `bytes`, or less where it must be, but at least of `least`. */
static struct tcm_region *region_new(struct tcm_page_heap *heap, size_t bytes,
                                     size_t least)
{
	struct tcm_region *region =
		tcm_metadata_get(heap->metadata, TCM_POOL_SPAN);

	if (region == NULL)
		return NULL;
	char *start = page_source_reserve_some(heap->source, 0, &bytes, least,
	                                       TCM_PAGE_BYTES);
	if (start == NULL) {
		tcm_metadata_undo(heap->metadata, TCM_POOL_SPAN, region);
		errno = ENOMEM;
		return NULL;
	}
	char *end = start + bytes;
	start += TCM_PAGE_BYTES; /* the first page is never used */
	*region = (struct tcm_region){heap->newest, start, start, end};
	assert(bytes % TCM_PAGE_BYTES == 0);
	heap->newest = region;
	return region;
}

static void region_release(struct tcm_page_heap *heap,
                           const struct tcm_region *region)
{
	char *start = region->start - TCM_PAGE_BYTES;

	page_source_release(heap->source, start, (size_t)(region->end - start));
}

/* The newest region, which has just been made, is not needed. */
static void region_undo(struct tcm_page_heap *heap)
{
	struct tcm_region *region = heap->newest;

	region_release(heap, region);
	heap->newest = region->older;
	tcm_metadata_undo(heap->metadata, TCM_POOL_SPAN, region);
}

/* The free span that ends at the region's top, or NULL. */
static struct tcm_span *free_span_at_top(struct tcm_page_heap *heap,
                                         const struct tcm_region *region)
{
	struct tcm_span *span =
		region->top == region->start
			? NULL
			: tcm_span_at(heap, region->top - TCM_PAGE_BYTES);

	return span != NULL && span->state == TCM_SPAN_NORMAL ? span : NULL;
}

/* Commits pages at the top of a region and makes them a free span. */
static bool region_grow(struct tcm_page_heap *heap, struct tcm_region *region,
                        size_t pages, struct tcm_spares *spares)
{
	size_t bytes = pages << TCM_PAGE_LOG2;
	size_t heap_pages = counter_read(&heap->pages) + pages;

	if ((size_t)(region->end - region->top) <= bytes)
		return false;
	if (!page_source_commit(heap->source, region->top, bytes))
		return false;
	/* One page more at both ends: for neighbours that are looked for. */
	if (!tcm_page_map_reserve(heap->map, region->top - TCM_PAGE_BYTES,
	                          pages + 2, heap_pages)) {
		page_source_purge(heap->source, region->top, bytes);
		return false;
	}
	struct tcm_span *span = take_spare(spares);
	*span = (struct tcm_span){.start = region->top,
	                          .pages = (uint32_t)pages,
	                          .state = TCM_SPAN_NORMAL,
	                          .is_fresh = true};
	region->top += bytes;
	counter_add(&heap->pages, pages);
	counter_add(&heap->grows, 1);
	tcm_span_release(heap, span);
	return true;
}

/* Grows a region so that a span of `pages` pages is free in it. */
static bool region_grow_for(struct tcm_page_heap *heap,
                            struct tcm_region *region, size_t pages,
                            struct tcm_spares *spares)
{
	const struct tcm_span *last = free_span_at_top(heap, region);
	size_t need = pages - (last == NULL ? 0 : last->pages);
	size_t more = need > heap->growth_pages ? need : heap->growth_pages;

	return region_grow(heap, region, more, spares) ||
	       (more > need && region_grow(heap, region, need, spares));
}

static bool grow_from_source(struct tcm_page_heap *heap, size_t pages,
                             struct tcm_spares *spares)
{
	size_t need = (pages + 2) << TCM_PAGE_LOG2;
	size_t bytes = round_up(need, (size_t)REGION_BYTES);
	struct tcm_region *region = heap->newest;

	if (region != NULL && region_grow_for(heap, region, pages, spares))
		return true;
	if (heap->is_fixed)
		return false;
	if (region != NULL &&
	    (size_t)(region->end - region->top) > (pages + 1) << TCM_PAGE_LOG2)
		return false; /* there is room: the source has refused */
	region = region_new(heap, bytes,
	                    need < REGION_LEAST ? REGION_LEAST : need);
	if (region == NULL)
		return false;
	if (region_grow_for(heap, region, pages, spares))
		return true;
	region_undo(heap);
	return false;
}

bool tcm_heap_grow(struct tcm_page_heap *heap, size_t pages,
                   struct tcm_spares *spares)
{
	if (grow_from_returned(heap, pages, spares) ||
	    grow_from_source(heap, pages, spares))
		return true;
	errno = ENOMEM;
	return false;
}

bool tcm_heap_grow_at(struct tcm_page_heap *heap, const char *end, size_t pages,
                      struct tcm_spares *spares)
{
	struct tcm_region *region = heap->newest;
	size_t more = pages > heap->growth_pages ? pages : heap->growth_pages;

	return region != NULL && region->top == end &&
	       (region_grow(heap, region, more, spares) ||
	        (more > pages && region_grow(heap, region, pages, spares)));
}

bool tcm_heap_fix(struct tcm_page_heap *heap, size_t bytes)
{
	heap->is_fixed = true;
	return region_new(heap, bytes, REGION_LEAST) != NULL;
}

/* Purges what is committed of a region, in runs as long as they are. */
static void region_purge(struct tcm_page_heap *heap, struct tcm_region *region)
{
	char *run = region->start;

	for (char *at = run; at < region->top;) {
		const struct tcm_span *span = tcm_span_at(heap, at);
		if (span->state == TCM_SPAN_RETURNED) {
			if (at > run)
				page_source_purge(heap->source, run,
				                  (size_t)(at - run));
			run = tcm_span_end(span);
		}
		at = tcm_span_end(span);
	}
	if (region->top > run)
		page_source_purge(heap->source, run,
		                  (size_t)(region->top - run));
}

void tcm_regions_close(struct tcm_page_heap *heap)
{
	for (struct tcm_region *region = heap->newest; region != NULL;
	     region = region->older) {
		region_purge(heap, region);
		region_release(heap, region);
	}
}
