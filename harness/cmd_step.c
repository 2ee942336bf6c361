/*
 * cmd_step.c - `alloclab step`: one operation at a time, explained.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "options.h"
#include "run/subject.h"
#include "step/step.h"
#include "workload.h"

static const char default_workload[] = "a=100 b=40 -a c=60";
static const char default_allocator[] = "best-fit";

enum { DEFAULT_COUNT = 40 };

enum {
	OPTION_TEXT = 256,
	OPTION_AT,
	OPTION_COUNT,
	OPTION_ALL,
	OPTION_SECONDS,
	OPTION_WORKLOADS,
};

static const struct argp_option options[] = {
	{"allocator", 'a', "NAME", 0,
         "The allocator, with knobs as in first-fit:order=lifo (default "
         "best-fit)",
         0},
	{"at", OPTION_AT, "N", 0, "Begin with event N (default 1)", 0},
	{"count", OPTION_COUNT, "N", 0,
         "Tell N events (default 40; 0: to the end)", 0},
	{"all", OPTION_ALL, NULL, 0, "Draw headers and other metadata, too", 0},
	{"text", OPTION_TEXT, NULL, 0, "As text (the default)", 0},
	{"seconds", OPTION_SECONDS, "S", 0,
         "Kill an allocator that hangs after S seconds (default 60)", 0},
	{"workloads", OPTION_WORKLOADS, "DIR", 0,
         "Where names are looked up (default workloads)", 0},
	{0},
};

struct arguments {
	const char *allocator, *workload, *directory;
	uint64_t first, count;
	bool shows_all;
	double seconds;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a':
		option_text(state, "--allocator", value);
		arguments->allocator = value;
		break;
	case OPTION_AT:
		arguments->first =
			option_whole(state, "--at", value, 1, INT64_MAX);
		break;
	case OPTION_COUNT:
		arguments->count =
			option_whole(state, "--count", value, 0, INT64_MAX);
		break;
	case OPTION_ALL:
		arguments->shows_all = true;
		break;
	case OPTION_TEXT:
		break;
	case OPTION_SECONDS:
		arguments->seconds = option_seconds(state, "--seconds", value);
		break;
	case OPTION_WORKLOADS:
		arguments->directory = value;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state,
			           "one workload at a time, please; "
			           "\"%s\" is the second",
			           value);
		arguments->workload = value;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[WORKLOAD]",
	.doc = "Shows each operation of a workload on one allocator: why it is "
	       "answered as it is, and the heap afterwards.\vA WORKLOAD is a "
	       "name in workloads/, a path to a spec or a trace, or text such "
	       "as 'a=100 b=40 -a c=60' (the default).  docs/stepping.md is a "
	       "lesson.",
};

/* Colour is for terminals, and for those who did not turn it off. */
static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) &&
	       (no_color == NULL || no_color[0] == '\0') && term != NULL &&
	       term[0] != '\0' && strcmp(term, "dumb") != 0;
}

static bool is_one_word(const char *text, struct trace_error *error)
{
	return strpbrk(text, " \t\n") == NULL ||
	       trace_fail(error,
	                  "step shows one allocator at a time, not \"%s\"",
	                  text);
}

static bool starts_inside(const struct arguments *arguments,
                          const struct trace *trace, struct trace_error *error)
{
	return arguments->first <= trace->events ||
	       trace_fail(error, "there is no event %lu: the trace has %lu",
	                  arguments->first, trace->events);
}

static int step(const struct arguments *arguments,
                const struct subject *subject, const struct workload *workload)
{
	const struct step_options step_options = {
		.allocator = subject->allocator,
		.values = &subject->values,
		.label = subject->label,
		.workload = workload->name,
		.trace = &workload->trace,
		.first = arguments->first,
		.count = arguments->count,
		.shows_all = arguments->shows_all,
		.has_colour = wants_colour(),
		.seconds = arguments->seconds,
		.memory_bytes = (size_t)4 << 30,
	};
	struct verdict verdict;

	if (!step_run(&step_options, stdout, &verdict)) {
		fprintf(stderr, "alloclab: cannot start a process: %s\n",
		        strerror(errno));
		return EXIT_FAILED;
	}
	return verdict.kind == VERDICT_OK ? EXIT_DONE : EXIT_FAILED;
}

int cmd_step(int argc, char **argv)
{
	struct arguments arguments = {
		.allocator = default_allocator,
		.workload = default_workload,
		.directory = "workloads",
		.first = 1,
		.count = DEFAULT_COUNT,
		.seconds = 60,
	};
	struct subject *subject = calloc(1, sizeof *subject);
	struct workload workload;
	struct trace_error error;
	int status = EXIT_USAGE;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if ((subject == NULL && !trace_fail(&error, "no memory")) ||
	    !is_one_word(arguments.allocator, &error) ||
	    !subject_parse(arguments.allocator, subject, &error) ||
	    !workload_open(arguments.workload, arguments.directory, &workload,
	                   &error)) {
		free(subject);
		return command_refuse(&error);
	}
	if (starts_inside(&arguments, &workload.trace, &error))
		status = step(&arguments, subject, &workload);
	else
		command_refuse(&error);
	workload_close(&workload);
	free(subject);
	return status;
}
