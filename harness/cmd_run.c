/*
 * cmd_run.c - `alloclab run`: workloads against allocators, the lab's main job.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "library/floor.h"
#include "options.h"
#include "clock/pace.h"
#include "report/across.h"
#include "report/folder.h"
#include "report/report.h"
#include "run/interrupt.h"
#include "run/run.h"
#include "threads/plan.h"
#include "workload_list.h"

static const char default_allocators[] =
	"first-fit next-fit best-fit worst-fit buddy slab ptmalloc tcmalloc "
	"jemalloc system";
static const char default_workload[] = "cc1";

enum {
	OPTION_REPS = 256,
	OPTION_QUICK,
	OPTION_RESULTS,
	OPTION_WORKLOADS,
	OPTION_KEEP,
	OPTION_SECONDS,
	OPTION_MEMORY,
	OPTION_TOUCH,
	OPTION_THREADS,
	OPTION_PACE,
	OPTION_PARANOID,
	OPTION_SEED,
	OPTION_NO_LATENCY,
	OPTION_FOLDERS,
};

static const struct argp_option options[] = {
	{"allocators", 'a', "LIST", 0,
         "Allocators, separated by blanks, with knobs as in "
         "first-fit:order=lifo; \"all\" for every one",
         0},
	{"reps", OPTION_REPS, "N", 0,
         "Repetitions of the speed pass (default 9)", 0},
	{"quick", OPTION_QUICK, NULL, 0, "Only the measure pass, no clock", 0},
	{"no-latency", OPTION_NO_LATENCY, NULL, 0, "No latency pass", 0},
	{"results", OPTION_RESULTS, "DIR", 0,
         "Where results go (default results)", 0},
	{"workloads", OPTION_WORKLOADS, "DIR", 0,
         "Where names are looked up (default workloads)", 0},
	{"keep", OPTION_KEEP, NULL, 0,
         "Keep the rows of other allocators that an earlier run of the same "
         "trace left",
         0},
	{"seconds", OPTION_SECONDS, "S", 0,
         "Time limit of one child process (default 60)", 0},
	{"memory", OPTION_MEMORY, "BYTES", 0,
         "Limit of one heap, with K, M or G (default 4G)", 0},
	{"touch", OPTION_TOUCH, "WHAT", 0,
         "What the speed pass writes into each block: none, first (byte, the "
         "default), pages, recorded (as many pages as the program did), lines, "
         "all",
         0},
	{"threads", OPTION_THREADS, "N", 0,
         "Replay on N real threads too, and time that: a trace's threads are "
         "spread over them (no latency pass)",
         0},
	{"pace", OPTION_PACE, "PACE", 0,
         "Replay with the recorded time: recorded, or xN for N times as fast",
         0},
	{"paranoid", OPTION_PARANOID, NULL, 0,
         "The measure pass writes and verifies every usable byte", 0},
	{"folders", OPTION_FOLDERS, "FILE", 0,
         "Write the names of the folders with results to FILE", 0},
	{"seed", OPTION_SEED, "N", 0, "Seed of the shuffling (default 1)", 0},
	{0},
};

struct arguments {
	struct run_options run;
	const char *allocators, *results, *directory, *folders;
	FILE *folders_out;
	bool keep;
	char **workloads; /* as on the command line */
	int workload_count;
};

/* Everything that the command line stands for, opened. */
struct session {
	const struct arguments *arguments;
	struct workload_list list;
	struct subject *subjects;
	int count; /* of subjects */
	struct subject *library_floor;
	struct across across;
	FILE *folders;
	char command[2048];
};

/* The options that say how to measure. */
static error_t parse_measuring(int key, const char *value,
                               struct argp_state *state)
{
	struct run_options *run = &((struct arguments *)state->input)->run;

