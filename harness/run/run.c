/*
 * run.c - what the passes share, and their order.
 */
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../trace/request_sizes.h"
#include "interrupt.h"
#include "order.h"

/* ---- the shape of the workload ------------------------------------------ */

/* The 50th, 90th and 99th percentile of the request sizes. */
static bool find_size_quantiles(const struct trace *trace, uint64_t *quantiles)
{
	static const unsigned percents[CENSUS_QUANTILES] = {50, 90, 99};
	struct request_sizes sizes;

	if (!request_sizes_open(&sizes, trace))
		return false;
	for (int i = 0; i < CENSUS_QUANTILES; i++)
		quantiles[i] = request_sizes_percentile(&sizes, percents[i]);
	request_sizes_close(&sizes);
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
	unsigned each =
		3 + options->reps + options->latency + (run->plan != NULL);
	double cells = (double)run->count * each + options->reps + 1;

	if (!find_size_quantiles(&run->workload->trace, run->sizes))
		return trace_fail(error, "no memory for the sizes");
	for (int i = 0; i < run->count; i++)
		subject_reset(&run->subjects[i]);
	if (run->library_floor != NULL) {
		subject_reset(run->library_floor);
		run->library_floor->verdict.kind = VERDICT_OK;
	}
	run->random = options->seed;
	progress_open(&progress, run->title, cells, options->shows_progress);
	bool good = run_measure_pass(run, &progress, error);
	if (good && run->plan != NULL && !interrupt_came())
		good = run_threads_pass(run, &progress, error);
	if (good && options->reps > 0 && !interrupt_came())
		good = run_speed_pass(run, &progress, error);
	if (good && options->reps > 0)
		good = run_single_passes(run, &progress, error);
	progress_close(&progress);
	run->interrupted = interrupt_came();
	return good;
}
