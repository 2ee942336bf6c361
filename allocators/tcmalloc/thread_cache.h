/*
 * thread_cache.h - the tier of one thread: a stack of free objects for each
 * class.  The algorithms: thread_cache.c and budget.c.
 */
#ifndef ALLOCATORS_TCMALLOC_THREAD_CACHE_H
#define ALLOCATORS_TCMALLOC_THREAD_CACHE_H

#include "central_list.h"

enum {
	TCM_LENGTH_MAX = 8192,      /* largest value of the knob `length`     */
	TCM_BUDGET_STEP = 64 << 10, /* bytes that move between budgets        */
};

/*
 * The list of a class is an array of pointers used as a stack:
 *
 *     base        low              top       limit
 *     |obj|obj|obj|obj|obj|obj|obj|...........|
 *                  ^ no lower since the last scavenge
 *
 * The fast path knows two comparisons: top with low, top with limit.  All other
 * decisions are made where one of them fails.  Only `top` and `base` are read
 * by other threads, for the usage.
 */
struct tcm_bin {
	void **_Atomic top;
	void **low;
	void **limit;
	void **_Atomic base; /* the bin itself, while it has no array         */
};

/* What the slow paths know of a bin. */
struct tcm_bin_state {
	uint16_t length;    /* limit - base: what it may hold                */
	uint8_t array_log2; /* pointers that there is room for; 0: no array   */
	uint8_t overflows;  /* in a row, at a length above a batch           */
};

struct tcm_cache {
	/* read by the fast paths */
	const void *map_root;
	enum tcm_map_kind map_kind;
	uint8_t class_of
		[TCM_LOOKUP_SMALL]; /* [(size + 7) / 8]                */

	/* owner only */
	struct tcm_heap *heap;
	size_t capacity_bytes;   /* of all bins: length * object size         */
	unsigned until_scavenge; /* failures to grow left                     */
	struct tcm_bin_state
		*state; /* [class], behind the bins               */

	/* written by the owner */
	struct counter refills, flushes, moves;

	/* under the lock of the handles */
	struct counter budget; /* capacity_bytes may reach it                 */
	TAILQ_ENTRY(tcm_cache) link;

	_Alignas(
		64) struct tcm_bin bin[]; /* [class]                          */
};

TAILQ_HEAD(tcm_cache_list, tcm_cache);

/* What all thread caches of a heap share. */
struct tcm_caches {
	size_t length_max; /* a knob: objects in a list                       */
	size_t thread_max; /* a knob: the largest budget of one              */
	size_t all_bytes;  /* a knob: the sum of all budgets                  */
	size_t cache_bytes; /* of a struct tcm_cache with its bins             */

	struct lock lock;
	/* under the lock */
	struct tcm_cache_list
		list;             /* oldest first                            */
	struct tcm_cache *victim; /* whose budget is stolen from next        */
	size_t unclaimed;         /* of the budget of all                    */
	size_t attached;
	struct counter abandoned;
	/* Of handles that are gone. */
	struct counter refills, flushes, moves;
};

/* A cache of a new thread; NULL with errno = ENOMEM. */
struct tcm_cache *tcm_cache_attach(struct tcm_heap *heap);

/* Gives all its objects to the central lists and its budget to the others. */
void tcm_cache_detach(struct tcm_cache *self);

/* The cache of a handle that another process has the thread of. */
void tcm_cache_abandon(struct tcm_heap *heap, struct tcm_cache *other);

/* malloc where top has met low: another object of the list, or a refill. */
TCM_NOINLINE void *tcm_cache_at_low(struct tcm_cache *self,
                                    struct tcm_bin *bin);

/* free where the list is full; of class 0, of a block of pages. */
TCM_NOINLINE void tcm_cache_at_limit(struct tcm_cache *self,
                                     struct tcm_bin *bin, void *block);

/* ---- budget.c ------------------------------------------------------------------- */

/*
 * Makes the bin's length `more` longer if the budget allows or can be raised.
 * If not, every so often, scavenges the other bins.
 */
void tcm_bin_lengthen(struct tcm_cache *self, unsigned class, size_t more);

/* Makes it shorter; what it holds beyond goes to the central list. */
void tcm_bin_shorten(struct tcm_cache *self, unsigned class, size_t less);

/* Gives the `count` newest objects of the bin to the central list. */
void tcm_bin_give(struct tcm_cache *self, unsigned class, size_t count);

/* Gives the budget back; the cache leaves the list.  Under the lock. */
void tcm_budget_return(struct tcm_caches *caches, struct tcm_cache *self);

/* ---- reading a bin ----------------------------------------------------------------- */

static inline void **tcm_bin_top(const struct tcm_bin *bin)
{
	return atomic_load_explicit(&bin->top, memory_order_relaxed);
}

static inline void tcm_bin_set_top(struct tcm_bin *bin, void **top)
{
	atomic_store_explicit(&bin->top, top, memory_order_relaxed);
}

static inline void **tcm_bin_base(const struct tcm_bin *bin)
{
	return atomic_load_explicit(&bin->base, memory_order_relaxed);
}

/* Objects in it; from another thread, only at quiescence exact. */
static inline size_t tcm_bin_count(const struct tcm_bin *bin)
{
	return (size_t)(tcm_bin_top(bin) - tcm_bin_base(bin));
}

/* No array: all pointers are equal and none is followed. */
static inline void tcm_bin_clear(struct tcm_bin *bin)
{
	bin->low = bin->limit = (void **)bin;
	atomic_store_explicit(&bin->base, (void **)bin, memory_order_relaxed);
	tcm_bin_set_top(bin, (void **)bin);
}

#endif
