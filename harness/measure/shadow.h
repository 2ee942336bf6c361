/*
 * shadow.h - which bytes of the address space belong to a live block.
 *
 * For every 8 bytes of memory one bit says whether a live block covers them,
 * and one number says which block starts there:
 *
 *     memory   |  a: 24 bytes  |  free  |  b: 16  |
 *     covered    1   1   1      0   0     1   1
 *     starts    a+1  0   0      0   0    b+1  0
 *
 * So an overlap is found in size/512 steps, without a search, and the owner of
 * an address in one.  The tables are made a GiB of address space at a time, as
 * addresses appear; the kernel gives real memory only to the parts in use.
 *
 * Threads: any number may cover and uncover at a time, each with a copy of the
 * struct, which is a pointer to the same tables.  Bits change by atomic, relaxed
 * operations: of two blocks that overlap, one finds the other's bit, and the
 * shadow puts no order between threads that the allocator does not.
 */
#ifndef HARNESS_MEASURE_SHADOW_H
#define HARNESS_MEASURE_SHADOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shadow_region;

struct shadow {
	/* by address / GiB; NULL: none yet */
	_Atomic(struct shadow_region *) *regions;
	bool out_of_memory; /* a table could not be made */
};

static const uint32_t SHADOW_NONE = UINT32_MAX;

/* False without address space for the table of regions (1 MiB). */
bool shadow_open(struct shadow *shadow);
void shadow_close(struct shadow *shadow);

/* Whether these bytes lie where a process has its memory: below 2^47. */
bool shadow_reaches(const void *start, size_t bytes);

/*
 * Enters a block of `bytes` that starts at `start` and is called `slot`.  False
 * (and nothing is entered) if a live block covers any of it, if it lies out of
 * reach, or without memory for a table.  O(bytes / 512).
 */
bool shadow_cover(struct shadow *shadow, const void *start, size_t bytes,
                  uint32_t slot);

/* Takes a block out again: the same `start` and `bytes` as it was entered. */
void shadow_uncover(struct shadow *shadow, const void *start, size_t bytes);

/* The slot of the live block that starts at this address, or SHADOW_NONE. */
uint32_t shadow_owner(const struct shadow *shadow, const void *start);

#endif
