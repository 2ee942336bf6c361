/*
 * step.h - one step at a time: an allocator at the blackboard.
 */
#ifndef HARNESS_STEP_STEP_H
#define HARNESS_STEP_STEP_H

#include <stdio.h>

#include "../../allocators/allocator.h"
#include "../../allocators/common/knob.h"
#include "../verdict.h"
#include "board.h"

struct step_options {
	const struct allocator *allocator;
	const struct knob_values *values;
	const char *label;    /* "best-fit:order=lifo" */
	const char *workload; /* its name              */
	const struct trace *trace;
	uint64_t first; /* event to begin with, from 1                     */
	uint64_t count; /* events to tell; 0: all                          */
	bool shows_all; /* metadata, too                                   */
	bool has_colour;
	double seconds;      /* then an allocator that hangs is killed     */
	size_t memory_bytes; /* limit of the heap                          */
};

/*
 * Tells the events on `out` while a child process replays them, so that a crash
 * is a sentence like any other verdict.  False with errno set if no process can
 * be started; otherwise `verdict` says how it ended.
 */
bool step_run(const struct step_options *options, FILE *out,
              struct verdict *verdict);

#endif
