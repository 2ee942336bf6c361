/*
 * hammer_counts.h - what record_hammer says of itself, in a file that it maps.
 */
#ifndef TESTS_PROGRAMS_HAMMER_COUNTS_H
#define TESTS_PROGRAMS_HAMMER_COUNTS_H

#include <stdint.h>

enum {
	HAMMER_MALLOC,
	HAMMER_CALLOC,
	HAMMER_ALIGNED,
	HAMMER_REALLOC,
	HAMMER_FREE, /* of blocks, not of NULL */
	HAMMER_KINDS,
	HAMMER_THREADS_MAX = 64,
};

/* Each raised after the call has returned.  Thread t's; main's are the last. */
struct hammer_counts {
	volatile uint64_t of[HAMMER_THREADS_MAX + 1][HAMMER_KINDS];
};

#endif
