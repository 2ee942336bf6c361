/*
 * table.c - the table on the terminal.
 */
#include "../clock/pace.h"
#include "../run/threaded.h"
#include "grid.h"
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
	COLUMN_THREADED = COLUMNS, /* with THREADS only: two columns more */
	COLUMN_THREADED_RESIDENT,
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

/* The unit of all space columns: KiB where everything is small. */
static double choose_unit(const struct run *run)
{
	return (double)run->workload->trace.peak_live_bytes < MIB ? KIB : MIB;
}

static void set_space(struct grid *grid, const struct subject *subject,
                      double unit)
{
	const struct meter *meter = &subject->meter;
	const struct parts *parts = &meter->at_peak;
	double heap = (double)parts_sum(parts);

	if (subject->is_audited && subject->allocator->ignores_page_source) {
		for (int column = COLUMN_LIVE; column <= COLUMN_RATIO; column++)
			grid_set(grid, column, "-");
		grid_set(grid, COLUMN_LINKS, "-");
	}
	if (!subject->is_metered || heap == 0)
		return;
	grid_set(grid, COLUMN_LIVE, "%.2f", (double)parts->requested / unit);
	grid_set(grid, COLUMN_ROUNDING, "%.2f", (double)parts->internal / unit);
	grid_set(grid, COLUMN_HEADERS, "%.2f", (double)parts->metadata / unit);
	grid_set(grid, COLUMN_HOLES, "%.2f", (double)parts->free / unit);
	grid_set(grid, COLUMN_OTHER, "%.2f", (double)parts->slack / unit);
	grid_set(grid, COLUMN_HEAP, "%.2f", heap / unit);
	grid_set(grid, COLUMN_RATIO, "%.2f", subject->audit.jw4);
	grid_set(grid, COLUMN_LINKS, "%.1f", subject->audit.links_mean);
}

/* Median, interval and number; of one repetition there is no interval. */
static void set_time(struct grid *grid, const struct estimate *ns, size_t reps)
{
	grid_set(grid, COLUMN_TIME, "%.1f", ns->median);
	if (reps > 1)
		grid_set(grid, COLUMN_INTERVAL, "%.1f..%.1f", ns->low,
		         ns->high);
	grid_set(grid, COLUMN_REPS, "%zu", reps);
}

/* What the replays on real threads came to. */
static void set_threaded(struct grid *grid, const struct subject *subject,
                         double unit)
{
	if (subject->threaded.is_known &&
	    !subject->allocator->ignores_page_source)
		grid_set(grid, COLUMN_THREADED, "%.2f",
		         (double)threaded_footprint(subject) / unit);
	if (subject->reps > 0)
		grid_set(grid, COLUMN_THREADED_RESIDENT, "%.2f",
		         estimate_median(subject->resident, subject->reps)
		                         .median /
		                 unit);
}

static void set_row(struct grid *grid, const struct subject *subject,
                    double unit)
{
	grid_set(grid, COLUMN_ALLOCATOR, "%s", subject->label);
	set_space(grid, subject, unit);
	if (subject->is_resident_known)
		grid_set(grid, COLUMN_RESIDENT, "%.2f",
		         (double)subject->residency.peak_bytes / unit);
	if (subject->reps > 0)
		set_time(grid, &subject->ns, subject->reps);
	if (subject->verdict.kind != VERDICT_OK)
		grid_set(grid, COLUMN_INTERVAL, "%s",
		         verdict_word(subject->verdict.kind));
}

static void set_floor(struct grid *grid, const struct run *run)
{
	grid_set(grid, COLUMN_ALLOCATOR, "(null, the loop alone)");
	set_time(grid, &run->null_estimate, run->null_reps);
}

/* How the clock's figures came about, where that is not the usual way. */
static void say_replay(const struct run *run, FILE *out)
{
	char pace[PACE_BYTES];

	if (run->plan != NULL)
		fprintf(out,
		        "Replayed on %u thread%s too (the trace has %u): ns/op "
		        "is wall time by the calls of all;\nheap/thr., "
		        "res./thr.: the largest heap and resident memory "
		        "then; the other sizes are of one thread.\n",
		        run->plan->threads, run->plan->threads == 1 ? "" : "s",
		        run->workload->trace.threads);
	else if (run->workload->trace.threads > 1 && run->library_floor != NULL)
		fprintf(out, "One thread replays all: the lab's designs have a "
		             "cache for each of the trace's threads, a "
		             "library only one (--threads gives both real "
		             "ones).\n");
	if (run->options->pace > 0)
		fprintf(out, "Time is paced (%s): ns/op is not a speed.\n",
		        pace_print(run->options->pace, pace));
	putc('\n', out);
}

static void set_library_floor(struct grid *grid, const struct subject *floor)
{
	grid_set(grid, COLUMN_ALLOCATOR,
	         "(empty library, through the adapter)");
	set_time(grid, &floor->ns, floor->reps);
}

void report_table(const struct run *run, FILE *out)
{
	const struct trace *trace = &run->workload->trace;
	double unit = choose_unit(run);
	struct grid grid;

	fprintf(out,
	        "%s: %lu call%s, at most %u block%s and %.2f %s live.\n"
	        "Sizes in %s when the heap was largest; heap/live: the largest "
	        "heap by the most ever live.\n",
	        run->workload->name, trace->calls, trace->calls == 1 ? "" : "s",
	        trace->slots, trace->slots == 1 ? "" : "s",
	        (double)trace->peak_live_bytes / unit,
	        unit == MIB ? "MiB" : "KiB", unit == MIB ? "MiB" : "KiB");
	say_replay(run, out);
	grid_open(&grid);
	for (int column = 0; column < COLUMNS; column++)
		grid_add_column(&grid, column_names[column]);
	if (run->plan != NULL) {
		grid_add_column(&grid, "heap/thr.");
		grid_add_column(&grid, "res./thr.");
	}
	for (int i = 0; i < run->count; i++) {
		grid_add_line(&grid);
		set_row(&grid, &run->subjects[i], unit);
		if (run->plan != NULL)
			set_threaded(&grid, &run->subjects[i], unit);
	}
	if (run->null_reps > 0) {
		grid_add_line(&grid);
		set_floor(&grid, run);
	}
	if (run->library_floor != NULL && run->library_floor->reps > 0) {
		grid_add_line(&grid);
		set_library_floor(&grid, run->library_floor);
	}
	grid_print(&grid, out);
}
