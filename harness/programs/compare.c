/*
 * compare.c - rounds over programs and mallocs, and what became of each.
 */
#include "compare.h"

#include <bsd/string.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clock/now.h"
#include "../run/interrupt.h"
#include "../run/progress.h"
#include "../splitmix64.h"
#include "counting.h"
#include "helper.h"
#include "judge.h"
#include "patience.h"

struct cell_row *compare_row(const struct compare *compare, int program,
                             int contender)
{
	return &compare->rows[program * compare->contenders.count + contender];
}

/* ---- one run ------------------------------------------------------------- */

static bool prepare(const struct program *program, struct cell_row *row)
{
	int status = 0;

	if (program->before == NULL)
		return true;
	pid_t helper = helper_start(program->before, program->directory,
	                            STDERR_FILENO, STDERR_FILENO);
	if (helper > 0 && waitpid(helper, &status, 0) == helper && status == 0)
		return true;
	judge_failed(row, OUTCOME_FAILED, "what comes before it failed");
	return false;
}

static bool run_once(const struct compare *compare, int p, int c,
                     char **environment, struct trial *trial,
                     struct trace_error *error)
{
	const struct program *program = &compare->programs[p];
	struct cell_row *row = compare_row(compare, p, c);
	double started_s = now_s();
	const struct trial_plan plan = {
		.argv = program->argv,
		.environment = environment,
		.directory = program->directory,
		.input = program->input,
		.after = program->after,
		.seconds = patience_limit_s(compare, p, c),
		.service = program->service,
	};

	bool good = trial_run(&plan, trial, error);
	double took_s = now_s() - started_s;
	if (took_s > row->longest_s)
		row->longest_s = took_s;
	if (row->shortest_s == 0 || took_s < row->shortest_s)
		row->shortest_s = took_s;
	return good;
}

/* Round 0: counted. */
static bool run_counted(const struct compare *compare, int p, int c,
                        struct trace_error *error)
{
	struct program *program = &compare->programs[p];
	struct contender *contender = &compare->contenders.of[c];
	int first = contenders_find(&compare->contenders, "system");
	struct cell_row *row = compare_row(compare, p, c);
	struct counting counting;
	struct trial trial;

	if (!prepare(program, row))
		return true;
	if (!counting_open(&counting, error))
		return false;
	char **environment = counting_environment(&counting, contender, error);
	bool good = environment != NULL &&
	            run_once(compare, p, c, environment, &trial, error);
	if (good && c == first)
		judge_first(row, &trial, program, compare->seconds);
	else if (good)
		judge(row, &trial, compare_row(compare, p, first), program,
		      patience_limit_s(compare, p, c));
	if (good) {
		row->output_hash = trial.output_hash;
		row->output_bytes = trial.output_bytes;
		judge_calls(row, program, &counting, contender);
	}
	free(environment);
	counting_close(&counting);
	return good;
}

static void keep_figures(struct cell_row *row, const struct trial *trial,
                         unsigned position)
{
	const double figures[FIGURES] = {
		[FIGURE_WALL_NS] = (double)trial->wall_ns,
		[FIGURE_CPU_NS] = (double)(trial->user_ns + trial->system_ns),
		[FIGURE_PEAK_BYTES] = (double)trial->peak_bytes,
		[FIGURE_TREE_PEAK_BYTES] = (double)trial->tree_peak_bytes,
		[FIGURE_MEAN_BYTES] = (double)trial->tree_mean_bytes,
		[FIGURE_DRAINED_BYTES] = (double)trial->drained_bytes,
		[FIGURE_FAULTS] = (double)trial->page_faults,
	};

	for (int f = 0; f < FIGURES; f++)
		row->figures[f][row->rounds] = figures[f];
	row->position[row->rounds++] = position;
}

static bool run_timed(const struct compare *compare, int p, int c,
                      unsigned position, struct trace_error *error)
{
	const struct program *program = &compare->programs[p];
	int first = contenders_find(&compare->contenders, "system");
	struct cell_row *row = compare_row(compare, p, c);
	enum outcome before = row->outcome;
	struct trial trial;

	if (!prepare(program, row))
		return true;
	char **environment =
		library_environment(&compare->contenders.of[c].library);
	if (environment == NULL)
		return trace_fail(error, "no memory for the environment");
	bool good = run_once(compare, p, c, environment, &trial, error);
	free(environment);
	if (!good)
		return false;
	judge(row, &trial, compare_row(compare, p, first), program,
	      patience_limit_s(compare, p, c));
	if (row->outcome == OUTCOME_NOT_RUN)
		row->outcome = before; /* what it has stays */
	else if (row->outcome == OUTCOME_OK) {
		row->outcome = before;
		keep_figures(row, &trial, position);
	}
	return true;
}

/* ---- rounds -------------------------------------------------------------- */

/* Numbers 0..count-1, shuffled. */
static void shuffle(int *order, int count, uint64_t *random)
{
	for (int i = 0; i < count; i++) {
		int k = (int)(splitmix64(random) % (unsigned)(i + 1));
		order[i] = order[k];
		order[k] = i;
	}
}

