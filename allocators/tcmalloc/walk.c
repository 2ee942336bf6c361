/*
 * walk.c - the heap laid out: extents in address order, free lists in the order
 * in which a request meets them.
 *
 * The committed ranges (regions of spans, the metadata, chunks of descriptors, the
 * pages of the map) are sorted by address first.  Whether an object is free stands nowhere near
 * it, so the caches of all tiers are gathered in a set before.
 */
#include <stdio.h>
#include <string.h>

#include "inspect.h"

/* ---- free objects gathered ---------------------------------------------------- */

/* Calls visit() for every span in use with objects. */
static void each_span(struct tcm_heap *heap,
                      void (*visit)(struct tcm_span *span, void *ctx),
                      void *ctx)
{
	const struct tcm_region *region = heap->page_heap.newest;

	for (; region != NULL; region = region->older)
		for (char *at = region->start; at < region->top;) {
			struct tcm_span *span = tcm_span_from(heap, at);
			if (span->state == TCM_SPAN_IN_USE && span->class != 0)
				visit(span, ctx);
			at = tcm_span_end(span);
		}
}

static void count_span(struct tcm_span *span, void *ctx)
{
	*(size_t *)ctx += span->touched;
}

/* At most so many are cached: every object ever handed out. */
static size_t cached_count(struct tcm_heap *heap)
{
	size_t count = 0;

	each_span(heap, count_span, &count);
	return count;
}

static void add_all(struct block_set *set, void **objects, size_t count,
                    const char *tier)
{
	for (size_t i = 0; i < count && set->count < set->capacity; i++)
		block_set_add(set, objects[i], tier);
}

static void add_span(struct tcm_span *span, void *ctx)
{
	struct block_set *set = ctx;
	void *object = span->objects;
	size_t limit = span->touched;

	for (; object != NULL && limit-- > 0; object = tcm_object_next(object))
		add_all(set, &object, 1, "central list");
}

bool tcm_cached_gather(struct tcm_heap *heap, struct block_set *set)
{
	const struct tcm_cache *cache;

	if (!block_set_open(set, cached_count(heap)))
		return false;
	each_span(heap, add_span, set);
	for (unsigned class = 1; class < heap->classes.count; class ++) {
		const struct tcm_central *central = &heap->centrals.of[class];
		add_all(set, central->transfer, counter_read(&central->cached),
		        "transfer cache");
		TAILQ_FOREACH (cache, &heap->caches.list, link)
			add_all(set, tcm_bin_base(&cache->bin[class]),
			        tcm_bin_count(&cache->bin[class]),
			        "thread cache");
	}
	block_set_sort(set);
	return true;
}

/* The tier of an object of a span, NULL for a live one. */
static const char *object_tier(const struct tcm_span *span, size_t index,
                               const void *object,
                               const struct block_set *cached)
{
	return index >= span->touched ? "central list"
	                              : block_set_tier(cached, object);
}

/* ---- the walk ------------------------------------------------------------------ */

/* A committed range, or one with committed pages in it. */
struct stretch {
	const char *start;
	enum { METADATA, REGION, MAP_NODE } what;
	const void *of; /* the region, the node                               */
	size_t bytes;   /* of METADATA                                        */
};

struct walk {
	struct tcm_heap *heap;
	extent_visitor *visit;
	void *ctx;
	struct block_set cached;
	struct scratch scratch;
	struct stretch *stretches;
	size_t count;
};

/* Hands out one extent, unless it is empty; false once the visitor stops. */
static bool give(const struct walk *walk, const char *start, size_t bytes,
                 enum extent_kind kind, const char *tier)
{
	struct extent extent = {(void *)start, bytes, kind, tier};

	return bytes == 0 || walk->visit(walk->ctx, &extent);
}

static bool walk_objects(const struct walk *walk, const struct tcm_span *span)
{
	const struct tcm_class *of = &walk->heap->classes.table[span->class];

	for (size_t i = 0; i < of->objects; i++) {
		const char *object = tcm_object_at(walk->heap, span, i);
		const char *tier = object_tier(span, i, object, &walk->cached);
		if (!give(walk, object, of->bytes,
		          tier == NULL ? EXTENT_LIVE : EXTENT_FREE,
		          tier == NULL ? "" : tier))
			return false;
	}
	const char *tail = tcm_object_at(walk->heap, span, of->objects);
	return give(walk, tail, (size_t)(tcm_span_end(span) - tail),
	            EXTENT_SLACK, "");
}