	switch (key) {
	case OPTION_REPS:
		run->reps = option_count(state, "--reps", value, 1, REPS_MAX);
		break;
	case OPTION_QUICK:
		run->reps = 0;
		break;
	case OPTION_NO_LATENCY:
		run->latency = false;
		break;
	case OPTION_SECONDS:
		run->seconds = option_seconds(state, "--seconds", value);
		break;
	case OPTION_MEMORY:
		run->memory_bytes = option_memory(state, "--memory", value);
		break;
	case OPTION_TOUCH:
		run->touch = option_touch(state, value);
		break;
	case OPTION_THREADS:
		run->threads =
			option_count(state, "--threads", value, 1, THREADS_MAX);
		break;
	case OPTION_PACE:
		run->pace = option_pace(state, value);
		break;
	case OPTION_PARANOID:
		run->paranoid = true;
		break;
	case OPTION_SEED:
		run->seed = option_whole(state, "--seed", value, 0, INT64_MAX);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* The options that say what to measure, and where things are. */
static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a':
		arguments->allocators = value;
		break;
	case OPTION_RESULTS:
		arguments->results = value;
		break;
	case OPTION_WORKLOADS:
		arguments->directory = value;
		break;
	case OPTION_KEEP:
		arguments->keep = true;
		break;
	case OPTION_FOLDERS:
		arguments->folders = value;
		break;
	case ARGP_KEY_ARGS:
		arguments->workloads = state->argv + state->next;
		arguments->workload_count = state->argc - state->next;
		break;
	case ARGP_KEY_END:
		if (arguments->run.threads > 0 && arguments->run.pace > 0)
			argp_error(state, "--pace replays on one thread: it "
			                  "does not go with --threads");
		break;
	default:
		return parse_measuring(key, value, state);
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[WORKLOAD...]",
	.doc = "Replays each workload against each allocator, measures space "
	       "and time, and writes results/<workload>/.\vA WORKLOAD is a "
	       "name in workloads/, a path to a spec, to a trace of ours or "
	       "to a foreign one, or text such as 'a=100 b=40 -a c=60'.",
};

/* Whether a cell found anything: an interrupt may come before. */
static bool has_findings(const struct run *run)
{
	for (int i = 0; i < run->count; i++)
		if (run->subjects[i].verdict.kind != VERDICT_NOT_RUN)
			return true;
	return false;
}

/*
 * Running out of memory is legitimate: bump does on any long trace.  So is
 * refusing what one does not serve.
 */
static bool all_are_sound(const struct run *run)
{
	for (int i = 0; i < run->count; i++) {
		enum verdict_kind kind = run->subjects[i].verdict.kind;
		if (kind != VERDICT_OK && kind != VERDICT_OUT_OF_MEMORY &&
		    kind != VERDICT_REFUSED)
			return false;
	}
	return true;
}

/* Writes the results and prints them. */
static int finish(struct session *session, struct run *run,
                  struct folder *folder)
{
	struct trace_error error;

	if (!has_findings(run)) {
		folder_abandon(folder);
		fprintf(stderr,
		        "alloclab: interrupted before anything was "
		        "measured; %s/ is as it was\n",
		        folder->path);
		return EXIT_FAILED;
	}
	if (run->interrupted)
		folder_step_aside(folder);
	if (!folder_fill(folder, run, session->command, &error) ||
	    !folder_commit(folder, &error)) {
		folder_abandon(folder);
		return command_refuse(&error);
	}
	if (session->list.count > 1 && !across_add(&session->across, run))
		fprintf(stderr, "alloclab: no memory for the table across "
		                "workloads\n");
	if (session->folders != NULL)
		fprintf(session->folders, "%s\n", folder->path);
	report_table(run, stdout);
	report_locks_table(run, stdout);
	report_sentences(run, stdout);
	if (folder->keeps)
		printf("The rows of other allocators were kept: %s/summary.csv "
		       "has them all.\n",
		       folder->path);
	command_say_results(folder->path, run->interrupted);
	return run->interrupted || !all_are_sound(run) ? EXIT_FAILED
	                                               : EXIT_DONE;
}

/* Whether the recorded time is known, and short enough to be waited for. */
static bool can_be_paced(const struct workload *workload,
                         const struct run_options *chosen,
                         struct trace_error *error)
{
	double seconds = pace_seconds(&workload->trace) / chosen->pace;

	return pace_is_known(&workload->trace, workload->name, error) &&
	       (seconds < chosen->seconds ||
	        trace_fail(error,
	                   "%s would take %.3g s at this pace, and a child may "
	                   "take %g s: choose a faster one, or --seconds",
	                   workload->name, seconds, chosen->seconds));
}

/* The plan for real threads, if there are to be any. */
static bool make_plan(struct run *run, struct plan *plan,
                      struct trace_error *error)
{
	unsigned threads = run->options->threads;

