/*
 * tables.c - ratios with their intervals, on the terminal.
 */
#include "tables.h"

#include <bsd/string.h>

#include "../report/grid.h"

static const double MIB = 1024 * 1024;

const double MEASURE_LIMITS[MEASURES] = {
	[MEASURE_TIME] = 1.00,
	[MEASURE_RESIDENT] = 1.05,
	[MEASURE_WHOLE] = 0,
};

static const char *label_of(const struct comparison *comparison, int subject)
{
	return comparison->subjects[subject].label;
}

static bool has_both(const struct comparison *comparison, enum measure measure,
                     int contest, const struct pair *pair)
{
	return comparison_has(comparison, measure, contest, pair->first) &&
	       comparison_has(comparison, measure, contest, pair->second);
}

/* ---- means --------------------------------------------------------------- */

/* The mean in brackets where it is of fewer workloads than others'. */
static void set_mean(const struct comparison *comparison, enum measure measure,
                     const struct pair *pair, struct grid *grid, int *column)
{
	double limit = MEASURE_LIMITS[measure];
	int workloads;
	struct estimate mean = comparison_mean(comparison, measure, pair->first,
	                                       pair->second, &workloads);

	if (workloads == 0) {
		*column += limit > 0 ? 3 : 2;
		return;
	}
	grid_set(grid, (*column)++,
	         workloads < comparison->count ? "(%.3f)" : "%.3f",
	         mean.median);
	grid_set(grid, (*column)++, "%.3f..%.3f", mean.low, mean.high);
	if (limit > 0)
		grid_set(grid, (*column)++, "%s",
		         mean.low <= limit ? "yes" : "NO");
}

void tables_print_pairs(const struct comparison *comparison,
                        const struct pair *pairs, int count, FILE *out)
{
	static const char *const names[] = {
		"first / second", "time",    "95 %",       "<= 1", "resident",
		"95 %",           "<= 1.05", "with start", "95 %"};
	struct grid grid;

	fprintf(out,
	        "Geometric means of first / second over %d workload%s, %u "
	        "rounds; in brackets where workloads are missing.\n"
	        "time: processor time per call.  resident: peak above the start "
	        "barrier, every page touched.\n"
	        "<=: whether the interval begins at or below that.  with start: "
	        "what was there before the barrier, too.\n\n",
	        comparison->count, comparison->count == 1 ? "" : "s",
	        comparison->rounds);
	grid_open(&grid);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		grid_add_column(&grid, names[i]);
	for (int i = 0; i < count; i++) {
		int column = 0;
		grid_add_line(&grid);
		grid_set(&grid, column++, "%s / %s",
		         label_of(comparison, pairs[i].first),
		         label_of(comparison, pairs[i].second));
		for (int m = 0; m < MEASURES; m++)
			set_mean(comparison, (enum measure)m, &pairs[i], &grid,
			         &column);
	}
	grid_print(&grid, out);
}

void tables_add_demands(const struct comparison *comparison,
                        const struct pair *pairs, int count,
                        struct demands *demands)
{
	static const char *const all[] = {"time, all workloads",
	                                  "resident, all workloads"};
	static const char *const single[] = {"time, one workload",
	                                     "resident, one workload"};
	const char *const *names = comparison->count == 1 ? single : all;
	int workloads;

	for (int m = 0; m <= MEASURE_RESIDENT; m++)
		for (int i = 0; i < count; i++) {
			struct demand demand = {.limit = MEASURE_LIMITS[m]};
			demand.ratio = comparison_mean(
				comparison, (enum measure)m, pairs[i].first,
				pairs[i].second, &workloads);
			if (workloads == 0)
				continue;
			strlcpy(demand.what, names[m], sizeof demand.what);
			strlcpy(demand.first,
			        label_of(comparison, pairs[i].first),
			        sizeof demand.first);
			strlcpy(demand.second,
			        label_of(comparison, pairs[i].second),
			        sizeof demand.second);
			demands_add(demands, &demand);
		}
}

/* ---- workloads ----------------------------------------------------------- */

static void set_ratio(const struct comparison *comparison, enum measure measure,
                      int contest, const struct pair *pair, struct grid *grid,
                      int *column)
{
	if (!has_both(comparison, measure, contest, pair)) {
		grid_set(grid, (*column)++, "-");
		grid_set(grid, (*column)++, "-");
		return;
	}
	struct estimate ratio = comparison_ratio(comparison, measure, contest,
	                                         pair->first, pair->second);
	grid_set(grid, (*column)++, "%.2f", ratio.median);
	if (measure == MEASURE_TIME)
		grid_set(grid, (*column)++, "%.2f..%.2f", ratio.low,
		         ratio.high);
}

