/*
 * report.c - tables and CSV of a blame.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "../report/csv.h"
#include "../report/grid.h"
#include "../report/report.h"
#include "blame_report.h"

/* A row of a table: a group and what it is sorted by. */
struct row {
	uint32_t group;
	uint64_t weight;
};

/* Largest first; of equals, the one met first in the trace. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *one = a, *two = b;

	if (one->weight != two->weight)
		return one->weight < two->weight ? 1 : -1;
	return (one->group > two->group) - (one->group < two->group);
}

static uint64_t held_by(const struct blame *blame, uint32_t group)
{
	return holding_held(&blame->holdings[group]);
}

static uint64_t difference_of(const struct blames *blames, uint32_t group)
{
	uint64_t one = held_by(&blames->of[0], group);
	uint64_t two = held_by(&blames->of[1], group);

	return one > two ? one - two : two - one;
}

/* Groups with something to tell, sorted by what `which` held, or by the
 * difference (`which` = count).  NULL without memory. */
static struct row *sort_rows(const struct blames *blames, int which,
                             uint32_t *count)
{
	uint32_t groups = blames->groups->count;
	struct row *rows = calloc((size_t)groups + 1, sizeof *rows);

	*count = 0;
	for (uint32_t group = 0; rows != NULL && group < groups; group++) {
		uint64_t weight = which == blames->count
		                          ? difference_of(blames, group)
		                          : held_by(&blames->of[which], group);
		if (weight > 0)
			rows[(*count)++] = (struct row){group, weight};
	}
	if (rows != NULL)
		qsort(rows, *count, sizeof *rows, compare_rows);
	return rows;
}

/* --- for people --------------------------------------------------------- */

static double kib(uint64_t bytes)
{
	return (double)bytes / 1024;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 100 * (double)part / (double)whole;
}

static void set_holding(struct grid *grid, const char *name,
                        const struct holding *holding)
{
	uint64_t held = holding_held(holding);

	grid_add_line(grid);
	grid_set_name(grid, 0, name);
	grid_set(grid, 1, "%" PRIu64, holding->blocks);
	grid_set(grid, 2, "%.1f", kib(holding->requested));
	grid_set(grid, 3, "%.1f", kib(holding->rounding));
	grid_set(grid, 4, "%.1f", kib(holding->holes));
	grid_set(grid, 5, "%.1f", kib(held));
	grid_set(grid, 6, "%.0f", percent(holding->held_long, held));
	grid_set(grid, 7, "%" PRIu64, holding->pages);
	grid_set(grid, 8, "%" PRIu64, holding->pages_alone);
	grid_set(grid, 9, "%" PRIu64, holding->age_events);
	grid_set(grid, 10, "%.1f", kib(holding->age_bytes));
}

/* A line that has no blocks: metadata, free pages, the sum. */
static void set_bytes(struct grid *grid, const char *name, uint64_t bytes)
{
	grid_add_line(grid);
	grid_set(grid, 0, "%s", name);
	grid_set(grid, 5, "%.1f", kib(bytes));
}

static void add_others(struct grid *grid, const struct blame *blame,
                       const struct row *rows, uint32_t first, uint32_t count)
{
	uint64_t held = 0;
	char name[64];

	for (uint32_t i = first; i < count; i++)
		held += held_by(blame, rows[i].group);
	snprintf(name, sizeof name, "(%" PRIu32 " others)", count - first);
	if (count > first)
		set_bytes(grid, name, held);
}

static const char *const columns[] = {
	"called from", "blocks",      "live KiB", "+ rounding",
	"+ holes",     "= held",      "long %",   "pages",
	"its alone",   "age, events", "age, KiB",
};

static void print_one(const struct blames *blames, int which, FILE *out)
{
	const struct blame *blame = &blames->of[which];
	uint32_t count, shown;
	struct row *rows = sort_rows(blames, which, &count);
	struct grid grid;

	if (rows == NULL)
		return;
	fprintf(out,
	        "%s: %.2f MiB of heap after event %" PRIu64 " of %" PRIu64
	        "%s; %" PRIu64 " blocks live.\n\n",
	        blames->subjects[which].label,
	        kib(parts_sum(&blame->parts)) / 1024, blame->event,
	        blames->trace->events,
	        blames->options->event == 0 ? ", its peak" : "", blame->blocks);
	grid_open(&grid);
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		grid_add_column(&grid, columns[i]);
	shown = count < blames->top ? count : blames->top;
	for (uint32_t i = 0; i < shown; i++)
		set_holding(&grid, blames->groups->names[rows[i].group],
		            &blame->holdings[rows[i].group]);
	add_others(&grid, blame, rows, shown, count);
	set_bytes(&grid, "(headers and the like)", blame->metadata);
	set_bytes(&grid, "(free, on pages without a block)", blame->free_pages);
	set_bytes(&grid, "sum: the heap",
	          blame->held + blame->metadata + blame->free_pages);
	grid_print(&grid, out);
	free(rows);
}

