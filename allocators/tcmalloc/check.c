/*
 * check.c - the invariants I1 to I13 verified.
 *
 * From the regions to the spans, from the lists to the spans again, and both
 * must agree; then every cached object is looked up from its cache.  The order
 * matters: what a step relies on has been verified by the one before.
 */
#include <stdarg.h>
#include <stdio.h>

#include "../common/bits.h"
#include "inspect.h"

struct check {
	struct tcm_heap *heap;
	size_t free_spans[2], free_pages[2]; /* [normal, returned]            */
	size_t large_pages, pages;
	size_t descriptors; /* that spans and regions have                   */
	size_t spans[TCM_CLASSES_MAX], in_spans[TCM_CLASSES_MAX];
	size_t listed
		[TCM_CLASSES_MAX]; /* spans that must be on a list        */
	struct block_set cached;
};

static bool broken(struct check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool broken(struct check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check->heap->message, sizeof check->heap->message, format,
	          args);
	va_end(args);
	return false;
}

/* ---- metadata and map ------------------------------------------------------------ */

static bool check_arrays(struct check *check, unsigned log2)
{
	const struct tcm_metadata *metadata = &check->heap->metadata;
	const char *idle = (const char *)metadata->idle[log2];

	for (; idle != NULL; idle = tcm_object_next(idle))
		if (idle < metadata->start ||
		    idle + (sizeof(void *) << log2) > metadata->next)
			return broken(check,
			              "tcmalloc I1: %p is no array of %zu",
			              (const void *)idle, (size_t)1 << log2);
	return true;
}

static bool check_metadata(struct check *check)
{
	const struct tcm_metadata *metadata = &check->heap->metadata;
	const struct tcm_page_hash *hash = &check->heap->map.hash;

	for (unsigned i = 0; i < TCM_POOLS; i++) {
		const void *where = NULL;
		const char *sentence =
			object_pool_check(&metadata->pools[i], &where);
		if (sentence != NULL)
			return broken(check, "tcmalloc I1: pool %u, %s at %p",
			              i, sentence, where);
	}
	for (unsigned log2 = 0; log2 < TCM_ARRAYS; log2++)
		if (!check_arrays(check, log2))
			return false;
	if (2 * hash->used > hash->capacity)
		return broken(check,
		              "tcmalloc I3: %zu of %zu slots of the page map "
		              "are used",
		              hash->used, hash->capacity);
	return true;
}

/* The entries of a span, first, last and between. */
static bool check_entries(struct check *check, const struct tcm_span *span)
{
	struct tcm_page_map *map = &check->heap->map;

	for (size_t i = 0; i < span->pages; i++) {
		const char *page = span->start + (i << TCM_PAGE_LOG2);
		bool is_mapped = span->state == TCM_SPAN_IN_USE || i == 0 ||
		                 i + 1 == span->pages;
		uint64_t wanted = is_mapped ? tcm_entry(span, span->class) : 0;
		if (tcm_page_map_find(map, page) != wanted)
			return broken(check,
			              "tcmalloc I2: the entry of page %p does "
			              "not say what the span at %p is",
			              (const void *)page, (void *)span->start);
	}
	return true;
}

/* ---- spans, in the order of their addresses ----------------------------------------- */

/* Links a span's free objects through; how many, or -1 where one is wrong. */
static long count_objects(const struct tcm_heap *heap,
                          const struct tcm_span *span)
{
	const struct tcm_class *of = &heap->classes.table[span->class];
	const char *object = span->objects;
	long count = 0;

	for (; object != NULL; object = tcm_object_next(object), count++) {
		size_t offset = (size_t)(object - span->start);
		if (object < span->start || offset % of->bytes != 0 ||
		    offset / of->bytes >= span->touched || count == of->objects)
			return -1;
	}
	return count;
}

