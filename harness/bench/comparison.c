/*
 * comparison.c - rounds over workloads and allocators.
 */
#include "comparison.h"

#include <stdlib.h>
#include <string.h>

#include "../clock/now.h"
#include "../library/floor.h"
#include "../run/interrupt.h"
#include "../run/order.h"
#include "../splitmix64.h"

enum { ROUNDS_LEAST = 3, ROUNDS_MOST = 60 };

void comparison_open(struct comparison *comparison)
{
	*comparison = (struct comparison){
		.options = {.seconds = 60,
	                    .budget_seconds = 1e9,
	                    .memory_bytes = (size_t)4 << 30,
	                    .touch = TOUCH_FIRST,
	                    .seed = 1,
	                    .shows_progress = true},
	};
}

bool comparison_add_subject(struct comparison *comparison, const char *word,
                            int *number, struct trace_error *error)
{
	return subjects_add(word, &comparison->subjects,
	                    &comparison->subject_count, number, error);
}

bool comparison_copy_subjects(struct comparison *comparison,
                              const struct comparison *other,
                              struct trace_error *error)
{
	size_t bytes = (size_t)other->subject_count * sizeof(struct subject);

	comparison->subjects = malloc(bytes);
	if (comparison->subjects == NULL)
		return trace_fail(error, "no memory for the allocators");
	memcpy(comparison->subjects, other->subjects, bytes);
	comparison->subject_count = other->subject_count;
	return true;
}

void comparison_close(struct comparison *comparison)
{
	for (int i = 0; i < comparison->count; i++) {
		workload_close(&comparison->contests[i].workload);
		free(comparison->contests[i].run.subjects);
		free(comparison->contests[i].run.library_floor);
		free(comparison->contests[i].resident);
		free(comparison->contests[i].whole);
	}
	free(comparison->contests);
	free(comparison->subjects);
	*comparison = (struct comparison){0};
}

/* ---- workloads ----------------------------------------------------------- */

/* Makes a contest's own rows of figures. */
static bool make_rows(const struct comparison *comparison,
                      struct contest *contest)
{
	size_t count = (size_t)comparison->subject_count;

	contest->run.subjects = calloc(count, sizeof(struct subject));
	contest->run.library_floor = library_floor_for(
		comparison->subjects, comparison->subject_count);
	contest->resident = calloc(count, sizeof *contest->resident);
	contest->whole = calloc(count, sizeof *contest->whole);
	if (contest->run.subjects == NULL || contest->resident == NULL ||
	    contest->whole == NULL)
		return false;
	memcpy(contest->run.subjects, comparison->subjects,
	       count * sizeof(struct subject));
	for (size_t i = 0; i < count; i++)
		contest->run.subjects[i].verdict = (struct verdict){0};
	return true;
}

/* Contests move when their array grows: the runs' pointers are set late. */
static void set_places(struct comparison *comparison)
{
	for (int i = 0; i < comparison->count; i++) {
		struct contest *contest = &comparison->contests[i];
		contest->run.options = &comparison->options;
		contest->run.workload = &contest->workload;
		contest->run.count = comparison->subject_count;
		contest->run.random = comparison->options.seed + (unsigned)i;
	}
}

/*
 * Everything on one thread, as the library sees it, which knows OS threads only:
 * beside it an allocator of the lab with a cache for each logical thread would
 * not be measured like for like.
 */
static void fold(struct trace *trace)
{
	for (uint64_t i = 0; i < trace->events; i++) {
		struct trace_op *op = &trace->ops[i];
		op->thread = 0;
		if (op->kind == TRACE_THREAD_START ||
		    op->kind == TRACE_THREAD_EXIT)
			*op = (struct trace_op){.kind = TRACE_PHASE};
	}
	trace->threads = 1;
}

bool comparison_add(struct comparison *comparison, struct workload *workload,
                    struct trace_error *error)
{
	size_t count = (size_t)comparison->count + 1;
	struct contest *grown =
		realloc(comparison->contests, count * sizeof *grown);

	if (grown == NULL)
		return trace_fail(error, "no memory for the workloads");
	comparison->contests = grown;
	struct contest *contest = &grown[comparison->count];
	*contest = (struct contest){.workload = *workload};
	comparison->count++;
	*workload = (struct workload){0};
	set_places(comparison);
	fold(&contest->workload.trace);
	return trace_share(&contest->workload.trace, error) &&
	       (make_rows(comparison, contest) ||
	        trace_fail(error, "no memory for the figures"));
}

bool comparison_add_list(struct comparison *comparison,
                         const struct workload_list *list,
                         struct trace_error *error)
{
	struct workload workload;

	for (int i = 0; i < list->count && !interrupt_came(); i++)
		if (!workload_read(&list->places[i], &workload, error) ||
		    !comparison_add(comparison, &workload, error))
			return false;
	return true;
}

/* ---- rounds -------------------------------------------------------------- */

/* A pass of one round over one workload. */
typedef bool round_of(struct run *run, struct progress *progress,
                      struct trace_error *error);

/* The round over all workloads, in an order of its own. */
static bool run_round(struct comparison *comparison, round_of *pass,
                      struct progress *progress, uint64_t *random,
                      struct trace_error *error)
{
	int *order = malloc((size_t)comparison->count * sizeof *order);
	bool good =
		order != NULL || trace_fail(error, "no memory for the order");

	for (int i = 0; good && i < comparison->count; i++) {
		int k = (int)(splitmix64(random) % (unsigned)(i + 1));
		order[i] = order[k];
		order[k] = i;
	}
	for (int i = 0; good && i < comparison->count && !interrupt_came(); i++)
		good = pass(&comparison->contests[order[i]].run, progress,
		            error);
	free(order);
	return good;
}

