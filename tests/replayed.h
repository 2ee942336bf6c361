/*
 * replayed.h - programs of many threads, replayed on one: the figures that theory
 * has bounds for.
 *
 *     struct replayed_figures it =
 *             replayed_workload("first-fit", "ring", "threads=4", "in_flight=64", NULL);
 *     assert_int_equal(it.peak_bytes - it.empty_bytes, ...);
 */
#ifndef TESTS_REPLAYED_H
#define TESTS_REPLAYED_H

#include "lab.h"

#include "harness/trace/trace.h"

struct replayed_figures {
	size_t live_bytes;  /* peak, as requested                             */
	size_t empty_bytes; /* footprint before the first call, all handles
	                       there that the trace starts at once            */
	size_t peak_bytes;  /* footprint                                      */
	uint64_t shared_lines, lines; /* when most lines are shared           */
};

/*
 * Replays on a handle for each logical thread, in recorded order, with the
 * oracle watching.  `allocator` is "name:knob=value,..." from the registry, or
 * "private-heaps:..."; `workload` a spec in workloads/; then settings for it,
 * ended by NULL.  Fails the test where the allocator fails.
 */
struct replayed_figures replayed_workload(const char *allocator,
                                          const char *workload, ...)
	__attribute__((sentinel));

/* The same for a trace; replayed_on_one_thread() makes one thread of all. */
struct replayed_figures replayed_trace(const char *allocator,
                                       const struct trace *trace);
void replayed_on_one_thread(struct trace *trace);

/* Generates workloads/NAME.ini with these settings. */
void replayed_generate(const char *workload, const char *const *sets,
                       struct trace *trace);

#endif