static bool check_object_span(struct check *check, const struct tcm_span *span)
{
	const struct tcm_class *of = &check->heap->classes.table[span->class];
	long linked;

	if (span->class >= check->heap->classes.count ||
	    span->pages != of->pages || span->used > of->objects)
		return broken(check,
		              "tcmalloc I7: the span at %p has %u pages, class "
		              "%u and %u objects used",
		              (void *)span->start, span->pages, span->class,
		              span->used);
	linked = count_objects(check->heap, span);
	if (linked < 0)
		return broken(check,
		              "tcmalloc I7: the span at %p of %u-byte objects "
		              "links to something else",
		              (void *)span->start, of->bytes);
	if (span->used + (size_t)linked != span->touched)
		return broken(check,
		              "tcmalloc I7: the span at %p of %u-byte objects "
		              "has %u used and %ld linked of %u touched",
		              (void *)span->start, of->bytes, span->used,
		              linked, span->touched);
	if (span->used == 0)
		return broken(check,
		              "tcmalloc I8: the empty span at %p of %u-byte "
		              "objects is kept",
		              (void *)span->start, of->bytes);
	check->spans[span->class]++;
	check->in_spans[span->class] += of->objects - span->used;
	check->listed[span->class] += span->used < of->objects;
	return true;
}

static bool check_span(struct check *check, const struct tcm_span *span,
                       const struct tcm_span *before)
{
	check->pages += span->pages;
	check->descriptors++;
	if (!check_entries(check, span))
		return false;
	if (span->state != TCM_SPAN_IN_USE) {
		unsigned i = span->state - TCM_SPAN_NORMAL;
		if (before != NULL && before->state == span->state)
			return broken(check,
			              "tcmalloc I5: the free span at %p has a "
			              "free neighbour of its state",
			              (void *)span->start);
		check->free_spans[i]++;
		check->free_pages[i] += span->pages;
		return true;
	}
	if (span->class != 0)
		return check_object_span(check, span);
	check->large_pages += span->pages;
	return true;
}

static bool check_region(struct check *check, const struct tcm_region *region)
{
	const struct tcm_span *before = NULL;

	for (char *at = region->start; at < region->top;) {
		const struct tcm_span *span = tcm_span_from(check->heap, at);
		if (span == NULL || span->start != at || span->pages == 0 ||
		    tcm_span_end(span) > region->top)
			return broken(check,
			              "tcmalloc I4: no span begins at %p",
			              (void *)at);
		if (!check_span(check, span, before))
			return false;
		at = tcm_span_end(span);
		before = span;
	}
	return true;
}

static bool check_regions(struct check *check)
{
	const struct tcm_page_heap *pages = &check->heap->page_heap;
	size_t descriptors = check->heap->metadata.pools[TCM_POOL_SPAN].live;

	for (const struct tcm_region *region = pages->newest; region != NULL;
	     region = region->older) {
		check->descriptors++;
		if (!check_region(check, region))
			return false;
	}
	if (check->descriptors != descriptors)
		return broken(check,
		              "tcmalloc I1: spans and regions have %zu "
		              "descriptors, %zu are live",
		              check->descriptors, descriptors);
	if (check->large_pages != counter_read(&pages->large_pages) ||
	    check->pages != counter_read(&pages->pages))
		return broken(check,
		              "tcmalloc I4: %zu pages, %zu of them of large "
		              "blocks, are counted otherwise",
		              check->pages, check->large_pages);
	return true;
}

/* ---- free spans, list by list ---------------------------------------------------------- */

static bool check_tree(struct check *check, const struct tcm_span *span,
                       unsigned state, size_t *found)
{
	if (span == NULL)
		return true;
	if (span->state != state || span->pages <= TCM_LISTS)
		return broken(check,
		              "tcmalloc I6: the span at %p is in a tree for "
		              "others",
		              (void *)span->start);
	++*found;
	return check_tree(check, RB_LEFT(span, node), state, found) &&
	       check_tree(check, RB_RIGHT(span, node), state, found);
}

