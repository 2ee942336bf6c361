/*
 * cmd_compare.c - `alloclab compare`: a program, or a suite of programs, under
 * many mallocs.
 */
#include <argp.h>
#include <bsd/string.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "options.h"
#include "programs/compare.h"
#include "programs/input.h"
#include "programs/pairs.h"
#include "programs/results.h"
#include "programs/suite.h"
#include "programs/tables.h"
#include "record/program.h"
#include "run/interrupt.h"

enum {
	OPTION_REPS = 256,
	OPTION_TIMEOUT,
	OPTION_NAME,
	OPTION_RESULTS,
	OPTION_INPUT,
	OPTION_READY,
	OPTION_LOAD,
	OPTION_STOP,
	OPTION_DRAIN,
	OPTION_SUITE,
	OPTION_SHORT,
	OPTION_WORK,
	REPS = 5,
};

static const double TIMEOUT_S = 300, TIMEOUT_OF_SYSTEM = 20, DRAIN_S = 2;

struct arguments {
	const char *allocators;
	const char *name;
	const char *results;
	struct program program; /* the only one, if suite is NULL */
	const char *input;      /* --input, what that program reads */
	const char *suite;      /* folder of descriptions         */
	enum suite_size size;
	const char *work; /* where a suite's programs run */
	unsigned reps;
	double timeout_s; /* 0: not given */
	char command[2048];
};

static const struct argp_option options[] = {
	{"allocators", 'a', "LIST", 0,
         "Allocators of the lab, lib: rows and system, separated by blanks "
         "(default all)",
         0},
	{"reps", OPTION_REPS, "N", 0,
         "Timed rounds (default 5); 0: count calls and compare output only", 0},
	{"timeout", OPTION_TIMEOUT, "SECONDS", 0,
         "What a run may take (default: 20 times what it takes by itself, 10 "
         "at least, 300 at most; in a suite 300)",
         0},
	{"input", OPTION_INPUT, "FILE", 0,
         "What the program reads on stdin; - is all that is piped in here "
         "(default: our stdin if that is a file, else nothing)",
         0},
	{"name", OPTION_NAME, "NAME", 0, "Of the program, in the results", 0},
	{"results", OPTION_RESULTS, "DIR", 0,
         "Where results go (default results)", 0},
	{0, 0, 0, 0,
         "For a program that serves others until it is stopped:", 1},
	{"load", OPTION_LOAD, "COMMAND", 0,
         "What it is measured under; its time is the program's wall time", 1},
	{"ready", OPTION_READY, "COMMAND|PORT", 0,
         "The load begins when this command succeeds, or the TCP port "
         "answers",
         1},
	{"drain", OPTION_DRAIN, "SECONDS", 0,
         "Idle time after the load, before its memory is read again "
         "(default 2)",
         1},
	{"stop", OPTION_STOP, "COMMAND", 0, "Ends it (default: SIGTERM)", 1},
	{0, 0, 0, 0, "For many programs:", 2},
	{"suite", OPTION_SUITE, "DIR", 0,
         "The programs that DIR/*.program describe, or those NAMEd", 2},
	{"short", OPTION_SHORT, NULL, 0, "Each with its short input", 2},
	{"work", OPTION_WORK, "DIR", 0,
         "Where they run (default build/programs)", 2},
	{0},
};

static void check_service(const struct service *service,
                          struct argp_state *state)
{
	if (service->load != NULL && service->ready == NULL)
		argp_error(state, "--load needs --ready: when may it begin?");
	if (service->load == NULL &&
	    (service->ready != NULL || service->stop != NULL))
		argp_error(state, "--ready and --stop go with --load");
}

