/*
 * scaling.c - the best of the lab beside the best library, on threads.
 */
#include "scaling.h"

#include <bsd/string.h>

#include "../scale/scale_report.h"

static const double CONTROL_LIMIT = 0.95, LIBRARY_LIMIT = 0.95,
		    CROSSING_LIMIT = 1.2;

/* The larger number of threads: the last count. */
static unsigned last_count(const struct scale *scale)
{
	return scale->count_count - 1;
}

static bool is_of_side(const struct scale *scale, int row, bool of_libraries)
{
	const struct scale_row *it = &scale->rows[row];

	return it->subject != NULL && it->verdict.kind == VERDICT_OK &&
	       it->subject->is_library == of_libraries;
}

/* Times as much work with many threads as with one, in a round. */
static double speedup(const struct scale *scale, int row, unsigned round)
{
	unsigned many = last_count(scale);

	return scale->counts[many] *
	       scale_series_of(scale, row, SCALE_PRIVATE, 0)->wall_ns[round] /
	       scale_series_of(scale, row, SCALE_PRIVATE, many)->wall_ns[round];
}

static double crossing_ns(const struct scale *scale, int row, unsigned round)
{
	return scale_series_of(scale, row, SCALE_CROSSING, last_count(scale))
	        ->wall_ns[round];
}

/* A figure of one row in one round. */
typedef double figure_of(const struct scale *scale, int row, unsigned round);

static struct estimate median_of(const struct scale *scale, int row,
                                 figure_of *figure)
{
	double values[REPS_MAX];

	for (unsigned r = 0; r < scale->rounds; r++)
		values[r] = figure(scale, row, r);
	return estimate_median(values, scale->rounds);
}

static struct estimate ratio_of_rows(const struct scale *scale, int first,
                                     int second, figure_of *figure)
{
	double ratios[REPS_MAX];

	for (unsigned r = 0; r < scale->rounds; r++)
		ratios[r] = figure(scale, first, r) / figure(scale, second, r);
	return estimate_median(ratios, scale->rounds);
}

/* The row of a side with the best median; -1: none. */
static int find_best(const struct scale *scale, bool of_libraries,
                     figure_of *figure, bool is_most)
{
	double best_value = 0;
	int best = -1;

	for (int row = 1; row < scale->row_count; row++) {
		if (!is_of_side(scale, row, of_libraries))
			continue;
		double value = median_of(scale, row, figure).median;
		if (best < 0 ||
		    (is_most ? value > best_value : value < best_value)) {
			best = row;
			best_value = value;
		}
	}
	return best;
}

static void add(const struct scale *scale, struct demands *demands,
                const char *what, int first, int second, figure_of *figure,
                double limit, bool is_least)
{
	struct demand demand = {.limit = limit,
	                        .is_least = is_least,
	                        .is_doubtful = scale_is_doubtful(scale)};

	if (first < 0 || second < 0)
		return;
	strlcpy(demand.what, what, sizeof demand.what);
	strlcpy(demand.first, scale->rows[first].subject->label,
	        sizeof demand.first);
	strlcpy(demand.second,
	        second == 0 ? "null, the control"
	                    : scale->rows[second].subject->label,
	        sizeof demand.second);
	demand.ratio = ratio_of_rows(scale, first, second, figure);
	demands_add(demands, &demand);
}

static void add_demands(const struct scale *scale, struct demands *demands)
{
	int ours = find_best(scale, false, speedup, true);
	int theirs = find_best(scale, true, speedup, true);
	char what[128];

	snprintf(what, sizeof what, "private work, scaling to %u threads",
	         scale->counts[last_count(scale)]);
	add(scale, demands, what, ours, 0, speedup, CONTROL_LIMIT, true);
	add(scale, demands, what, ours, theirs, speedup, LIBRARY_LIMIT, true);
	ours = find_best(scale, false, crossing_ns, false);
	theirs = find_best(scale, true, crossing_ns, false);
	add(scale, demands, "cross-thread frees, time", ours, theirs,
	    crossing_ns, CROSSING_LIMIT, false);
}

bool scaling_run(const struct comparison *comparison, unsigned rounds,
                 struct demands *demands, FILE *out, struct trace_error *error)
{
	unsigned threads = scale_default_threads();
	const struct scale_options options = {
		.threads_max = threads,
		.reps = rounds,
		.steps = scale_default_steps(threads),
		.live = 1000,
		.max_bytes = 512,
		.seconds = comparison->options.seconds,
		.memory_bytes = comparison->options.memory_bytes,
		.seed = comparison->options.seed,
		.shows_progress = comparison->options.shows_progress,
	};
	struct scale scale;
	bool good = scale_run(&scale, &options, comparison->subjects,
	                      comparison->subject_count, error);

	if (good && scale.rounds > 0) {
		scale_print(&scale, out);
		add_demands(&scale, demands);
	}
	scale_free(&scale);
	return good;
}