static bool check_free(struct check *check, unsigned state)
{
	const struct tcm_free_spans *spans =
		tcm_free_of(&check->heap->page_heap, state);
	unsigned i = state - TCM_SPAN_NORMAL;
	const struct tcm_span *span;
	size_t found = 0;

	for (unsigned list = 0; list < TCM_LISTS; list++) {
		if ((spans->nonempty[list / 64] >> (list % 64) & 1) ==
		    LIST_EMPTY(&spans->list[list]))
			return broken(check,
			              "tcmalloc I6: the bit of list %u is "
			              "wrong",
			              list + 1);
		LIST_FOREACH (span, &spans->list[list], link) {
			if (span->state != state || span->pages != list + 1)
				return broken(check,
				              "tcmalloc I6: the span at %p is "
				              "on list %u of others",
				              (void *)span->start, list + 1);
			if (++found > check->free_spans[i])
				break;
		}
	}
	if (!check_tree(check, RB_ROOT(&spans->larger), state, &found))
		return false;
	if (found != check->free_spans[i] ||
	    counter_read(&spans->pages) != check->free_pages[i])
		return broken(check,
		              "tcmalloc I6: %zu free spans of %zu pages, the "
		              "lists have %zu",
		              check->free_spans[i], check->free_pages[i],
		              found);
	return true;
}

/* ---- central lists ----------------------------------------------------------------------- */

static unsigned wanted_fullness(const struct tcm_heap *heap,
                                const struct tcm_span *span)
{
	return heap->centrals.order == TCM_ORDER_RECENT
	               ? 0
	               : span->used * heap->classes.table[span->class].scale >>
	                         16;
}

static bool check_partial(struct check *check, unsigned class, unsigned list)
{
	const struct tcm_central *central = &check->heap->centrals.of[class];
	const struct tcm_class *of = &check->heap->classes.table[class];
	const struct tcm_span *span;

	if ((central->nonempty >> list & 1) ==
	    LIST_EMPTY(&central->partial[list]))
		return broken(check,
		              "tcmalloc I8: the bit of list %u of class %u is "
		              "wrong",
		              list, of->bytes);
	LIST_FOREACH (span, &central->partial[list], link) {
		if (span->state != TCM_SPAN_IN_USE || span->class != class ||
		    span->used == of->objects || span->fullness != list ||
		    wanted_fullness(check->heap, span) != list)
			return broken(check,
			              "tcmalloc I8: the span at %p with %u of "
			              "%u used is on list %u of class %u",
			              (void *)span->start, span->used,
			              of->objects, list, of->bytes);
		if (check->listed[class]-- == 0)
			break;
	}
	return true;
}

static bool check_central(struct check *check, unsigned class)
{
	const struct tcm_central *central = &check->heap->centrals.of[class];
	const struct tcm_class *of = &check->heap->classes.table[class];
	size_t cached = counter_read(&central->cached);

	for (unsigned list = 0; list < TCM_FULLNESS_LISTS; list++)
		if (!check_partial(check, class, list))
			return false;
	if (check->listed[class] != 0 ||
	    check->spans[class] != counter_read(&central->spans) ||
	    check->in_spans[class] != counter_read(&central->in_spans))
		return broken(check,
		              "tcmalloc I8: class %u has %zu spans with %zu "
		              "free objects, listed or counted otherwise",
		              of->bytes, check->spans[class],
		              check->in_spans[class]);
	if (cached % of->batch != 0 ||
	    cached > tcm_transfer_limit(&check->heap->centrals, class))
		return broken(check,
		              "tcmalloc I9: the transfer cache of class %u has "
		              "%zu objects",
		              of->bytes, cached);
	return true;
}

/* ---- thread caches ------------------------------------------------------------------------ */

/* Whether the page map knows all of these objects as ones of the class. */
static bool are_of_class(struct check *check, unsigned class, void **objects,
                         size_t count)
{
	struct tcm_page_map *map = &check->heap->map;

	for (size_t i = 0; i < count; i++)
		if (tcm_entry_class(tcm_page_map_find(map, objects[i])) !=
		    class)
			return broken(check,
			              "tcmalloc I10: %p is in a list of class "
			              "%zu, its page is of another",
			              objects[i],
			              tcm_class_bytes(check->heap, class));
	return true;
}

