/*
 * lists.h - the free lists of a heap, as a search meets them:
 *
 *     free  chain: 48 at 0xd0 -> 96 at 0x1a0 -> ... 312 more
 *     free  order 5: 32 at 0x20;  order 6: 64 at 0x40
 */
#ifndef HARNESS_STEP_LISTS_H
#define HARNESS_STEP_LISTS_H

#include "../../allocators/allocator.h"
#include "board.h"

/* Nothing for an allocator that cannot tell.  O(free blocks). */
void lists_print(const struct allocator *allocator, struct heap *heap,
                 const struct board *board);

#endif
