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
	double cpu_ns_per_op;    /* processor time of all threads / calls    */
	uint64_t resident_bytes; /* anonymous, above the barrier, at the end */
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
 * short one can be timed, up to 100 times, each in a fork of the process as it
 * is now, so that every replay begins with the heap that the first one had, a
 * library's too.  Then `speed`, all zero before and shared with such forks, has
 * the mean.  The verdict is OK unless the heap could not be made: what goes wrong
 * inside the loop ends the process.
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

/* What the resident pass finds out. */
struct residency {
	uint64_t barrier_bytes;  /* anonymous memory, the heap still empty    */
	uint64_t peak_bytes;     /* the most above that                       */
	uint64_t peak_event;     /* the event after which it was seen         */
	uint64_t huge_bytes;     /* most in transparent huge pages: 0 is due  */
	bool huge_pages_are_off; /* as the kernel says                       */
};

/*
 * Replays once, touches every page of every block, and looks at the anonymous
 * memory RESIDENT_LOOKS times, evenly spread over the events, and after the
 * event at which most was live.  Of the options limit and pace count.
 */
enum { RESIDENT_LOOKS = 128 };
struct verdict residency_run(const struct allocator *allocator,
                             const struct knob_values *values,
                             const struct trace *trace,
                             const struct speed_options *options,
                             struct residency *residency);

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
