/*
 * report.c - scale.csv and the tables.
 */

#include "../report/csv.h"
#include "../report/grid.h"
#include "../report/report.h"
#include "scale_report.h"

static const char control_name[] = "null";

static const char *label_of(const struct scale_row *row)
{
	return row->subject == NULL ? control_name : row->subject->label;
}

/* Who made it: the lab, the machine, or nobody. */
static const char *kind_of(const struct scale_row *row)
{
	if (row->subject == NULL)
		return "control";
	return row->subject->is_library ? "library" : "lab";
}

static bool is_timed(const struct scale *scale, int row)
{
	return scale->rounds > 0 && scale->rows[row].verdict.kind == VERDICT_OK;
}

/* ---- files --------------------------------------------------------------- */

/* A visit to every point that was timed. */
typedef void print_point(const struct scale *scale, int row, unsigned work,
                         unsigned count, FILE *out);

static void print_points(const struct scale *scale, print_point *print,
                         FILE *out)
{
	for (int row = 0; row < scale->row_count; row++)
		for (enum scale_work work = 0; work < SCALE_WORKS; work++)
			for (unsigned i = 0;
			     i < scale->count_count && is_timed(scale, row);
			     i++)
				print(scale, row, work, i, out);
}

static void print_key(const struct scale *scale, int row, unsigned work,
                      unsigned count, FILE *out)
{
	csv_text(out, label_of(&scale->rows[row]));
	fprintf(out, ",%s,%u", scale_work_names[work], scale->counts[count]);
}

static void print_estimate(const struct estimate *estimate, FILE *out)
{
	fprintf(out, ",%.4f,%.4f,%.4f", estimate->median, estimate->low,
	        estimate->high);
}

static const char scale_header[] =
	"allocator,work,threads,kind,rounds,ns_per_op,ns_per_op_lo,"
	"ns_per_op_hi,speedup,speedup_lo,speedup_hi,of_control,of_control_lo,"
	"of_control_hi,calls,acquired,waited,takes,takes_waited,"
	"peak_footprint_bytes";

static void print_row(const struct scale *scale, int row, unsigned work,
                      unsigned count, FILE *out)
{
	const struct threads_figures *last =
		&scale_series_of(scale, row, work, count)->last;
	struct estimate ns = scale_ns_per_op(scale, row, work, count);
	struct estimate speedup = scale_speedup(scale, row, work, count);
	struct estimate share = scale_of_control(scale, row, work, count);
	uint64_t acquired = 0, waited = 0, takes = 0, waits = 0;

	for (unsigned i = 0; i < last->locks.count; i++) {
		acquired += last->locks.locks[i].acquired;
		waited += last->locks.locks[i].waited;
	}
	for (unsigned i = 0; i < last->threads; i++) {
		takes += last->of[i].takes;
		waits += last->of[i].waits;
	}
	print_key(scale, row, work, count, out);
	fprintf(out, ",%s,%u", kind_of(&scale->rows[row]), scale->rounds);
	print_estimate(&ns, out);
	print_estimate(&speedup, out);
	print_estimate(&share, out);
	fprintf(out, ",%lu,%lu,%lu,%lu,%lu,%lu\n", last->calls, acquired,
	        waited, takes, waits, last->peak_footprint_bytes);
}

static const char rounds_header[] = "allocator,work,threads,round,wall_ns";

static void print_rounds(const struct scale *scale, int row, unsigned work,
                         unsigned count, FILE *out)
{
	const struct scale_series *series =
		scale_series_of(scale, row, work, count);

	for (unsigned i = 0; i < scale->rounds; i++) {
		print_key(scale, row, work, count, out);
		fprintf(out, ",%u,%.0f\n", i + 1, series->wall_ns[i]);
	}
}

static const char locks_header[] =
	"allocator,work,threads,lock,acquired,waited,acquired_per_1000_ops,"
	"waited_per_1000_ops";

static void print_locks(const struct scale *scale, int row, unsigned work,
                        unsigned count, FILE *out)
{
	const struct threads_figures *last =
		&scale_series_of(scale, row, work, count)->last;
	double thousands = (double)last->calls / 1000;

	for (unsigned i = 0; i < last->locks.count; i++) {
		uint64_t acquired = last->locks.locks[i].acquired;
		uint64_t waited = last->locks.locks[i].waited;
		print_key(scale, row, work, count, out);
		fprintf(out, ",%s,%lu,%lu,%.4f,%.4f\n",
		        last->locks.locks[i].name, acquired, waited,
		        (double)acquired / thousands,
		        (double)waited / thousands);
	}
}

