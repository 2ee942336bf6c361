/*
 * pairs.c - which pairs there are, their means, and whether they are met.
 */
#include "pairs.h"

#include "../report/csv.h"
#include "../report/grid.h"

/* Designs of the lab, and the libraries that they are made after. */
static const char *const namesakes[][2] = {
	{"tcmalloc", "lib:tcmalloc"},
	{"jemalloc", "lib:jemalloc"},
	{"jemalloc:purge=decay", "lib:jemalloc"}, /* what the library does */
	{"ptmalloc", "system"},
};

enum {
	NAMESAKES = sizeof namesakes / sizeof *namesakes,
	/* And the best of ours beside mimalloc, by time and by memory. */
	PAIRS_MAX = NAMESAKES + 2,
};

/* What is compared, and how much of the second's the first may have. */
static const struct measure {
	const char *name;
	enum figure figure;
	double limit;          /* of the namesake's; 0: none */
	double mimalloc_limit; /* likewise                   */
} measures[] = {
	{"wall", FIGURE_WALL_NS, 1.00, 1.00},
	{"cpu", FIGURE_CPU_NS, 0, 0},
	{"peak", FIGURE_PEAK_BYTES, 1.05, 1.00},
};

enum { MEASURES = sizeof measures / sizeof *measures };

struct pair {
	int first, second;
	bool is_best;              /* of ours beside mimalloc...              */
	bool by_measure[MEASURES]; /* ...by these                    */
};

/* ---- which pairs --------------------------------------------------------- */

static double mean_of(const struct compare *compare, int first, int second,
                      int measure)
{
	int programs;
	struct estimate mean = compare_mean_ratio(compare, first, second,
	                                          measures[measure].figure,
	                                          PROGRAMS_ALL, &programs);

	return programs > 0 ? mean.median : 0;
}

/* The one of the designs with the least mean; -1: none has one. */
static int best_of_ours(const struct compare *compare, int other, int measure)
{
	double least = 0;
	int best = -1;

	for (int i = 0; i < NAMESAKES; i++) {
		int c = contenders_find(&compare->contenders, namesakes[i][0]);
		double mean = c >= 0 ? mean_of(compare, c, other, measure) : 0;
		if (mean > 0 && (best < 0 || mean < least)) {
			best = c;
			least = mean;
		}
	}
	return best;
}

/* The best by one measure; the best by two is one pair. */
static void add_best(const struct compare *compare, int mimalloc, int by,
                     struct pair *pairs, int *count)
{
	int best = best_of_ours(compare, mimalloc, by);

	if (best < 0)
		return;
	if (*count == 0 || !pairs[*count - 1].is_best ||
	    pairs[*count - 1].first != best)
		pairs[(*count)++] = (struct pair){
			.first = best, .second = mimalloc, .is_best = true};
	pairs[*count - 1].by_measure[by] = true;
}

static int find_pairs(const struct compare *compare, struct pair *pairs)
{
	const struct contenders *contenders = &compare->contenders;
	int mimalloc = contenders_find(contenders, "lib:mimalloc"), count = 0;

	for (int i = 0; i < NAMESAKES; i++) {
		struct pair pair = {
			.first = contenders_find(contenders, namesakes[i][0]),
			.second = contenders_find(contenders, namesakes[i][1])};
		if (pair.first >= 0 && pair.second >= 0)
			pairs[count++] = pair;
	}
	for (int by = 0; mimalloc >= 0 && by < MEASURES; by++)
		if (measures[by].mimalloc_limit > 0)
			add_best(compare, mimalloc, by, pairs, &count);
	return count;
}

/* The limit of a mean; 0: it has none. */
static double limit_of(const struct pair *pair, int measure,
                       enum program_set set)
{
	if (set != PROGRAMS_ALL ||
	    (pair->is_best && !pair->by_measure[measure]))
		return 0;
	return pair->is_best ? measures[measure].mimalloc_limit
	                     : measures[measure].limit;
}

static bool is_met(const struct estimate *mean, double limit)
{
	return mean->low <= limit;
}

/* ---- the table ----------------------------------------------------------- */

