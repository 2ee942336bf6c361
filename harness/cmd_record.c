/*
 * cmd_record.c - `alloclab record`: runs a program and keeps its allocations as
 * a trace.
 */
#include <argp.h>
#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "record/launch.h"
#include "options.h"
#include "record/program.h"
#include "record/traces.h"

struct options {
	struct traces_options traces; /* .out NULL: named after the program */
	struct record_switch wishes;
	bool timed;
	bool keep_raw;
	bool touched;
	uint32_t site_depth; /* 0: no call sites */
};

enum {
	OPTION_KEEP_RAW = 256,
	OPTION_START,
	OPTION_STOP,
	OPTION_FOR,
	OPTION_MAX_SIZE,
	OPTION_ANONYMISE,
	OPTION_SITES,
	OPTION_TOUCHED,
	DEPTH_DEFAULT = 16,
};

static const struct argp_option option_table[] = {
	{"output", 'o', "FILE", 0,
         "the trace to write (default: PROGRAM.trace)", 0},
	{"follow", 'f', NULL, 0,
         "record child processes too, each program to a trace of its own", 0},
	{"time", 't', NULL, 0, "keep the time of every call", 0},
	{"sites", OPTION_SITES, "DEPTH", OPTION_ARG_OPTIONAL,
         "keep where each block was allocated: so many callers (16)", 0},
	{"touched", OPTION_TOUCHED, NULL, 0,
         "keep how much of each large block the program writes to", 0},
	{"start-signal", OPTION_START, "SIGNAL", 0,
         "begin when this signal (USR1) comes to this command; blocks that are "
         "live then come first",
         0},
	{"stop-signal", OPTION_STOP, "SIGNAL", 0,
         "write the trace when this signal comes; the program goes on", 0},
	{"for", OPTION_FOR, "SECONDS", 0,
         "write the trace so long after the beginning", 0},
	{"max-size", OPTION_MAX_SIZE, "BYTES", 0,
         "write the trace when the records on disk reach this size (K, M, G)",
         0},
	{"anonymise", OPTION_ANONYMISE, NULL, 0,
         "sizes and times only: no name of the program, no arguments", 0},
	{"keep-raw", OPTION_KEEP_RAW, NULL, 0,
         "leave the unmerged records where they are, and say where", 0},
	{0},
};

static int parse_signal(struct argp_state *state, const char *option,
                        const char *name)
{
	int signal = switch_signal(name);

	if (signal == 0)
		argp_error(state,
		           "%s takes a signal such as USR1, and none that ends "
		           "this command, not \"%s\"",
		           option, name);
	return signal;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'o':
		options->traces.out = value;
		return 0;
	case 'f':
		options->traces.follow = true;
		return 0;
	case 't':
		options->timed = true;
		return 0;
	case OPTION_KEEP_RAW:
		options->keep_raw = true;
		return 0;
	case OPTION_SITES:
		options->site_depth =
			value == NULL ? DEPTH_DEFAULT
				      : option_count(state, "--sites", value, 1,
		                                     RAW_DEPTH_MAX);
		return 0;
	case OPTION_TOUCHED:
		options->touched = true;
		return 0;
	case OPTION_START:
		options->wishes.start_signal =
			parse_signal(state, "--start-signal", value);
		return 0;
	case OPTION_STOP:
		options->wishes.stop_signal =
			parse_signal(state, "--stop-signal", value);
		return 0;
	case OPTION_FOR:
		options->wishes.seconds = option_seconds(state, "--for", value);
		return 0;
	case OPTION_MAX_SIZE:
		options->wishes.max_bytes =
			option_memory(state, "--max-size", value);
		return 0;
	case OPTION_ANONYMISE:
		options->traces.is_anonymous = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->traces.argv = state->argv + state->next;
		options->traces.argc = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		if (options->traces.is_anonymous && options->site_depth > 0)
			argp_error(state, "--sites names functions, which "
			                  "--anonymise must not");
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which program?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.args_doc = "[--] PROGRAM [ARGUMENT...]",
	.doc = "Runs PROGRAM and records what it asks of malloc and its family "
	       "into a trace.\v"
	       "The program's output and exit status are its own; the status "
	       "is reported, and this command exits with 0 once the trace is "
	       "written.  Static and setuid programs cannot be recorded.",
};

static int say(int status, const struct trace_error *error)
{
	return command_fail("record", status, error);
}

/* --- before ------------------------------------------------------------- */

/* Before the program runs for an hour: can its trace be written at the end? */
static bool check_output(const char *out, struct trace_error *error)
{
	char copy[PATH_MAX];
	struct stat status;

	if (snprintf(copy, sizeof copy, "%s", out) >= PATH_MAX)
		return trace_fail(error, "%s: too long a path", out);
	if (stat(out, &status) == 0 && S_ISDIR(status.st_mode))
		return trace_fail(error, "%s is a folder", out);
	if (access(dirname(copy), W_OK) != 0)
		return trace_fail(error, "%s: cannot be written: %s", out,
		                  strerror(errno));
	return true;
}

/* The library opens it in the program; a line here comes sooner. */
static bool check_unwinder(const struct options *options,
                           struct trace_error *error)
{
	if (options->site_depth == 0)
		return true;
	void *unwinder = dlopen(RAW_UNWINDER, RTLD_LAZY);
	if (unwinder == NULL)
		return trace_fail(error,
		                  "--sites needs %s (Debian's package "
		                  "libunwind8)",
		                  RAW_UNWINDER);
	dlclose(unwinder);
	return true;
}

