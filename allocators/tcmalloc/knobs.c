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
	KNOB_LENGTH,
	KNOB_TRANSFER,
	KNOB_ORDER,
	KNOB_GROWTH,
	KNOB_RELEASE,
};

static const size_t FIXED_BYTES = (size_t)64 << 30; /* of page_map=1         */

static const char *const spacings[] = {
	[TCM_SPACING_EIGHTH] = "eighth",
	[TCM_SPACING_208] = "208",
	NULL,
};

static const char *const map_kinds[] = {
	[TCM_MAP_1] = "1",
	[TCM_MAP_2] = "2",
	[TCM_MAP_3] = "3",
	[TCM_MAP_HASH] = "hash",
	NULL,
};

static const char *const orders[] = {
	[TCM_ORDER_FULLEST] = "fullest",
	[TCM_ORDER_RECENT] = "recent",
	NULL,
};

const struct knob tcm_knobs[] = {
	[KNOB_CLASSES] = {.name = "classes",
                          .unit = "",
                          .initial = TCM_SPACING_EIGHTH,
                          .choices = spacings,
                          .summary = "sizes in steps of an eighth, or the 208 "
                                     "lists (less waste, more lists)",
                          .source = "Ghemawat"},
	[KNOB_BATCH] = {.name = "batch",
                        .unit = "objects",
                        .initial = 32,
                        .min = TCM_BATCH_MIN,
                        .max = TCM_BATCH_MAX,
                        .summary = "most that move between a thread and the "
                                   "central list at a time",
                        .source = "Ghemawat"},
	[KNOB_PAGE_MAP] = {.name = "page_map",
                           .unit = "",
                           .initial = TCM_MAP_2,
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
	[KNOB_LENGTH] = {.name = "length",
                         .unit = "objects",
                         .initial = 1024,
                         .min = 1,
                         .max = TCM_LENGTH_MAX,
                         .summary = "that a list of a thread may grow to, its "
                                    "budget allowing",
                         .source = "Ghemawat"},
	[KNOB_TRANSFER] = {.name = "transfer",
                           .unit = "batches",
                           .initial = 16,
                           .min = 0,
                           .max = 64,
                           .summary = "that a class keeps whole, on their way "
                                      "between threads (128 KiB at most)",
                           .source = "Hunter21"},
	[KNOB_ORDER] = {.name = "order",
                        .unit = "",
                        .initial = TCM_ORDER_FULLEST,
                        .choices = orders,
                        .summary = "take from the fullest span, or from the "
                                   "one last given to",
                        .source = "Zhou24"},
	[KNOB_GROWTH] = {.name = "growth",
                         .unit = "pages",
                         .initial = TCM_GROWTH_PAGES,
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
static bool open_tiers(struct tcm_heap *heap, const struct knob_values *values)
{
	enum tcm_map_kind kind = (enum tcm_map_kind)values->of[KNOB_PAGE_MAP];
	struct tcm_page_heap *pages = &heap->page_heap;
	size_t fixed = kind == TCM_MAP_1 ? FIXED_BYTES : 0;
	uintptr_t first = 0;

	pages->growth_pages = values->of[KNOB_GROWTH];
	pages->release_rate = values->of[KNOB_RELEASE];
	if (!tcm_page_heap_open(pages, &heap->metadata, &heap->map, fixed))
		return false;
	if (fixed > 0) { /* or less, where address space is limited */
		first = tcm_page_of(pages->newest->start) - 1; /* the guard */
		fixed = (size_t)(pages->newest->end - pages->newest->start) +
		        TCM_PAGE_BYTES;
	}
	if (tcm_page_map_open(&heap->map, kind, &heap->metadata, first,
	                      fixed >> TCM_PAGE_LOG2))
		return true;
	tcm_page_heap_close(pages);
	return false;
}

/* Of the heap before its central lists. */
static size_t tiers_bytes(const struct tcm_classes *classes)
{
	return round_up(offsetof(struct tcm_heap, classes) +
	                        tcm_classes_bytes(classes),
	                64);
}

static void set_up(struct tcm_heap *heap, const struct knob_values *values)
{
	struct tcm_caches *caches = &heap->caches;

	heap->centrals = (struct tcm_centrals){
		.page_heap = &heap->page_heap,
		.metadata = &heap->metadata,
		.single_thread = heap->single_thread,
		.classes = &heap->classes,
		.order = (enum tcm_span_order)values->of[KNOB_ORDER],
		.transfer_batches = values->of[KNOB_TRANSFER],
		.of = (struct tcm_central *)((char *)heap +
	                                     tiers_bytes(&heap->classes)),
	};
	TAILQ_INIT(&caches->list);
	caches->length_max = values->of[KNOB_LENGTH];
	caches->thread_max = values->of[KNOB_THREAD_CACHE];
	caches->all_bytes = caches->unclaimed = values->of[KNOB_ALL_CACHES];
	caches->cache_bytes = round_up(
		sizeof(struct tcm_cache) +
			heap->classes.count * (sizeof(struct tcm_bin) +
	                                       sizeof(struct tcm_bin_state)),
		64);
	tcm_metadata_set_size(&heap->metadata, TCM_POOL_CACHE,
	                      caches->cache_bytes);
	tcm_metadata_set_size(&heap->metadata, TCM_POOL_SPAN,
	                      sizeof(struct tcm_span));
}

struct heap *tcm_create(const struct knob_values *values,
                        struct page_source *source, const char *single_thread)
{
	struct tcm_metadata metadata;
	struct tcm_classes classes;

	tcm_classes_make(&classes, (enum tcm_spacing)values->of[KNOB_CLASSES],
	                 (unsigned)values->of[KNOB_BATCH], true);
	size_t bytes = tiers_bytes(&classes) +
	               classes.count * sizeof(struct tcm_central);
	struct tcm_heap *heap =
		tcm_metadata_open(&metadata, source, single_thread, bytes);
	if (heap == NULL)
		return NULL;
	heap->source = source;
	heap->single_thread = single_thread;
	heap->metadata = metadata;
	memcpy(&heap->classes, &classes, tcm_classes_bytes(&classes));
	set_up(heap, values);
	if (!open_tiers(heap, values)) {
		tcm_metadata_close(&heap->metadata);
		errno = ENOMEM;
		return NULL;
	}
	return (struct heap *)heap;
}

void tcm_destroy(struct heap *heap)
{
	struct tcm_heap *self = tcm_heap_of(heap);

	tcm_page_heap_close(&self->page_heap);
	tcm_page_map_close(&self->map);
	tcm_metadata_close(&self->metadata);
}
