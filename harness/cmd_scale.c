/*
 * cmd_scale.c - `alloclab scale`: the same work on more and more threads.
 */
#include <argp.h>
#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../allocators/registry.h"
#include "command.h"
#include "options.h"
#include "run/interrupt.h"
#include "scale/scale_report.h"

enum {
	OPTION_REPS = 256,
	OPTION_THREADS_MAX,
	OPTION_STEPS,
	OPTION_LIVE,
	OPTION_RESULTS,
	OPTION_SECONDS,
	OPTION_MEMORY,
	OPTION_SEED,
};

static const struct argp_option options[] = {
	{"allocators", 'a', "LIST", 0,
         "Allocators, separated by blanks, with knobs (default: slab behind "
         "one lock, all that have locks of their own, system)",
         0},
	{"threads-max", OPTION_THREADS_MAX, "N", 0,
         "1, 2, 4 ... N threads (default: the machine's cores, at least 2)", 0},
	{"reps", OPTION_REPS, "N", 0, "Rounds (default 9)", 0},
	{"steps", OPTION_STEPS, "N", 0,
         "Blocks that each thread replaces (default 1000000, or 16000000 by N "
         "threads if that is less)",
         0},
	{"live", OPTION_LIVE, "N", 0,
         "Blocks that each thread holds (default 1000)", 0},
	{"results", OPTION_RESULTS, "DIR", 0,
         "Results go to DIR/scale (default results)", 0},
	{"seconds", OPTION_SECONDS, "S", 0,
         "Time limit of one child process (default 60)", 0},
	{"memory", OPTION_MEMORY, "BYTES", 0,
         "Limit of one heap, with K, M or G (default 4G)", 0},
	{"seed", OPTION_SEED, "N", 0,
         "Seed of the work and of the order (default 1)", 0},
	{0},
};

struct arguments {
	struct scale_options scale;
	const char *allocators, *results;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct scale_options *scale = &arguments->scale;

	switch (key) {
	case 'a':
		arguments->allocators = value;
		break;
	case OPTION_RESULTS:
		arguments->results = value;
		break;
	case OPTION_THREADS_MAX:
		scale->threads_max = option_count(state, "--threads-max", value,
		                                  1, THREADS_MAX);
		break;
	case OPTION_REPS:
		scale->reps = option_count(state, "--reps", value, 1, REPS_MAX);
		break;
	case OPTION_STEPS:
		scale->steps = option_whole(state, "--steps", value, 1,
		                            100 * 1000 * 1000);
		break;
	case OPTION_LIVE:
		scale->live =
			option_count(state, "--live", value, 1, 1000 * 1000);
		break;
	case OPTION_SECONDS:
		scale->seconds = option_seconds(state, "--seconds", value);
		break;
	case OPTION_MEMORY:
		scale->memory_bytes = option_memory(state, "--memory", value);
		break;
	case OPTION_SEED:
		scale->seed =
			option_whole(state, "--seed", value, 0, INT64_MAX);
		break;
	case ARGP_KEY_ARG:
		argp_error(state,
		           "the work is always the same: \"%s\" is not "
		           "understood",
		           value);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.doc = "Times private work, work that frees the blocks of others, and "
	       "writes to small blocks on 1, 2, 4 ... threads, beside a control "
	       "without an allocator, and writes results/scale/.",
};

/* slab, behind one lock, is what the others are measured against. */
static void default_allocators(char *words, size_t capacity)
{
	strlcpy(words, "slab", capacity);
	for (size_t i = 0; allocator_registry[i] != NULL; i++) {
		if (!allocator_registry[i]->has_locks)
			continue;
		strlcat(words, " ", capacity);
		strlcat(words, allocator_registry[i]->name, capacity);
	}
}

/* Failing allocators are a line each and the status 1. */
static int say_failures(const struct scale *scale)
{
	int status = scale->interrupted ? EXIT_FAILED : EXIT_DONE;

	for (int i = 0; i < scale->row_count; i++) {
		const struct scale_row *row = &scale->rows[i];
		command_say_verdict(row->subject == NULL ? "the control"
		                                         : row->subject->label,
		                    &row->verdict);
		if (row->verdict.kind != VERDICT_OK)
			status = EXIT_FAILED;
	}
	return status;
}

static int finish(const struct scale *scale, const struct arguments *arguments,
                  const char *command)
{
	struct trace_error error;
	struct folder folder;

	if (scale->rounds == 0) {
		fprintf(stderr, "alloclab: interrupted before a round was "
		                "complete\n");
		return EXIT_FAILED;
	}
	if (!scale_write(scale, arguments->results, command, &folder, &error))
		return command_refuse(&error);
	scale_print(scale, stdout);
	command_say_results(folder.path, scale->interrupted);
	return say_failures(scale);
}

int cmd_scale(int argc, char **argv)
{
	struct arguments arguments = {
		.scale = {.threads_max = scale_default_threads(),
	                  .reps = 9,
	                  .live = 1000,
	                  .max_bytes = 512,
	                  .seconds = 60,
	                  .memory_bytes = (size_t)4 << 30,
	                  .seed = 1,
	                  .shows_progress = true},
		.results = "results",
	};
	char command[2048], words[1024];
	struct subject *subjects = NULL;
	struct trace_error error;
	struct scale scale;

	option_join(argc, argv, command, sizeof command);
	default_allocators(words, sizeof words);
	arguments.allocators = words;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.scale.steps == 0)
		arguments.scale.steps =
			scale_default_steps(arguments.scale.threads_max);
	int count = subjects_parse(arguments.allocators, &subjects, &error);
	if (count < 0)
		return command_refuse(&error);
	interrupt_watch();
	int status =
		scale_run(&scale, &arguments.scale, subjects, count, &error)
			? finish(&scale, &arguments, command)
			: command_refuse(&error);
	interrupt_unwatch();
	scale_free(&scale);
	free(subjects);
	return status;
}
