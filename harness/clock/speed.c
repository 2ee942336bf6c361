/*
 * speed.c - the clock, around the loop and nothing else.
 */
#include "speed.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "resident.h"
#include "stage.h"

static const double NS_PER_S = 1e9;

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * NS_PER_S + (double)now.tv_nsec;
}

static uint64_t system_ns(const struct rusage *usage)
{
	return (uint64_t)usage->ru_stime.tv_sec * 1000000000u +
	       (uint64_t)usage->ru_stime.tv_usec * 1000u;
}

/* Runs `loop` once between two readings of clock and kernel. */
static void time_loop(const struct loop *loop, enum touch touch, bool is_empty,
                      struct speed *speed)
{
	const struct trace *trace = loop->trace;
	struct rusage before, after;

	resident_reset_peak();
	uint64_t resident = resident_now();
	getrusage(RUSAGE_SELF, &before);
	double start = now_ns();
	if (is_empty)
		loop_run_empty(loop, 0, trace->events);
	else
		loop_run(loop, 0, trace->events, touch);
	double end = now_ns();
	getrusage(RUSAGE_SELF, &after);
	uint64_t peak = resident_peak();

	speed->ns_per_op =
		(end - start) / (double)(trace->calls > 0 ? trace->calls : 1);
	speed->resident_bytes = peak > resident ? peak - resident : 0;
	speed->page_faults = (uint64_t)(after.ru_minflt - before.ru_minflt +
	                                after.ru_majflt - before.ru_majflt);
	speed->system_ns = system_ns(&after) - system_ns(&before);
}

/* Replays in steps and says where it is: for a pass that has died before. */
static void locate(const struct loop *loop, const struct speed_options *options)
{
	for (uint64_t event = 0; event < loop->trace->events; event++) {
		*options->progress = event + 1;
		loop_run(loop, event, event + 1, options->touch);
	}
}

struct verdict speed_run(const struct allocator *allocator,
                         const struct knob_values *values,
                         const struct trace *trace,
                         const struct speed_options *options,
                         struct speed *speed)
{
	struct verdict verdict = {0};
	struct stage stage;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (stage_open(&stage, allocator, values, trace, options->limit_bytes,
	               &verdict)) {
		if (options->progress != NULL)
			locate(&stage.loop, options);
		else
			time_loop(&stage.loop, options->touch, false, speed);
	}
	stage_close(&stage);
	return verdict;
}

struct verdict speed_run_null(const struct trace *trace, enum touch touch,
                              struct speed *speed)
{
	struct verdict verdict = {0};
	struct stage stage;

	if (stage_open_null(&stage, trace, &verdict))
		time_loop(&stage.loop, touch, false, speed);
	stage_close(&stage);
	return verdict;
}

struct verdict speed_run_empty(const struct trace *trace, struct speed *speed)
{
	struct verdict verdict = {0};
	struct stage stage;

	if (stage_open_null(&stage, trace, &verdict))
		time_loop(&stage.loop, TOUCH_NONE, true, speed);
	stage_close(&stage);
	return verdict;
}
