/*
 * heap_replay.h - one replay, for the peak of the heap's resident memory alone.
 *
 * The resident pass of a run (speed.h) must serve libraries too, whose page calls
 * nobody sees: it looks at the process 128 times.  This one looks at the heap,
 * whenever that is about to lose pages, as the preloaded library does.
 */
#ifndef HARNESS_CLOCK_HEAP_REPLAY_H
#define HARNESS_CLOCK_HEAP_REPLAY_H

#include "heap_peak.h"
#include "speed.h"

struct heap_replay {
	struct heap_peak peak;
	uint64_t peak_committed_bytes;
};

/*
 * Replays in this process, on pages from the OS.  Of the options limit, touch and
 * pace count.  The verdict is OK unless the heap could not be made.
 */
struct verdict heap_replay_run(const struct allocator *allocator,
                               const struct knob_values *values,
                               const struct trace *trace,
                               const struct speed_options *options,
                               struct heap_replay *result);

#endif
