/*
 * plan.h - a trace split up for OS threads: who does what, and who waits.
 *
 * Logical thread t of the trace acts on OS thread t % N, with a handle of its
 * own.  What one OS thread does is a *strand*: its events in recorded order,
 * with slots numbered anew, so that no two strands share a table of blocks.
 * Where the next event on a block belongs to another strand, the block is handed
 * over (handover.h), by two operations that no trace has:
 *
 *     trace, 2 threads      strand 0               strand 1
 *     @0 a=malloc(8)        malloc slot 1, 8
 *                           give slot 1 -> h0
 *     @0 b=malloc(8)        malloc slot 1, 8
 *     @0 free(b)            free slot 1
 *     @1 free(a)                                   take h0 -> slot 1
 *                                                  free slot 1
 *
 * All other operations wait for nothing and are replayed by the plain loop.
 */
#ifndef HARNESS_THREADS_PLAN_H
#define HARNESS_THREADS_PLAN_H

#include "../clock/loop.h"

enum {
	THREADS_MAX = 64, /* OS threads of a run */

	/*
	 * How far a thread that hands blocks out may run ahead of those that
	 * take them, in handovers beyond the recorded number under way: once
	 * to twice this many.  Without it a fast producer would fill the
	 * memory with blocks that the program never had at one time.
	 */
	RUN_AHEAD = 256,

	STRAND_NO_SLOT = 0, /* the slot of a strand that is always empty */
};

struct strand {
	/*
	 * ops, events, slots, threads and calls count; op.slot is a slot of
	 * the strand, op.thread one of its handles, op.size of GIVE and TAKE
	 * the number of the handover.
	 */
	struct trace trace;
	uint64_t *recorded; /* per op: its event in the trace, from 1 */
	uint64_t gives, takes;
	uint64_t ops_room, recorded_room; /* entries of these tables */
};

struct plan {
	const struct trace *trace;
	unsigned threads; /* OS threads; at most as many as the trace has */
	struct strand *strands;
	uint64_t handovers; /* entries of the table of handovers */
};

/*
 * Splits the trace, which must outlive the plan, for `threads` OS threads
 * (1..THREADS_MAX; a trace of fewer logical threads gets so many).  False
 * without memory: 24 bytes an event, 16 a slot.  O(events).  The plan is mapped
 * apart from every malloc (mapped.h).
 */
bool plan_make(struct plan *plan, const struct trace *trace, unsigned threads,
               struct trace_error *error);
void plan_free(struct plan *plan);

/* The strand and the handle in it of a logical thread. */
static inline unsigned plan_strand(const struct plan *plan, unsigned thread)
{
	return thread % plan->threads;
}

static inline unsigned plan_handle(const struct plan *plan, unsigned thread)
{
	return thread / plan->threads;
}

#endif