	if (threads == 0)
		return true;
	run->plan = plan;
	return plan_make(plan, &run->workload->trace, threads, error);
}

static int run_trace(struct session *session, const struct workload *workload,
                     const char *title)
{
	struct run_options chosen = session->arguments->run;
	struct trace_error error;
	struct folder folder;
	struct plan plan = {0};
	struct run run = {
		.options = &chosen,
		.workload = workload,
		.title = title,
		.subjects = session->subjects,
		.count = session->count,
		.library_floor = session->library_floor,
	};

	chosen.latency = chosen.latency && chosen.threads == 0;
	if (chosen.pace > 0 && !can_be_paced(workload, &chosen, &error))
		return command_refuse(&error);
	if (!folder_create(&folder, session->arguments->results, workload->name,
	                   &error))
		return command_refuse(&error);
	if (session->arguments->keep &&
	    !folder_keep(&folder, &workload->trace, &error)) {
		folder_abandon(&folder);
		return command_refuse(&error);
	}
	chosen.folder = folder.temp;
	if (!make_plan(&run, &plan, &error) || !run_all(&run, &error)) {
		plan_free(&plan);
		folder_abandon(&folder);
		return command_refuse(&error);
	}
	int status = finish(session, &run, &folder);
	plan_free(&plan);
	return status;
}

/* The number-th of all workloads, counted from 0. */
static int run_workload(struct session *session, int number)
{
	const struct workload_place *place = &session->list.places[number];
	struct trace_error error;
	struct workload workload;
	char title[200];

	if (!workload_read(place, &workload, &error)) {
		/* "file:line: reason", for editors to jump to */
		fprintf(stderr, "%s\n", error.text);
		return EXIT_USAGE;
	}
	snprintf(title, sizeof title, "%s", workload.name);
	if (session->list.count > 1)
		snprintf(title, sizeof title, "%s (%d of %d)", workload.name,
		         number + 1, session->list.count);
	int status = trace_share(&workload.trace, &error)
	                     ? run_trace(session, &workload, title)
	                     : command_refuse(&error);
	workload_close(&workload);
	return status;
}

/* results/all/, and its tables. */
static int finish_across(struct session *session)
{
	struct trace_error error;
	struct folder folder;

	if (!across_write(&session->across, session->arguments->results,
	                  session->command, &folder, &error))
		return command_refuse(&error);
	if (session->folders != NULL)
		fprintf(session->folders, "%s\n", folder.path);
	across_print(&session->across, stdout);
	fflush(stdout);
	fprintf(stderr, "alloclab: the table across workloads is in %s/\n",
	        folder.path);
	return EXIT_DONE;
}

/*
 * One after the other.  An allocator that fails is a finding; input that cannot
 * be used, or an interrupt, is the end.
 */
static int run_list(struct session *session)
{
	int worst = EXIT_DONE;

	interrupt_watch();
	across_open(&session->across, session->subjects, session->count);
	for (int i = 0; i < session->list.count; i++) {
		int status = run_workload(session, i);
		if (status > worst)
			worst = status;
		if (status == EXIT_USAGE || interrupt_came())
			break;
	}
	if (session->across.count > 1) {
		int status = finish_across(session);
		worst = status > worst ? status : worst;
	}
	interrupt_unwatch();
	return worst;
}

/* What the command line names: workloads, allocators, the list of folders. */
static bool open_session(struct session *session, struct trace_error *error)
{
	const struct arguments *arguments = session->arguments;

	for (int i = 0; i < arguments->workload_count; i++)
		if (!workload_list_add(&session->list, arguments->workloads[i],
		                       arguments->directory, error))
			return false;
	if (session->list.count == 0 &&
	    !workload_list_add(&session->list, default_workload,
	                       arguments->directory, error))
		return false;
	session->count = subjects_parse(arguments->allocators,
	                                &session->subjects, error);
	if (session->count < 0)
		return false;
	session->library_floor =
		library_floor_for(session->subjects, session->count);
	if (arguments->folders == NULL)
		return true;
	session->folders = fopen(arguments->folders, "w");
	return session->folders != NULL ||
	       trace_fail(error, "%.300s: %s", arguments->folders,
	                  strerror(errno));
}

static void close_session(struct session *session)
{
	if (session->folders != NULL)
		fclose(session->folders);
	across_close(&session->across);
	free(session->subjects);
	free(session->library_floor);
	workload_list_free(&session->list);
}

int cmd_run(int argc, char **argv)
{
	struct arguments arguments = {
		.run = {.reps = 9,
	                .seconds = 60,
	                .budget_seconds = 10,
	                .memory_bytes = (size_t)4 << 30,
	                .touch = TOUCH_FIRST,
	                .latency = true,
	                .seed = 1,
	                .shows_progress = true},
		.allocators = default_allocators,
		.results = "results",
		.directory = "workloads",
	};
	struct session session = {.arguments = &arguments};
	struct trace_error error;

	option_join(argc, argv, session.command, sizeof session.command);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	int status = open_session(&session, &error) ? run_list(&session)
	                                            : command_refuse(&error);
	close_session(&session);
	return status;
}
