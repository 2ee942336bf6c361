/*
 * speed.c - the clock, around the loop and nothing else.
 */
#include "speed.h"

#include <sys/resource.h>

#include "again.h"
#include "now.h"
#include "pace.h"
#include "resident.h"
#include "stage.h"

static uint64_t system_ns(const struct rusage *usage)
{
	return (uint64_t)usage->ru_stime.tv_sec * 1000000000u +
	       (uint64_t)usage->ru_stime.tv_usec * 1000u;
}

/*
 * A short trace is replayed again and again until there is something to time.
 */
uint64_t speed_repeats(const struct trace *trace)
{
	enum { CALLS_WANTED = 20000, REPEATS_MAX = 100 };
	uint64_t repeats = CALLS_WANTED / (trace->calls + 1);

	return repeats < 1 ? 1 : repeats < REPEATS_MAX ? repeats : REPEATS_MAX;
}

/* Runs the loop once between two readings of clock and kernel, and adds up. */
static void time_loop(struct stage *stage, enum touch touch, double pace,
                      bool is_empty, struct speed *sum)
{
	const struct loop *loop = &stage->loop;
	const struct trace *trace = loop->trace;
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	uint64_t cpu_start = now_cpu_ns();
	uint64_t start = now_ns();
	if (is_empty)
		loop_run_empty(loop, 0, trace->events);
	else if (pace > 0)
		pace_run(stage, &(struct pacer){start, pace}, 0, trace->events,
		         touch);
	else
		loop_run(loop, 0, trace->events, touch);
	uint64_t end = now_ns();
	uint64_t cpu_end = now_cpu_ns();
	getrusage(RUSAGE_SELF, &after);
	uint64_t anonymous = resident_now().anonymous_bytes;

	sum->resident_bytes = anonymous > stage->barrier_bytes
	                              ? anonymous - stage->barrier_bytes
	                              : 0;
	sum->ns_per_op += (double)(end - start);
	sum->cpu_ns_per_op += (double)(cpu_end - cpu_start);
	sum->page_faults += (uint64_t)(after.ru_minflt - before.ru_minflt +
	                               after.ru_majflt - before.ru_majflt);
	sum->system_ns += system_ns(&after) - system_ns(&before);
}

/* Turns the sums of `repeats` replays into what one costs. */
static void average(struct speed *sum, const struct trace *trace,
                    uint64_t repeats)
{
	uint64_t calls = trace->calls > 0 ? trace->calls : 1;

	sum->ns_per_op /= (double)(repeats * calls);
	sum->cpu_ns_per_op /= (double)(repeats * calls);
	sum->page_faults /= repeats;
	sum->system_ns /= repeats;
}

/* Replays in steps and says where it is: for a pass that has died before. */
static void locate(const struct loop *loop, const struct speed_options *options)
{
	for (uint64_t event = 0; event < loop->trace->events; event++) {
		*options->progress = event + 1;
		loop_run(loop, event, event + 1, options->touch);
	}
}

/* All that one replay needs. */
struct replay {
	const struct allocator *allocator;
	const struct knob_values *values;
	const struct trace *trace;
	const struct speed_options *options;
	struct speed *speed;
};

/* One replay, on a new heap. */
static struct verdict replay(void *ctx)
{
	const struct replay *it = ctx;
	const struct speed_options *options = it->options;
	struct verdict verdict = {0};
	struct stage stage;

	if (!stage_open(&stage, it->allocator, it->values, it->trace,
	                options->limit_bytes, &verdict))
		/* the verdict says why */;
	else if (options->progress != NULL)
		locate(&stage.loop, options);
	else
		time_loop(&stage, options->touch, options->pace, false,
		          it->speed);
	stage_close(&stage);
	return verdict;
}

struct verdict speed_run(const struct allocator *allocator,
                         const struct knob_values *values,
                         const struct trace *trace,
                         const struct speed_options *options,
                         struct speed *speed)
{
	struct replay it = {allocator, values, trace, options, speed};
	uint64_t repeats = options->progress != NULL || options->pace > 0
	                           ? 1
	                           : speed_repeats(trace);
	struct verdict verdict = again_run(repeats, replay, &it);

	average(speed, trace, repeats);
	return verdict;
}

/* The floors: null or empty, which have no heap. */
static struct verdict run_floor(const struct trace *trace, enum touch touch,
                                bool is_empty, struct speed *speed)
{
	uint64_t repeats = speed_repeats(trace);
	struct verdict verdict = {0};
	struct stage stage;

	if (stage_open_null(&stage, trace, touch, &verdict))
		for (uint64_t i = 0; i < repeats; i++)
			time_loop(&stage, touch, 0, is_empty, speed);
	stage_close(&stage);
	average(speed, trace, repeats);
	return verdict;
}

struct verdict speed_run_null(const struct trace *trace, enum touch touch,
                              struct speed *speed)
{
	return run_floor(trace, touch, false, speed);
}

struct verdict speed_run_empty(const struct trace *trace, struct speed *speed)
{
	return run_floor(trace, TOUCH_NONE, true, speed);
}
