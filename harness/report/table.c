/*
 * table.c - the table on the terminal.
 */
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <stdarg.h>

#include "report.h"

static const double MIB = 1024 * 1024;
static const double KIB = 1024;

enum {
	COLUMN_ALLOCATOR,
	COLUMN_LIVE,
	COLUMN_ROUNDING,
	COLUMN_HEADERS,
	COLUMN_HOLES,
	COLUMN_OTHER,
	COLUMN_HEAP,
	COLUMN_RATIO,
	COLUMN_RESIDENT,
	COLUMN_TIME,
	COLUMN_INTERVAL,
	COLUMN_REPS,
	COLUMN_LINKS,
	COLUMNS,
};

static const char *const column_names[COLUMNS] = {
	[COLUMN_ALLOCATOR] = "allocator", [COLUMN_LIVE] = "live",
	[COLUMN_ROUNDING] = "+ rounding", [COLUMN_HEADERS] = "+ headers",
	[COLUMN_HOLES] = "+ holes",       [COLUMN_OTHER] = "+ other",
	[COLUMN_HEAP] = "= heap",         [COLUMN_RATIO] = "heap/live",
	[COLUMN_RESIDENT] = "resident",   [COLUMN_TIME] = "ns/op",
	[COLUMN_INTERVAL] = "95 %",       [COLUMN_REPS] = "n",
	[COLUMN_LINKS] = "links/op",
};

static void set(struct libscols_line *line, int column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void set(struct libscols_line *line, int column, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	scols_line_set_data(line, (size_t)column, text);
}

/* The unit of all space columns: KiB where everything is small. */
static double choose_unit(const struct run *run)
{
	return (double)run->workload->trace.peak_live_bytes < MIB ? KIB : MIB;
}

static void set_space(struct libscols_line *line, const struct subject *subject,
                      double unit)
{
	const struct meter *meter = &subject->meter;
	const struct parts *parts = &meter->at_peak;
	double heap = (double)parts_sum(parts);

	if (!subject->is_metered || heap == 0)
		return;
	set(line, COLUMN_LIVE, "%.2f", (double)parts->requested / unit);
	set(line, COLUMN_ROUNDING, "%.2f", (double)parts->internal / unit);
	set(line, COLUMN_HEADERS, "%.2f", (double)parts->metadata / unit);
	set(line, COLUMN_HOLES, "%.2f", (double)parts->free / unit);
	set(line, COLUMN_OTHER, "%.2f", (double)parts->slack / unit);
	set(line, COLUMN_HEAP, "%.2f", heap / unit);
	set(line, COLUMN_RATIO, "%.2f", subject->audit.jw4);
	set(line, COLUMN_LINKS, "%.1f", subject->audit.links_mean);
}

static void set_row(struct libscols_line *line, const struct subject *subject,
                    double unit)
{
	set(line, COLUMN_ALLOCATOR, "%s", subject->label);
	set_space(line, subject, unit);
	if (subject->is_resident_known)
		set(line, COLUMN_RESIDENT, "%.2f",
		    (double)subject->resident_bytes / unit);
	if (subject->reps > 0) {
		set(line, COLUMN_TIME, "%.1f", subject->ns.median);
		set(line, COLUMN_INTERVAL, "%.1f..%.1f", subject->ns.low,
		    subject->ns.high);
		set(line, COLUMN_REPS, "%zu", subject->reps);
	}
	if (subject->verdict.kind != VERDICT_OK)
		set(line, COLUMN_INTERVAL, "%s",
		    verdict_word(subject->verdict.kind));
}

void report_table(const struct run *run, FILE *out)
{
	const struct trace *trace = &run->workload->trace;
	struct libscols_table *table = scols_new_table();
	double unit = choose_unit(run);
	char *text = NULL;

	fprintf(out,
	        "%s: %lu calls, at most %u blocks and %.2f %s live.\n"
	        "Sizes in %s when the heap was largest; heap/live: the largest "
	        "heap by the most ever live.\n\n",
	        run->workload->name, trace->calls, trace->slots,
	        (double)trace->peak_live_bytes / unit,
	        unit == MIB ? "MiB" : "KiB", unit == MIB ? "MiB" : "KiB");
	if (table == NULL)
		return;
	for (int column = 0; column < COLUMNS; column++)
		scols_table_new_column(
			table, column_names[column], 0,
			column == COLUMN_ALLOCATOR ? 0 : SCOLS_FL_RIGHT);
	for (int i = 0; i < run->count; i++)
		set_row(scols_table_new_line(table, NULL), &run->subjects[i],
		        unit);
	if (run->null_reps > 0) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		set(line, COLUMN_ALLOCATOR, "(null, the loop alone)");
		set(line, COLUMN_TIME, "%.1f", run->null_estimate.median);
		set(line, COLUMN_INTERVAL, "%.1f..%.1f", run->null_estimate.low,
		    run->null_estimate.high);
		set(line, COLUMN_REPS, "%zu", run->null_reps);
	}
	scols_table_enable_maxout(table, 0);
	scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	if (scols_print_table_to_string(table, &text) == 0)
		fprintf(out, "%s\n", text);
	free(text);
	scols_unref_table(table);
}
