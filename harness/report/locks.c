/*
 * locks.c - how often the locks of each heap were taken, and found held.
 */
#include "../run/threaded.h"
#include "csv.h"
#include "grid.h"
#include "report.h"

const char report_locks_header[] =
	"allocator,replay,threads,lock,acquired,waited,"
	"acquired_per_1000_ops,waited_per_1000_ops";

/* What one replay did with one kind of lock, on average. */
struct lock_row {
	const char *name;
	double acquired, waited;           /* times                */
	double acquired_rate, waited_rate; /* per 1000 calls */
};

static struct lock_row row_of(const struct run *run,
                              const struct lock_table *table, unsigned i,
                              uint64_t replays)
{
	double calls = (double)run->workload->trace.calls;
	double acquired = (double)table->locks[i].acquired / (double)replays;
	double waited = (double)table->locks[i].waited / (double)replays;

	return (struct lock_row){
		.name = table->locks[i].name,
		.acquired = acquired,
		.waited = waited,
		.acquired_rate = 1000 * acquired / calls,
		.waited_rate = 1000 * waited / calls,
	};
}

static void write_rows(const struct run *run, const struct subject *subject,
                       const char *replay, unsigned threads,
                       const struct lock_table *table, uint64_t replays,
                       FILE *out)
{
	for (unsigned i = 0; i < table->count; i++) {
		struct lock_row row = row_of(run, table, i, replays);
		csv_text(out, subject->label);
		fprintf(out, ",%s,%u,", replay, threads);
		csv_text(out, row.name);
		fprintf(out, ",%.0f,%.0f,%.3f,%.3f\n", row.acquired, row.waited,
		        row.acquired_rate, row.waited_rate);
	}
}

void report_locks(const struct run *run, FILE *out)
{
	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		write_rows(run, subject, "recorded", 1, &subject->audit.locks,
		           1, out);
		if (subject->threaded.replays > 0)
			write_rows(run, subject, "threads", run->plan->threads,
			           &subject->threaded.locks,
			           subject->threaded.replays, out);
	}
}

enum {
	COLUMN_ALLOCATOR,
	COLUMN_LOCK,
	COLUMN_TAKEN,
	COLUMN_TAKEN_RATE,
	COLUMN_WAITED,
	COLUMN_WAITED_RATE,
	COLUMNS,
};

static const char *const column_names[COLUMNS] = {
	[COLUMN_ALLOCATOR] = "allocator", [COLUMN_LOCK] = "lock",
	[COLUMN_TAKEN] = "taken",         [COLUMN_TAKEN_RATE] = "per 1000 ops",
	[COLUMN_WAITED] = "had to wait",  [COLUMN_WAITED_RATE] = "per 1000 ops",
};

static void set_rows(struct grid *grid, const struct run *run,
                     const struct subject *subject)
{
	const struct threaded *threaded = &subject->threaded;

	for (unsigned i = 0; i < threaded->locks.count; i++) {
		struct lock_row row =
			row_of(run, &threaded->locks, i, threaded->replays);
		grid_add_line(grid);
		grid_set(grid, COLUMN_ALLOCATOR, "%s", subject->label);
		grid_set(grid, COLUMN_LOCK, "%s", row.name);
		grid_set(grid, COLUMN_TAKEN, "%.0f", row.acquired);
		grid_set(grid, COLUMN_TAKEN_RATE, "%.1f", row.acquired_rate);
		grid_set(grid, COLUMN_WAITED, "%.0f", row.waited);
		grid_set(grid, COLUMN_WAITED_RATE, "%.1f", row.waited_rate);
	}
}

void report_locks_table(const struct run *run, FILE *out)
{
	struct grid grid;
	bool any = false;

	for (int i = 0; i < run->count; i++)
		any |= run->subjects[i].threaded.locks.count > 0;
	if (run->plan == NULL || !any)
		return;
	fprintf(out, "Locks, in one replay on %u thread%s:\n\n",
	        run->plan->threads, run->plan->threads == 1 ? "" : "s");
	grid_open(&grid);
	for (int column = 0; column < COLUMNS; column++)
		grid_add_column(&grid, column_names[column]);
	for (int i = 0; i < run->count; i++)
		set_rows(&grid, run, &run->subjects[i]);
	grid_print(&grid, out);
}
