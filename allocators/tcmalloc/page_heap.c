/*
 * page_heap.c - the page heap: spans cut, merged, grown and given back.
 *
 * Idea.  Memory is managed in pages of 8 KiB and runs of them, spans.  A request
 * takes the smallest free span that holds it and leaves the rest; a span that
 * comes back merges with its neighbours, which the page map finds in one step.
 *
 *     |#### in use ####|. free, 5 .|## in use ##|... free, 20 ...|
 *                                   ^ freed: merge left, merge right
 *     |#### in use ####|................ free, 28 ...............|
 *
 *     small   up to 256 KiB  spans with objects, for the central lists
 *     medium  up to 1 MiB    a span of 1..128 pages: 128 lists
 *     large   beyond         the best fit of a tree
 *
 * A free span is *normal*, its pages committed, or *returned*: its pages were
 * given back to the source and only the addresses are kept.  The two never mix
 * in one span, so a span's pages can be used or committed as one.  Pages are
 * returned slowly, one for 1000 freed unless the knob `release` says otherwise,
 * the largest free span first: it is a single kernel call, and the least likely
 * to be wanted soon.
 *
 *     in use --free--> normal --release, trim--> returned
 *        ^--alloc-------+  ^--commit (growth.c)------+
 *
 * Words.
 *     span      a run of pages that is used as one: a block, or objects
 *     state     in use, normal, returned: the in-use flag
 *     spare     a descriptor taken before anything changes
 *
 * Invariants, verified in check.c.
 *     I5  no free span has a free neighbour of its own state
 *     I6  a free span is on the list or tree of its state and length, and the
 *         bits and counts agree
 *
 * Cost.     alloc, free  O(log large free spans), and a store for each page
 *           metadata     48 bytes a span and 8 a page: .7 % of small spans
 * Threads.  One lock.  Never taken while a central list's lock is held.
 * Sources.  [Ghemawat]; prefers normal spans over returned ones of any size,
 *           where gperftools looks for both size by size.
 *
 * Read next: free_spans.c.
 */
#include "page_heap.h"

#include <errno.h>

enum {
	RELEASE_WAIT_MAX = 1 << 20, /* pages, after a large span went back   */
	RELEASE_PER = 1000,         /* pages freed: unit of the release rate */
};

static void take(struct tcm_page_heap *heap)
{
	lock_take(&heap->lock, heap->single_thread);
}

static void drop(struct tcm_page_heap *heap)
{
	lock_drop(&heap->lock, heap->single_thread);
}

/* ---- free spans ---------------------------------------------------------------- */

/* First and last page of a free span lead to it; the rest leads nowhere. */
static void map_free(struct tcm_page_heap *heap, struct tcm_span *span)
{
	uint64_t entry = tcm_entry(span, 0);

	tcm_page_map_set(heap->map, span->start, 1, entry);
	if (span->pages > 1)
		tcm_page_map_set(heap->map, tcm_span_end(span) - TCM_PAGE_BYTES,
		                 1, entry);
}

/* Takes the page out of the map, where it is no end of a span any more. */
static void unmap_page(struct tcm_page_heap *heap, const char *page)
{
	tcm_page_map_set(heap->map, page, 1, 0);
}

/* [left][right] => [----- left -----]; `right` and its descriptor are gone. */
static void join(struct tcm_page_heap *heap, struct tcm_span *left,
                 struct tcm_span *right)
{
	unmap_page(heap, right->start - TCM_PAGE_BYTES);
	unmap_page(heap, right->start);
	left->pages += right->pages;
	left->is_fresh = left->is_fresh && right->is_fresh;
	tcm_metadata_put(heap->metadata, TCM_POOL_SPAN, right);
	counter_add(&heap->merges, 1);
}

/* The neighbour that may merge with a span of this state, or NULL. */
static struct tcm_span *neighbour(struct tcm_page_heap *heap, const char *page,
                                  unsigned state)
{
	struct tcm_span *span = tcm_span_at(heap, page);

	return span != NULL && span->state == state ? span : NULL;
}

void tcm_span_release(struct tcm_page_heap *heap, struct tcm_span *span)
{
	struct tcm_span *left =
		neighbour(heap, span->start - TCM_PAGE_BYTES, span->state);
	struct tcm_span *right =
		neighbour(heap, tcm_span_end(span), span->state);

	span->class = 0;
	if (right != NULL) {
		tcm_free_remove(heap, right);
		join(heap, span, right);
	}
	if (left != NULL) {
		tcm_free_remove(heap, left);
		join(heap, left, span);
		span = left;
	}
	map_free(heap, span);
	tcm_free_insert(heap, span);
}

/* ---- cutting a span out of a free one -------------------------------------------- */

static bool get_spares(struct tcm_page_heap *heap, struct tcm_spares *spares,
                       unsigned count)
{
	for (spares->count = 0; spares->count < count; spares->count++) {
		spares->of[spares->count] =
			tcm_metadata_get(heap->metadata, TCM_POOL_SPAN);
		if (spares->of[spares->count] == NULL)
			return false;
	}
	return true;
}

