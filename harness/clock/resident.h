/*
 * resident.h - what the kernel says about our memory.
 */
#ifndef HARNESS_CLOCK_RESIDENT_H
#define HARNESS_CLOCK_RESIDENT_H

#include <stdint.h>

/*
 * Each reads a file of /proc/self and is far too slow to be timed; 0 where it
 * cannot be read.
 */

/* Bytes resident in the mappings that lie within [start, end). */
uint64_t resident_between(const void *start, const void *end);

struct resident {
	uint64_t anonymous_bytes; /* swapped out or not               */
	uint64_t huge_bytes;      /* of these, in transparent huge pages */
};

/*
 * The anonymous memory of this process now, as /proc/self/smaps_rollup has it
 * [proc(5)]: heaps, stacks and what was written of a file's private pages; no
 * code, no shared mappings.  Exact, as the kernel goes through the page tables.
 * Calls no malloc.  O(resident pages), about 50 us for each MiB of them.
 */
struct resident resident_now(void);

/*
 * The most anonymous memory since the reset, for replays that cannot be stopped
 * to ask: the kernel's peak less the pages of files and shared mappings now.
 * Its counters may be off by up to 64 pages a processor.
 */
void resident_reset_peak(void);
uint64_t resident_peak(void);

#endif