static bool walk_span(const struct walk *walk, const struct tcm_span *span)
{
	if (span->state == TCM_SPAN_RETURNED)
		return true; /* not committed */
	if (span->state == TCM_SPAN_NORMAL)
		return give(walk, span->start, tcm_span_bytes(span),
		            EXTENT_FREE, "page heap");
	if (span->class != 0)
		return walk_objects(walk, span);
	return give(walk, span->start, tcm_span_bytes(span), EXTENT_LIVE, "");
}

static bool walk_region(const struct walk *walk,
                        const struct tcm_region *region)
{
	for (const char *at = region->start; at < region->top;) {
		const struct tcm_span *span = tcm_span_from(walk->heap, at);
		if (!walk_span(walk, span))
			return false;
		at = tcm_span_end(span);
	}
	return true;
}

/* The backed pages of a node, neighbours as one extent. */
static bool walk_node(const struct walk *walk, const struct tcm_map_node *node)
{
	size_t run = 0, pages = node->bytes >> PAGE_LOG2;

	for (size_t page = 0; page < pages; page++) {
		if (node->backed[page / 64] >> (page % 64) & 1) {
			run++;
			continue;
		}
		if (!give(walk, node->start + ((page - run) << PAGE_LOG2),
		          run << PAGE_LOG2, EXTENT_METADATA, ""))
			return false;
		run = 0;
	}
	return give(walk, node->start + ((pages - run) << PAGE_LOG2),
	            run << PAGE_LOG2, EXTENT_METADATA, "");
}

static void add_stretch(struct walk *walk, const struct stretch *stretch)
{
	walk->stretches[walk->count++] = *stretch;
}

/* Shell's sort [Knuth98, 5.2.1], for qsort may call malloc. */
static void sort_stretches(struct walk *walk)
{
	struct stretch *all = walk->stretches;

	for (size_t gap = walk->count / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < walk->count; i++) {
			struct stretch stretch = all[i];
			size_t at = i;
			for (; at >= gap && all[at - gap].start > stretch.start;
			     at -= gap)
				all[at] = all[at - gap];
			all[at] = stretch;
		}
}

static size_t count_chunks(const struct tcm_metadata *metadata)
{
	size_t count = 0;

	for (unsigned i = 0; i < TCM_POOLS; i++)
		count += metadata->pools[i].busy_chunks +
		         metadata->pools[i].idle_chunks;
	return count;
}

static size_t count_stretches(const struct tcm_heap *heap)
{
	const struct tcm_map_node *node = heap->map.newest;
	const struct tcm_region *region = heap->page_heap.newest;
	size_t count = 2 + count_chunks(&heap->metadata);

	for (; node != NULL; node = node->older)
		count++;
	for (; region != NULL; region = region->older)
		count++;
	return count;
}

/* Slots in use and idle ones alike: all of a chunk is metadata. */
static void gather_chunks(struct walk *walk, const struct object_pool *pool,
                          const struct pool_chunks *chunks)
{
	const struct pool_chunk *chunk;

	LIST_FOREACH (chunk, chunks, link)
		add_stretch(walk,
		            &(struct stretch){(const char *)chunk, METADATA,
		                              NULL, pool->chunk_bytes});
}

static void gather_stretches(struct walk *walk)
{
	const struct tcm_heap *heap = walk->heap;
	const struct tcm_metadata *metadata = &heap->metadata;
	const struct tcm_page_hash *hash = &heap->map.hash;
	size_t region_bytes = (size_t)(metadata->end - metadata->start);

	add_stretch(walk, &(struct stretch){metadata->start, METADATA, NULL,
	                                    region_bytes});
	for (unsigned i = 0; i < TCM_POOLS; i++) {
		const struct object_pool *pool = &metadata->pools[i];
		gather_chunks(walk, pool, &pool->busy);
		gather_chunks(walk, pool, &pool->idle);
	}
	if (hash->slots != NULL)
		add_stretch(walk, &(struct stretch){
					  (char *)hash->slots, METADATA, NULL,
					  counter_read(&hash->bytes)});
	for (const struct tcm_map_node *node = heap->map.newest; node != NULL;
	     node = node->older)
		add_stretch(walk,
		            &(struct stretch){node->start, MAP_NODE, node, 0});
	for (const struct tcm_region *region = heap->page_heap.newest;
	     region != NULL; region = region->older)
		add_stretch(walk, &(struct stretch){region->start, REGION,
		                                    region, 0});
	sort_stretches(walk);
}

