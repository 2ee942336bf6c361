/*
 * central_list.h - the tier that all threads share: objects of one class.  The
 * algorithms: central_list.c and transfer_cache.c.
 */
#ifndef ALLOCATORS_TCMALLOC_CENTRAL_LIST_H
#define ALLOCATORS_TCMALLOC_CENTRAL_LIST_H

#include "page_heap.h"

enum { TCM_FULLNESS_LISTS = 8 };

/* Which span gives its objects first; the values of a knob. */
enum tcm_span_order {
	TCM_ORDER_FULLEST, /* so that the emptiest become empty               */
	TCM_ORDER_RECENT,  /* the last one that got an object back            */
};

struct tcm_central {
	struct lock lock;

	/* under the lock */
	struct tcm_span_list
		partial[TCM_FULLNESS_LISTS]; /* by used objects   */
	uint32_t nonempty;       /* bit i: partial[i] has a span             */
	uint32_t array_log2;     /* the transfer cache has 2^this pointers   */
	void **transfer;         /* whole batches; NULL before the first     */
	struct counter cached;   /* objects in the transfer cache            */
	struct counter spans;    /* in use for this class                    */
	struct counter in_spans; /* free objects in them                     */
};

static_assert(sizeof(struct tcm_central) % 64 == 0, "whole lines");

/* What the central lists of a heap need to know. */
struct tcm_centrals {
	struct tcm_page_heap *page_heap;
	struct tcm_metadata *metadata;
	const char *single_thread;
	const struct tcm_classes *classes;
	enum tcm_span_order order; /* a knob                                  */
	size_t transfer_batches;   /* a knob                                  */
	struct tcm_central *of; /* [class]                                  */
};

/*
 * Takes up to `count` objects of a class into `out`, the one to use first last:
 * at least 1, or 0 with errno = ENOMEM.
 */
size_t tcm_central_take(struct tcm_centrals *all, unsigned class, void **out,
                        size_t count);

/* Takes `count` > 0 objects back; needs no memory.  Preserves errno. */
void tcm_central_give(struct tcm_centrals *all, unsigned class, void **objects,
                      size_t count);

/* Empties the transfer cache of a class into its spans. */
void tcm_transfer_flush(struct tcm_centrals *all, unsigned class);

/* ---- the parts of it --------------------------------------------------------- */

/* central_list.c: the spans, past the transfer cache; take the lock. */
size_t tcm_spans_take(struct tcm_centrals *all, unsigned class, void **out,
                      size_t count);
void tcm_spans_give(struct tcm_centrals *all, unsigned class, void **objects,
                    size_t count);

/* The span that the next object of a class comes from; NULL: a new one. */
static inline struct tcm_span *tcm_central_next(
	const struct tcm_central *central)
{
	if (central->nonempty == 0)
		return NULL;
	return LIST_FIRST(
		&central->partial[31 - __builtin_clz(central->nonempty)]);
}

/* A free object of a span leads to the next one. */
static inline void *tcm_object_next(const void *object)
{
	return *(void *const *)object;
}

/* The most objects that a transfer cache of a class may hold. */
size_t tcm_transfer_limit(const struct tcm_centrals *all, unsigned class);

#endif
