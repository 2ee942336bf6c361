/*
 * costs.c - what the harness itself costs.
 *
 * The numbers that decide whether a measurement can be trusted: the loop
 * without an allocator, the measure pass beside the speed pass, the readers.
 * All on a churn made here: free a random one of LIVE blocks, allocate another.
 */
#include "costs.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../clock/now.h"
#include "../run/run.h"
#include "../splitmix64.h"
#include "../trace/trace_builder.h"

enum {
	LIVE = 256, /* blocks: their first lines fit the first-level cache */
	STEPS = 1000 * 1000,
	SIZE_MAX_BYTES = 512,
	REPS = 9,
};

static const char subjects[] =
	"first-fit:index=tree,min_block=64 best-fit:index=tree,min_block=64 "
	"worst-fit:index=tree,min_block=64 buddy slab";

/* What the issue of this project demands; the machine decides. */
static const double NULL_NS_LIMIT = 2.5, MEASURE_RATIO_LIMIT = 20,
		    READ_MB_LIMIT = 100;

static bool make_churn(struct workload *workload, struct trace_error *error)
{
	struct trace_builder *builder = trace_builder_new("churn", "line");
	uint64_t random = 1, ids[LIVE];
	uint64_t next = 0;
	bool good = builder != NULL;

	for (uint64_t step = 0; good && step < LIVE + STEPS; step++) {
		uint64_t size = 1 + splitmix64(&random) % SIZE_MAX_BYTES;
		uint64_t at = step < LIVE ? step : splitmix64(&random) % LIVE;
		if (step >= LIVE)
			good = trace_builder_free_block(builder, ids[at], step,
			                                error);
		good = good && trace_builder_alloc(builder, TRACE_MALLOC, next,
		                                   size, 0, step, error);
		ids[at] = next++;
	}
	strlcpy(workload->name, "churn", sizeof workload->name);
	return good && trace_builder_finish(builder, "alloclab bench",
	                                    &workload->trace, error);
}

static void say(const char *what, double value, const char *unit, double limit,
                bool at_most)
{
	bool good = at_most ? value <= limit : value >= limit;

	printf("%-44s %8.2f %-10s %s %g%s\n", what, value, unit,
	       at_most ? "at most" : "at least", limit,
	       good ? "" : "   MISSED");
}

static void report_costs(const struct run *run)
{
	const struct trace *trace = &run->workload->trace;
	char what[320];

	say("null loop, slots in cache", run->null_estimate.median, "ns/op",
	    NULL_NS_LIMIT, true);
	printf("%-44s %8.2f..%.2f ns/op\n", "  its 95 % interval",
	       run->null_estimate.low, run->null_estimate.high);
	printf("%-44s %8.2f ns/op\n", "empty loop", run->empty_ns);
	printf("%-44s %8zu bytes\n", "record of an operation while replaying",
	       sizeof(struct trace_op));
	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		double speed = subject->ns.median * 1e-9 * (double)trace->calls;
		if (subject->reps == 0)
			continue;
		snprintf(what, sizeof what, "measure / speed pass, %s",
		         subject->label);
		say(what, subject->measure_seconds / speed, "times",
		    MEASURE_RATIO_LIMIT, true);
	}
}

/* The churn as a CS:APP .rep file. */
static bool write_rep(const char *path, const struct trace *trace,
                      struct trace_error *error)
{
	uint64_t *ids = calloc(trace->slots, sizeof *ids), next = 0;
	FILE *out = fopen(path, "w");

	if (out == NULL || ids == NULL) {
		free(ids);
		if (out != NULL)
			fclose(out);
		return trace_fail(error, "%s: cannot write", path);
	}
	fprintf(out, "0\n%d\n%lu\n1\n", LIVE + STEPS, trace->events);
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->kind == TRACE_FREE)
			fprintf(out, "f %lu\n", ids[op->slot]);
		else
			fprintf(out, "a %lu %lu\n", ids[op->slot] = next++,
			        op->size);
	}
	free(ids);
	bool failed = ferror(out) != 0;
	return (fclose(out) == 0 && !failed) ||
	       trace_fail(error, "%s: cannot write", path);
}

/* A function that writes a trace to a path in one of the text forms. */
typedef bool trace_writer(const char *path, const struct trace *trace,
                          struct trace_error *error);

/* Writes the churn and reads it three times; the fastest counts. */
static bool time_reading(trace_writer *write, const struct trace *trace,
                         const char *what, struct trace_error *error)
{
	char path[64];
	struct stat status;
	struct trace again;
	double best = 1e9;

	snprintf(path, sizeof path, "/tmp/alloclab-bench.%d.txt",
	         (int)getpid());
	bool good = write(path, trace, error) &&
	            (stat(path, &status) == 0 ||
	             trace_fail(error, "%s: %s", path, strerror(errno)));
	for (int i = 0; good && i < 3; i++) {
		double start = now_s();
		good = trace_read_file(path, &again, error);
		double seconds = now_s() - start;
		best = seconds < best ? seconds : best;
		if (good)
			trace_destroy(&again);
	}
	unlink(path);
	if (good)
		say(what, (double)status.st_size / 1e6 / best, "MB/s",
		    READ_MB_LIMIT, false);
	return good;
}

/* Runs the passes on the churn, then times the readers. */
static bool measure(struct run *run, struct workload *workload,
                    struct trace_error *error)
{
	if (!make_churn(workload, error) ||
	    !trace_share(&workload->trace, error) || !run_all(run, error))
		return false;
	if (run->interrupted)
		return trace_fail(error, "interrupted");
	report_costs(run);
	return time_reading(write_rep, &workload->trace, "reading .rep text",
	                    error) &&
	       time_reading(trace_write_text, &workload->trace,
	                    "reading our text form", error);
}

bool costs_print(struct trace_error *error)
{
	char folder[] = "/tmp/alloclab-bench.XXXXXX";
	struct run_options options = {
		.reps = REPS,
		.seconds = 600,
		.budget_seconds = 600,
		.memory_bytes = (size_t)1 << 30,
		.touch = TOUCH_FIRST,
		.seed = 1,
		.shows_progress = true,
		.measures_alone = true,
	};
	struct workload workload = {0};
	struct run run = {
		.options = &options, .workload = &workload, .title = "costs"};

	run.count = subjects_parse(subjects, &run.subjects, error);
	options.folder = mkdtemp(folder);
	bool good = run.count > 0 &&
	            (options.folder != NULL ||
	             trace_fail(error, "%s: %s", folder, strerror(errno))) &&
	            measure(&run, &workload, error);
	for (int i = 0; i < run.count; i++)
		run_remove_parts(&run, i);
	rmdir(folder);
	workload_close(&workload);
	free(run.subjects);
	return good;
}
