/*
 * locked.h - one lock around everything: how an allocator made for one thread
 * takes part in runs with many.
 *
 * A decorator: the heap of an `inner` allocator behind a lock that every call
 * takes first.  It is also what the first multi-threaded mallocs were, and the
 * yardstick that per-thread caches are measured against [Berger00, 2].
 */
#ifndef ALLOCATORS_LOCKED_LOCKED_H
#define ALLOCATORS_LOCKED_LOCKED_H

#include "../allocator.h"

/*
 * Builds a heap of `inner` (any allocator without has_locks) behind a lock.
 * All calls on it, destroy included, then go through locked_allocator; its own
 * create() is NULL, for it would not know what to put behind the lock.
 *
 * The heap that knows is one page of metadata more.  usage and the fork hooks
 * are there; walk, check, stats and explain are those of `inner`.
 */
struct heap *locked_create(const struct allocator *inner,
                           const struct knob_values *values,
                           struct page_source *pages,
                           const char *single_thread);

extern const struct allocator locked_allocator;

#endif
