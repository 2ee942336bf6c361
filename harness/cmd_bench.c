/*
 * cmd_bench.c - `alloclab bench`: the lab's designs beside the libraries that
 * they are made after, in one run; and what the harness itself costs.
 */
#include <argp.h>
#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../allocators/registry.h"
#include "bench/costs.h"
#include "bench/growth.h"
#include "bench/recorder.h"
#include "bench/results.h"
#include "bench/scaling.h"
#include "command.h"
#include "options.h"
#include "run/interrupt.h"

enum {
	OPTION_PAIR = 256,
	OPTION_WORKLOADS,
	OPTION_ROUNDS,
	OPTION_QUICK,
	OPTION_RECORDER,
	OPTION_RESULTS,
	PAIRS_MAX = 16,
};

/* Designs of the lab, and the libraries that they are made after. */
static const char *const default_pairs[] = {
	"tcmalloc=lib:tcmalloc",
	"jemalloc=lib:jemalloc",
	"ptmalloc=system",
};

/* Libraries that only take part in the table of the best. */
static const char *const default_others[] = {"lib:mimalloc"};

/* How long the comparison takes, about. */
static const double SECONDS = 200, QUICK_SECONDS = 20;

/* Of what is not about pairs. */
enum { ROUNDS = 15, QUICK_ROUNDS = 3, RECORDER_ROUNDS = 5 };

struct arguments {
	const char *pairs[PAIRS_MAX];
	int pair_count;
	const char *allocators; /* more of them, or NULL */
	const char *workloads;
	unsigned rounds; /* 0: as many as there is time for */
	double seconds;
	bool recorder_alone;
	const char *results;
	char command[2048];
};

struct bench {
	const struct arguments *arguments;
	struct comparison comparison;
	struct pair pairs[PAIRS_MAX];
	int pair_count;
	struct demands demands;
};

/* ---- pairs --------------------------------------------------------------- */

/*
 * "tcmalloc=lib:tcmalloc", or with a blank between the two, which knobs of the
 * second one need.  The "=" that counts is the last one outside of brackets.
 */
static const char *find_split(const char *text)
{
	const char *blank = strpbrk(text, " \t"), *split = NULL;
	int depth = 0;

	if (blank != NULL)
		return blank;
	for (const char *at = text; *at != '\0'; at++) {
		depth += (*at == '[') - (*at == ']');
		if (*at == '=' && depth == 0)
			split = at;
	}
	return split;
}

/* Adds both sides; a pair that lacks one, which has been said, is left out. */
static bool add_pair(struct bench *bench, const char *text,
                     struct trace_error *error)
{
	const char *split = find_split(text);
	struct pair pair;
	char first[300];

	if (split == NULL || split == text || split[1] == '\0')
		return trace_fail(error,
		                  "--pair takes FIRST=SECOND, two allocators, "
		                  "not \"%s\"",
		                  text);
	snprintf(first, sizeof first, "%.*s", (int)(split - text), text);
	if (!comparison_add_subject(&bench->comparison, first, &pair.first,
	                            error) ||
	    !comparison_add_subject(&bench->comparison,
	                            split + 1 + strspn(split + 1, " \t"),
	                            &pair.second, error))
		return false;
	if (pair.first >= 0 && pair.second >= 0)
		bench->pairs[bench->pair_count++] = pair;
	return true;
}

static bool add_words(struct bench *bench, const char *words,
                      struct trace_error *error)
{
	char *copy = strdup(words), *rest = copy, *word;
	bool good = copy != NULL;
	int number;

	while (good && (word = strsep(&rest, " \t\n")) != NULL)
		if (word[0] != '\0')
			good = comparison_add_subject(&bench->comparison, word,
			                              &number, error);
	free(copy);
	return good;
}

static bool add_default_pairs(struct bench *bench, struct trace_error *error)
{
	for (size_t i = 0; i < sizeof default_pairs / sizeof *default_pairs;
	     i++)
		if (!add_pair(bench, default_pairs[i], error))
			return false;
	for (size_t i = 0; i < sizeof default_others / sizeof *default_others;
	     i++)
		if (!add_words(bench, default_others[i], error))
			return false;
	return true;
}

static bool add_subjects(struct bench *bench, struct trace_error *error)
{
	const struct arguments *arguments = bench->arguments;

	if (arguments->pair_count == 0 && !add_default_pairs(bench, error))
		return false;
	for (int i = 0; i < arguments->pair_count; i++)
		if (!add_pair(bench, arguments->pairs[i], error))
			return false;
	if (arguments->allocators != NULL &&
	    !add_words(bench, arguments->allocators, error))
		return false;
	return bench->comparison.subject_count > 0 ||
	       trace_fail(error, "no allocator is left to run");
}

/* ---- the run ------------------------------------------------------------- */

static bool add_workloads(struct bench *bench, struct trace_error *error)
{
	struct workload_list list = {0};
	bool good = workload_list_add(&list, bench->arguments->workloads,
	                              "workloads", error) &&
	            comparison_add_list(&bench->comparison, &list, error);

	workload_list_free(&list);
	return good;
}

/* What the command line names; false is bad usage, or bad input. */
static bool prepare(struct bench *bench, struct trace_error *error)
{
	comparison_open(&bench->comparison);
	return add_subjects(bench, error) && add_workloads(bench, error);
}

