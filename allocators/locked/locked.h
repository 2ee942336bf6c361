/*
 * locked.h - one lock around everything: how an allocator made for one thread
 * takes part in runs with many.
 *
 * A decorator.  What it returns is used like any allocator:
 *
 *     const struct allocator *shared = locked_over(&buddy_allocator);
 *     struct heap *heap = shared->create(&values, pages, &many_threads);
 *
 * It is also what the first mallocs for threads were, and the yardstick that
 * per-thread caches are measured against: [Berger00] calls it a serial single
 * heap.
 */
#ifndef ALLOCATORS_LOCKED_LOCKED_H
#define ALLOCATORS_LOCKED_LOCKED_H

#include "../allocator.h"

enum { LOCKED_MAX = 24 }; /* different allocators of one process */

/*
 * An allocator that behaves as `inner` and may be called by many OS threads:
 * the same name, knobs and blocks, behind one lock.  `inner` itself if it
 * has_locks, and then nothing is added; the same answer for the same `inner`.
 *
 * A heap of it has one page of metadata more, or a few where many handles are
 * attached at a time.  What `inner` leaves NULL is NULL here, but for usage and
 * the fork hooks, which are always there.  usage() without one of `inner` is a
 * walk of O(blocks) under the lock; where `inner` has no walk either, it knows
 * the bytes of that page only.  stats() is exact at any time.
 *
 * NULL for more than LOCKED_MAX different ones.  Not to be called by two threads
 * at a time.
 */
const struct allocator *locked_over(const struct allocator *inner);

/*
 * The calls alone, the same for every `inner` that leaves none of them out: a
 * constant, so that a compiler sees the functions (harness/preload/).  Without a
 * name and without create(), which locked_over() knows.
 */
extern const struct allocator locked_calls;

#endif