static void put_spares(struct tcm_page_heap *heap, struct tcm_spares *spares)
{
	while (spares->count > 0)
		tcm_metadata_put(heap->metadata, TCM_POOL_SPAN,
		                 spares->of[--spares->count]);
}

static void undo_spares(struct tcm_page_heap *heap, struct tcm_spares *spares)
{
	while (spares->count > 0)
		tcm_metadata_undo(heap->metadata, TCM_POOL_SPAN,
		                  spares->of[--spares->count]);
}

/* [------ span ------] => [span][rest], neither on a list. */
static struct tcm_span *split(struct tcm_page_heap *heap, struct tcm_span *span,
                              size_t pages, struct tcm_spares *spares)
{
	struct tcm_span *rest = spares->of[--spares->count];

	*rest = (struct tcm_span){
		.start = span->start + (pages << TCM_PAGE_LOG2),
		.pages = span->pages - (uint32_t)pages,
		.state = TCM_SPAN_NORMAL,
		.is_fresh = span->is_fresh,
	};
	span->pages = (uint32_t)pages;
	counter_add(&heap->splits, 1);
	return rest;
}

/* Pages before the first multiple of `align` pages in a span. */
static size_t pages_to_align(const struct tcm_span *span, size_t align)
{
	return -tcm_page_of(span->start) & (align - 1);
}

/* Makes a free span one in use: cuts off what is before and behind it. */
static struct tcm_span *carve(struct tcm_page_heap *heap, struct tcm_span *span,
                              size_t pages, size_t align,
                              struct tcm_spares *spares)
{
	size_t before = pages_to_align(span, align);

	tcm_free_remove(heap, span);
	if (span->pages == pages)
		counter_add(&heap->exact_fits, 1);
	if (before > 0) {
		struct tcm_span *wanted = split(heap, span, before, spares);
		map_free(heap, span);
		tcm_free_insert(heap, span);
		span = wanted;
	}
	if (span->pages > pages) {
		struct tcm_span *rest = split(heap, span, pages, spares);
		map_free(heap, rest);
		tcm_free_insert(heap, rest);
	}
	span->state = TCM_SPAN_IN_USE;
	return span;
}

/* ---- allocation ------------------------------------------------------------------- */

static struct tcm_span *find(struct tcm_page_heap *heap, size_t pages)
{
	uint64_t links = 0;
	struct tcm_span *span = tcm_free_find(&heap->normal, pages, &links);

	counter_add(&heap->searches, 1);
	counter_add(&heap->links, links);
	return span;
}

static struct tcm_span *alloc_once(struct tcm_page_heap *heap, size_t pages,
                                   size_t align)
{
	struct tcm_spares spares;
	size_t room = pages + align - 1; /* there is an aligned run in it */
	struct tcm_span *span = find(heap, room);
	unsigned need = align > 1 ? 2 : 1; /* what is before, and behind */

	if (span == NULL)
		need = 3;
	else if (span->pages == pages)
		need = 0;
	if (get_spares(heap, &spares, need) &&
	    (span != NULL || tcm_heap_grow(heap, room, &spares))) {
		if (span == NULL)
			span = find(heap, room);
		span = carve(heap, span, pages, align, &spares);
		put_spares(heap, &spares);
		return span;
	}
	undo_spares(heap, &spares);
	errno = ENOMEM;
	return NULL;
}

/* Gives the free span back to the source; it merges with returned ones. */
static size_t return_span(struct tcm_page_heap *heap, struct tcm_span *span)
{
	size_t bytes = tcm_span_bytes(span);

	tcm_free_remove(heap, span);
	page_source_purge(heap->source, span->start, bytes);
	counter_add(&heap->shrinks, 1);
	span->state = TCM_SPAN_RETURNED;
	tcm_span_release(heap, span);
	return bytes;
}

static size_t release(struct tcm_page_heap *heap, size_t pages)
{
	struct tcm_span *span;
	size_t bytes = 0;

	while (bytes >> TCM_PAGE_LOG2 < pages &&
	       (span = tcm_free_largest(&heap->normal)) != NULL)
		bytes += return_span(heap, span);
	return bytes;
}