static bool check_bin(struct check *check, const struct tcm_cache *cache,
                      unsigned class)
{
	const struct tcm_bin *bin = &cache->bin[class];
	const struct tcm_bin_state *state = &cache->state[class];
	void **base = tcm_bin_base(bin), **top = tcm_bin_top(bin);
	size_t room =
		state->array_log2 == 0 ? 0 : (size_t)1 << state->array_log2;

	if (base > bin->low || bin->low > top || top > bin->limit ||
	    bin->limit != base + state->length || state->length > room)
		return broken(check,
		              "tcmalloc I10: a list of class %zu holds %td, "
		              "low %td, length %u, room %zu",
		              tcm_class_bytes(check->heap, class), top - base,
		              bin->low - base, state->length, room);
	return are_of_class(check, class, base, (size_t)(top - base));
}

static bool check_cache(struct check *check, const struct tcm_cache *cache)
{
	size_t capacity = 0;

	for (unsigned class = 1; class < check->heap->classes.count; class ++) {
		if (!check_bin(check, cache, class))
			return false;
		capacity += cache->state[class].length *
		            tcm_class_bytes(check->heap, class);
	}
	if (capacity != cache->capacity_bytes)
		return broken(check,
		              "tcmalloc I11: lists of %zu bytes are counted as "
		              "%zu",
		              capacity, cache->capacity_bytes);
	return true;
}

static bool check_caches(struct check *check)
{
	const struct tcm_caches *caches = &check->heap->caches;
	size_t budgets = caches->unclaimed, attached = 0;
	const struct tcm_cache *cache;

	TAILQ_FOREACH (cache, &caches->list, link) {
		if (!check_cache(check, cache))
			return false;
		if (counter_read(&cache->budget) > caches->thread_max)
			return broken(check,
			              "tcmalloc I12: a thread's budget is "
			              "%zu of at most %zu",
			              counter_read(&cache->budget),
			              caches->thread_max);
		budgets += counter_read(&cache->budget);
		attached++;
	}
	if (budgets != caches->all_bytes || attached != caches->attached)
		return broken(check,
		              "tcmalloc I12: the budgets of %zu threads and "
		              "the rest are %zu of %zu",
		              attached, budgets, caches->all_bytes);
	return true;
}

/* ---- all cached objects ---------------------------------------------------------------------- */

static bool check_cached(struct check *check)
{
	const struct block_set *set = &check->cached;
	const void *twice = block_set_twice(set);

	if (twice != NULL)
		return broken(check, "tcmalloc I7: %p is cached twice", twice);
	for (size_t i = 0; i < set->count; i++) {
		const char *object = set->entries[i].block;
		const struct tcm_span *span =
			tcm_span_from(check->heap, object);
		if (span == NULL || span->state != TCM_SPAN_IN_USE ||
		    span->class == 0 ||
		    (size_t)(object - span->start) %
		                    tcm_class_bytes(check->heap, span->class) !=
		            0)
			return broken(check,
			              "tcmalloc I7: %p, in the %s, is no "
			              "object",
			              (const void *)object,
			              set->entries[i].tier);
	}
	return true;
}

static bool check_sum(struct check *check)
{
	const struct tcm_heap *heap = check->heap;
	size_t bytes = counter_read(&heap->metadata.bytes) +
	               counter_read(&heap->map.bytes) +
	               counter_read(&heap->map.hash.bytes) +
	               ((check->pages - check->free_pages[1]) << TCM_PAGE_LOG2);

	if (bytes != heap->source->committed_bytes)
		return broken(check,
		              "tcmalloc I13: the heap holds %zu bytes, the "
		              "source has committed %zu",
		              bytes, heap->source->committed_bytes);
	return true;
}

static bool check_tiers(struct check *check)
{
	if (!check_metadata(check) || !check_regions(check) ||
	    !check_free(check, TCM_SPAN_NORMAL) ||
	    !check_free(check, TCM_SPAN_RETURNED))
		return false;
	for (unsigned class = 1; class < check->heap->classes.count; class ++)
		if (!check_central(check, class))
			return false;
	return check_caches(check) && check_sum(check);
}

const char *tcm_check(struct heap *heap)
{
	struct check check = {.heap = tcm_heap_of(heap)};
	bool holds = check_tiers(&check);

	if (holds && tcm_cached_gather(check.heap, &check.cached)) {
		holds = check_cached(&check);
		block_set_close(&check.cached);
	}
	return holds ? NULL : check.heap->message;
}
