/*
 * scale.c - rounds of children, and what their times say.
 */
#include "scale.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../run/interrupt.h"
#include "../run/progress.h"
#include "../splitmix64.h"
#include "point.h"

enum { STACK_OFFSETS = 256 }; /* times 16 bytes: up to a page */

const char *const scale_work_names[SCALE_WORKS] = {
	[SCALE_PRIVATE] = "private",
	[SCALE_CROSSING] = "crossing",
	[SCALE_SHARING] = "sharing",
};

/* ---- defaults ------------------------------------------------------------ */

unsigned scale_default_threads(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores > THREADS_MAX)
		return THREADS_MAX;
	return cores < 2 ? 2 : (unsigned)cores;
}

uint64_t scale_default_steps(unsigned threads)
{
	enum { MOST = 1000 * 1000, MOST_OF_ALL = 16 * MOST };

	uint64_t share = MOST_OF_ALL / threads;

	return share < MOST ? share : MOST;
}

/* ---- before the first round --------------------------------------------- */

/* 1, 2, 4, 8 ... and the most. */
static void choose_counts(struct scale *scale)
{
	unsigned most = scale->options->threads_max;

	for (unsigned n = 1; n < most; n *= 2)
		scale->counts[scale->count_count++] = n;
	scale->counts[scale->count_count++] = most;
}

static bool make_trace(struct scale *scale, enum scale_work work,
                       unsigned count, struct trace_error *error)
{
	const struct scale_options *options = scale->options;
	const struct threads_work wanted = {
		.threads = scale->counts[count],
		.steps = options->steps,
		.live = options->live,
		.max_bytes = options->max_bytes,
		.seed = options->seed,
	};
	struct trace *trace = &scale->traces[work][count];
	/* A thread alone has no neighbour. */
	bool crosses = work == SCALE_CROSSING && wanted.threads > 1;

	return (crosses ? threads_crossing_work
	                : threads_private_work)(&wanted, trace, error) &&
	       trace_share(trace, error);
}

static bool make_traces(struct scale *scale, struct trace_error *error)
{
	for (unsigned count = 0; count < scale->count_count; count++)
		if (!make_trace(scale, SCALE_PRIVATE, count, error) ||
		    !make_trace(scale, SCALE_CROSSING, count, error))
			return false;
	return true;
}

/* Sharing has none: that of private work stands for it. */
const struct trace *scale_trace_of(const struct scale *scale,
                                   const struct point *point)
{
	enum scale_work work =
		point->work == SCALE_SHARING ? SCALE_PRIVATE : point->work;

	return &scale->traces[work][point->count];
}

static bool make_rows(struct scale *scale, struct subject *subjects, int count,
                      struct trace_error *error)
{
	scale->rows = calloc((size_t)count + 1, sizeof *scale->rows);
	if (scale->rows == NULL)
		return trace_fail(error, "no memory for the rows");
	scale->row_count = count + 1;
	for (int i = 0; i <= count; i++) {
		struct scale_row *row = &scale->rows[i];
		row->subject = i == 0 ? NULL : &subjects[i - 1];
		row->series = calloc(SCALE_WORKS * scale->count_count,
		                     sizeof *row->series);
		if (row->series == NULL)
			return trace_fail(error, "no memory for the rows");
	}
	return true;
}

/* ---- one point ---------------------------------------------------------- */

/* Runs a child to its end; NOT_RUN if an interrupt came first. */
static bool run_child(struct scale *scale, const struct point *point,
                      bool locates, struct threads_figures *figures,
                      struct verdict *verdict, struct trace_error *error)
{
	const struct timespec pause = {.tv_nsec = 300 * 1000};
	const struct cell_limits limits = {
		.seconds = scale->options->seconds,
		.stack_offset = splitmix64(&scale->random) % STACK_OFFSETS *
	                        MALLOC_ALIGN_BYTES,
	};
	struct cell cell;

	*verdict = (struct verdict){.kind = VERDICT_NOT_RUN};
	if (!point_start(&cell, scale, point, locates, &limits))
		return trace_fail(error, "no process can be started: %s",
		                  strerror(errno));
	while (!interrupt_came() &&
	       !cell_has_ended(&cell, scale_trace_of(scale, point), verdict))
		nanosleep(&pause, NULL);
	memcpy(figures, cell.result, sizeof *figures);
	cell_close(&cell);
	return true;
}

/* A timed child died: once more, step by step, to learn where. */
static bool locate_death(struct scale *scale, const struct point *point,
                         struct trace_error *error)
{
	struct threads_figures figures;
	struct verdict verdict;

	if (point->work == SCALE_SHARING)
		return true;
	if (!run_child(scale, point, true, &figures, &verdict, error))
		return false;
	if (verdict.kind != VERDICT_OK && verdict.kind != VERDICT_NOT_RUN)
		scale->rows[point->row].verdict = verdict;
	return true;
}

static bool run_point(struct scale *scale, const struct point *point,
                      struct trace_error *error)
{
	struct scale_series *series =
		scale_series_of(scale, point->row, point->work, point->count);
	struct verdict verdict;

