/*
 * tables.c - lines and columns.
 */
#include "tables.h"

#include "../report/grid.h"

static const double MIB = 1024 * 1024, NS_PER_S = 1e9;

/* A column of the table: its figure by itself, or by that of the program alone. */
struct column {
	const char *name;
	enum figure figure;
	enum { COLUMN_SECONDS, COLUMN_MIB, COLUMN_COUNT, COLUMN_RATIO } form;
	bool with_interval;
};

static const struct column columns[] = {
	{"wall s", FIGURE_WALL_NS, COLUMN_SECONDS, true},
	{"of system", FIGURE_WALL_NS, COLUMN_RATIO, true},
	{"cpu s", FIGURE_CPU_NS, COLUMN_SECONDS, false},
	{"of system", FIGURE_CPU_NS, COLUMN_RATIO, true},
	{"peak MiB", FIGURE_PEAK_BYTES, COLUMN_MIB, false},
	{"of system", FIGURE_PEAK_BYTES, COLUMN_RATIO, true},
	{"mean MiB", FIGURE_MEAN_BYTES, COLUMN_MIB, false},
	{"drained MiB", FIGURE_DRAINED_BYTES, COLUMN_MIB, false},
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
	if (value.n > 0)
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
	grid_set(grid, at++, "%s", compare->contenders.of[c].label);
	grid_set(grid, at++, "%s", outcome_words[row->outcome]);
	if (row->is_counted)
		grid_set(grid, at, "%lu", row->calls);
	at++;
	for (int i = 0; i < COLUMNS; i++)
		if (is_shown(compare, p, i))
			set_cell(compare, p, c, &columns[i], grid, &at);
}

void programs_print_one(const struct compare *compare, int p, FILE *out)
{
	const struct program *program = &compare->programs[p];
	struct grid grid;

	fprintf(out,
	        "%s: %u timed rounds, after one in which calls were "
	        "counted.\n",
	        program->name, compare->rounds);
	if (program->varies)
		fprintf(out, "It does not say the same twice: its output was "
		             "not compared.\n");
	if (!compare_is_telling(compare, p))
		fprintf(out,
		        "Fewer than %d calls reached the library: a smoke "
		        "test, no measure of it.\n",
		        CALLS_LEAST);
	putc('\n', out);
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
			grid_add_column(grid, compare->contenders.of[c].label);
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
	if (compare->rounds == 0) {
		print_outcomes(compare, out);
		return;
	}
	fprintf(out,
	        "Medians of %u rounds; columns of allocators are by system.  "
	        "Means are geometric, over the programs with at least %d calls; in "
	        "brackets where some are missing.\n\nWall time:\n\n",
	        compare->rounds, CALLS_LEAST);
	print_ratios(compare, FIGURE_WALL_NS, "system, s", NS_PER_S, out);
	fprintf(out, "Processor time:\n\n");
	print_ratios(compare, FIGURE_CPU_NS, "system, s", NS_PER_S, out);
	fprintf(out, "Peak resident, of the largest process:\n\n");
	print_ratios(compare, FIGURE_PEAK_BYTES, "system, MiB", MIB, out);
}

/* ---- what has to be known ------------------------------------------------ */

void programs_print_findings(const struct compare *compare, FILE *out)
{
	for (int p = 0; p < compare->program_count; p++) {
		if (compare->program_count > 1 && compare->programs[p].varies)
			fprintf(out,
			        "%s does not say the same twice: its output "
			        "was not compared\n",
			        compare->programs[p].name);
		for (int c = 0; c < compare->contenders.count; c++) {
			const struct cell_row *row = compare_row(compare, p, c);
			if (row->outcome != OUTCOME_OK &&
			    row->sentence[0] != '\0')
				fprintf(out, "%s under %s: %s: %s\n",
				        compare->programs[p].name,
				        compare->contenders.of[c].label,
				        outcome_words[row->outcome],
				        row->sentence);
		}
	}
}
