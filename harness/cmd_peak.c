/*
 * cmd_peak.c - `alloclab peak`: the most resident memory of a heap in a replay,
 * measured as the preloaded library measures it in a program.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clock/heap_replay.h"
#include "clock/pace.h"
#include "command.h"
#include "options.h"
#include "run/cell.h"
#include "run/interrupt.h"
#include "run/subject.h"
#include "workload.h"

enum { OPTION_PACE = 256, OPTION_TOUCH, OPTION_SECONDS, OPTION_MEMORY };

static const struct argp_option options[] = {
	{"allocators", 'a', "LIST", 0,
         "Allocators of the lab, separated by blanks, with knobs (default: "
         "all)",
         0},
	{"pace", OPTION_PACE, "PACE", 0,
         "Replay with the recorded time: recorded, or xN for N times as fast",
         0},
	{"touch", OPTION_TOUCH, "WHAT", 0,
         "What is written into each block: none, first (byte), pages, recorded "
         "(the default: as many pages as the program did, all of them if the "
         "trace does not say), lines, all",
         0},
	{"seconds", OPTION_SECONDS, "S", 0,
         "Time limit of one replay (default 60)", 0},
	{"memory", OPTION_MEMORY, "BYTES", 0,
         "Limit of one heap, with K, M or G (default 4G)", 0},
	{0},
};

struct arguments {
	const char *allocators, *input;
	struct speed_options speed;
	double seconds;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a':
		arguments->allocators = value;
		return 0;
	case OPTION_PACE:
		arguments->speed.pace = option_pace(state, value);
		return 0;
	case OPTION_TOUCH:
		arguments->speed.touch = option_touch(state, value);
		return 0;
	case OPTION_SECONDS:
		arguments->seconds = option_seconds(state, "--seconds", value);
		return 0;
	case OPTION_MEMORY:
		arguments->speed.limit_bytes =
			option_memory(state, "--memory", value);
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->input != NULL)
			argp_error(state, "one trace, not also \"%s\"", value);
		arguments->input = value;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which trace?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "TRACE",
	.doc = "Replays TRACE once on each allocator, on pages from the "
	       "operating system, and prints as CSV the most of its heap that "
	       "was resident.  A program under the preloaded library says the "
	       "same of its heap with ALLOCLAB_STATS_RESIDENT=1."};

/* ---- one replay, in a process of its own ------------------------------------- */

struct replay {
	const struct arguments *arguments;
	const struct trace *trace;
	const struct subject *subject;
};

static struct verdict replay_work(void *ctx, volatile uint64_t *progress,
                                  void *result)
{
	const struct replay *replay = ctx;

	(void)progress;
	return heap_replay_run(replay->subject->allocator,
	                       &replay->subject->values, replay->trace,
	                       &replay->arguments->speed, result);
}

static void print_row(const struct subject *subject,
                      const struct verdict *verdict,
                      const struct heap_replay *result)
{
	const struct heap_peak *peak = &result->peak;

	if (verdict->kind != VERDICT_OK) {
		printf("%s,%s,,,,\n", subject->label,
		       verdict_word(verdict->kind));
		fprintf(stderr, "alloclab peak: %s: %s\n", subject->label,
		        verdict->sentence);
		return;
	}
	printf("%s,ok,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
	       subject->label, peak->bytes, peak->now,
	       result->peak_committed_bytes, peak->looks);
}

/* Whether it came to its end. */
static bool replay_one(struct replay *replay)
{
	const struct timespec pause = {.tv_nsec = 300 * 1000};
	const struct cell_limits limits = {.seconds =
	                                           replay->arguments->seconds};
	struct verdict verdict = {.kind = VERDICT_NOT_RUN};
	struct cell cell;

	if (!cell_start(&cell, replay_work, replay, sizeof(struct heap_replay),
	                &limits)) {
		perror("alloclab peak: cannot start a process");
		return false;
	}
	while (!interrupt_came() &&
	       !cell_has_ended(&cell, replay->trace, &verdict))
		nanosleep(&pause, NULL);
	print_row(replay->subject, &verdict, cell.result);
	cell_close(&cell);
	return verdict.kind == VERDICT_OK;
}

/* ---- all of them --------------------------------------------------------------- */

static bool has_countable_pages(const struct subject *subject)
{
	return !subject->is_library && !subject->allocator->ignores_page_source;
}

/* Names those that cannot be replayed here; false if all are such. */
static bool check_subjects(const char *words, const struct subject *subjects,
                           int count, struct trace_error *error)
{
	bool is_all = strcmp(words, "all") == 0;
	int left = count;

	for (int i = 0; i < count; i++) {
		if (has_countable_pages(&subjects[i]))
			continue;
		left--;
		if (!is_all)
			fprintf(stderr,
			        "alloclab peak: %s is left out: it has pages "
			        "of its own, which nobody counts\n",
			        subjects[i].label);
	}
	return left > 0 || trace_fail(error, "no allocator is left to run");
}

static int replay_all(struct replay *replay, const struct subject *subjects,
                      int count)
{
	int status = EXIT_DONE;

	puts("allocator,status,peak_resident_bytes,end_resident_bytes,"
	     "peak_committed_bytes,looks");
	interrupt_watch();
	for (int i = 0; i < count && !interrupt_came(); i++) {
		replay->subject = &subjects[i];
		if (!has_countable_pages(&subjects[i]))
			continue;
		if (!replay_one(replay))
			status = EXIT_FAILED;
		fflush(stdout);
	}
	interrupt_unwatch();
	return status;
}

static int complain(const struct trace_error *error)
{
	return command_fail("peak", EXIT_USAGE, error);
}

int cmd_peak(int argc, char **argv)
{
	struct arguments arguments = {
		.allocators = "all",
		.seconds = 60,
		.speed = {.limit_bytes = (size_t)4 << 30,
	                  .touch = TOUCH_RECORDED},
	};
	struct replay replay = {.arguments = &arguments};
	struct subject *subjects = NULL;
	struct trace_error error;
	struct workload workload;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	int count = subjects_parse(arguments.allocators, &subjects, &error);
	if (count < 0 ||
	    !check_subjects(arguments.allocators, subjects, count, &error)) {
		free(subjects);
		return complain(&error);
	}
	if (!workload_open(arguments.input, "workloads", &workload, &error)) {
		free(subjects);
		return complain(&error);
	}
	replay.trace = &workload.trace;
	int status = arguments.speed.pace > 0 &&
	                             !pace_is_known(&workload.trace,
	                                            arguments.input, &error)
	                     ? complain(&error)
	                     : replay_all(&replay, subjects, count);
	workload_close(&workload);
	free(subjects);
	return status;
}