static void draw(struct progress *progress, const struct compare *compare,
                 int p, int c)
{
	char what[400];

	snprintf(what, sizeof what, "%s under %s", compare->programs[p].name,
	         compare->contenders.of[c].label);
	progress->drawn_s = 0;
	progress_draw(progress, 0, what);
}

/* The program as it is, once more: does it say the same? */
static bool run_again(struct compare *compare, int p, int first,
                      struct trace_error *error)
{
	struct program *program = &compare->programs[p];
	struct cell_row *row = compare_row(compare, p, first);
	struct trial trial;

	if (!compare_is_alive(row) || !prepare(program, row))
		return true;
	char **environment =
		library_environment(&compare->contenders.of[first].library);
	bool good =
		environment != NULL
			? run_once(compare, p, first, environment, &trial,
	                           error)
			: trace_fail(error, "no memory for the environment");
	if (good)
		program->varies = trial.end == TRIAL_EXITED &&
		                  trial.output_hash != row->output_hash;
	free(environment);
	return good;
}

/* Every program without any library, first: what the others should say. */
static bool run_first(struct compare *compare, struct progress *progress,
                      struct trace_error *error)
{
	int first = contenders_find(&compare->contenders, "system");

	for (int p = 0; p < compare->program_count && !interrupt_came(); p++) {
		draw(progress, compare, p, first);
		if (!run_counted(compare, p, first, error) ||
		    !run_again(compare, p, first, error))
			return false;
		progress->done++;
	}
	return true;
}

static bool run_cell(struct compare *compare, unsigned round, int p, int c,
                     unsigned position, struct trace_error *error)
{
	int first = contenders_find(&compare->contenders, "system");

	if (round > 0)
		return run_timed(compare, p, c, position, error);
	/* What the program does not do by itself, a library need not. */
	if (compare_is_alive(compare_row(compare, p, first)))
		return run_counted(compare, p, c, error);
	judge_failed(compare_row(compare, p, c), OUTCOME_NOT_RUN,
	             "the program does not run without a library");
	return true;
}

static bool run_round(struct compare *compare, unsigned round, int *order,
                      uint64_t *random, struct progress *progress,
                      struct trace_error *error)
{
	int contenders = compare->contenders.count;
	int cells = compare->program_count * contenders;
	int first = contenders_find(&compare->contenders, "system");

	shuffle(order, cells, random);
	for (int i = 0; i < cells && !interrupt_came(); i++) {
		int p = order[i] / contenders, c = order[i] % contenders;
		struct cell_row *row = &compare->rows[order[i]];
		if (round > 0 ? !patience_is_timed(compare, p, c) : c == first)
			continue;
		draw(progress, compare, p, c);
		if (!run_cell(compare, round, p, c, (unsigned)i + 1, error))
			return false;
		if (row->outcome == OUTCOME_TIMEOUT)
			patience_say_timeout(compare, p, c, progress);
		progress->done += round > 0 ? row->longest_s : 1;
	}
	return true;
}

/*
 * An interrupted round counts for nobody: ratios are made of rounds that both
 * sides have.
 */
static void drop_round(struct compare *compare)
{
	int cells = compare->program_count * compare->contenders.count;

	for (int i = 0; i < cells; i++)
		if (compare->rows[i].rounds > compare->rounds)
			compare->rows[i].rounds = compare->rounds;
}

static bool run_counted_round(struct compare *compare, int *order,
                              uint64_t *random, struct trace_error *error)
{
	struct progress progress;

	progress_open(&progress, "counting",
	              compare->program_count * compare->contenders.count,
	              compare->shows_progress);
	bool good = run_first(compare, &progress, error);
	patience_say_limit(compare, &progress);
	good = good && run_round(compare, 0, order, random, &progress, error);
	progress_close(&progress);
	return good;
}

static bool run_timed_rounds(struct compare *compare, int *order,
                             uint64_t *random, struct trace_error *error)
{
	double seconds = patience_round_s(compare) * compare->rounds_wanted;
	struct progress progress;
	bool good = true;

	patience_say_expected(compare, seconds);
	progress_open(&progress, "timing", seconds, compare->shows_progress);
	for (unsigned round = 1;
	     good && round <= compare->rounds_wanted && !interrupt_came();
	     round++) {
		good = run_round(compare, round, order, random, &progress,
		                 error);
		if (good && !interrupt_came())
			compare->rounds++;
	}
	progress_close(&progress);
	drop_round(compare);
	return good;
}

bool compare_run(struct compare *compare, struct trace_error *error)
{
	size_t cells =
		(size_t)(compare->program_count * compare->contenders.count);
	int *order = calloc(cells, sizeof *order);
	uint64_t random = compare->seed;

	compare->rows = calloc(cells, sizeof *compare->rows);
	if (compare->rows == NULL || order == NULL) {
		free(order);
		return trace_fail(error, "no memory for the rows");
	}
	for (size_t i = 0; i < cells; i++)
		compare->rows[i].outcome = OUTCOME_NOT_RUN;
	bool good = run_counted_round(compare, order, &random, error) &&
	            (interrupt_came() ||
	             run_timed_rounds(compare, order, &random, error));
	compare->interrupted = interrupt_came();
	free(order);
	return good;
}

void compare_free(struct compare *compare)
{
	free(compare->rows);
	contenders_free(&compare->contenders);
}
