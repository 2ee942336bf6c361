/*
 * cmd_record.c - `alloclab record`: runs a program and keeps its allocations as
 * a trace.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "record/launch.h"
#include "record/merge.h"
#include "record/program.h"
#include "record/recording.h"

struct options {
	const char *out; /* NULL: named after the program */
	bool follow;
	bool timed;
	bool keep_raw;
	struct tick_scale scale; /* of the times of this recording */
	char **argv;             /* the program's, ended by NULL */
	int argc;
};

enum { OPTION_KEEP_RAW = 256 };

static const struct argp_option option_table[] = {
	{"output", 'o', "FILE", 0,
         "the trace to write (default: PROGRAM.trace)", 0},
	{"follow", 'f', NULL, 0,
         "record child processes too, each program to a trace of its own", 0},
	{"time", 't', NULL, 0, "keep the time of every call", 0},
	{"keep-raw", OPTION_KEEP_RAW, NULL, 0,
         "leave the unmerged records where they are, and say where", 0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'o':
		options->out = value;
		return 0;
	case 'f':
		options->follow = true;
		return 0;
	case 't':
		options->timed = true;
		return 0;
	case OPTION_KEEP_RAW:
		options->keep_raw = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->argv = state->argv + state->next;
		options->argc = state->argc - state->next;
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
	fprintf(stderr, "alloclab record: %s\n", error->text);
	return status;
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

/* --- after -------------------------------------------------------------- */

static void report_program(const struct options *options, int status)
{
	const char *name = options->argv[0];

	if (WIFSIGNALED(status))
		fprintf(stderr, "alloclab record: %s was killed by SIG%s\n",
		        name, sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		fprintf(stderr, "alloclab record: %s exited with status %d\n",
		        name, WEXITSTATUS(status));
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void report_trace(const char *path, const struct trace *trace,
                         const struct merge_counts *counts)
{
	struct stat status = {.st_size = 0};

	stat(path, &status);
	fprintf(stderr,
	        "%s: %" PRIu64 " events of %" PRIu64 " thread%s, peak live "
	        "%" PRIu64 " bytes in at most %" PRIu32 " blocks; %lld bytes, "
	        "%.2f an event\n",
	        path, trace->events, counts->threads, plural(counts->threads),
	        trace->peak_live_bytes, trace->slots, (long long)status.st_size,
	        (double)status.st_size / (double)trace->events);
}

/* One line for each thing that makes the trace differ from what was called. */
static void report_count(const char *path, uint64_t count, const char *what)
{
	if (count > 0)
		fprintf(stderr, "%s: %" PRIu64 " %s\n", path, count, what);
}

static void report_counts(const char *path, const struct merge_counts *counts)
{
	report_count(path, counts->unknown_frees,
	             "free(s) of blocks from before the recording: left out");
	report_count(path, counts->unknown_reallocs,
	             "realloc(s) of blocks from before the recording: taken "
	             "as malloc");
	report_count(path, counts->failed_reallocs,
	             "realloc(s) that failed: left out");
	report_count(path, counts->missed_frees,
	             "address(es) handed out again without a free that was "
	             "seen: a free put in");
	report_count(path, counts->lowered_aligns,
	             "alignment(s) above 1 MiB: taken as 1 MiB");
}

/* Recording stopped early: the trace is a true beginning, and says so here. */
static bool report_stop(const char *path, const struct raw_image *image)
{
	if (image->stop_errno == 0)
		return true;
	fprintf(stderr,
	        "%s: recording stopped after call %" PRIu64 ": %s; the trace "
	        "holds what came before\n",
	        path, (uint64_t)image->stop_stamp,
	        strerror((int)image->stop_errno));
	return false;
}

/* A forked child may do no more than free some of its parent's blocks. */
static bool only_inherited(const struct merge_counts *counts)
{
	return counts->events == 0 && counts->unknown_frees > 0;
}

static int report_inherited(const char *path, const struct merge_counts *counts)
{
	report_counts(path, counts);
	fprintf(stderr, "%s: not written: no other call was made\n", path);
	return EXIT_DONE;
}

static int write_image(const struct options *options, const char *path,
                       const char *source, struct recorded_image *image)
{
	const struct merge_options merge = {
		.name = path,
		.source = source,
		.times = options->timed ? &options->scale : NULL,
		.interrupts = &launch_interrupts};
	struct merge_counts counts;
	struct trace_error error;
	struct trace trace;

	if (!merge_records(&image->reader, &merge, &trace, &counts, &error))
		return only_inherited(&counts) ? report_inherited(path, &counts)
		                               : say(EXIT_FAILED, &error);
	bool written = trace_write_binary(path, &trace, &error);
	if (written) {
		report_trace(path, &trace, &counts);
		report_counts(path, &counts);
	}
	trace_destroy(&trace);
	if (!written)
		return say(EXIT_FAILED, &error);
	return report_stop(path, &image->reader.image) ? EXIT_DONE
	                                               : EXIT_FAILED;
}

/* "x.trace" => "x.2-python3.trace" for the second program that was recorded. */
static char *other_path(const char *out, size_t number, const char *program)
{
	static const char ending[] = ".trace";
	size_t bytes = strlen(out), cut = sizeof ending - 1;
	char *path = NULL;

	if (bytes > cut && strcmp(out + bytes - cut, ending) == 0)
		bytes -= cut;
	if (asprintf(&path, "%.*s.%zu-%s%s", (int)bytes, out, number, program,
	             ending) < 0)
		return NULL;
	return path;
}

/* All images but the main one: written with --follow, else only named. */
static int write_others(const struct options *options, const char *out,
                        struct recording *recording,
                        const struct recorded_image *done)
{
	int worst = EXIT_DONE;

	for (size_t i = 0; i < recording->count; i++) {
		struct recorded_image *image = &recording->images[i];
		if (image == done || image->reader.records == 0)
			continue;
		if (!options->follow) {
			fprintf(stderr,
			        "alloclab record: the process was also \"%s\": "
			        "%" PRIu64 " records; --follow keeps them\n",
			        image->command, image->reader.records);
			continue;
		}
		char *path = other_path(out, i + 1, image->program);
		int status = path == NULL ? EXIT_FAILED
		                          : write_image(options, path,
		                                        image->command, image);
		free(path);
		if (status > worst)
			worst = status;
	}
	return worst;
}

static void report_processes(const struct options *options,
                             const struct recording *recording)
{
	uint64_t programs = recording->skipped_programs;
	uint64_t children = recording->skipped_children;

	if (options->follow)
		fprintf(stderr, "alloclab record: %zu program%s recorded\n",
		        recording->count, plural(recording->count));
	if (programs + children > 0)
		fprintf(stderr,
		        "alloclab record: not recorded: %" PRIu64
		        " forked child%s and %" PRIu64
		        " program%s that child processes ran; --follow "
		        "records them\n",
		        children, children == 1 ? "" : "ren", programs,
		        plural(programs));
}

/*
 * The command, as the trace's source.  Behind " # ", a comment to a shell, why
 * the trace is only a beginning; NULL without memory.
 */
static char *source_of(const struct options *options, int status,
                       const struct raw_image *image)
{
	char *command = command_line((const char *const *)options->argv,
	                             (size_t)options->argc);
	char *source = command;

	if (command == NULL)
		return NULL;
	if (image->stop_errno != 0) {
		if (asprintf(&source, "%s # ended early: %s", command,
		             strerror((int)image->stop_errno)) < 0)
			source = NULL;
	} else if (WIFSIGNALED(status)) {
		if (asprintf(&source, "%s # ended early: killed by SIG%s",
		             command, sigabbrev_np(WTERMSIG(status))) < 0)
			source = NULL;
	}
	if (source != command)
		free(command);
	return source;
}

static int write_traces(const struct options *options, const char *out,
                        struct recording *recording,
                        const struct launch *launch)
{
	struct recorded_image *image =
		recording_main_image(recording, launch->process);
	struct trace_error error;

	if (image == NULL || image->reader.records == 0) {
		trace_fail(&error,
		           "%s: no call was seen: the program has its own "
		           "malloc, calls none, or did not load the library",
		           options->argv[0]);
		return say(EXIT_FAILED, &error);
	}
	char *source = source_of(options, launch->status, &image->reader.image);
	int status = source == NULL ? EXIT_FAILED
	                            : write_image(options, out, source, image);
	free(source);
	int others = write_others(options, out, recording, image);
	report_processes(options, recording);
	return status > others ? status : others;
}

static int record(struct options *options, const char *library, const char *out,
                  struct recording *recording)
{
	struct launch launch = {.library = library,
	                        .directory = recording->directory,
	                        .control = recording->control,
	                        .argv = options->argv};
	struct trace_error error;

	tick_scale_begin(&options->scale);
	recording->control->follow = options->follow;
	recording->control->clock =
		options->timed ? options->scale.clock : RAW_CLOCK_NONE;
	launch_catch_signals();
	if (!launch_and_wait(&launch, &error))
		return say(EXIT_USAGE, &error);
	tick_scale_end(&options->scale);
	launch_interrupts = 0; /* those were the program's */
	report_program(options, launch.status);
	if (!recording_open(recording, &error))
		return say(EXIT_FAILED, &error);
	return write_traces(options, out, recording, &launch);
}

int cmd_record(int argc, char **argv)
{
	struct options options = {.out = NULL};
	char library[PATH_MAX], out[PATH_MAX];
	struct recording recording;
	struct trace_error error;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	const char *slash = strrchr(options.argv[0], '/');
	snprintf(out, sizeof out, "%s.trace",
	         slash == NULL ? options.argv[0] : slash + 1);
	if (options.out != NULL)
		snprintf(out, sizeof out, "%s", options.out);
	if (!program_check(options.argv[0], &error) ||
	    !check_output(out, &error) ||
	    !launch_find_library(library, &error) ||
	    !recording_create(&recording, &error))
		return say(EXIT_USAGE, &error);
	int status = record(&options, library, out, &recording);
	if (options.keep_raw)
		fprintf(stderr, "alloclab record: raw records: %s\n",
		        recording.directory);
	recording_close(&recording, options.keep_raw);
	return status;
}