static bool compare(struct bench *bench, struct trace_error *error)
{
	struct comparison *comparison = &bench->comparison;

	if (!comparison_run(comparison, "bench", bench->arguments->rounds,
	                    bench->arguments->seconds, error))
		return false;
	if (comparison->rounds == 0)
		return trace_fail(error, "interrupted before a round was done");
	tables_print_workloads(comparison, bench->pairs, bench->pair_count,
	                       stdout);
	tables_print_best(comparison, stdout);
	tables_print_pairs(comparison, bench->pairs, bench->pair_count, stdout);
	tables_print_floors(comparison, stdout);
	tables_print_failures(comparison, stdout);
	tables_add_demands(comparison, bench->pairs, bench->pair_count,
	                   &bench->demands);
	return true;
}

/* What is not about pairs: growth by realloc, threads, the recorder. */
static bool measure_more(struct bench *bench, struct trace_error *error)
{
	bool is_quick = bench->arguments->seconds < SECONDS;
	unsigned rounds = is_quick ? QUICK_ROUNDS : ROUNDS;

	return growth_run(&bench->comparison, rounds, &bench->demands, stdout,
	                  error) &&
	       (interrupt_came() ||
	        scaling_run(&bench->comparison, rounds, &bench->demands, stdout,
	                    error)) &&
	       (interrupt_came() || is_quick ||
	        recorder_run(RECORDER_ROUNDS, &bench->demands, stdout, error));
}

static bool finish(struct bench *bench, struct trace_error *error)
{
	char path[4096];

	demands_print(&bench->demands, stdout);
	fflush(stdout);
	if (!results_write(&bench->comparison, bench->pairs, bench->pair_count,
	                   &bench->demands, bench->arguments->results,
	                   bench->arguments->command, path, sizeof path, error))
		return false;
	command_say_results(path, interrupt_came());
	return true;
}

/* After an interrupt what is finished is written, and the status is 1. */
static bool run(struct bench *bench, struct trace_error *error)
{
	bool is_all = bench->arguments->pair_count == 0;
	bool is_quick = bench->arguments->seconds < SECONDS;

	if (!compare(bench, error))
		return false;
	if (is_all && !interrupt_came() && !measure_more(bench, error))
		return false;
	if (!finish(bench, error))
		return false;
	if (is_all && !is_quick && !interrupt_came() && !costs_print(error))
		return false;
	return !interrupt_came() || trace_fail(error, "interrupted");
}

/* --recorder: nothing is compared, nothing written. */
static int run_recorder(const struct arguments *arguments,
                        struct trace_error *error)
{
	unsigned rounds =
		arguments->rounds > 0 ? arguments->rounds : RECORDER_ROUNDS;
	struct demands demands = {.count = 0};

	if (!recorder_run(rounds, &demands, stdout, error))
		return EXIT_FAILED;
	demands_print(&demands, stdout);
	return interrupt_came() ? EXIT_FAILED : EXIT_DONE;
}

/* ---- the command line ---------------------------------------------------- */

static const struct argp_option options[] = {
	{"pair", OPTION_PAIR, "FIRST=SECOND", 0,
         "Compares these two and nothing else; may be repeated", 0},
	{"allocators", 'a', "LIST", 0,
         "More allocators in the table of the best", 0},
	{"workloads", OPTION_WORKLOADS, "LIST", 0,
         "Workloads, separated by blanks (default all)", 0},
	{"rounds", OPTION_ROUNDS, "N", 0,
         "Rounds over all workloads (default: what fits in 200 s)", 0},
	{"recorder", OPTION_RECORDER, NULL, 0,
         "Only what recording costs a program", 0},
	{"quick", OPTION_QUICK, NULL, 0,
         "What fits in 20 s, without what the harness costs", 0},
	{"results", OPTION_RESULTS, "DIR", 0,
         "Where results go (default results)", 0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case OPTION_PAIR:
		if (arguments->pair_count == PAIRS_MAX)
			argp_error(state, "more than %d pairs", PAIRS_MAX);
		arguments->pairs[arguments->pair_count++] = value;
		break;
	case 'a':
		option_text(state, "--allocators", value);
		arguments->allocators = value;
		break;
	case OPTION_WORKLOADS:
		option_text(state, "--workloads", value);
		arguments->workloads = value;
		break;
	case OPTION_ROUNDS:
		arguments->rounds =
			option_count(state, "--rounds", value, 1, REPS_MAX);
		break;
	case OPTION_RECORDER:
		arguments->recorder_alone = true;
		break;
	case OPTION_QUICK:
		arguments->seconds = QUICK_SECONDS;
		break;
	case OPTION_RESULTS:
		arguments->results = value;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.doc = "Replays every workload on the lab's designs and on the "
	       "libraries that they are made after, interleaved, and prints "
	       "the ratios with their intervals; then what the harness itself "
	       "costs, each figure beside its limit.",
};

int cmd_bench(int argc, char **argv)
{
	struct arguments arguments = {
		.workloads = WORKLOAD_ALL,
		.seconds = SECONDS,
		.results = "results",
	};
	struct bench bench = {.arguments = &arguments};
	struct trace_error error = {""};

	option_join(argc, argv, arguments.command, sizeof arguments.command);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	interrupt_watch();
	int status = arguments.recorder_alone ? run_recorder(&arguments, &error)
	             : !prepare(&bench, &error) ? EXIT_USAGE
	             : run(&bench, &error)      ? EXIT_DONE
	                                        : EXIT_FAILED;
	if (status != EXIT_DONE && error.text[0] != '\0')
		fprintf(stderr, "alloclab: %s\n", error.text);
	comparison_close(&bench.comparison);
	interrupt_unwatch();
	return status;
}
