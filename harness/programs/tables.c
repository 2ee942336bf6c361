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

void programs_print_findings(const struct compare *compare, FILE *out)
{
	for (int p = 0; p < compare->program_count; p++)
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
