/*
 * inspect.h - what walk.c and check.c share: the heap looked at from outside.
 */
#ifndef ALLOCATORS_TCMALLOC_INSPECT_H
#define ALLOCATORS_TCMALLOC_INSPECT_H

#include "../common/scratch.h"
#include "tcmalloc.h"

/* The span at an address where one must begin. */
static inline struct tcm_span *tcm_span_from(struct tcm_heap *heap,
                                             const char *at)
{
	return tcm_span_at(&heap->page_heap, at);
}

static inline char *tcm_object_at(const struct tcm_heap *heap,
                                  const struct tcm_span *span, size_t index)
{
	return span->start + index * tcm_class_bytes(heap, span->class);
}

/*
 * The free objects in all tiers above the page heap that have been used before,
 * sorted, with the names of their tiers; false without memory.  The caller
 * closes the set.
 */
bool tcm_cached_gather(struct tcm_heap *heap, struct block_set *set);

#endif
