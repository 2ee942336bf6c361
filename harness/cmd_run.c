/*
 * cmd_run.c - `alloclab run`: workloads against allocators, the lab's main job.
 */
#include <argp.h>
#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "report/folder.h"
#include "report/report.h"
#include "run/run.h"
#include "workload.h"

static const char default_allocators[] =
	"first-fit next-fit best-fit worst-fit buddy slab system";
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
         "default), pages, lines, all",
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
	bool keep, interrupted;
	char **workloads; /* ends with NULL; words that were joined are split */
	int workload_count;
};

/* A number with an optional K, M or G; 0 with an error otherwise. */
static double parse_amount(struct argp_state *state, const char *text,
                           const char *what)
{
	char *end;
	double n = strtod(text, &end);

	if (*end == 'K' || *end == 'k')
		n *= 1 << 10, end++;
	else if (*end == 'M' || *end == 'm')
		n *= 1 << 20, end++;
	else if (*end == 'G' || *end == 'g')
		n *= 1 << 30, end++;
	if (end == text || *end != '\0' || !(n > 0) || n > 1e15)
		argp_error(state, "%s cannot be \"%s\"", what, text);
	return n;
}

static enum touch parse_touch(struct argp_state *state, const char *text)
{
	for (int i = 0; i < TOUCH_KINDS; i++)
		if (strcmp(touch_names[i], text) == 0)
			return (enum touch)i;
	argp_error(state,
	           "--touch takes none, first, pages, lines or all, not \"%s\"",
	           text);
	return TOUCH_FIRST;
}

static unsigned parse_reps(struct argp_state *state, const char *text)
{
	double n = parse_amount(state, text, "--reps");

	if (n > REPS_MAX || n != (double)(unsigned)n)
		argp_error(state, "--reps takes 1..%d, not \"%s\"", REPS_MAX,
		           text);
	return (unsigned)n;
}

static bool add_workload(struct arguments *arguments, const char *text)
{
	size_t count = (size_t)arguments->workload_count;
	char **grown =
		realloc(arguments->workloads, (count + 2) * sizeof *grown);

	if (grown == NULL)
		return false;
	arguments->workloads = grown;
	grown[count] = strdup(text);
	grown[count + 1] = NULL;
	arguments->workload_count++;
	return grown[count] != NULL;
}

/*
 * One argument may name several workloads, as in WORKLOAD="sqlite perl", or all
 * of them; text with a "=" is an inline trace, and a file may have blanks.
 */