	if (!run_child(scale, point, false, &series->last, &verdict, error))
		return false;
	if (verdict.kind == VERDICT_OK)
		series->wall_ns[scale->rounds] = (double)series->last.wall_ns;
	if (verdict.kind == VERDICT_OK || verdict.kind == VERDICT_NOT_RUN)
		return true;
	scale->rows[point->row].verdict = verdict;
	return locate_death(scale, point, error);
}

/* ---- the rounds --------------------------------------------------------- */

static void shuffle(struct point *points, size_t count, uint64_t *random)
{
	for (size_t i = count - 1; i > 0; i--) {
		size_t k = splitmix64(random) % (i + 1);
		struct point swap = points[i];
		points[i] = points[k];
		points[k] = swap;
	}
}

static size_t list_points(const struct scale *scale, struct point *points)
{
	size_t n = 0;

	for (int row = 0; row < scale->row_count; row++)
		for (enum scale_work work = 0; work < SCALE_WORKS; work++)
			for (unsigned i = 0; i < scale->count_count; i++)
				points[n++] = (struct point){row, work, i};
	return n;
}

static const char *label_of(const struct scale *scale, int row)
{
	const struct subject *subject = scale->rows[row].subject;

	return subject == NULL ? "the control" : subject->label;
}

static bool run_round(struct scale *scale, struct point *points, size_t count,
                      struct progress *progress, struct trace_error *error)
{
	char what[320];

	for (size_t i = 0; i < count && !interrupt_came(); i++) {
		int row = points[i].row;
		snprintf(what, sizeof what, "%s, %s, %u threads",
		         label_of(scale, row), scale_work_names[points[i].work],
		         scale->counts[points[i].count]);
		progress_draw(progress, 0, what);
		if (scale->rows[row].verdict.kind == VERDICT_OK &&
		    !run_point(scale, &points[i], error))
			return false;
		progress->done++;
	}
	return true;
}

static bool run_rounds(struct scale *scale, struct trace_error *error)
{
	size_t count =
		(size_t)scale->row_count * SCALE_WORKS * scale->count_count;
	struct point *points = calloc(count, sizeof *points);
	struct progress progress;

	if (points == NULL)
		return trace_fail(error, "no memory for the order");
	list_points(scale, points);
	progress_open(&progress, "scale", (double)count * scale->options->reps,
	              scale->options->shows_progress);
	bool good = true;
	while (good && scale->rounds < scale->options->reps) {
		shuffle(points, count, &scale->random);
		good = run_round(scale, points, count, &progress, error);
		if (interrupt_came())
			break;
		scale->rounds++;
	}
	scale->interrupted = interrupt_came();
	progress_close(&progress);
	free(points);
	return good;
}

bool scale_run(struct scale *scale, const struct scale_options *options,
               struct subject *subjects, int count, struct trace_error *error)
{
	*scale = (struct scale){.options = options, .random = options->seed};
	choose_counts(scale);
	return make_rows(scale, subjects, count, error) &&
	       make_traces(scale, error) && run_rounds(scale, error);
}

void scale_free(struct scale *scale)
{
	for (int i = 0; i < scale->row_count; i++)
		free(scale->rows[i].series);
	free(scale->rows);
	for (enum scale_work work = 0; work < SCALE_WORKS; work++) {
		for (unsigned i = 0; i < SCALE_COUNTS_MAX; i++) {
			trace_destroy(&scale->traces[work][i]);
		}
	}
}

/* ---- what the times say ------------------------------------------------- */

struct estimate scale_ns_per_op(const struct scale *scale, int row,
                                unsigned work, unsigned count)
{
	const struct scale_series *series =
		scale_series_of(scale, row, work, count);
	double ns[REPS_MAX];
	double calls = (double)series->last.calls / scale->counts[count];

	for (unsigned i = 0; i < scale->rounds; i++)
		ns[i] = series->wall_ns[i] / calls;
	return estimate_median(ns, scale->rounds);
}

/* Per round: how many times as much work is done a second. */
static void speedups(const struct scale *scale, int row, unsigned work,
                     unsigned count, double *ratios)
{
	const double *one = scale_series_of(scale, row, work, 0)->wall_ns;
	const double *many = scale_series_of(scale, row, work, count)->wall_ns;

	for (unsigned i = 0; i < scale->rounds; i++)
		ratios[i] = scale->counts[count] * one[i] / many[i];
}

struct estimate scale_speedup(const struct scale *scale, int row, unsigned work,
                              unsigned count)
{
	double ratios[REPS_MAX];

	speedups(scale, row, work, count, ratios);
	return estimate_median(ratios, scale->rounds);
}

struct estimate scale_of_control(const struct scale *scale, int row,
                                 unsigned work, unsigned count)
{
	double own[REPS_MAX], control[REPS_MAX];

	speedups(scale, row, work, count, own);
	speedups(scale, 0, work, count, control);
	return estimate_ratio(own, control, scale->rounds);
}