static bool write_table(const struct scale *scale, const struct folder *folder,
                        const char *name, const char *header,
                        print_point *print, struct trace_error *error)
{
	FILE *out = folder_csv_open(folder, name, header);

	if (out != NULL)
		print_points(scale, print, out);
	return folder_csv_close(folder, out, error);
}

static bool write_files(const struct scale *scale, const struct folder *folder,
                        const char *command, struct trace_error *error)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/run.json", folder->temp);
	return write_table(scale, folder, "scale.csv", scale_header, print_row,
	                   error) &&
	       write_table(scale, folder, "rounds.csv", rounds_header,
	                   print_rounds, error) &&
	       write_table(scale, folder, "locks.csv", locks_header,
	                   print_locks, error) &&
	       (report_json_scale(scale, command, path) ||
	        folder_cannot_write(folder, error));
}

bool scale_write(const struct scale *scale, const char *results,
                 const char *command, struct folder *folder,
                 struct trace_error *error)
{
	if (!folder_create(folder, results, "scale", error))
		return false;
	if (scale->interrupted)
		folder_step_aside(folder);
	if (write_files(scale, folder, command, error) &&
	    folder_commit(folder, error))
		return true;
	folder_abandon(folder);
	return false;
}

/* ---- tables -------------------------------------------------------------- */

/* What a table's heading says of a work. */
static const char *const captions[SCALE_WORKS] = {
	[SCALE_PRIVATE] = "private: each thread frees what it made",
	[SCALE_CROSSING] = "crossing: each thread frees what its neighbour "
			   "made",
	[SCALE_SHARING] = "sharing: each thread writes to a small block of "
			  "its own",
};

static void add_columns(const struct scale *scale, struct grid *grid)
{
	char name[64];

	grid_add_column(grid, "allocator");
	grid_add_column(grid, "ns/op, 1 thread");
	for (unsigned i = 1; i < scale->count_count; i++) {
		snprintf(name, sizeof name, "speed-up, %u", scale->counts[i]);
		grid_add_column(grid, name);
		grid_add_column(grid, "95 %");
		grid_add_column(grid, "of control");
	}
}

static void add_row(const struct scale *scale, int row, unsigned work,
                    struct grid *grid)
{
	int column = 0;

	grid_add_line(grid);
	grid_set(grid, column++, "%s", label_of(&scale->rows[row]));
	if (!is_timed(scale, row)) {
		grid_set(grid, column, "%s",
		         verdict_word(scale->rows[row].verdict.kind));
		return;
	}
	grid_set(grid, column++, "%.1f",
	         scale_ns_per_op(scale, row, work, 0).median);
	for (unsigned i = 1; i < scale->count_count; i++) {
		struct estimate it = scale_speedup(scale, row, work, i);
		struct estimate share = scale_of_control(scale, row, work, i);
		grid_set(grid, column++, "%.2f", it.median);
		if (scale->rounds > 1) /* one round has no interval */
			grid_set(grid, column, "%.2f-%.2f", it.low, it.high);
		column++;
		grid_set(grid, column++, "%.2f", share.median);
	}
}

bool scale_is_doubtful(const struct scale *scale)
{
	enum { LITTLE = 80 }; /* % of the ideal */
	unsigned last = scale->count_count - 1, most = scale->counts[last];

	return most > 1 &&
	       scale_speedup(scale, 0, SCALE_PRIVATE, last).median * 100 <
	               most * LITTLE;
}

/* Where the control loses much, the machine has no such cores to give. */
static void doubt(const struct scale *scale, FILE *out)
{
	unsigned last = scale->count_count - 1, most = scale->counts[last];
	double speedup = scale_speedup(scale, 0, SCALE_PRIVATE, last).median;

	if (scale_is_doubtful(scale))
		fprintf(out,
		        "Private work without an allocator is only %.2f times "
		        "as much on %u threads:\nother programs run, or "
		        "cores are shared.  Do not trust these figures.\n",
		        speedup, most);
}

void scale_print(const struct scale *scale, FILE *out)
{
	fprintf(out,
	        "Each thread does the same work, however many they are; %u "
	        "round%s.\nspeed-up: times the work of one thread; %s does it "
	        "without an allocator.\n\n",
	        scale->rounds, scale->rounds == 1 ? "" : "s", control_name);
	for (enum scale_work work = 0; work < SCALE_WORKS; work++) {
		struct grid grid;
		fprintf(out, "%s\n\n", captions[work]);
		grid_open(&grid);
		add_columns(scale, &grid);
		for (int row = 0; row < scale->row_count; row++)
			add_row(scale, row, work, &grid);
		grid_print(&grid, out);
	}
	doubt(scale, out);
}
