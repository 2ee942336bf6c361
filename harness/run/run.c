/*
 * run.c - what the passes share, and their order.
 */
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "order.h"

enum { SIZES_COUNTED = 1 << 20 };

/* ---- the shape of the workload ------------------------------------------ */

/* The size that `rank` requests are smaller than. */
static uint64_t find_rank(const uint64_t *counts, uint64_t rank)
{
	uint64_t size = 0;

	while (size + 1 < SIZES_COUNTED && counts[size] <= rank)
		rank -= counts[size++];
	return size;
}

/*
 * The 50th, 90th and 99th percentile of the request sizes; sizes from
 * SIZES_COUNTED on count as that.
 */
static bool find_size_quantiles(const struct trace *trace, uint64_t *quantiles)
{
	static const double shares[CENSUS_QUANTILES] = {.50, .90, .99};
	uint64_t *counts = calloc(SIZES_COUNTED, sizeof(*counts)), n = 0;

	if (counts == NULL)
		return false;
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->kind >= TRACE_FREE)
			continue;
		counts[op->size < SIZES_COUNTED ? op->size
		                                : SIZES_COUNTED - 1]++;
		n++;
	}
	for (int i = 0; i < CENSUS_QUANTILES; i++)
		quantiles[i] =
			find_rank(counts, (uint64_t)(shares[i] * (double)n));
	free(counts);
	return true;
}

/* ---- for all passes ------------------------------------------------------ */

struct cell_limits run_limits(const struct run *run)
{
	/* Room beyond the heap's limit for the oracle and its tables. */
	size_t tables = (size_t)1 << 30;
	size_t slots = (size_t)run->workload->trace.slots * 256;

	return (struct cell_limits){
		.seconds = run->options->seconds,
		.memory_bytes = run->options->memory_bytes + tables + slots,
	};
}

bool run_cannot_fork(struct trace_error *error)
{
	return trace_fail(error, "cannot start a process: %s", strerror(errno));
}
bool run_is_written(const struct verdict *verdict, struct trace_error *error)
{
	return verdict->kind != VERDICT_NOT_WRITTEN ||
	       trace_fail(error, "%s", verdict->sentence);
}

void run_remove_part(const struct run *run, int subject, enum part part)
{
	char path[4096];

	part_path(run, subject, part, path, sizeof path);
	unlink(path);
}

void run_remove_parts(const struct run *run, int subject)
{
	for (int part = 0; part < PARTS; part++)
		run_remove_part(run, subject, (enum part)part);
}

bool run_all(struct run *run, struct trace_error *error)
{
	const struct run_options *options = run->options;
	struct progress progress;
	double cells = run->count * (3.0 + options->reps + options->latency) +
	               options->reps + 1;

	if (!find_size_quantiles(&run->workload->trace, run->sizes))
		return trace_fail(error, "no memory for the sizes");
	for (int i = 0; i < run->count; i++)
		subject_reset(&run->subjects[i]);
	run->random = options->seed;
	progress_open(&progress, run->title, cells, options->shows_progress);
	bool good = run_measure_pass(run, &progress, error);
	if (good && options->reps > 0 && !interrupt_came())
		good = run_speed_pass(run, &progress, error);
	if (good && options->reps > 0)
		good = run_single_passes(run, &progress, error);
	progress_close(&progress);
	run->interrupted = interrupt_came();
	return good;
}
