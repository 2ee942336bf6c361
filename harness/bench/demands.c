/*
 * demands.c - a table of ratios and limits.
 */
#include "demands.h"

#include "../report/csv.h"
#include "../report/grid.h"

void demands_add(struct demands *demands, const struct demand *demand)
{
	if (demands->count < DEMANDS_MAX)
		demands->of[demands->count++] = *demand;
}

/* Whether the interval reaches the limit. */
static bool demand_is_met(const struct demand *demand)
{
	return demand->is_least ? demand->ratio.high >= demand->limit
	                        : demand->ratio.low <= demand->limit;
}

void demands_print(const struct demands *demands, FILE *out)
{
	static const char *const names[] = {
		"figure", "first", "second", "ratio", "95 %", "limit", "met"};
	struct grid grid;

	grid_open(&grid);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		grid_add_column(&grid, names[i]);
	for (int i = 0; i < demands->count; i++) {
		const struct demand *demand = &demands->of[i];
		int column = 0;
		grid_add_line(&grid);
		grid_set(&grid, column++, "%s", demand->what);
		grid_set(&grid, column++, "%s", demand->first);
		grid_set(&grid, column++, "%s", demand->second);
		grid_set(&grid, column++, "%.3f", demand->ratio.median);
		grid_set(&grid, column++, "%.3f..%.3f", demand->ratio.low,
		         demand->ratio.high);
		grid_set(&grid, column++, "%s %.2f",
		         demand->is_least ? ">=" : "<=", demand->limit);
		grid_set(&grid, column++, "%s",
		         demand->is_doubtful     ? "?"
		         : demand_is_met(demand) ? "yes"
		                                 : "NO");
	}
	grid_print(&grid, out);
}

const char demands_header[] =
	"figure,first,second,ratio,ratio_lo,ratio_hi,rounds,relation,limit,met";

void demands_write(const struct demands *demands, FILE *out)
{
	for (int i = 0; i < demands->count; i++) {
		const struct demand *demand = &demands->of[i];
		csv_text(out, demand->what);
		putc(',', out);
		csv_text(out, demand->first);
		putc(',', out);
		csv_text(out, demand->second);
		fprintf(out, ",%.4f,%.4f,%.4f,%zu,%s,%.2f,%d\n",
		        demand->ratio.median, demand->ratio.low,
		        demand->ratio.high, demand->ratio.n,
		        demand->is_least ? ">=" : "<=", demand->limit,
		        demand_is_met(demand));
	}
}
