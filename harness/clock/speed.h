/*
 * speed.h - one timed replay, and one sampled for latency.
 *
 * Both run in a process of their own, on pages from the operating system.
 */
#ifndef HARNESS_CLOCK_SPEED_H
#define HARNESS_CLOCK_SPEED_H

#include <stdio.h>

#include "../../allocators/common/knob.h"
#include "../threads/lock_table.h"
#include "../verdict.h"
#include "loop.h"

/* What one child of the speed pass found out. */
struct speed {
	double ns_per_op;        /* wall time / calls of the allocator       */
	uint64_t resident_bytes; /* peak, above what was there before event 1 */
	uint64_t page_faults; /* minor and major, of one replay              */
	uint64_t system_ns;   /* time in the kernel, of one replay           */

	/* Of a replay on real threads (threads/threads.h), else 0. */
	uint64_t footprint_bytes; /* peak of the page source                 */
	struct lock_table locks;  /* the sum of `replays` replays            */
	uint64_t replays;
};

struct speed_options {
	size_t limit_bytes; /* most committed bytes; 0: none */
	enum touch touch;
	double pace; /* 0: as fast as it can; 1: at recorded time; 10: ten
	                times as fast                                      */
	/*
	 * NULL while the clock counts.  When a speed pass dies, it is run
	 * again with this set, event by event, to find out where.
	 */
	volatile uint64_t *progress;
};

/* How often a trace of so few calls is replayed, to have something to time. */
uint64_t speed_repeats(const struct trace *trace);

/*
 * Replays the trace with the clock around the whole loop: once, or, so that a
 * short one can be timed, up to 1000 times, each on a new heap; then `speed`, all
 * zero before, has the mean.  The verdict is OK unless the heap could not be
 * made: what goes wrong inside the loop ends the process.
 */
struct verdict speed_run(const struct allocator *allocator,
                         const struct knob_values *values,
                         const struct trace *trace,
                         const struct speed_options *options,
                         struct speed *speed);

/* The floors: the same loop with `null` and with nothing; `speed` as above. */
struct verdict speed_run_null(const struct trace *trace, enum touch touch,
                              struct speed *speed);
struct verdict speed_run_empty(const struct trace *trace, struct speed *speed);

/*
 * Replays once and times single calls: of a trace of up to 2^20 calls every one,
 * of a longer one 2^19 to 2^20, at random distances.  Writes the rows of
 * latency.csv for `label`; touching the block is part of a call's time.
 */
struct verdict latency_run(const struct allocator *allocator,
                           const struct knob_values *values,
                           const struct trace *trace,
                           const struct speed_options *options,
                           const char *label, FILE *out);

#endif