static bool walk_stretch(const struct walk *walk, const struct stretch *stretch)
{
	switch (stretch->what) {
	case REGION:
		return walk_region(walk, stretch->of);
	case MAP_NODE:
		return walk_node(walk, stretch->of);
	case METADATA:
		break;
	}
	return give(walk, stretch->start, stretch->bytes, EXTENT_METADATA, "");
}

void tcm_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct walk walk = {
		.heap = tcm_heap_of(heap), .visit = visit, .ctx = ctx};
	size_t bytes = count_stretches(walk.heap) * sizeof *walk.stretches;

	walk.stretches = scratch_open(&walk.scratch, bytes);
	if (walk.stretches != NULL &&
	    tcm_cached_gather(walk.heap, &walk.cached)) {
		gather_stretches(&walk);
		for (size_t i = 0; i < walk.count; i++)
			if (!walk_stretch(&walk, &walk.stretches[i]))
				break;
		block_set_close(&walk.cached);
	}
	scratch_close(&walk.scratch);
}

/* ---- free lists -------------------------------------------------------------------- */

enum { NAME_BYTES = 40 };

struct list_walk {
	struct tcm_heap *heap;
	free_block_visitor *visit;
	void *ctx;
	char *name; /* of the list; every list has its own place             */
	bool more;
};

static void list_one(struct list_walk *walk, void *start, size_t bytes)
{
	const struct free_block block = {walk->name, start, bytes};

	walk->more = walk->more && walk->visit(walk->ctx, &block);
}

/* Newest first: the order in which they are taken. */
static void list_array(struct list_walk *walk, void **objects, size_t count,
                       size_t bytes)
{
	while (count-- > 0)
		list_one(walk, objects[count], bytes);
}

static void list_span(struct list_walk *walk, const struct tcm_span *span)
{
	const struct tcm_class *of = &walk->heap->classes.table[span->class];
	void *object = span->objects;

	for (; object != NULL; object = tcm_object_next(object))
		list_one(walk, object, of->bytes);
	for (size_t i = span->touched; i < of->objects; i++)
		list_one(walk, tcm_object_at(walk->heap, span, i), of->bytes);
}

static void list_class(struct list_walk *walk, unsigned class)
{
	const struct tcm_central *central = &walk->heap->centrals.of[class];
	size_t bytes = tcm_class_bytes(walk->heap, class), number = 0;
	const struct tcm_cache *cache;
	const struct tcm_span *span;

	TAILQ_FOREACH (cache, &walk->heap->caches.list, link) {
		snprintf(walk->name, NAME_BYTES, "thread %zu, %zu", ++number,
		         bytes);
		list_array(walk, tcm_bin_base(&cache->bin[class]),
		           tcm_bin_count(&cache->bin[class]), bytes);
		walk->name += NAME_BYTES;
	}
	snprintf(walk->name, NAME_BYTES, "transfer cache %zu", bytes);
	list_array(walk, central->transfer, counter_read(&central->cached),
	           bytes);
	walk->name += NAME_BYTES;
	snprintf(walk->name, NAME_BYTES, "central list %zu", bytes);
	for (unsigned i = TCM_FULLNESS_LISTS; i-- > 0;)
		LIST_FOREACH (span, &central->partial[i], link)
			list_span(walk, span);
	walk->name += NAME_BYTES;
}

static void list_tree(struct list_walk *walk, const struct tcm_span *span)
{
	if (span == NULL)
		return;
	list_tree(walk, RB_LEFT(span, node));
	list_one(walk, span->start, tcm_span_bytes(span));
	list_tree(walk, RB_RIGHT(span, node));
}

static void list_pages(struct list_walk *walk)
{
	const struct tcm_free_spans *spans = &walk->heap->page_heap.normal;
	const struct tcm_span *span;

	snprintf(walk->name, NAME_BYTES, "page heap");
	for (unsigned i = 0; i < TCM_LISTS; i++)
		LIST_FOREACH (span, &spans->list[i], link)
			list_one(walk, span->start, tcm_span_bytes(span));
	list_tree(walk, RB_ROOT(&spans->larger));
}

void tcm_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx)
{
	struct tcm_heap *self = tcm_heap_of(heap);
	size_t lists = self->classes.count * (self->caches.attached + 2) + 1;
	struct list_walk walk = {self, visit, ctx, NULL, true};
	struct scratch scratch;

	walk.name = scratch_open(&scratch, lists * NAME_BYTES);
	if (walk.name != NULL) {
		for (unsigned class = 1; class < self->classes.count; class ++)
			list_class(&walk, class);
		list_pages(&walk);
	}
	scratch_close(&scratch);
}
