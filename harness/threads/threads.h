/*
 * threads.h - replay on real threads: what a caller sees of this folder.
 *
 *     struct plan plan;
 *     plan_make(&plan, &trace, 8, &error);              who does what
 *     threads_check(allocator, ..., &plan, ...);        under the oracle
 *     threads_time(allocator, ..., &plan, ...);         with the clock
 *     threads_time(NULL, NULL, &plan, ...);             the floor: null
 *     plan_free(&plan);
 *
 * Each call makes a heap, starts the plan's OS threads (the caller is the first
 * of them), lets all go at once and waits for the last.  An allocator without
 * has_locks runs behind the lock of allocators/locked/.  As an allocator under
 * test may do anything, callers with something to lose call these in a child
 * process (run/cell.h).
 *
 * Threads: one caller at a time in a process.
 */
#ifndef HARNESS_THREADS_THREADS_H
#define HARNESS_THREADS_THREADS_H

#include "../../allocators/common/knob.h"
#include "../measure/oracle.h"
#include "../verdict.h"
#include "lock_table.h"
#include "plan.h"

struct threads_options {
	size_t limit_bytes;      /* most committed bytes; 0: none           */
	enum touch touch;        /* threads_time only                       */
	enum oracle_depth depth; /* threads_check only                 */

	/*
	 * Not NULL: the recorded event that is furthest behind, kept up to
	 * date some hundred times a second; at a crash, the event of the
	 * thread that crashed.  Replays event by event: not to be timed.
	 */
	volatile uint64_t *progress;
};

static const uint64_t MEMBER_DONE = UINT64_MAX;

struct threads_figures {
	unsigned threads;
	uint64_t wall_ns; /* from the release of all to the end of the last */
	uint64_t calls;   /* of the allocator, by all threads               */
	struct {
		uint64_t ns; /* from the release to its own end             */
		uint64_t calls;
		uint64_t takes; /* handovers that it took                   */
		uint64_t waits; /* of these, those that were not there yet  */
		uint64_t at;    /* with progress: its event; MEMBER_DONE    */
	} of[THREADS_MAX];

	uint64_t peak_footprint_bytes; /* of the page source              */
	uint64_t resident_bytes;       /* peak above what was there before  */
	uint64_t page_faults, system_ns, cpu_ns; /* of all threads          */
	struct lock_table locks;
};

/*
 * Replays once with the clock around all threads.  NULL as allocator: the null
 * allocator, a block of its own for each slot of each strand.  The verdict is OK
 * unless the heap or a thread could not be made.
 */
struct verdict threads_time(const struct allocator *allocator,
                            const struct knob_values *values,
                            const struct plan *plan,
                            const struct threads_options *options,
                            struct threads_figures *figures);

/*
 * Replays once on real threads under the oracle, on a fixed arena, then checks
 * the heap, frees all and requires that nothing is held.  Times are not filled
 * in.  The verdict names events of the recorded trace.
 */
struct verdict threads_check(const struct allocator *allocator,
                             const struct knob_values *values,
                             const struct plan *plan,
                             const struct threads_options *options,
                             struct threads_figures *figures);

/*
 * Workloads whose size grows with the threads, for scaling: each thread keeps
 * `live` blocks of 16 to `max_bytes` bytes and makes `steps` times: free the
 * block of a random place, allocate another there.  In private work a thread
 * frees its own blocks; in crossing work, where it frees a block, that is the
 * one that its neighbour has put into the same place (live >= 1, threads >= 2).
 * False without memory.
 */
struct threads_work {
	unsigned threads;
	uint64_t steps; /* of each thread */
	unsigned live;
	size_t max_bytes;
	uint64_t seed;
};

bool threads_private_work(const struct threads_work *work, struct trace *trace,
                          struct trace_error *error);
bool threads_crossing_work(const struct threads_work *work, struct trace *trace,
                           struct trace_error *error);

#endif
