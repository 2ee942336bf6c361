/*
 * central_list.h - the tier that all threads share: objects of one class.  The
 * algorithms: central_list.c and transfer_cache.c.
 */
#ifndef ALLOCATORS_TCMALLOC_CENTRAL_LIST_H
#define ALLOCATORS_TCMALLOC_CENTRAL_LIST_H

#include "page_heap.h"

enum { TC_FULLNESS_LISTS = 8 };

/* Which span gives its objects first; the values of a knob. */
enum tc_span_order {
	TC_ORDER_FULLEST, /* so that the emptiest become empty               */
	TC_ORDER_RECENT,  /* the last one that got an object back            */
};

struct tc_central {
	struct lock lock;

	/* under the lock */
	struct tc_span_list partial[TC_FULLNESS_LISTS]; /* by used objects   */
	uint32_t nonempty;       /* bit i: partial[i] has a span             */
	uint32_t array_log2;     /* the transfer cache has 2^this pointers   */
	void **transfer;         /* whole batches; NULL before the first     */
	struct counter cached;   /* objects in the transfer cache            */
	struct counter spans;    /* in use for this class                    */
	struct counter in_spans; /* free objects in them                     */
};

static_assert(sizeof(struct tc_central) % 64 == 0, "whole lines");

/* What the central lists of a heap need to know. */
struct tc_centrals {
	struct tc_page_heap *page_heap;
	struct tc_metadata *metadata;
	const char *single_thread;
	const struct tc_classes *classes;
	enum tc_span_order order; /* a knob                                  */
	size_t transfer_batches;  /* a knob                                  */
	struct tc_central *of;    /* [class]                                  */
};

/*
 * Takes up to `count` objects of a class into `out`, the one to use first last:
 * at least 1, or 0 with errno = ENOMEM.
 */
size_t tc_central_take(struct tc_centrals *all, unsigned class, void **out,
                       size_t count);

/* Takes `count` > 0 objects back; needs no memory.  Preserves errno. */
void tc_central_give(struct tc_centrals *all, unsigned class, void **objects,
                     size_t count);

/* Empties the transfer cache of a class into its spans. */
void tc_transfer_flush(struct tc_centrals *all, unsigned class);

/* ---- the parts of it --------------------------------------------------------- */

/* central_list.c: the spans, past the transfer cache; take the lock. */
size_t tc_spans_take(struct tc_centrals *all, unsigned class, void **out,
                     size_t count);
void tc_spans_give(struct tc_centrals *all, unsigned class, void **objects,
                   size_t count);

/* The span that the next object of a class comes from; NULL: a new one. */
static inline struct tc_span *tc_central_next(const struct tc_central *central)
{
	if (central->nonempty == 0)
		return NULL;
	return LIST_FIRST(
		&central->partial[31 - __builtin_clz(central->nonempty)]);
}

/* A free object of a span leads to the next one. */
static inline void *tc_object_next(const void *object)
{
	return *(void *const *)object;
}

/* The most objects that a transfer cache of a class may hold. */
size_t tc_transfer_limit(const struct tc_centrals *all, unsigned class);

#endif