static void print_pair(const struct comparison *comparison,
                       const struct pair *pair, FILE *out)
{
	struct grid grid;

	fprintf(out, "%s / %s:\n\n", label_of(comparison, pair->first),
	        label_of(comparison, pair->second));
	grid_open(&grid);
	grid_add_column(&grid, "workload");
	grid_add_column(&grid, "ns/call");
	grid_add_column(&grid, "ns/call");
	grid_add_column(&grid, "time");
	grid_add_column(&grid, "95 %");
	grid_add_column(&grid, "MiB");
	grid_add_column(&grid, "MiB");
	grid_add_column(&grid, "resident");
	for (int c = 0; c < comparison->count; c++) {
		int column = 0;
		grid_add_line(&grid);
		grid_set(&grid, column++, "%s",
		         comparison->contests[c].workload.name);
		if (!has_both(comparison, MEASURE_TIME, c, pair))
			continue;
		grid_set(&grid, column++, "%.1f",
		         comparison_median(comparison, MEASURE_TIME, c,
		                           pair->first));
		grid_set(&grid, column++, "%.1f",
		         comparison_median(comparison, MEASURE_TIME, c,
		                           pair->second));
		set_ratio(comparison, MEASURE_TIME, c, pair, &grid, &column);
		if (!has_both(comparison, MEASURE_RESIDENT, c, pair))
			continue;
		grid_set(&grid, column++, "%.2f",
		         comparison_median(comparison, MEASURE_RESIDENT, c,
		                           pair->first) /
		                 MIB);
		grid_set(&grid, column++, "%.2f",
		         comparison_median(comparison, MEASURE_RESIDENT, c,
		                           pair->second) /
		                 MIB);
		set_ratio(comparison, MEASURE_RESIDENT, c, pair, &grid,
		          &column);
	}
	grid_print(&grid, out);
}

void tables_print_workloads(const struct comparison *comparison,
                            const struct pair *pairs, int count, FILE *out)
{
	for (int i = 0; i < count; i++)
		print_pair(comparison, &pairs[i], out);
}

/* ---- the best of both sides ---------------------------------------------- */

/* The subject with the least median of a side on a workload; -1: none. */
static int best_of(const struct comparison *comparison, enum measure measure,
                   int contest, bool of_libraries)
{
	double least = 0;
	int best = -1;

	for (int i = 0; i < comparison->subject_count; i++) {
		if (comparison->subjects[i].is_library != of_libraries ||
		    !comparison_has(comparison, measure, contest, i))
			continue;
		double value =
			comparison_median(comparison, measure, contest, i);
		if (best < 0 || value < least) {
			best = i;
			least = value;
		}
	}
	return best;
}

static void set_best(const struct comparison *comparison, enum measure measure,
                     int contest, struct grid *grid, int *column)
{
	struct pair best = {best_of(comparison, measure, contest, false),
	                    best_of(comparison, measure, contest, true)};

	if (best.first < 0 || best.second < 0) {
		*column += 3;
		return;
	}
	struct estimate ratio = comparison_ratio(comparison, measure, contest,
	                                         best.first, best.second);
	grid_set(grid, (*column)++, "%s", label_of(comparison, best.first));
	grid_set(grid, (*column)++, "%s", label_of(comparison, best.second));
	if (measure == MEASURE_TIME)
		grid_set(grid, (*column)++, "%.2f (%.2f..%.2f)", ratio.median,
		         ratio.low, ratio.high);
	else
		grid_set(grid, (*column)++, "%.2f", ratio.median);
}

static bool has_sides(const struct comparison *comparison)
{
	bool sides[2] = {false};

	for (int i = 0; i < comparison->subject_count; i++)
		sides[comparison->subjects[i].is_library] = true;
	return sides[0] && sides[1];
}

void tables_print_best(const struct comparison *comparison, FILE *out)
{
	static const char *const names[] = {
		"workload",    "fastest of ours",  "of the libraries",
		"time (95 %)", "smallest of ours", "of the libraries",
		"resident"};
	struct grid grid;

	if (!has_sides(comparison))
		return;
	fprintf(out, "The best of the lab beside the best library, workload by "
	             "workload; ratios below 1 are ours.\n\n");
	grid_open(&grid);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		grid_add_column(&grid, names[i]);
	for (int c = 0; c < comparison->count; c++) {
		int column = 0;
		grid_add_line(&grid);
		grid_set(&grid, column++, "%s",
		         comparison->contests[c].workload.name);
		set_best(comparison, MEASURE_TIME, c, &grid, &column);
		set_best(comparison, MEASURE_RESIDENT, c, &grid, &column);
	}
	grid_print(&grid, out);
}

/* The median over the workloads of the medians over the rounds; 0: none. */
static double floor_of(const struct comparison *comparison, bool is_library)
{
	double medians[REPS_MAX];
	size_t count = 0;

	for (int c = 0; c < comparison->count && count < REPS_MAX; c++) {
		const struct run *run = &comparison->contests[c].run;
		const struct subject *library = run->library_floor;
		if (!is_library)
			medians[count++] =
				estimate_median(run->null_ns, run->null_reps)
					.median;
		else if (library != NULL && library->reps > 0)
			medians[count++] = estimate_median(library->ns_per_op,
			                                   library->reps)
			                           .median;
	}
	return estimate_median(medians, count).median;
}

void tables_print_floors(const struct comparison *comparison, FILE *out)
{
	double library = floor_of(comparison, true);

	fprintf(out, "Floors, ns per call: the loop alone %.2f",
	        floor_of(comparison, false));
	if (library > 0)
		fprintf(out,
		        "; an empty library behind the adapter that every "
		        "library's row has %.2f",
		        library);
	fprintf(out, ".\n\n");
}

void tables_print_failures(const struct comparison *comparison, FILE *out)
{
	for (int c = 0; c < comparison->count; c++)
		for (int i = 0; i < comparison->subject_count; i++) {
			const struct contest *contest =
				&comparison->contests[c];
			const struct verdict *verdict =
				&contest->run.subjects[i].verdict;
			if (verdict->kind != VERDICT_OK)
				fprintf(out, "%s on %s: %s, event %lu: %s\n",
				        label_of(comparison, i),
				        contest->workload.name,
				        verdict_word(verdict->kind),
				        verdict->event, verdict->sentence);
		}
}