static void print_difference(const struct blames *blames, FILE *out)
{
	uint32_t count;
	struct row *rows = sort_rows(blames, blames->count, &count);
	struct grid grid;

	if (rows == NULL)
		return;
	fprintf(out, "KiB held under each, %slargest difference first:\n\n",
	        blames->of[0].event == blames->of[1].event
	                ? ""
	                : "each at its own peak (--at=N takes one moment), ");
	grid_open(&grid);
	grid_add_column(&grid, "called from");
	grid_add_column(&grid, blames->subjects[0].label);
	grid_add_column(&grid, blames->subjects[1].label);
	grid_add_column(&grid, "difference");
	for (uint32_t i = 0; i < count && i < blames->top; i++) {
		double one = kib(held_by(&blames->of[0], rows[i].group));
		double two = kib(held_by(&blames->of[1], rows[i].group));
		grid_add_line(&grid);
		grid_set_name(&grid, 0, blames->groups->names[rows[i].group]);
		grid_set(&grid, 1, "%.1f", one);
		grid_set(&grid, 2, "%.1f", two);
		grid_set(&grid, 3, "%+.1f", two - one);
	}
	grid_print(&grid, out);
	free(rows);
}

void blame_print(const struct blames *blames, FILE *out)
{
	if (blames->trace->sites == NULL)
		fprintf(out, "The trace has no call sites: blocks are told "
		             "apart by size and thread.\n");
	fprintf(out,
	        "A page of %" PRIu64 " bytes is held by the live blocks on it, "
	        "its holes in proportion to their bytes there.\nlong: alive "
	        "for %u %% of all events and more; alone: no other caller has "
	        "a block on it.\n\n",
	        blames->options->page_bytes, blames->options->long_percent);
	for (int i = 0; i < blames->count; i++)
		print_one(blames, i, out);
	if (blames->count == 2)
		print_difference(blames, out);
}

/* --- files -------------------------------------------------------------- */

static const char blame_header[] =
	"allocator,event,site,blocks,requested_bytes,rounding_bytes,"
	"hole_bytes,held_bytes,held_long_bytes,pages,pages_alone,"
	"median_age_events,median_age_bytes";

static void write_group(const struct blames *blames, int which, uint32_t group,
                        FILE *out)
{
	const struct holding *holding = &blames->of[which].holdings[group];

	csv_text(out, blames->subjects[which].label);
	fprintf(out, ",%" PRIu64 ",", blames->of[which].event);
	csv_text(out, blames->groups->names[group]);
	fprintf(out,
	        ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
	        ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
	        "\n",
	        holding->blocks, holding->requested, holding->rounding,
	        holding->holes, holding_held(holding), holding->held_long,
	        holding->pages, holding->pages_alone, holding->age_events,
	        holding->age_bytes);
}

static void write_groups(const struct blames *blames, FILE *out)
{
	for (int i = 0; i < blames->count; i++) {
		uint32_t count;
		struct row *rows = sort_rows(blames, i, &count);
		for (uint32_t k = 0; rows != NULL && k < count; k++)
			write_group(blames, i, rows[k].group, out);
		free(rows);
	}
}

static const char heaps_header[] =
	"allocator,event,has_sites,page_bytes,footprint_bytes,metadata_bytes,"
	"free_page_bytes,held_bytes,requested_bytes,blocks";

static void write_heaps(const struct blames *blames, FILE *out)
{
	for (int i = 0; i < blames->count; i++) {
		const struct blame *blame = &blames->of[i];
		csv_text(out, blames->subjects[i].label);
		fprintf(out,
		        ",%" PRIu64 ",%d,%" PRIu64 ",%" PRIu64 ",%" PRIu64
		        ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
		        blame->event, blames->trace->sites != NULL,
		        blames->options->page_bytes, parts_sum(&blame->parts),
		        blame->metadata, blame->free_pages, blame->held,
		        blame->parts.requested, blame->blocks);
	}
}

static bool write_table(const struct blames *blames,
                        const struct folder *folder, const char *name,
                        const char *header,
                        void (*write)(const struct blames *blames, FILE *out),
                        struct trace_error *error)
{
	FILE *out = folder_csv_open(folder, name, header);

	if (out != NULL)
		write(blames, out);
	return folder_csv_close(folder, out, error);
}

static bool write_files(const struct blames *blames,
                        const struct folder *folder, const char *command,
                        struct trace_error *error)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/run.json", folder->temp);
	return write_table(blames, folder, "blame.csv", blame_header,
	                   write_groups, error) &&
	       write_table(blames, folder, "blame_heap.csv", heaps_header,
	                   write_heaps, error) &&
	       (report_json_across(command, NULL, 0, NULL, 0, path) ||
	        folder_cannot_write(folder, error));
}

bool blame_write(const struct blames *blames, const char *results,
                 const char *command, struct folder *folder,
                 struct trace_error *error)
{
	char name[160];

	snprintf(name, sizeof name, "%s-blame", blames->workload);
	if (!folder_create(folder, results, name, error))
		return false;
	if (write_files(blames, folder, command, error) &&
	    folder_commit(folder, error))
		return true;
	folder_abandon(folder);
	return false;
}
