/*
 * pace.h - replay at the recorded time, or so many times as fast.
 *
 * What a heap holds depends on time where an allocator gives idle memory back
 * after a while.  A replay as fast as it can never lets that while pass.
 */
#ifndef HARNESS_CLOCK_PACE_H
#define HARNESS_CLOCK_PACE_H

#include "stage.h"

/* When the replay began, on the clock of now.h, and how fast it is to go. */
struct pacer {
	uint64_t start_ns;
	double pace; /* 0: as fast as it can */
};

/*
 * Replays the events [from, to) of the stage's trace, which has times, each not
 * before its time divided by the pace; sleeps until then.  The page source's
 * clock shows the recorded time in ns.  Without a pace it is loop_run().
 */
void pace_run(struct stage *stage, const struct pacer *pacer, uint64_t from,
              uint64_t to, enum touch touch);

/* How long the recording took, in s; 0 without times. */
double pace_seconds(const struct trace *trace);

/* False with `error` set where the trace, `name`, has no times. */
bool pace_is_known(const struct trace *trace, const char *name,
                   struct trace_error *error);

/* "recorded" is 1, "x10" is 10; false for anything else. */
bool pace_parse(const char *text, double *pace);

/* The same words; "none" for 0.  Returns `text`. */
enum { PACE_BYTES = 32 };
const char *pace_print(double pace, char text[PACE_BYTES]);

#endif
