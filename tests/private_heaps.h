/*
 * private_heaps.h - an allocator for tests only: what theory has in mind when it
 * says "private heaps", and nothing else, so that its bounds come out exactly.
 */
#ifndef TESTS_PRIVATE_HEAPS_H
#define TESTS_PRIVATE_HEAPS_H

#include "allocators/allocator.h"

/*
 * Knobs: back = freer (a freed block belongs to the thread that freed it) |
 * owner (it goes back to the thread that made it) | bounded (freer, but beyond
 * `limit` blocks it goes to a list for all).  Blocks of up to PRIVATE_MAX bytes,
 * no headers; the footprint is the pages of blocks.
 */
enum { PRIVATE_MAX = 1024 };

extern const struct allocator private_heaps_allocator;

#endif