static bool add_workloads(struct arguments *arguments, const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	bool good = copy != NULL;

	if (strchr(text, '=') != NULL || access(text, F_OK) == 0) {
		free(copy);
		return add_workload(arguments, text);
	}
	while (good && (word = strsep(&rest, " \t\n")) != NULL) {
		if (strcmp(word, "all") != 0) {
			good = word[0] == '\0' || add_workload(arguments, word);
			continue;
		}
		char **names = workload_names(arguments->directory);
		for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
			good = good && add_workload(arguments, names[i]);
			free(names[i]);
		}
		free(names);
	}
	free(copy);
	return good;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct run_options *run = &arguments->run;

	switch (key) {
	case 'a':
		arguments->allocators = value;
		break;
	case OPTION_REPS:
		run->reps = parse_reps(state, value);
		break;
	case OPTION_QUICK:
		run->reps = 0;
		break;
	case OPTION_NO_LATENCY:
		run->latency = false;
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
	case OPTION_SECONDS:
		run->seconds = parse_amount(state, value, "--seconds");
		break;
	case OPTION_MEMORY:
		run->memory_bytes =
			(size_t)parse_amount(state, value, "--memory");
		break;
	case OPTION_TOUCH:
		run->touch = parse_touch(state, value);
		break;
	case OPTION_PARANOID:
		run->paranoid = true;
		break;
	case OPTION_SEED:
		run->seed = strtoull(value, NULL, 10);
		break;
	case OPTION_FOLDERS:
		arguments->folders = value;
		break;
	case ARGP_KEY_ARG:
		if (!add_workloads(arguments, value))
			argp_failure(state, EXIT_USAGE, 0, "no memory");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
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

/* The command line as one string, for run.json. */
static void join_command(int argc, char **argv, char *text, size_t capacity)
{
	text[0] = '\0';
	for (int i = 0; i < argc; i++) {
		bool quoted = strpbrk(argv[i], " \t*'\"") != NULL;
		strlcat(text, i > 0 ? " " : "", capacity);
		strlcat(text, quoted ? "'" : "", capacity);
		strlcat(text, argv[i], capacity);
		strlcat(text, quoted ? "'" : "", capacity);
	}
}

static int complain(const struct trace_error *error)
{
	fprintf(stderr, "alloclab: %s\n", error->text);
	return EXIT_USAGE;
}

/* Writes the results and prints them. */
static bool finish(struct run *run, const struct folder *folder,
                   const struct arguments *arguments, const char *command,
                   struct trace_error *error)
{
	if (!folder_fill(folder, run, command, arguments->keep, error) ||
	    !folder_commit(folder, error))
		return false;
	if (arguments->folders_out != NULL)
		fprintf(arguments->folders_out, "%s\n", folder->path);
	report_table(run, stdout);
	report_sentences(run, stdout);
	fprintf(stderr, "alloclab: results are in %s/\n", folder->path);
	return true;
}

/* Running out of memory is no fault: bump's heap ends that way. */
static bool all_behaved(const struct run *run)
{
	for (int i = 0; i < run->count; i++) {
		enum verdict_kind kind = run->subjects[i].verdict.kind;
		if (kind != VERDICT_OK && kind != VERDICT_OUT_OF_MEMORY)
			return false;
	}
	return true;
}

static int run_workload(const char *text, struct arguments *arguments,
                        struct subject *subjects, int count,
                        const char *command)
{
	struct trace_error error;
	struct workload workload;
	struct folder folder;

	if (!workload_open(text, arguments->directory, &workload, &error))
		return complain(&error);
	struct run run = {
		.options = &arguments->run,
		.workload = &workload,
		.subjects = subjects,
		.count = count,
	};
	bool good = folder_create(&folder, arguments->results, workload.name,
	                          &error);
	if (good) {
		arguments->run.folder = folder.temp;
		good = run_all(&run, &error) &&
		       finish(&run, &folder, arguments, command, &error);
		if (!good)
			folder_abandon(&folder);
	}
	workload_close(&workload);
	if (!good)
		return complain(&error);
	arguments->interrupted = run.interrupted;
	return run.interrupted || !all_behaved(&run) ? EXIT_FAILED : EXIT_DONE;
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
	struct subject *subjects;
	struct trace_error error;
	char command[2048];
	int status = EXIT_DONE;

	join_command(argc, argv, command, sizeof command);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.workload_count == 0)
		add_workload(&arguments, default_workload);
	if (arguments.folders != NULL &&
	    (arguments.folders_out = fopen(arguments.folders, "w")) == NULL) {
		fprintf(stderr, "alloclab: %s: %s\n", arguments.folders,
		        strerror(errno));
		return EXIT_USAGE;
	}
	int count = subjects_parse(arguments.allocators, &subjects, &error);
	if (count < 0)
		return complain(&error);
	for (int i = 0; i < arguments.workload_count && status != EXIT_USAGE &&
	                !arguments.interrupted;
	     i++) {
		int ended = run_workload(arguments.workloads[i], &arguments,
		                         subjects, count, command);
		status = ended > status ? ended : status;
	}
	free(subjects);
	if (arguments.folders_out != NULL)
		fclose(arguments.folders_out);
	for (int i = 0; i < arguments.workload_count; i++)
		free(arguments.workloads[i]);
	free(arguments.workloads);
	return status;
}