/* How many rounds fit, going by what `done` of them took. */
static unsigned choose_rounds(unsigned rounds, unsigned done, double seconds,
                              double spent)
{
	double fit = seconds / spent * done;

	if (rounds > 0)
		return rounds;
	return fit < ROUNDS_LEAST  ? ROUNDS_LEAST
	       : fit > ROUNDS_MOST ? ROUNDS_MOST
	                           : (unsigned)fit;
}

static bool run_time(struct comparison *comparison, struct progress *progress,
                     unsigned rounds, double seconds, uint64_t *random,
                     struct trace_error *error)
{
	double cells = comparison->count * (comparison->subject_count + 1.0);
	double start = now_s();
	unsigned wanted = rounds > 0 ? rounds : ROUNDS_LEAST;

	while (comparison->rounds < wanted) {
		progress->total =
			cells * (wanted + RESIDENT_ROUNDS); /* more slowly */
		if (!run_round(comparison, run_timed_round, progress, random,
		               error))
			return false;
		if (interrupt_came())
			break;
		comparison->rounds++;
		wanted = choose_rounds(rounds, comparison->rounds, seconds,
		                       now_s() - start);
	}
	return true;
}

static void keep_resident(struct comparison *comparison,
                          struct contest *contest)
{
	unsigned round = comparison->resident_rounds;

	for (int i = 0; i < comparison->subject_count; i++) {
		const struct residency *residency =
			&contest->run.subjects[i].residency;
		double peak = (double)residency->peak_bytes;
		contest->resident[i][round] = peak > RESIDENT_LEAST_BYTES
		                                      ? peak
		                                      : RESIDENT_LEAST_BYTES;
		contest->whole[i][round] =
			peak + (double)residency->barrier_bytes;
	}
}

static bool run_resident(struct comparison *comparison,
                         struct progress *progress, uint64_t *random,
                         struct trace_error *error)
{
	while (comparison->resident_rounds < RESIDENT_ROUNDS) {
		if (!run_round(comparison, run_resident_round, progress, random,
		               error))
			return false;
		if (interrupt_came())
			break;
		for (int i = 0; i < comparison->count; i++)
			keep_resident(comparison, &comparison->contests[i]);
		comparison->resident_rounds++;
	}
	return true;
}

bool comparison_run(struct comparison *comparison, const char *title,
                    unsigned rounds, double seconds, struct trace_error *error)
{
	uint64_t random = comparison->options.seed;
	struct progress progress;

	progress_open(&progress, title, 1, comparison->options.shows_progress);
	bool good = run_time(comparison, &progress, rounds, seconds, &random,
	                     error) &&
	            run_resident(comparison, &progress, &random, error);
	progress_close(&progress);
	comparison->interrupted = interrupt_came();
	return good;
}

/* ---- figures ------------------------------------------------------------- */

static unsigned rounds_of(const struct comparison *comparison,
                          enum measure measure)
{
	return measure == MEASURE_TIME ? comparison->rounds
	                               : comparison->resident_rounds;
}

bool comparison_has(const struct comparison *comparison, enum measure measure,
                    int contest, int subject)
{
	const struct subject *row =
		&comparison->contests[contest].run.subjects[subject];
	unsigned rounds = rounds_of(comparison, measure);

	if (row->verdict.kind != VERDICT_OK || rounds == 0)
		return false;
	return measure != MEASURE_TIME || row->reps >= rounds;
}

static double value_of(const struct comparison *comparison,
                       enum measure measure, int contest, int subject,
                       unsigned round)
{
	const struct contest *row = &comparison->contests[contest];

	switch (measure) {
	case MEASURE_TIME:
		return row->run.subjects[subject].cpu_ns_per_op[round];
	case MEASURE_RESIDENT:
		return row->resident[subject][round];
	default:
		return row->whole[subject][round];
	}
}

double comparison_median(const struct comparison *comparison,
                         enum measure measure, int contest, int subject)
{
	double values[REPS_MAX];
	unsigned rounds = rounds_of(comparison, measure);

	for (unsigned r = 0; r < rounds && r < REPS_MAX; r++)
		values[r] = value_of(comparison, measure, contest, subject, r);
	return estimate_median(values, rounds).median;
}

/* Two subjects, and the workloads that have both. */
struct duel {
	const struct comparison *comparison;
	enum measure measure;
	int a, b;
	int *contests;
};

static double ratio_in_round(void *ctx, size_t workload, size_t round)
{
	const struct duel *duel = ctx;
	int contest = duel->contests[workload];

	return value_of(duel->comparison, duel->measure, contest, duel->a,
	                (unsigned)round) /
	       value_of(duel->comparison, duel->measure, contest, duel->b,
	                (unsigned)round);
}

struct estimate comparison_ratio(const struct comparison *comparison,
                                 enum measure measure, int contest, int a,
                                 int b)
{
	struct duel duel = {comparison, measure, a, b, &contest};

	return estimate_mean_ratio(ratio_in_round, &duel, 1,
	                           rounds_of(comparison, measure));
}

struct estimate comparison_mean(const struct comparison *comparison,
                                enum measure measure, int a, int b,
                                int *workloads)
{
	int *contests = calloc((size_t)comparison->count + 1, sizeof(int));
	struct duel duel = {comparison, measure, a, b, contests};

	*workloads = 0;
	if (contests == NULL)
		return (struct estimate){0};
	for (int i = 0; i < comparison->count; i++)
		if (comparison_has(comparison, measure, i, a) &&
		    comparison_has(comparison, measure, i, b))
			contests[(*workloads)++] = i;
	struct estimate mean =
		estimate_mean_ratio(ratio_in_round, &duel, (size_t)*workloads,
	                            rounds_of(comparison, measure));
	free(contests);
	return mean;
}
