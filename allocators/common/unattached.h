/*
 * unattached.h - malloc and free of a thread that has no handle yet.
 *
 * Who keeps the handle in a variable of each thread (harness/preload/) has to
 * begin somewhere: testing for NULL in every malloc would cost two instructions
 * for ever.  Instead the variable starts at a handle that is all zero:
 *
 *     thread 1   self --> handle of a heap     caches, counters
 *     thread 2   self --> UNATTACHED_BYTES of zero: every list is empty
 *
 * An empty list sends malloc and free on their slow path as it is; there, where
 * it costs nothing, they find that the handle has no heap, and call these.
 *
 * The allocators that say `knows_unattached` (allocator.h) read no further than
 * UNATTACHED_BYTES, and write nothing: the zeros may be constant.
 *
 * Whoever hands out such handles defines both functions; the lab's own stop with
 * a sentence (unattached.c).  malloc(size), any size; free(block), never NULL,
 * which has to keep errno.
 */
#ifndef ALLOCATORS_COMMON_UNATTACHED_H
#define ALLOCATORS_COMMON_UNATTACHED_H

#include <stddef.h>

enum { UNATTACHED_BYTES = 1024 };

void *unattached_malloc(size_t size);
void unattached_free(void *block);

#endif
