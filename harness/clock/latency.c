/*
 * latency.c - the service time of single calls.
 *
 * Reading a clock costs as much as a fast malloc, so this is a pass of its own
 * and it times only some calls, at random distances.  What a reading costs by
 * itself is measured first and taken off; below that nothing can be resolved.
 */
#include <stdlib.h>
#include <string.h>

#include "../mapped.h"
#include "../report/csv.h"
#include "../splitmix64.h"
#include "now.h"
#include "speed.h"
#include "stage.h"

enum {
	SAMPLES_MAX = 1 << 20,
	WARM_UP = 4096,  /* readings, to find the cost of one */
	SAMPLE_SETS = 3, /* malloc, free, all                 */
};

static const double QUANTILE_STEP = 1.12; /* between two rows, log scale */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* The median time that two readings of the clock are apart. */
static uint32_t clock_cost(uint32_t *scratch)
{
	for (int i = 0; i < WARM_UP; i++) {
		uint64_t start = now_ns();
		scratch[i] = (uint32_t)(now_ns() - start);
	}
	qsort(scratch, WARM_UP, sizeof *scratch, compare);
	return scratch[WARM_UP / 2];
}

struct samples {
	uint32_t *ns;
	size_t count;
};

static void add_sample(struct samples *samples, uint32_t ns)
{
	if (samples->count < SAMPLES_MAX)
		samples->ns[samples->count++] = ns;
}

/* Rows from the fastest call to the slowest, evenly spaced in log share. */
static void write_samples(FILE *out, const char *label, const char *call,
                          struct samples *samples)
{
	size_t n = samples->count;

	if (n == 0)
		return;
	qsort(samples->ns, n, sizeof *samples->ns, compare);
	for (double slower = (double)n; slower >= 1;) {
		size_t rank = n - (size_t)slower;
		csv_text(out, label);
		fprintf(out, ",%s,%u,%.3g,%zu\n", call, samples->ns[rank],
		        (double)(size_t)slower / (double)n, n);
		double next = slower / QUANTILE_STEP;
		slower = slower - next < 1 ? slower - 1 : next;
	}
}

static void time_calls(const struct loop *loop, enum touch touch, uint32_t cost,
                       struct samples *mallocs, struct samples *frees)
{
	const struct trace *trace = loop->trace;
	uint64_t stride = trace->calls / SAMPLES_MAX + 1;
	uint64_t random = 1, event = 0;

	while (event < trace->events) {
		const struct trace_op *op = &trace->ops[event];
		if (trace_kind_is_call(op->kind)) {
			uint64_t start = now_ns();
			loop_run(loop, event, event + 1, touch);
			uint64_t ns = now_ns() - start;
			ns = ns > cost ? ns - cost : 0;
			if (ns > UINT32_MAX)
				ns = UINT32_MAX;
			add_sample(op->kind == TRACE_FREE ? frees : mallocs,
			           (uint32_t)ns);
		} else {
			loop_run(loop, event, event + 1, touch);
		}
		event++;
		/* Which calls are timed must not follow the trace's rhythm. */
		uint64_t skip = splitmix64(&random) % (2 * stride - 1);
		if (skip > trace->events - event)
			skip = trace->events - event;
		loop_run(loop, event, event + skip, touch);
		event += skip;
	}
}

/* The last set is for all calls: malloc's and free's. */
static size_t sample_bytes(int set)
{
	return (size_t)SAMPLES_MAX * (set == SAMPLE_SETS - 1 ? 2 : 1) *
	       sizeof(uint32_t);
}

struct verdict latency_run(const struct allocator *allocator,
                           const struct knob_values *values,
                           const struct trace *trace,
                           const struct speed_options *options,
                           const char *label, FILE *out)
{
	struct verdict verdict = {0};
	struct stage stage = {0};
	struct samples samples[SAMPLE_SETS] = {{0}};
	bool ready = true;

	for (int i = 0; i < SAMPLE_SETS; i++) {
		/* Touched: no page faults while timing. */
		samples[i].ns = mapped_new_touched(sample_bytes(i));
		ready = ready && samples[i].ns != NULL;
	}
	struct samples *mallocs = &samples[0], *frees = &samples[1],
		       *all = &samples[2];
	uint32_t cost = ready ? clock_cost(all->ns) : 0;
	if (ready && stage_open(&stage, allocator, values, trace,
	                        options->limit_bytes, &verdict)) {
		time_calls(&stage.loop, options->touch, cost, mallocs, frees);
		all->count = mallocs->count + frees->count;
		memcpy(all->ns, mallocs->ns, mallocs->count * sizeof *all->ns);
		memcpy(all->ns + mallocs->count, frees->ns,
		       frees->count * sizeof *all->ns);
		write_samples(out, label, "malloc", mallocs);
		write_samples(out, label, "free", frees);
		write_samples(out, label, "all", all);
	}
	stage_close(&stage);
	for (int i = 0; i < SAMPLE_SETS; i++)
		mapped_free(samples[i].ns);
	return verdict;
}
