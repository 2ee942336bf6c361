/*
 * thread_cache.h - the tier of one thread: a stack of free objects for each
 * class.  The algorithms: thread_cache.c and budget.c.
 */
#ifndef ALLOCATORS_TCMALLOC_THREAD_CACHE_H
#define ALLOCATORS_TCMALLOC_THREAD_CACHE_H

#include "central_list.h"

enum {
	TC_LENGTH_MAX = 8192,      /* objects in a list                      */
	TC_BUDGET_STEP = 64 << 10, /* bytes that move between budgets        */
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
struct tc_bin {
	void **_Atomic top;
	void **low;
	void **limit;
	void **_Atomic base; /* the bin itself, while it has no array         */
};

/* What the slow paths know of a bin. */
struct tc_bin_state {
	uint16_t length;    /* limit - base: what it may hold                */
	uint8_t array_log2; /* pointers that there is room for; 0: no array   */
	uint8_t overflows;  /* in a row, at a length above a batch           */
};

struct tc_cache {
	/* read by the fast paths */
	const void *map_root;
	enum tc_map_kind map_kind;
	uint8_t class_of[TC_LOOKUP_SMALL]; /* [(size + 7) / 8]                */

	/* owner only */
	struct tc_heap *heap;
	size_t capacity_bytes;   /* of all bins: length * object size         */
	unsigned until_scavenge; /* failures to grow left                     */
	struct tc_bin_state *state; /* [class], behind the bins               */

	/* written by the owner */
	struct counter refills, flushes, moves;

	/* under the lock of the handles */
	struct counter budget; /* capacity_bytes may reach it                 */
	TAILQ_ENTRY(tc_cache) link;

	_Alignas(64) struct tc_bin bin[]; /* [class]                          */
};

TAILQ_HEAD(tc_cache_list, tc_cache);

/* What all thread caches of a heap share. */
struct tc_caches {
	size_t thread_max; /* a knob: the largest budget of one              */
	size_t all_bytes;  /* a knob: the sum of all budgets                  */
	size_t cache_bytes; /* of a struct tc_cache with its bins             */

	struct lock lock;
	/* under the lock */
	struct tc_cache_list list; /* oldest first                            */
	struct tc_cache *victim;   /* whose budget is stolen from next        */
	size_t unclaimed;          /* of the budget of all                    */
	size_t attached;
	struct counter abandoned;
	/* Of handles that are gone. */
	struct counter refills, flushes, moves;
};

/* A cache of a new thread; NULL with errno = ENOMEM. */
struct tc_cache *tc_cache_attach(struct tc_heap *heap);

/* Gives all its objects to the central lists and its budget to the others. */
void tc_cache_detach(struct tc_cache *self);

/* The cache of a handle that another process has the thread of. */
void tc_cache_abandon(struct tc_heap *heap, struct tc_cache *other);

/* malloc where top has met low: another object of the list, or a refill. */
void *tc_cache_at_low(struct tc_cache *self, struct tc_bin *bin);

/* free where the list is full; of class 0, of a block of pages. */
void tc_cache_at_limit(struct tc_cache *self, struct tc_bin *bin, void *block);

/* ---- budget.c ------------------------------------------------------------------- */

/*
 * Makes the bin's length `more` longer if the budget allows or can be raised.
 * If not, every so often, scavenges the other bins.
 */
void tc_bin_lengthen(struct tc_cache *self, unsigned class, size_t more);

/* Makes it shorter; what it holds beyond goes to the central list. */
void tc_bin_shorten(struct tc_cache *self, unsigned class, size_t less);

/* Gives the `count` newest objects of the bin to the central list. */
void tc_bin_give(struct tc_cache *self, unsigned class, size_t count);

/* Gives the budget back; the cache leaves the list.  Under the lock. */
void tc_budget_return(struct tc_caches *caches, struct tc_cache *self);

/* ---- reading a bin ----------------------------------------------------------------- */

static inline void **tc_bin_top(const struct tc_bin *bin)
{
	return atomic_load_explicit(&bin->top, memory_order_relaxed);
}

static inline void tc_bin_set_top(struct tc_bin *bin, void **top)
{
	atomic_store_explicit(&bin->top, top, memory_order_relaxed);
}

static inline void **tc_bin_base(const struct tc_bin *bin)
{
	return atomic_load_explicit(&bin->base, memory_order_relaxed);
}

/* Objects in it; from another thread, only at quiescence exact. */
static inline size_t tc_bin_count(const struct tc_bin *bin)
{
	return (size_t)(tc_bin_top(bin) - tc_bin_base(bin));
}

/* No array: all pointers are equal and none is followed. */
static inline void tc_bin_clear(struct tc_bin *bin)
{
	bin->low = bin->limit = (void **)bin;
	atomic_store_explicit(&bin->base, (void **)bin, memory_order_relaxed);
	tc_bin_set_top(bin, (void **)bin);
}

#endif
