/*
 * tables.c - lines and columns.
 */
#include "tables.h"

#include <string.h>

#include "../report/grid.h"

static const double MIB = 1024 * 1024, NS_PER_S = 1e9;

/* Of a shorter program its start is a large part. */
static const double SHORT_NS = 50e6;

/*
 * A column of the table: its figure by itself, or by that of the program alone.
 * Intervals are shown where they decide, with ratios of times; all are in the CSV.
 */
struct column {
	const char *name;
	enum figure figure;
	enum { COLUMN_SECONDS, COLUMN_MIB, COLUMN_COUNT, COLUMN_RATIO } form;
	bool with_interval;
};

static const struct column columns[] = {
	{"wall s", FIGURE_WALL_NS, COLUMN_SECONDS, false},
	{"of system", FIGURE_WALL_NS, COLUMN_RATIO, true},
	{"cpu s", FIGURE_CPU_NS, COLUMN_SECONDS, false},
	{"of system", FIGURE_CPU_NS, COLUMN_RATIO, true},
	{"peak MiB", FIGURE_PEAK_BYTES, COLUMN_MIB, false},
	{"of system", FIGURE_PEAK_BYTES, COLUMN_RATIO, false},
	{"mean", FIGURE_MEAN_BYTES, COLUMN_MIB, false},
	{"drained", FIGURE_DRAINED_BYTES, COLUMN_MIB, false},
	{"faults", FIGURE_FAULTS, COLUMN_COUNT, false},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

/* Whether any row of the program has the figure. */
static bool is_shown(const struct compare *compare, int p, int column)
{
	for (int c = 0; c < compare->contenders.count; c++)
		if (compare_has(compare, p, c, columns[column].figure))
			return true;
	return false;
}

static void set_cell(const struct compare *compare, int p, int c,
                     const struct column *column, struct grid *grid, int *at)
{
	int first = contenders_find(&compare->contenders, "system");
	bool is_ratio = column->form == COLUMN_RATIO;
	struct estimate value =
		is_ratio ? compare_ratio(compare, p, c, first, column->figure)
			 : compare_figure(compare, p, c, column->figure);
	double unit = column->form == COLUMN_SECONDS ? NS_PER_S
	              : column->form == COLUMN_MIB   ? MIB
	                                             : 1;
	int digits = column->form == COLUMN_SECONDS ? 3
	             : column->form == COLUMN_COUNT ? 0
	                                            : 2;

	if (value.n == 0)
		grid_set(grid, *at, "-");
	else
		grid_set(grid, *at, "%.*f", digits, value.median / unit);
	(*at)++;
	if (!column->with_interval)
		return;
	if (value.n > 1)
		grid_set(grid, *at, "%.*f..%.*f", digits, value.low / unit,
		         digits, value.high / unit);
	(*at)++;
}

static void open_grid(const struct compare *compare, int p, struct grid *grid)
{
	grid_open(grid);
	grid_add_column(grid, "allocator");
	grid_add_column(grid, "status");
	grid_add_column(grid, "calls");
	for (int i = 0; i < COLUMNS; i++) {
		if (!is_shown(compare, p, i))
			continue;
		grid_add_column(grid, columns[i].name);
		if (columns[i].with_interval)
			grid_add_column(grid, "95 %");
	}
}

static void add_line(const struct compare *compare, int p, int c,
                     struct grid *grid)
{
	const struct cell_row *row = compare_row(compare, p, c);
	int at = 0;

	grid_add_line(grid);
	grid_set(grid, at++, "%s", compare->contenders.of[c].name);
	grid_set(grid, at++, "%s", outcome_words[row->outcome]);
	if (row->is_counted)
		grid_set(grid, at, "%lu", row->calls);
	at++;
	for (int i = 0; i < COLUMNS; i++)
		if (is_shown(compare, p, i))
			set_cell(compare, p, c, &columns[i], grid, &at);
}

/* What should be known before the table is read. */
static void print_notes(const struct compare *compare, int p, FILE *out)
{
	int first = contenders_find(&compare->contenders, "system");
	const struct cell_row *row = compare_row(compare, p, first);
	bool is_service = compare->programs[p].service.load != NULL;
	double wall = compare_figure(compare, p, first, FIGURE_WALL_NS).median;

	if (compare->programs[p].varies)
		fprintf(out, "It does not say the same twice: its output was "
		             "not compared.\n");
	if (!compare_is_alive(row))
		return;
	if (row->number != 0)
		fprintf(out,
		        "By itself it ends with exit status %d; rows that do "
		        "the same are ok.\n",
		        row->number);
	if (!compare_is_telling(compare, p) && !compare->programs[p].bypasses)
		fprintf(out,
		        "Fewer than %d calls reached the library: a smoke "
		        "test, no measure of it.\n",
		        CALLS_LEAST);
	if (wall > 0 && wall < SHORT_NS)
		fprintf(out, "%s over in %.2g ms: %s.\n",
		        is_service ? "The load is" : "It is", wall / 1e6,
		        is_service ? "too little to compare times"
		                   : "ratios of times are mostly of its start");
}

/* That anything was run in: none if the program does not run by itself. */
static unsigned timed_rounds(const struct compare *compare, int p)
{
	unsigned rounds = 0;

	for (int c = 0; c < compare->contenders.count; c++)
		if (compare_row(compare, p, c)->rounds > rounds)
			rounds = compare_row(compare, p, c)->rounds;
	return rounds;
}

void programs_print_one(const struct compare *compare, int p, FILE *out)
{
	unsigned rounds = timed_rounds(compare, p);
	struct grid grid;

	fprintf(out,
	        "%s: %u timed round%s, after one in which calls were "
	        "counted.\n",
	        compare->programs[p].name, rounds, rounds == 1 ? "" : "s");
	print_notes(compare, p, out);
	putc('\n', out);
	contenders_print_names(&compare->contenders, out);
	open_grid(compare, p, &grid);
	for (int c = 0; c < compare->contenders.count; c++)
		add_line(compare, p, c, &grid);
	grid_print(&grid, out);
}

/* ---- many programs ------------------------------------------------------- */

static const char *mark_of(const struct compare *compare, int p)
{
	return compare->programs[p].bypasses     ? "bypasses"
	       : compare->programs[p].is_untimed ? "untimed"
	       : !compare_is_telling(compare, p) ? "smoke test"
	       : compare->programs[p].is_stress  ? "stress"
	                                         : "program";
}

/* The columns that are alike in all tables. */
static void open_suite_grid(const struct compare *compare, const char *own,
                            struct grid *grid)
{
	grid_open(grid);
	grid_add_column(grid, "program");
	grid_add_column(grid, "kind");
	grid_add_column(grid, "calls");
	if (own != NULL)
		grid_add_column(grid, own);
	for (int c = 0; c < compare->contenders.count; c++)
		if (compare->contenders.of[c].kind != CONTENDER_SYSTEM)
			grid_add_column(grid, compare->contenders.of[c].name);
}

static void begin_line(const struct compare *compare, int p, struct grid *grid)
{
	int first = contenders_find(&compare->contenders, "system");

	grid_add_line(grid);
	grid_set(grid, 0, "%s", compare->programs[p].name);
	grid_set(grid, 1, "%s", mark_of(compare, p));
	grid_set(grid, 2, "%lu", compare_row(compare, p, first)->calls);
}

static void print_outcomes(const struct compare *compare, FILE *out)
{
	struct grid grid;

	fprintf(out, "Output and exit status, held against those without a "
	             "library; calls are the program's by itself.\n\n");
	open_suite_grid(compare, "system", &grid);
	for (int p = 0; p < compare->program_count; p++) {
		int at = 4,
		    first = contenders_find(&compare->contenders, "system");
		begin_line(compare, p, &grid);
		grid_set(
			&grid, 3, "%s",
			outcome_words[compare_row(compare, p, first)->outcome]);
		for (int c = 0; c < compare->contenders.count; c++)
			if (compare->contenders.of[c].kind != CONTENDER_SYSTEM)
				grid_set(
					&grid, at++, "%s",
					outcome_words[compare_row(compare, p, c)
				                              ->outcome]);
	}
	grid_print(&grid, out);
}

static void set_ratio(const struct compare *compare, int p, int c,
                      enum figure figure, struct grid *grid, int at)
{
	int first = contenders_find(&compare->contenders, "system");
	const struct cell_row *row = compare_row(compare, p, c);
	struct estimate ratio = compare_ratio(compare, p, c, first, figure);

	if (ratio.n > 0)
		grid_set(grid, at, "%.2f", ratio.median);
	else
		grid_set(grid, at, "%s",
		         row->outcome == OUTCOME_OK
		                 ? "-"
		                 : outcome_words[row->outcome]);
}

/* A line for each set of programs that has any. */
static void add_mean(const struct compare *compare, enum figure figure,
                     enum program_set set, struct grid *grid)
{
	int first = contenders_find(&compare->contenders, "system");
	int whole, programs, at = 4;

	compare_mean_ratio(compare, first, first, figure, set, &whole);
	if (whole == 0)
		return;
	grid_add_line(grid);
	grid_set(grid, 0, "mean of %d: %s", whole, program_set_names[set]);
	for (int c = 0; c < compare->contenders.count; c++) {
		if (compare->contenders.of[c].kind == CONTENDER_SYSTEM)
			continue;
		struct estimate mean = compare_mean_ratio(
			compare, c, first, figure, set, &programs);
		if (programs > 0)
			grid_set(grid, at, programs < whole ? "(%.2f)" : "%.2f",
			         mean.median);
		at++;
	}
}

static void print_ratios(const struct compare *compare, enum figure figure,
                         const char *own, double unit, FILE *out)
{
	int first = contenders_find(&compare->contenders, "system");
	struct grid grid;

	open_suite_grid(compare, own, &grid);
	for (int p = 0; p < compare->program_count; p++) {
		int at = 4;
		if (compare->programs[p].is_untimed)
			continue;
		begin_line(compare, p, &grid);
		if (compare_has(compare, p, first, figure))
			grid_set(&grid, 3, "%.2f",
			         compare_figure(compare, p, first, figure)
			                         .median /
			                 unit);
		for (int c = 0; c < compare->contenders.count; c++)
			if (compare->contenders.of[c].kind != CONTENDER_SYSTEM)
				set_ratio(compare, p, c, figure, &grid, at++);
	}
	for (int set = 0; set < PROGRAM_SETS; set++)
		add_mean(compare, figure, (enum program_set)set, &grid);
	grid_print(&grid, out);
}

void programs_print_suite(const struct compare *compare, FILE *out)
{
	contenders_print_names(&compare->contenders, out);
	if (compare->rounds == 0) {
		print_outcomes(compare, out);
		return;
	}
	fprintf(out,
	        "Medians of %u round%s; columns of allocators are by system.\n"
	        "Means are geometric, over the programs with at least %d calls; in "
	        "brackets where some are missing.\n\nWall time:\n\n",
	        compare->rounds, compare->rounds == 1 ? "" : "s", CALLS_LEAST);
	print_ratios(compare, FIGURE_WALL_NS, "system, s", NS_PER_S, out);
	fprintf(out, "Processor time:\n\n");
	print_ratios(compare, FIGURE_CPU_NS, "system, s", NS_PER_S, out);
	fprintf(out, "Peak resident, of the largest process:\n\n");
	print_ratios(compare, FIGURE_PEAK_BYTES, "system, MiB", MIB, out);
}

/* ---- what has to be known ------------------------------------------------ */

static bool has_finding(const struct cell_row *row)
{
	return row->outcome != OUTCOME_OK && row->sentence[0] != '\0';
}

static bool is_same_finding(const struct cell_row *a, const struct cell_row *b)
{
	return a->outcome == b->outcome &&
	       strcmp(a->sentence, b->sentence) == 0;
}

/* Whether all rows, or all but the one without a library, say the same. */
static bool is_common(const struct compare *compare, int p, int but)
{
	const struct cell_row *row = NULL;

	for (int c = 0; c < compare->contenders.count; c++) {
		const struct cell_row *other = compare_row(compare, p, c);
		if (c == but)
			continue;
		if (row != NULL && !is_same_finding(row, other))
			return false;
		row = other;
	}
	return row != NULL && has_finding(row);
}

static void print_finding(const struct compare *compare, int p, int c,
                          const char *under, FILE *out)
{
	const struct cell_row *row = compare_row(compare, p, c);

	if (has_finding(row))
		fprintf(out, "%s under %s: %s: %s\n", compare->programs[p].name,
		        under, outcome_words[row->outcome], row->sentence);
}

static void print_findings_of(const struct compare *compare, int p, FILE *out)
{
	int first = contenders_find(&compare->contenders, "system");
	int count = compare->contenders.count;
	bool is_of_others = count > 2 && is_common(compare, p, first);

	if (is_common(compare, p, -1)) {
		print_finding(compare, p, 0, "all", out);
		return;
	}
	if (is_of_others) {
		print_finding(compare, p, first, "system", out);
		print_finding(compare, p, first == 0, "all others", out);
		return;
	}
	for (int c = 0; c < count; c++)
		print_finding(compare, p, c, compare->contenders.of[c].label,
		              out);
}

void programs_print_findings(const struct compare *compare, FILE *out)
{
	for (int p = 0; p < compare->program_count; p++) {
		if (compare->program_count > 1 && compare->programs[p].varies)
			fprintf(out,
			        "%s does not say the same twice: its output "
			        "was not compared\n",
			        compare->programs[p].name);
		print_findings_of(compare, p, out);
	}
}
