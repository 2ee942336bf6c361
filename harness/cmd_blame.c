/*
 * cmd_blame.c - `alloclab blame`: whose blocks hold the pages of the heap?
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blame/blame_report.h"
#include "clock/pace.h"
#include "command.h"
#include "options.h"
#include "trace/symbolise.h"
#include "workload.h"

enum {
	OPTION_AT = 256,
	OPTION_DEPTH,
	OPTION_SKIP,
	OPTION_PAGE,
	OPTION_LONG,
	OPTION_PACE,
	OPTION_TOP,
	OPTION_RESULTS,
	OPTION_SECONDS,
	OPTION_MEMORY,
	OPTION_WORKLOADS,
};

static const struct argp_option options[] = {
	{"allocator", 'a', "NAME", 0,
         "The allocator, with knobs (default jemalloc); a second one to compare",
         0},
	{"at", OPTION_AT, "N", 0,
         "After event N (default: where the heap is largest)", 0},
	{"depth", OPTION_DEPTH, "N", 0,
         "Tell callers apart by N frames of their stacks (default 1; 0: all)",
         0},
	{"skip", OPTION_SKIP, "NAMES", 0,
         "Functions that are passed over, as xmalloc is: wrappers of malloc, "
         "with commas between",
         0},
	{"page", OPTION_PAGE, "BYTES", 0,
         "Of a page, a power of two, 4K to 1G (default 4K)", 0},
	{"long", OPTION_LONG, "PERCENT", 0,
         "A block is long-lived that has seen so many of the events "
         "(default 50)",
         0},
	{"pace", OPTION_PACE, "recorded", 0,
         "The allocator's clock is the recorded time, for those that give "
         "memory back after a while (default: a tick for each event)",
         0},
	{"top", OPTION_TOP, "N", 0, "Rows of a table (default 15)", 0},
	{"results", OPTION_RESULTS, "DIR", 0,
         "Results go to DIR/WORKLOAD-blame (default results)", 0},
	{"seconds", OPTION_SECONDS, "S", 0,
         "Time limit of each replay (default 600)", 0},
	{"memory", OPTION_MEMORY, "BYTES", 0,
         "Limit of the heap, with K, M or G (default 4G)", 0},
	{"workloads", OPTION_WORKLOADS, "DIR", 0,
         "Where names are looked up (default workloads)", 0},
	{0},
};

struct arguments {
	struct blame_options blame;
	const char *allocators[BLAMES_MAX];
	int allocator_count;
	unsigned depth, top;
	const char *wrappers;
	const char *workload, *results, *directory;
};

/* "4096", "4K", "2M", "1G" */
static uint64_t page_option(struct argp_state *state, const char *value)
{
	static const char units[] = "KMG";
	char *end;
	uint64_t bytes = strtoull(value, &end, 10);
	const char *unit = *end == '\0' ? NULL : strchr(units, *end);

	if (unit != NULL && bytes < 1 << 20) {
		bytes <<= 10 * (unit - units + 1);
		end++;
	}
	if (*end != '\0' || (bytes & (bytes - 1)) != 0 || bytes < 4096 ||
	    bytes > 1 << 30)
		argp_error(state,
		           "--page takes a power of two from 4K to 1G, not "
		           "\"%s\"",
		           value);
	return bytes;
}

static void add_allocator(struct argp_state *state, const char *value)
{
	struct arguments *arguments = state->input;

	option_text(state, "--allocator", value);
	if (strpbrk(value, " \t\n") != NULL)
		argp_error(state, "one allocator for each -a, not \"%s\"",
		           value);
	if (arguments->allocator_count == BLAMES_MAX)
		argp_error(state, "two allocators at most");
	arguments->allocators[arguments->allocator_count++] = value;
}

static error_t parse_number(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case OPTION_AT:
		arguments->blame.event =
			option_whole(state, "--at", value, 1, INT64_MAX);
		break;
	case OPTION_DEPTH:
		arguments->depth =
			option_count(state, "--depth", value, 0, 1000);
		break;
	case OPTION_PAGE:
		arguments->blame.page_bytes = page_option(state, value);
		break;
	case OPTION_LONG:
		arguments->blame.long_percent =
			option_count(state, "--long", value, 0, 100);
		break;
	case OPTION_TOP:
		arguments->top =
			option_count(state, "--top", value, 1, 1000000);
		break;
	case OPTION_SECONDS:
		arguments->blame.seconds =
			option_seconds(state, "--seconds", value);
		break;
	case OPTION_MEMORY:
		arguments->blame.memory_bytes =
			option_memory(state, "--memory", value);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a':
		add_allocator(state, value);
		break;
	case OPTION_PACE:
		if (strcmp(value, "recorded") != 0)
			argp_error(state, "--pace takes recorded, not \"%s\"",
			           value);
		arguments->blame.is_paced = true;
		break;
	case OPTION_SKIP:
		arguments->wrappers = value;
		break;
	case OPTION_RESULTS:
		arguments->results = value;
		break;
	case OPTION_WORKLOADS:
		arguments->directory = value;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state, "one trace at a time");
		arguments->workload = value;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which trace?");
		break;
	default:
		return parse_number(key, value, state);
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "TRACE [-a ALLOCATOR [-a OTHER]]",
	.doc = "Replays a trace and says which callers' blocks hold the pages of "
	       "the heap where it is largest: their bytes, and the holes that "
	       "cannot be given back because of them.  Writes "
	       "results/TRACE-blame/.\vA trace with call sites comes from "
	       "`alloclab import` of heaptrack's raw data, or from a recording "
	       "with them; of others blocks are told apart by size and thread. "
	       "docs/blame.md is a lesson.",
};

