/*
 * cmd_info.c - `alloclab info`: what is in a trace, without replaying it.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "trace/request_sizes.h"
#include "workload.h"

enum { OPTION_WORKLOADS = 256 };

static const struct argp_option options[] = {
	{"workloads", OPTION_WORKLOADS, "DIR", 0,
         "Where names are looked up (default workloads)", 0},
	{0},
};

struct arguments {
	const char *directory;
	const char **inputs;
	int input_count;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case OPTION_WORKLOADS:
		arguments->directory = value;
		break;
	case ARGP_KEY_ARG:
		arguments->inputs[arguments->input_count++] = value;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which trace?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "TRACE...",
	.doc = "Prints what traces of any form hold: events by kind, sizes, the "
	       "peak of live bytes and blocks, threads, phases, call sites, and the "
	       "bytes that an event takes in the file.  Events are counted from 1."};

/* --- what is counted ---------------------------------------------------- */

struct census {
	uint64_t kinds[TRACE_KINDS];
	uint64_t free_null;
	uint64_t remote_frees; /* by another thread than allocated */
	uint32_t threads_at_a_time;
	struct request_sizes sizes;
	uint64_t partly_touched; /* events with a block that is     */
	uint64_t peak_touched;   /* of the bytes live at the peak   */
};

static void census_count(struct census *census, const struct trace *trace,
                         uint32_t *makers)
{
	uint32_t running = 1;
	uint32_t life[TRACE_THREADS_MAX]; /* each start of a number is one */

	for (uint32_t thread = 0; thread < TRACE_THREADS_MAX; thread++)
		life[thread] = thread;

	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		census->kinds[op->kind]++;
		if (op->kind == TRACE_THREAD_START) {
			life[op->thread] += TRACE_THREADS_MAX;
			running++;
		}
		running -= op->kind == TRACE_THREAD_EXIT;
		if (running > census->threads_at_a_time)
			census->threads_at_a_time = running;
		if (op->kind <= TRACE_ALIGNED)
			makers[op->slot] = life[op->thread];
		else if (op->kind == TRACE_FREE && op->slot == trace->slots)
			census->free_null++;
		else if (op->kind == TRACE_FREE)
			census->remote_frees +=
				makers[op->slot] != life[op->thread];
	}
}

/* Of the bytes that are live after the event of the peak, those touched. */
static bool census_touched(struct census *census, const struct trace *trace)
{
	uint64_t *touched = calloc((size_t)trace->slots + 1, sizeof *touched);
	uint64_t live = 0;

	if (touched == NULL)
		return false;
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		census->partly_touched += trace->untouched[i] > 0;
		if (op->kind > TRACE_FREE)
			continue;
		live -= touched[op->slot];
		touched[op->slot] =
			op->kind == TRACE_FREE ? 0 : trace_touched(trace, i);
		live += touched[op->slot];
		if (i == trace->peak_live_event)
			census->peak_touched = live;
	}
	free(touched);
	return true;
}

static bool census_take(struct census *census, const struct trace *trace)
{
	uint32_t *makers = calloc((size_t)trace->slots + 1, sizeof *makers);

	*census = (struct census){.threads_at_a_time = 1};
	if (makers == NULL)
		return false;
	census_count(census, trace, makers);
	free(makers);
	if (trace->untouched != NULL && !census_touched(census, trace))
		return false;
	return request_sizes_open(&census->sizes, trace);
}

/* --- what is printed ---------------------------------------------------- */

static void print_kinds(const struct census *census)
{
	for (int kind = 0; kind < TRACE_KINDS; kind++)
		if (census->kinds[kind] > 0)
			printf("  %-12s  %" PRIu64 "\n",
			       trace_kind_name((enum trace_kind)kind),
			       census->kinds[kind]);
	if (census->free_null > 0)
		printf("  %-12s  %" PRIu64 " of the frees\n", "free(NULL)",
		       census->free_null);
}

/* Recorded traces need not say when a thread begins and ends. */
static void print_threads(const struct trace *trace,
                          const struct census *census)
{
	printf("  %-12s  %" PRIu32, "threads", trace->threads);
	if (census->kinds[TRACE_THREAD_START] > 0)
		printf(", %" PRIu32 " at a time", census->threads_at_a_time);
	if (trace->threads > 1)
		printf(", %" PRIu64
		       " frees by another thread than the one that allocated",
		       census->remote_frees);
	puts("");
}

