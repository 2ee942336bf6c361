/*
 * merge.h - raw records become a trace: addresses become slots, threads of the
 * program become logical threads.
 */
#ifndef HARNESS_RECORD_MERGE_H
#define HARNESS_RECORD_MERGE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "../trace/trace.h"
#include "raw_reader.h"
#include "tick_scale.h"

struct merge_options {
	const char *name;   /* for messages */
	const char *source; /* the command, for the trace's header */
	const struct tick_scale *times; /* how to read them; NULL: none kept */
	/* Set from a signal handler: give up.  May be NULL. */
	const volatile sig_atomic_t *interrupts;
};

/* What was noticed on the way. */
struct merge_counts {
	uint64_t records;          /* of all kinds, failed reallocs included  */
	uint64_t events;           /* of the trace                            */
	uint64_t threads;          /* that called the allocator               */
	uint64_t unknown_frees;    /* of blocks never seen: left out          */
	uint64_t unknown_reallocs; /* of blocks never seen: taken as malloc   */
	uint64_t failed_reallocs;  /* left out                                */
	uint64_t missed_frees;     /* an address came back without its free:
	                              one was put in                          */
	uint64_t live_blocks;      /* from before, in front of the events     */
	uint64_t live_left_out;    /* more of them, of which nothing is known */
	uint64_t lowered_aligns;   /* above 2^TRACE_ALIGN_LOG2_MAX: that much */
};

/*
 * Builds the trace of the image that `reader` stands at the beginning of.
 * False with `error` set: no call in it (then `counts->events` is 0), no memory, an interrupt, or more than
 * TRACE_THREADS_MAX threads at a time.
 */
bool merge_records(struct raw_reader *reader,
                   const struct merge_options *options, struct trace *trace,
                   struct merge_counts *counts, struct trace_error *error);

#endif
