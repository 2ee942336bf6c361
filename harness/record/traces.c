/*
 * traces.c - plumbing between merge.h and the files that the user asked for.
 */
#include "traces.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../command.h"
#include "../trace/symbolise.h"
#include "merge.h"

static int say(int status, const struct trace_error *error)
{
	fprintf(stderr, "alloclab record: %s\n", error->text);
	return status;
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
	report_count(path, counts->live_blocks,
	             "block(s) live when recording started: in front, as "
	             "malloc");
	report_count(path, counts->live_left_out,
	             "more live then: left out, the table was full");
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
	        path, (uint64_t)image->end_stamp - 1,
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

static int write_image(const struct traces_options *options, const char *path,
                       const char *source, struct recorded_image *image)
{
	const struct merge_options merge = {.name = path,
	                                    .source = source,
	                                    .times = options->times,
	                                    .interrupts = &launch_interrupts};
	struct merge_counts counts;
	struct trace_error error;
	struct trace trace;

	if (!merge_records(&image->reader, &merge, &trace, &counts, &error))
		return only_inherited(&counts) ? report_inherited(path, &counts)
		                               : say(EXIT_FAILED, &error);
	if (trace.sites != NULL)
		sites_symbolise(trace.sites);
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

/*
 * "x.trace" => "x.2-python3.trace" for the second program that was recorded, or
 * "x.2.trace" where its name is nobody's business.
 */
static char *other_path(const struct traces_options *options, size_t number,
                        const char *program)
{
	static const char ending[] = ".trace";
	size_t bytes = strlen(options->out), cut = sizeof ending - 1;
	char *path = NULL;

	if (bytes > cut && strcmp(options->out + bytes - cut, ending) == 0)
		bytes -= cut;
	if (asprintf(&path, "%.*s.%zu%s%s%s", (int)bytes, options->out, number,
	             options->is_anonymous ? "" : "-",
	             options->is_anonymous ? "" : program, ending) < 0)
		return NULL;
	return path;
}

/*
 * The first so many bytes of a command's first line, and whether there are more:
 * a script after -c may be long.
 */
static int line_bytes(const char *command, const char **more)
{
	static const size_t most = 70;
	size_t bytes = strcspn(command, "\n");

	if (bytes > most)
		bytes = most;
	*more = command[bytes] == '\0' ? "" : "...";
	return (int)bytes;
}

static void report_image(const char *what, const struct recorded_image *image,
                         const char *end)
{
	const char *more;
	int bytes = line_bytes(image->command, &more);

	fprintf(stderr,
	        "alloclab record: %s \"%.*s%s\": %" PRIu64 " record%s%s\n",
	        what, bytes, image->command, more, image->reader.records,
	        plural(image->reader.records), end);
}

/* A process that became other programs: of which one is the trace? */
static void report_main(const struct recording *recording,
                        const struct recorded_image *main)
{
	bool has_others = false;

	for (size_t i = 0; i < recording->count; i++)
		has_others |= &recording->images[i] != main &&
		              recording->images[i].reader.records > 0;
	if (has_others)
		report_image("the trace is of", main, ", the most");
}

/* All images but the main one: written with --follow, else only named. */
static int write_others(const struct traces_options *options,
                        struct recording *recording,
                        const struct recorded_image *done)
{
	int worst = EXIT_DONE;

	for (size_t i = 0; i < recording->count; i++) {
		struct recorded_image *image = &recording->images[i];
		if (image == done || image->reader.records == 0)
			continue;
		if (!options->follow) {
			report_image("the process was also", image,
			             "; --follow keeps them");
			continue;
		}
		const char *source =
			options->is_anonymous ? "" : image->command;
		char *path = other_path(options, i + 1, image->program);
		int status = path == NULL ? EXIT_FAILED
		                          : write_image(options, path, source,
		                                        image);
		free(path);
		if (status > worst)
			worst = status;
	}
	return worst;
}

static void report_processes(const struct traces_options *options,
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

/* Why the trace is only a part of what the program did; "" if it is not. */
static void part_of(const struct traces_options *options,
                    const struct recording *recording,
                    const struct launch *launch, const struct raw_image *image,
                    char *text, size_t capacity)
{
	text[0] = '\0';
	if (image->stop_errno != 0)
		snprintf(text, capacity, "ended early: %s",
		         strerror((int)image->stop_errno));
	else if (switch_reason(options->wishes, recording->control, text,
	                       capacity))
		return;
	else if (launch->ended && WIFSIGNALED(launch->status))
		snprintf(text, capacity, "ended early: killed by SIG%s",
		         sigabbrev_np(WTERMSIG(launch->status)));
}

/* Whether it is what was started, not what that became by exec. */
static bool is_first(const struct recording *recording,
                     const struct recorded_image *image)
{
	for (const struct recorded_image *other = recording->images;
	     other < image; other++)
		if (other->reader.image.process ==
		            image->reader.image.process &&
		    other->reader.image.forked == 0)
			return false;
	return true;
}

/*
 * The command, as the trace's source, and behind " # ", a comment to a shell,
 * what part_of() says.  NULL without memory.
 */
static char *source_of(const struct traces_options *options,
                       const struct recording *recording,
                       const struct recorded_image *image, const char *part)
{
	char *command =
		is_first(recording, image)
			? command_line((const char *const *)options->argv,
	                               (size_t)options->argc)
			: strdup(image->command);
	char *source = NULL;

	if (command == NULL)
		return NULL;
	if (asprintf(&source, "%s%s%s",
	             options->is_anonymous ? "anonymous" : command,
	             part[0] != '\0' ? " # " : "", part) < 0)
		source = NULL;
	free(command);
	return source;
}

static int report_nothing(const struct traces_options *options,
                          const struct recording *recording)
{
	struct trace_error error;

	if (recording->control->order == RAW_ORDER_WAIT)
		trace_fail(&error, "SIG%s did not come: nothing was recorded",
		           sigabbrev_np(options->wishes->start_signal));
	else
		trace_fail(&error,
		           "%s: no call was seen: the program has its own "
		           "malloc, calls none, or did not load the library",
		           options->argv[0]);
	return say(EXIT_FAILED, &error);
}

int traces_write(const struct traces_options *options,
                 struct recording *recording, const struct launch *launch)
{
	struct recorded_image *image =
		recording_main_image(recording, launch->process);
	char part[128];

	if (image == NULL || image->reader.records == 0)
		return report_nothing(options, recording);
	part_of(options, recording, launch, &image->reader.image, part,
	        sizeof part);
	char *source = source_of(options, recording, image, part);
	int status = source == NULL ? EXIT_FAILED
	                            : write_image(options, options->out, source,
	                                          image);
	free(source);
	if (!options->follow)
		report_main(recording, image);
	int others = write_others(options, recording, image);
	report_processes(options, recording);
	return status > others ? status : others;
}