static void print_sizes(const struct census *census)
{
	if (census->sizes.count == 0)
		return;
	printf("  %-12s  p50 %" PRIu64 ", p90 %" PRIu64 ", p99 %" PRIu64
	       ", largest %" PRIu64 " bytes\n",
	       "sizes", request_sizes_percentile(&census->sizes, 50),
	       request_sizes_percentile(&census->sizes, 90),
	       request_sizes_percentile(&census->sizes, 99),
	       request_sizes_percentile(&census->sizes, 100));
}

static void print_touched(const struct trace *trace,
                          const struct census *census)
{
	if (trace->untouched != NULL)
		printf("  %-12s  %" PRIu64 " of the bytes at the peak; %" PRIu64
		       " blocks in part\n",
		       "touched", census->peak_touched, census->partly_touched);
}

static void print_sites(const struct trace *trace)
{
	uint64_t have = 0, could = 0, stacks = 0;

	if (trace->sites == NULL)
		return;
	bool *is_seen = calloc(trace->sites->site_count, sizeof *is_seen);
	for (uint64_t i = 0; is_seen != NULL && i < trace->events; i++) {
		uint32_t site = trace->site_of[i];
		could += trace->ops[i].kind <= TRACE_REALLOC;
		have += site != 0;
		stacks += site != 0 && !is_seen[site];
		is_seen[site] = true;
	}
	free(is_seen);
	printf("  %-12s  %" PRIu64 " call stacks of %" PRIu32
	       " frames in %" PRIu32 " modules; %" PRIu64 " of %" PRIu64
	       " allocations have one\n",
	       "sites", stacks, trace->sites->frame_count,
	       trace->sites->module_count, have, could);
}

static void print_phases(const struct trace *trace)
{
	for (uint64_t i = 0; i < trace->events; i++)
		if (trace->ops[i].kind == TRACE_PHASE)
			printf("  %-12s  %s at event %" PRIu64 "\n", "phase",
			       trace->phases[trace->ops[i].slot], i + 1);
}

static void print_form(const struct trace *trace)
{
	if (trace->form == NULL)
		printf("  %-12s  generated\n", "form");
	else
		printf("  %-12s  %s, %.3f bytes an event\n", "form",
		       trace->form,
		       (double)trace->form_bytes / (double)trace->events);
}

static void print_trace(const char *input, const struct trace *trace,
                        const struct census *census)
{
	puts(input);
	print_form(trace);
	printf("  %-12s  %s\n", "source",
	       trace->source[0] == '\0' ? "unknown" : trace->source);
	printf("  %-12s  %" PRIu64 ", %" PRIu64 " of them calls\n", "events",
	       trace->events, trace->calls);
	print_kinds(census);
	print_sizes(census);
	printf("  %-12s  %" PRIu64 " bytes live, first at event %" PRIu64 "\n",
	       "peak", trace->peak_live_bytes, trace->peak_live_event + 1);
	print_touched(trace, census);
	printf("  %-12s  %" PRIu32 ", the most blocks live at a time\n",
	       "slots", trace->slots);
	print_threads(trace, census);
	if (trace->times != NULL)
		printf("  %-12s  %.6f s from first to last\n", "time",
		       (double)trace->times[trace->events - 1] * 1e-9);
	print_phases(trace);
	print_sites(trace);
	printf("  %-12s  %016" PRIx64 "\n", "checksum", trace->checksum);
}

static bool print_input(const char *input, const char *directory)
{
	struct workload workload;
	struct trace_error error;
	struct census census;

	if (!workload_open(input, directory, &workload, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return false;
	}
	bool counted = census_take(&census, &workload.trace);
	if (counted)
		print_trace(input, &workload.trace, &census);
	else
		fprintf(stderr, "%s: no memory\n", input);
	request_sizes_close(&census.sizes);
	workload_close(&workload);
	return counted;
}

int cmd_info(int argc, char **argv)
{
	struct arguments arguments = {.directory = "workloads"};
	int status = EXIT_DONE;

	arguments.inputs = calloc((size_t)argc + 1, sizeof *arguments.inputs);
	if (arguments.inputs == NULL)
		return EXIT_FAILED;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	for (int i = 0; i < arguments.input_count; i++)
		if (!print_input(arguments.inputs[i], arguments.directory))
			status = EXIT_USAGE;
	free(arguments.inputs);
	return status;
}
