/*
 * knobs.c - what can be turned, and a heap built from it.
 */
#include <errno.h>
#include <string.h>

#include "../common/bits.h"
#include "tcmalloc.h"

enum {
	KNOB_CLASSES,
	KNOB_BATCH,
	KNOB_PAGE_MAP,
	KNOB_THREAD_CACHE,
	KNOB_ALL_CACHES,
	KNOB_TRANSFER,
	KNOB_ORDER,
	KNOB_GROWTH,
	KNOB_RELEASE,
};

static const size_t FIXED_BYTES = (size_t)64 << 30; /* of page_map=1         */

static const char *const spacings[] = {
	[TC_SPACING_EIGHTH] = "eighth",
	[TC_SPACING_208] = "208",
	NULL,
};

static const char *const map_kinds[] = {
	[TC_MAP_1] = "1",
	[TC_MAP_2] = "2",
	[TC_MAP_3] = "3",
	[TC_MAP_HASH] = "hash",
	NULL,
};

static const char *const orders[] = {
	[TC_ORDER_FULLEST] = "fullest",
	[TC_ORDER_RECENT] = "recent",
	NULL,
};

const struct knob tc_knobs[] = {
	[KNOB_CLASSES] = {.name = "classes",
                          .unit = "",
                          .initial = TC_SPACING_EIGHTH,
                          .choices = spacings,
                          .summary = "sizes in steps of an eighth, or the 208 "
                                     "lists (less waste, more lists)",
                          .source = "Ghemawat"},
	[KNOB_BATCH] = {.name = "batch",
                        .unit = "objects",
                        .initial = 32,
                        .min = TC_BATCH_MIN,
                        .max = TC_BATCH_MAX,
                        .summary = "most that move between a thread and the "
                                   "central list at a time",
                        .source = "Ghemawat"},
	[KNOB_PAGE_MAP] = {.name = "page_map",
                           .unit = "",
                           .initial = TC_MAP_2,
                           .choices = map_kinds,
                           .summary = "levels of the radix tree from address "
                                      "to span; or a locked hash table",
                           .source = "Ghemawat"},
	[KNOB_THREAD_CACHE] = {.name = "thread_cache",
                               .unit = "bytes",
                               .initial = 2 << 20,
                               .min = 0,
                               .max = 1 << 30,
                               .summary = "largest budget of one thread; 0: no "
                                          "thread caches",
                               .source = "Ghemawat"},
	[KNOB_ALL_CACHES] = {.name = "all_caches",
                             .unit = "bytes",
                             .initial = 32 << 20,
                             .min = 0,
                             .max = (uint64_t)1 << 36,
                             .summary = "budget of all threads together; then "
                                        "they steal from each other",
                             .source = "Ghemawat"},
	[KNOB_TRANSFER] = {.name = "transfer",
                           .unit = "batches",
                           .initial = 64,
                           .min = 0,
                           .max = 64,
                           .summary = "that a class keeps whole, on their way "
                                      "between threads (256 KiB at most)",
                           .source = "Hunter21"},
	[KNOB_ORDER] = {.name = "order",
                        .unit = "",
                        .initial = TC_ORDER_FULLEST,
                        .choices = orders,
                        .summary = "take from the fullest span, or from the "
                                   "one last given to",
                        .source = "Hunter21"},
	[KNOB_GROWTH] = {.name = "growth",
                         .unit = "pages",
                         .initial = TC_GROWTH_PAGES,
                         .min = 1,
                         .max = 8192,
                         .summary = "of 8 KiB, asked of the source at least",
                         .source = "Ghemawat"},
	[KNOB_RELEASE] = {.name = "release",
                          .unit = "pages",
                          .initial = 1,
                          .min = 0,
                          .max = 1000,
                          .summary = "given back to the source for every 1000 "
                                     "freed; 0: only by trim",
                          .source = "Ghemawat"},
	{0},
};

/* The rest of the heap; false with errno = ENOMEM, and only metadata held. */
static bool open_tiers(struct tc_heap *heap, const struct knob_values *values)
{
	enum tc_map_kind kind = (enum tc_map_kind)values->of[KNOB_PAGE_MAP];
	struct tc_page_heap *pages = &heap->page_heap;
	size_t fixed = kind == TC_MAP_1 ? FIXED_BYTES : 0;
	uintptr_t first = 0;

	pages->growth_pages = values->of[KNOB_GROWTH];
	pages->release_rate = values->of[KNOB_RELEASE];
	if (!tc_page_heap_open(pages, &heap->metadata, &heap->map, fixed))
		return false;
	if (fixed > 0)
		first = tc_page_of(pages->newest->start);
	if (tc_page_map_open(&heap->map, kind, &heap->metadata, first,
	                     fixed >> TC_PAGE_LOG2))
		return true;
	tc_page_heap_close(pages);
	return false;
}

static void set_up(struct tc_heap *heap, const struct knob_values *values)
{
	struct tc_caches *caches = &heap->caches;

	heap->centrals = (struct tc_centrals){
		.page_heap = &heap->page_heap,
		.metadata = &heap->metadata,
		.single_thread = heap->single_thread,
		.classes = &heap->classes,
		.order = (enum tc_span_order)values->of[KNOB_ORDER],
		.transfer_batches = values->of[KNOB_TRANSFER],
		.of = (struct tc_central *)round_up((size_t)(heap + 1), 64),
	};
	TAILQ_INIT(&caches->list);
	caches->thread_max = values->of[KNOB_THREAD_CACHE];
	caches->all_bytes = caches->unclaimed = values->of[KNOB_ALL_CACHES];
	caches->cache_bytes = round_up(
		sizeof(struct tc_cache) +
			heap->classes.count * (sizeof(struct tc_bin) +
	                                       sizeof(struct tc_bin_state)),
		64);
	heap->metadata.pools[TC_POOL_CACHE].bytes = caches->cache_bytes;
	heap->metadata.pools[TC_POOL_SPAN].bytes = sizeof(struct tc_span);
	heap->metadata.pools[TC_POOL_REGION].bytes = sizeof(struct tc_region);
}

struct heap *tc_create(const struct knob_values *values,
                       struct page_source *source, const char *single_thread)
{
	struct tc_metadata metadata;
	struct tc_classes classes;

	tc_classes_make(&classes, (enum tc_spacing)values->of[KNOB_CLASSES],
	                (unsigned)values->of[KNOB_BATCH], true);
	size_t bytes = round_up(sizeof(struct tc_heap), 64) +
	               classes.count * sizeof(struct tc_central);
	struct tc_heap *heap =
		tc_metadata_open(&metadata, source, single_thread, bytes);
	if (heap == NULL)
		return NULL;
	heap->source = source;
	heap->single_thread = single_thread;
	heap->bytes = bytes;
	heap->metadata = metadata;
	heap->classes = classes;
	set_up(heap, values);
	if (!open_tiers(heap, values)) {
		metadata = heap->metadata;
		tc_metadata_close(&metadata);
		errno = ENOMEM;
		return NULL;
	}
	return (struct heap *)heap;
}

void tc_destroy(struct heap *heap)
{
	struct tc_heap *self = tc_heap_of(heap);
	struct tc_metadata metadata = self->metadata;

	tc_page_heap_close(&self->page_heap);
	tc_page_map_close(&self->map);
	tc_metadata_close(&metadata);
}
