/*
 * counter.h - a number with one writer that others may read.
 *
 * The writer is a thread or the holder of a lock, so adding needs no atomic
 * instruction; that others may read it at any time needs the type: relaxed
 * loads and stores are ordinary moves to the machine and no data race to C.
 */
#ifndef ALLOCATORS_COMMON_COUNTER_H
#define ALLOCATORS_COMMON_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
	_Atomic uint64_t n;
};

static inline uint64_t counter_read(const struct counter *at)
{
	return atomic_load_explicit(&at->n, memory_order_relaxed);
}

static inline void counter_set(struct counter *at, uint64_t value)
{
	atomic_store_explicit(&at->n, value, memory_order_relaxed);
}

/* By the one writer; n may stand for a negative number. */
static inline void counter_add(struct counter *at, uint64_t n)
{
	counter_set(at, counter_read(at) + n);
}

#endif