/* --- after -------------------------------------------------------------- */

static void report_program(const struct options *options, int status)
{
	const char *name = options->traces.argv[0];

	if (WIFSIGNALED(status))
		fprintf(stderr, "alloclab record: %s was killed by SIG%s\n",
		        name, sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		fprintf(stderr, "alloclab record: %s exited with status %d\n",
		        name, WEXITSTATUS(status));
}

/* --- all of it ------------------------------------------------------------ */

/* How often a recording that may stop before its program is looked at. */
static const struct timespec between_looks = {.tv_nsec = 20 * 1000 * 1000};

/*
 * How long after the order to stop a thread may still be writing the record that
 * it was about to write.
 */
static const struct timespec last_records = {.tv_nsec = 100 * 1000 * 1000};

static void say_how_to_start(const struct record_switch *wishes)
{
	if (wishes->start_signal != 0)
		fprintf(stderr,
		        "alloclab record: kill -%s %d starts recording\n",
		        sigabbrev_np(wishes->start_signal), (int)getpid());
	if (wishes->stop_signal != 0)
		fprintf(stderr,
		        "alloclab record: kill -%s %d stops recording\n",
		        sigabbrev_np(wishes->stop_signal), (int)getpid());
}

/* Waits for the signal to start; false if the program ended before. */
static bool wait_for_start(const struct record_switch *wishes,
                           struct launch *launch)
{
	if (wishes->start_signal == 0)
		return true;
	while (launch->control->order == RAW_ORDER_WAIT) {
		if (launch_has_ended(launch))
			return false;
		nanosleep(&between_looks, NULL);
	}
	fprintf(stderr, "alloclab record: recording has started\n");
	return true;
}

/* Returns whether the program still runs when recording has stopped. */
static bool wait_for_stop(const struct record_switch *wishes,
                          struct launch *launch)
{
	if (!wait_for_start(wishes, launch) || !switch_may_stop(wishes))
		return false;
	while (launch->control->order != RAW_ORDER_STOP) {
		if (launch_has_ended(launch))
			return false;
		nanosleep(&between_looks, NULL);
	}
	nanosleep(&last_records, NULL);
	return !launch_has_ended(launch);
}

static int write_traces(struct options *options, struct recording *recording,
                        const struct launch *launch, struct tick_scale *scale)
{
	struct trace_error error;

	tick_scale_end(scale);
	options->traces.times = options->timed ? scale : NULL;
	if (!recording_open(recording, &error))
		return say(EXIT_FAILED, &error);
	return traces_write(&options->traces, recording, launch);
}

static void close_recording(const struct options *options,
                            struct recording *recording)
{
	switch_end();
	if (options->keep_raw)
		fprintf(stderr, "alloclab record: raw records: %s\n",
		        recording->directory);
	recording_close(recording, options->keep_raw);
}

/* Runs the program, writes its traces when they are complete. */
static int record(struct options *options, struct launch *launch,
                  struct recording *recording, struct tick_scale *scale)
{
	bool runs = wait_for_stop(&options->wishes, launch);

	if (!runs)
		launch_wait(launch);
	launch_interrupts = 0; /* those were the program's */
	if (!runs)
		report_program(options, launch->status);
	int status = write_traces(options, recording, launch, scale);
	close_recording(options, recording);
	if (runs) {
		fprintf(stderr,
		        "alloclab record: %s goes on, and is not recorded\n",
		        options->traces.argv[0]);
		launch_wait(launch);
		report_program(options, launch->status);
	}
	return status;
}

static int start_and_record(struct options *options, const char *library,
                            struct recording *recording)
{
	struct launch launch = {.library = library,
	                        .directory = recording->directory,
	                        .control = recording->control,
	                        .argv = options->traces.argv};
	struct tick_scale scale;
	struct trace_error error;

	tick_scale_begin(&scale);
	recording->control->follow = options->traces.follow;
	recording->control->site_depth = options->site_depth;
	recording->control->touched = options->touched;
	recording->control->clock =
		options->timed ? scale.clock : RAW_CLOCK_NONE;
	options->traces.wishes = &options->wishes;
	launch_catch_signals();
	if (!switch_prepare(&options->wishes, recording->control, &error) ||
	    !launch_start(&launch, &error)) {
		recording_close(recording, false);
		return say(EXIT_USAGE, &error);
	}
	say_how_to_start(&options->wishes);
	return record(options, &launch, recording, &scale);
}

/* "sqlite3.trace", unless the user names another, or no name may be told. */
static void choose_output(const struct options *options, char out[PATH_MAX])
{
	const char *program = options->traces.argv[0];
	const char *slash = strrchr(program, '/');

	if (options->traces.out != NULL)
		snprintf(out, PATH_MAX, "%s", options->traces.out);
	else if (options->traces.is_anonymous)
		snprintf(out, PATH_MAX, "anonymous.trace");
	else
		snprintf(out, PATH_MAX, "%s.trace",
		         slash == NULL ? program : slash + 1);
}

int cmd_record(int argc, char **argv)
{
	struct options options = {.timed = false};
	char library[PATH_MAX], out[PATH_MAX];
	struct recording recording;
	struct trace_error error;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	choose_output(&options, out);
	options.traces.out = out;
	if (!program_check(options.traces.argv[0], &error) ||
	    !check_output(out, &error) || !check_unwinder(&options, &error) ||
	    !launch_find_library(library, &error) ||
	    !recording_create(&recording, &error))
		return say(EXIT_USAGE, &error);
	return start_and_record(&options, library, &recording);
}