static void set_measure(const struct compare *compare, const struct pair *pair,
                        int measure, enum program_set set, struct grid *grid,
                        int at)
{
	double limit = limit_of(pair, measure, set);
	int programs;
	struct estimate mean =
		compare_mean_ratio(compare, pair->first, pair->second,
	                           measures[measure].figure, set, &programs);

	grid_set(grid, 2, "%d", programs);
	if (programs == 0)
		return;
	grid_set(grid, at, "%.3f", mean.median);
	grid_set(grid, at + 1, "%.3f..%.3f", mean.low, mean.high);
	if (limit > 0)
		grid_set(grid, at + 2, "<= %.2f %s", limit,
		         is_met(&mean, limit) ? "yes" : "NO");
}

/* How many programs a mean is over. */
static int count_of(const struct compare *compare, const struct pair *pair,
                    enum program_set set)
{
	int programs;

	compare_mean_ratio(compare, pair->first, pair->second, FIGURE_WALL_NS,
	                   set, &programs);
	return programs;
}

static void add_pair(const struct compare *compare, const struct pair *pair,
                     struct grid *grid)
{
	const struct contender *of = compare->contenders.of;

	for (int set = 0; set < PROGRAM_SETS; set++) {
		if (count_of(compare, pair, (enum program_set)set) == 0)
			continue;
		grid_add_line(grid);
		grid_set(grid, 0, "%s%s / %s", pair->is_best ? "best: " : "",
		         of[pair->first].name, of[pair->second].name);
		grid_set(grid, 1, "%s", program_set_names[set]);
		for (int m = 0; m < MEASURES; m++)
			set_measure(compare, pair, m, (enum program_set)set,
			            grid, 3 + 3 * m);
	}
}

void pairs_print(const struct compare *compare, FILE *out)
{
	struct pair pairs[PAIRS_MAX];
	int count = find_pairs(compare, pairs);
	struct grid grid;

	if (count == 0 || compare->rounds == 0)
		return;
	fprintf(out,
	        "Designs beside the libraries that they are made after: "
	        "geometric means of first / second, %u round%s.\n"
	        "<=: whether the interval begins at or below the limit.  "
	        "best: of ours, by time and by memory.\n\n",
	        compare->rounds, compare->rounds == 1 ? "" : "s");
	grid_open(&grid);
	grid_add_column(&grid, "first / second");
	grid_add_column(&grid, "set");
	grid_add_column(&grid, "n");
	for (int m = 0; m < MEASURES; m++) {
		grid_add_column(&grid, measures[m].name);
		grid_add_column(&grid, "95 %");
		grid_add_column(&grid, "limit");
	}
	for (int i = 0; i < count; i++)
		add_pair(compare, &pairs[i], &grid);
	grid_print(&grid, out);
}

/* ---- pairs.csv ----------------------------------------------------------- */

const char pairs_header[] = "first,second,measure,set,programs,rounds,ratio,"
			    "ratio_lo,ratio_hi,limit,met";

static void write_mean(const struct compare *compare, const struct pair *pair,
                       int measure, enum program_set set, FILE *out)
{
	double limit = limit_of(pair, measure, set);
	int programs;
	struct estimate mean =
		compare_mean_ratio(compare, pair->first, pair->second,
	                           measures[measure].figure, set, &programs);

	if (programs == 0)
		return;
	csv_text(out, compare->contenders.of[pair->first].label);
	putc(',', out);
	csv_text(out, compare->contenders.of[pair->second].label);
	fprintf(out, ",%s,%s,%d,%zu,%.4f,%.4f,%.4f,", measures[measure].name,
	        program_set_names[set], programs, mean.n, mean.median, mean.low,
	        mean.high);
	if (limit > 0)
		fprintf(out, "%.2f,%d\n", limit, is_met(&mean, limit));
	else
		fprintf(out, ",\n");
}

void pairs_write(const struct compare *compare, FILE *out)
{
	struct pair pairs[PAIRS_MAX];
	int count = compare->rounds > 0 ? find_pairs(compare, pairs) : 0;

	for (int i = 0; i < count; i++)
		for (int m = 0; m < MEASURES; m++)
			for (int set = 0; set < PROGRAM_SETS; set++)
				if (!pairs[i].is_best || pairs[i].by_measure[m])
					write_mean(compare, &pairs[i], m,
					           (enum program_set)set, out);
}
