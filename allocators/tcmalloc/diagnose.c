/*
 * diagnose.c - the checked build's look at a block before it is used.
 *
 * From the address to the page map, from there to the span, from there to the
 * object and to the lists that it might be on.  The lists of other threads are
 * theirs: they are looked at only while one thread uses the heap.
 */
#include "tcmalloc.h"

/* The span of a block's page; stops where there is none. */
static struct tcm_span *span_or_stop(struct tcm_heap *heap, const void *block,
                                     const char *call)
{
	struct tcm_page_heap *pages = &heap->page_heap;

	lock_take(&pages->lock, heap->single_thread);
	struct tcm_span *span =
		tcm_entry_span(tcm_page_map_find(&heap->map, block));
	bool is_used = span != NULL && span->state == TCM_SPAN_IN_USE;
	const struct tcm_region *region = pages->newest;
	while (region != NULL && ((const char *)block < region->start ||
	                          (const char *)block >= region->top))
		region = region->older;
	lock_drop(&pages->lock, heap->single_thread);
	if (region == NULL)
		misuse("tcmalloc", block,
		       "%s of a foreign pointer: no page of this heap is there",
		       call);
	if (!is_used)
		misuse("tcmalloc", block,
		       "%s of a free block (double free?): its page is in the "
		       "page heap",
		       call);
	return span;
}

static void stop_cached(const void *block, const char *call, const char *tier)
{
	misuse("tcmalloc", block,
	       "%s of a free block (double free?): it is in a %s", call, tier);
}

static bool is_in_array(void **objects, size_t count, const void *block)
{
	while (count-- > 0)
		if (objects[count] == block)
			return true;
	return false;
}

static bool is_in_bin(const struct tcm_cache *cache, unsigned class,
                      const void *block)
{
	return is_in_array(tcm_bin_base(&cache->bin[class]),
	                   tcm_bin_count(&cache->bin[class]), block);
}

/* The caches of this thread, and of the others where they stand still. */
static void check_threads(struct tcm_cache *self, unsigned class,
                          const void *block, const char *call)
{
	const struct tcm_cache *cache;

	if (is_in_bin(self, class, block))
		stop_cached(block, call, "thread cache");
	if (!*self->heap->single_thread)
		return;
	TAILQ_FOREACH (cache, &self->heap->caches.list, link)
		if (is_in_bin(cache, class, block))
			stop_cached(block, call, "thread cache");
}

static void check_central(struct tcm_heap *heap, struct tcm_span *span,
                          size_t index, const void *block, const char *call)
{
	struct tcm_central *central = &heap->centrals.of[span->class];
	const char *tier = NULL;

	lock_take(&central->lock, heap->single_thread);
	if (index >= span->touched)
		tier = "central list";
	if (is_in_array(central->transfer, counter_read(&central->cached),
	                block))
		tier = "transfer cache";
	for (const void *object = span->objects; object != NULL;
	     object = tcm_object_next(object))
		if (object == block)
			tier = "central list";
	lock_drop(&central->lock, heap->single_thread);
	if (tier != NULL)
		stop_cached(block, call, tier);
}

static void check_object(struct tcm_cache *self, struct tcm_span *span,
                         const void *block, const char *call)
{
	const struct tcm_class *of = &self->heap->classes.table[span->class];
	size_t offset = (size_t)((const char *)block - span->start);
	size_t index = offset / of->bytes;

	if (index >= of->objects)
		misuse("tcmalloc", block,
		       "%s of a foreign pointer: it is behind the last object "
		       "of its span",
		       call);
	if (index * of->bytes != offset)
		misuse("tcmalloc", block,
		       "%s of an interior pointer: the object of %u bytes "
		       "starts at %p",
		       call, of->bytes,
		       (void *)(span->start + index * of->bytes));
	check_threads(self, span->class, block, call);
	check_central(self->heap, span, index, block, call);
}

void tcm_misuse_check(struct tcm_cache *self, const void *block,
                      const char *call)
{
	struct tcm_span *span = span_or_stop(self->heap, block, call);

	if (span->class != 0)
		check_object(self, span, block, call);
	else if (block != span->start)
		misuse("tcmalloc", block,
		       "%s of an interior pointer: the block starts at %p",
		       call, (void *)span->start);
}