/* Runs each; false if one failed, which is said. */
static bool replay_all(struct blames *blames)
{
	bool good = true;

	for (int i = 0; i < blames->count; i++) {
		const struct subject *subject = &blames->subjects[i];
		struct blame *blame = &blames->of[i];
		if (!blame_run(subject, blames->trace, blames->groups,
		               blames->options, blame)) {
			fprintf(stderr,
			        "alloclab: cannot start a process: %s\n",
			        strerror(errno));
			return false;
		}
		command_say_verdict(subject->label, &blame->verdict);
		good = good && blame->verdict.kind == VERDICT_OK;
	}
	return good;
}

static int report(const struct blames *blames, const char *results,
                  const char *command)
{
	struct trace_error error;
	struct folder folder;

	if (!blame_write(blames, results, command, &folder, &error))
		return command_refuse(&error);
	blame_print(blames, stdout);
	command_say_results(folder.path, false);
	return EXIT_DONE;
}

static int blame(const struct arguments *arguments, const char *command,
                 const struct subject *subjects,
                 const struct workload *workload)
{
	struct groups groups;
	struct blames blames = {
		.workload = workload->name,
		.trace = &workload->trace,
		.groups = &groups,
		.options = &arguments->blame,
		.subjects = subjects,
		.count = arguments->allocator_count,
		.top = arguments->top,
	};
	int status = EXIT_FAILED;

	if (!groups_open(&groups, &workload->trace, arguments->depth,
	                 arguments->wrappers))
		fprintf(stderr, "alloclab: no memory for the call sites\n");
	else if (replay_all(&blames))
		status = report(&blames, arguments->results, command);
	for (int i = 0; i < blames.count; i++)
		blame_close(&blames.of[i]);
	groups_close(&groups);
	return status;
}

static bool parse_subjects(const struct arguments *arguments,
                           struct subject *subjects, struct trace_error *error)
{
	for (int i = 0; i < arguments->allocator_count; i++) {
		if (!subject_parse(arguments->allocators[i], &subjects[i],
		                   error))
			return false;
		if (!census_is_possible(subjects[i].allocator))
			return trace_fail(error,
			                  "%s does not show its heap: nobody "
			                  "can be blamed",
			                  subjects[i].label);
	}
	return true;
}

static bool check_trace(const struct arguments *arguments,
                        const struct trace *trace, struct trace_error *error)
{
	if (arguments->blame.is_paced &&
	    !pace_is_known(trace, arguments->workload, error))
		return false;
	return arguments->blame.event <= trace->events ||
	       trace_fail(error, "there is no event %lu: the trace has %lu",
	                  arguments->blame.event, trace->events);
}

int cmd_blame(int argc, char **argv)
{
	struct arguments arguments = {
		.blame = {.page_bytes = 4096,
	                  .long_percent = 50,
	                  .seconds = 600,
	                  .memory_bytes = (size_t)4 << 30},
		.depth = 1,
		.top = 15,
		.results = "results",
		.directory = "workloads",
	};
	struct subject *subjects = calloc(BLAMES_MAX, sizeof *subjects);
	char command[2048];
	struct workload workload = {0};
	struct trace_error error;
	int status;

	option_join(argc, argv, command, sizeof command);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.allocator_count == 0)
		arguments.allocators[arguments.allocator_count++] = "jemalloc";
	if ((subjects == NULL && !trace_fail(&error, "no memory")) ||
	    !parse_subjects(&arguments, subjects, &error) ||
	    !workload_open(arguments.workload, arguments.directory, &workload,
	                   &error) ||
	    !check_trace(&arguments, &workload.trace, &error)) {
		status = command_refuse(&error);
	} else {
		struct trace_sites *sites = workload.trace.sites;
		if (sites != NULL && sites_are_bare(sites))
			sites_symbolise(sites);
		status = blame(&arguments, command, subjects, &workload);
	}
	workload_close(&workload);
	free(subjects);
	return status;
}