struct tcm_span *tcm_span_alloc(struct tcm_page_heap *heap, size_t pages,
                                size_t align, unsigned class)
{
	if (pages > TCM_PAGES_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	take(heap);
	struct tcm_span *span = alloc_once(heap, pages, align);
	if (span == NULL && release(heap, TCM_PAGES_MAX) > 0)
		span = alloc_once(heap, pages, align);
	if (span != NULL) {
		span->class = (uint8_t) class;
		span->objects = NULL;
		span->used = span->touched = 0;
		tcm_page_map_set(heap->map, span->start, pages,
		                 tcm_entry(span, class));
		if (class == 0)
			counter_add(&heap->large_pages, pages);
	}
	drop(heap);
	return span;
}

/* ---- free --------------------------------------------------------------------------- */

/* After `pages` pages came back: is it time to return some? */
static void pay_release(struct tcm_page_heap *heap, size_t pages)
{
	if (heap->release_rate == 0)
		return;
	heap->release_credit -= (long)pages;
	if (heap->release_credit > 0)
		return;
	size_t wait = (release(heap, 1) >> TCM_PAGE_LOG2) * RELEASE_PER /
	              heap->release_rate;
	if (wait < RELEASE_PER / heap->release_rate)
		wait = RELEASE_PER / heap->release_rate;
	heap->release_credit =
		(long)(wait > RELEASE_WAIT_MAX ? RELEASE_WAIT_MAX : wait);
}

/* The span is in use no more. */
static void free_locked(struct tcm_page_heap *heap, struct tcm_span *span)
{
	assert(span->state == TCM_SPAN_IN_USE);
	if (span->class == 0)
		counter_add(&heap->large_pages, -(uint64_t)span->pages);
	tcm_page_map_set(heap->map, span->start, span->pages, 0);
	span->state = TCM_SPAN_NORMAL;
	span->is_fresh = false;
	tcm_span_release(heap, span);
}

void tcm_span_free(struct tcm_page_heap *heap, struct tcm_span *span)
{
	size_t pages = span->pages;

	take(heap);
	free_locked(heap, span);
	pay_release(heap, pages);
	drop(heap);
}

size_t tcm_page_heap_release(struct tcm_page_heap *heap, size_t pages)
{
	take(heap);
	size_t bytes = release(heap, pages);
	drop(heap);
	return bytes;
}

/* ---- resizing in place ---------------------------------------------------------------- */

/* Joins the front of the free span behind a span in use to it. */
static void absorb(struct tcm_page_heap *heap, struct tcm_span *span,
                   struct tcm_span *next, size_t pages,
                   struct tcm_spares *spares)
{
	next = carve(heap, next, pages, 1, spares);
	tcm_page_map_set(heap->map, next->start, pages,
	                 tcm_entry(span, span->class));
	span->pages += (uint32_t)pages;
	tcm_metadata_put(heap->metadata, TCM_POOL_SPAN, next);
	counter_add(&heap->merges, 1);
	counter_add(&heap->large_pages, pages);
}

/* The free span behind one in use, of at least `need` pages; else NULL. */
static struct tcm_span *room_behind(struct tcm_page_heap *heap,
                                    const struct tcm_span *span, size_t need,
                                    struct tcm_spares *spares)
{
	struct tcm_span *next =
		neighbour(heap, tcm_span_end(span), TCM_SPAN_NORMAL);
	const char *end =
		next != NULL ? tcm_span_end(next) : tcm_span_end(span);

	if (next != NULL && next->pages >= need)
		return next;
	if (!tcm_heap_grow_at(heap, end,
	                      need - (next == NULL ? 0 : next->pages), spares))
		return NULL;
	return neighbour(heap, tcm_span_end(span), TCM_SPAN_NORMAL);
}

bool tcm_span_extend(struct tcm_page_heap *heap, struct tcm_span *span,
                     size_t need, size_t wish)
{
	struct tcm_span *next = NULL;
	struct tcm_spares spares;

	take(heap);
	if (get_spares(heap, &spares, 2))
		next = room_behind(heap, span, need, &spares);
	if (next != NULL) {
		absorb(heap, span, next,
		       wish < next->pages ? wish : next->pages, &spares);
		put_spares(heap, &spares);
	} else {
		undo_spares(heap, &spares);
	}
	drop(heap);
	return next != NULL;
}

void tcm_span_cut(struct tcm_page_heap *heap, struct tcm_span *span,
                  size_t kept)
{
	struct tcm_spares spares;

	take(heap);
	if (get_spares(heap, &spares, 1)) {
		size_t pages = span->pages - kept;
		struct tcm_span *rest = split(heap, span, kept, &spares);
		rest->state = TCM_SPAN_IN_USE;
		free_locked(heap, rest);
		pay_release(heap, pages);
	}
	undo_spares(heap, &spares);
	drop(heap);
}

/* ---- opening and closing ------------------------------------------------------------------ */

bool tcm_page_heap_open(struct tcm_page_heap *heap,
                        struct tcm_metadata *metadata, struct tcm_page_map *map,
                        size_t fixed_bytes)
{
	heap->source = metadata->source;
	heap->single_thread = metadata->single_thread;
	heap->metadata = metadata;
	heap->map = map;
	heap->release_credit = heap->release_rate == 0
	                               ? 0
	                               : RELEASE_PER / (long)heap->release_rate;
	if (fixed_bytes == 0)
		return true;
	heap->is_fixed = true;
	return tcm_heap_fix(heap, fixed_bytes);
}

void tcm_page_heap_close(struct tcm_page_heap *heap)
{
	tcm_regions_close(heap);
}
