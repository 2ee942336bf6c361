/*
 * inspect.h - what walk.c and check.c share: the heap looked at from outside.
 */
#ifndef ALLOCATORS_TCMALLOC_INSPECT_H
#define ALLOCATORS_TCMALLOC_INSPECT_H

#include "../common/scratch.h"
#include "tcmalloc.h"

/* The span at an address where one must begin. */
static inline struct tc_span *tc_span_from(struct tc_heap *heap, const char *at)
{
	return tc_span_at(&heap->page_heap, at);
}

static inline char *tc_object_at(const struct tc_heap *heap,
                                 const struct tc_span *span, size_t index)
{
	return span->start + index * tc_class_bytes(heap, span->class);
}

/* Free objects in all tiers above the page heap that have been used before. */
size_t tc_cached_count(struct tc_heap *heap);

/*
 * All of them, sorted, with the names of their tiers; false without memory.
 * The caller closes the set.
 */
bool tc_cached_gather(struct tc_heap *heap, struct block_set *set);

/* The tier of an object of a span, NULL for a live one. */
const char *tc_object_tier(const struct tc_span *span, size_t index,
                           const void *object, const struct block_set *cached);

#endif