/* The options of a program that serves others. */
static error_t parse_service(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct service *service = &arguments->program.service;

	switch (key) {
	case OPTION_READY:
		service->ready = value;
		return 0;
	case OPTION_LOAD:
		service->load = value;
		return 0;
	case OPTION_STOP:
		service->stop = value;
		return 0;
	case OPTION_DRAIN:
		service->drain_seconds =
			option_seconds(state, "--drain", value);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct program *program = &arguments->program;

	switch (key) {
	case 'a':
		arguments->allocators = value;
		return 0;
	case OPTION_REPS:
		arguments->reps = option_count(state, "--reps", value, 0,
		                               COMPARE_ROUNDS_MAX);
		return 0;
	case OPTION_TIMEOUT:
		arguments->timeout_s =
			option_seconds(state, "--timeout", value);
		return 0;
	case OPTION_INPUT:
		arguments->input = value;
		return 0;
	case OPTION_NAME:
		arguments->name = value;
		return 0;
	case OPTION_RESULTS:
		arguments->results = value;
		return 0;
	case OPTION_SUITE:
		arguments->suite = value;
		return 0;
	case OPTION_SHORT:
		arguments->size = SUITE_SHORT;
		return 0;
	case OPTION_WORK:
		arguments->work = value;
		return 0;
	case ARGP_KEY_ARGS:
		program->argv = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		program->argv = state->argv + state->argc;
		return 0;
	case ARGP_KEY_END:
		if (arguments->suite == NULL && *program->argv == NULL)
			argp_error(state, "which program?");
		check_service(&program->service, state);
		return 0;
	default:
		return parse_service(key, value, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[--] PROGRAM [ARGUMENT...]\n--suite DIR [NAME...]",
	.doc = "Runs PROGRAM under every allocator of the lab and every library "
	       "that is installed, in interleaved rounds, and compares time, "
	       "memory and output with those that it has by itself (system).\v"
	       "Fills results/compare-NAME/.  A crash, another output or no end in "
	       "time ends that row only.  Exit status 1 if a row is wrong; one "
	       "that is not over in time is so with --timeout, in a suite, and "
	       "if the program is too slow by itself.",
};

static int say(int status, const struct trace_error *error)
{
	return command_fail("compare", status, error);
}

/* "/usr/bin/perl" => "perl" */
static bool name_program(const struct arguments *arguments,
                         struct program *program, struct trace_error *error)
{
	const char *slash = strrchr(program->argv[0], '/');
	const char *name = arguments->name != NULL ? arguments->name
	                   : slash != NULL         ? slash + 1
	                                           : program->argv[0];

	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL ||
	    strlcpy(program->name, name, sizeof program->name) >=
	            sizeof program->name)
		return trace_fail(error,
		                  "\"%.100s\" is no name for results; --name",
		                  name);
	return true;
}

/* What the program is; false if it cannot run at all. */
static bool check_program(struct program *program, struct trace_error *error)
{
	switch (program_find(program->argv[0], error)) {
	case PROGRAM_FITS:
		return true;
	case PROGRAM_BYPASSES:
		program->bypasses = true;
		strlcpy(program->why_bypass, error->text,
		        sizeof program->why_bypass);
		return true;
	default:
		return false;
	}
}

static bool prepare_program(struct arguments *arguments,
                            struct compare *compare, struct input *input,
                            struct trace_error *error)
{
	compare->programs = &arguments->program;
	compare->program_count = 1;
	if (!name_program(arguments, &arguments->program, error) ||
	    !check_program(&arguments->program, error) ||
	    !input_open(input, arguments->input, error))
		return false;
	arguments->program.input = input->path;
	return true;
}

static bool prepare_suite(const struct arguments *arguments,
                          struct compare *compare, struct suite *suite,
                          struct trace_error *error)
{
	if (!suite_open(suite, arguments->suite, arguments->program.argv,
	                arguments->size, arguments->work, error))
		return false;
	compare->programs = suite->programs;
	compare->program_count = suite->count;
	return true;
}

static bool prepare(struct arguments *arguments, struct compare *compare,
                    struct input *input, struct suite *suite,
                    struct trace_error *error)
{
	compare->rounds_wanted = arguments->reps;
	compare->seconds = TIMEOUT_S;
	if (arguments->timeout_s > 0)
		compare->seconds = arguments->timeout_s;
	else if (arguments->suite == NULL)
		compare->of_system = TIMEOUT_OF_SYSTEM;
	return contenders_add(&compare->contenders, arguments->allocators,
	                      error) &&
	       contenders_add(&compare->contenders, "system", error) &&
	       (arguments->suite == NULL
	                ? prepare_program(arguments, compare, input, error)
	                : prepare_suite(arguments, compare, suite, error));
}

/*
 * A malloc may be slow; it may not be wrong.  Too slow is a failure only for the
 * program by itself, and where the limit does not come from that: the user's, and
 * that of a suite, whose runs are tests.
 */
static bool is_good_row(const struct compare *compare, int p, int c)
{
	int first = contenders_find(&compare->contenders, "system");
	const struct cell_row *row = compare_row(compare, p, c);

	return compare_is_alive(row) || (row->outcome == OUTCOME_TIMEOUT &&
	                                 c != first && compare->of_system > 0);
}

static bool is_good(const struct compare *compare)
{
	for (int p = 0; p < compare->program_count; p++)
		for (int c = 0; c < compare->contenders.count; c++)
			if (!is_good_row(compare, p, c))
				return false;
	return !compare->interrupted;
}

static void print(const struct arguments *arguments,
                  const struct compare *compare)
{
	if (arguments->suite == NULL)
		programs_print_one(compare, 0, stdout);
	else
		programs_print_suite(compare, stdout);
	if (arguments->suite != NULL)
		pairs_print(compare, stdout);
	programs_print_findings(compare, stdout);
	fflush(stdout);
}

/* The folder comes first: who cannot write should not wait for the rounds. */
static bool make_folder(const struct arguments *arguments,
                        struct folder *folder, struct trace_error *error)
{
	char name[80] = "programs";

	if (arguments->suite == NULL)
		snprintf(name, sizeof name, "compare-%s",
		         arguments->program.name);
	return folder_create(folder, arguments->results, name, error);
}

static bool fill_folder(const struct arguments *arguments,
                        struct compare *compare, struct folder *folder,
                        struct trace_error *error)
{
	if (!compare_run(compare, error))
		return false;
	print(arguments, compare);
	return programs_write(compare, arguments->command, folder, error);
}

static int run(const struct arguments *arguments, struct compare *compare)
{
	struct trace_error error;
	struct folder folder;

	if (!make_folder(arguments, &folder, &error))
		return say(EXIT_USAGE, &error);
	if (!fill_folder(arguments, compare, &folder, &error)) {
		folder_abandon(&folder);
		return say(EXIT_FAILED, &error);
	}
	command_say_results(folder.path, compare->interrupted);
	return is_good(compare) ? EXIT_DONE : EXIT_FAILED;
}

/*
 * What the caller has closed of stdin, stdout and stderr is not to become a file
 * of ours: nothing to read, and writing still fails.
 */
static void fill_descriptors(void)
{
	int file;

	do
		file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (file >= 0 && file <= STDERR_FILENO);
	if (file >= 0)
		close(file);
}

/* What would change rows, and system above all, behind their names. */
static void clear_environment(void)
{
	static const char *const names[] = {
		"LD_PRELOAD", "ALLOCLAB_CONF", "ALLOCLAB_STATS",
		"ALLOCLAB_STATS_SIGNAL", "ALLOCLAB_STATS_RESIDENT"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (getenv(names[i]) == NULL)
			continue;
		unsetenv(names[i]);
		fprintf(stderr,
		        "alloclab compare: %s is left out of the programs' "
		        "environment\n",
		        names[i]);
	}
}

int cmd_compare(int argc, char **argv)
{
	struct arguments arguments = {
		.allocators = "all",
		.results = "results",
		.size = SUITE_FULL,
		.work = "build/programs",
		.reps = REPS,
		.program.service.drain_seconds = DRAIN_S,
	};
	struct compare compare = {.seed = 1, .shows_progress = true};
	struct input input = {.file = -1};
	struct suite suite = {0};
	struct trace_error error;

	fill_descriptors();
	option_join(argc, argv, arguments.command, sizeof arguments.command);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	clear_environment();
	interrupt_watch();
	int status = prepare(&arguments, &compare, &input, &suite, &error)
	                     ? run(&arguments, &compare)
	                     : say(EXIT_USAGE, &error);
	compare_free(&compare);
	suite_close(&suite);
	input_close(&input);
	interrupt_unwatch();
	return status;
}
