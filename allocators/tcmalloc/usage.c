/*
 * usage.c - the counters of all tiers added up.
 *
 * Every number is read where its owner keeps it, without stopping anybody: beside
 * running threads the sum may be off by what is under way, at quiescence it is
 * exact.
 */
#include "tcmalloc.h"

void tcm_stats(struct heap *heap, struct heap_stats *out)
{
	struct tcm_heap *self = tcm_heap_of(heap);
	const struct tcm_page_heap *pages = &self->page_heap;
	struct tcm_caches *caches = &self->caches;
	const struct tcm_cache *cache;

	*out = (struct heap_stats){
		.links = counter_read(&pages->links),
		.searches = counter_read(&pages->searches),
		.exact_fits = counter_read(&pages->exact_fits),
		.splits = counter_read(&pages->splits),
		.merges = counter_read(&pages->merges),
		.grows = counter_read(&pages->grows),
		.shrinks = counter_read(&pages->shrinks),
		.moves = counter_read(&caches->moves),
	};
	lock_look(&caches->lock);
	TAILQ_FOREACH (cache, &caches->list, link)
		out->moves += counter_read(&cache->moves);
	lock_look_away(&caches->lock);
}

/* Seen on its way to a longer array, a list would count as anything: none. */
static size_t cached_objects(const struct tcm_heap *heap,
                             const struct tcm_cache *cache, unsigned class)
{
	size_t count = tcm_bin_count(&cache->bin[class]);

	return count <= heap->caches.length_max ? count : 0;
}

static size_t cached_bytes(const struct tcm_heap *heap,
                           const struct tcm_cache *cache)
{
	size_t bytes = 0;

	for (unsigned class = 1; class < heap->classes.count; class ++)
		bytes += cached_objects(heap, cache, class) *
		         tcm_class_bytes(heap, class);
	return bytes;
}

/* Bytes in the lists of all threads; also counts the threads and their calls. */
static size_t thread_bytes(struct tcm_heap *heap, struct heap_usage *out)
{
	struct tcm_caches *caches = &heap->caches;
	const struct tcm_cache *cache;
	size_t bytes = 0;

	lock_look(&caches->lock);
	out->refills = counter_read(&caches->refills);
	out->flushes = counter_read(&caches->flushes);
	TAILQ_FOREACH (cache, &caches->list, link) {
		bytes += cached_bytes(heap, cache);
		out->refills += counter_read(&cache->refills);
		out->flushes += counter_read(&cache->flushes);
	}
	out->handles = caches->attached;
	out->abandoned = counter_read(&caches->abandoned);
	lock_look_away(&caches->lock);
	return bytes;
}

/* What a class has in its central list; adds the bytes of used objects. */
static size_t class_usage(const struct tcm_heap *heap, unsigned class,
                          struct heap_usage *out)
{
	const struct tcm_central *central = &heap->centrals.of[class];
	const struct tcm_class *of = &heap->classes.table[class];
	size_t spans = counter_read(&central->spans);
	size_t span_bytes = (size_t)of->pages << TCM_PAGE_LOG2;
	size_t cached = counter_read(&central->cached);
	size_t free = counter_read(&central->in_spans);

	out->slack_bytes += spans * (span_bytes - of->objects * of->bytes);
	usage_add_tier(out, "transfer cache", cached * of->bytes);
	usage_add_tier(out, "central list", free * of->bytes);
	usage_add_lock(out, "central list", &central->lock);
	return (spans * of->objects - free - cached) * of->bytes;
}

void tcm_usage(struct heap *heap, struct heap_usage *out)
{
	struct tcm_heap *self = tcm_heap_of(heap);
	struct tcm_page_heap *pages = &self->page_heap;

	*out = (struct heap_usage){0};
	size_t cached = thread_bytes(self, out);
	usage_add_tier(out, "thread cache", cached);
	usage_add_lock(out, "handles", &self->caches.lock);
	for (unsigned class = 1; class < self->classes.count; class ++)
		out->live_bytes += class_usage(self, class, out);
	out->live_bytes -= cached;
	out->live_bytes += counter_read(&pages->large_pages) << TCM_PAGE_LOG2;
	usage_add_tier(out, "page heap",
	               counter_read(&pages->normal.pages) << TCM_PAGE_LOG2);
	usage_add_lock(out, "page heap", &pages->lock);
	usage_add_lock(out, "metadata", &self->metadata.lock);
	if (self->map.kind == TCM_MAP_HASH)
		usage_add_lock(out, "page map", &self->map.hash.lock);
	out->metadata_bytes = counter_read(&self->metadata.bytes) +
	                      counter_read(&self->map.bytes) +
	                      counter_read(&self->map.hash.bytes);
}
