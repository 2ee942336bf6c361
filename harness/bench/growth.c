/*
 * growth.c - one workload more, with demands of its own.
 */
#include "growth.h"

#include <bsd/string.h>
#include <string.h>

#include "../report/grid.h"
#include "../trace/trace_builder.h"

enum {
	GROWTHS = 100,
	STEP_BYTES = 64,
	TO_BYTES = 64 << 10,
};

static const double LIMIT = 1.2; /* times the C library's time per call */

static bool grow_one(struct trace_builder *builder, uint64_t id,
                     struct trace_error *error)
{
	bool good = trace_builder_alloc(builder, TRACE_MALLOC, id, STEP_BYTES,
	                                0, id, error);

	for (uint64_t size = 2 * STEP_BYTES; good && size <= TO_BYTES;
	     size += STEP_BYTES)
		good = trace_builder_realloc(builder, id, size, id, error);
	return good && trace_builder_free_block(builder, id, id, error);
}

static bool make_workload(struct workload *workload, struct trace_error *error)
{
	struct trace_builder *builder = trace_builder_new("growth", "line");
	bool good = builder != NULL || trace_fail(error, "no memory");

	for (uint64_t id = 0; good && id < GROWTHS; id++)
		good = grow_one(builder, id, error);
	strlcpy(workload->name, "realloc +64", sizeof workload->name);
	if (good)
		return trace_builder_finish(builder, "alloclab bench",
		                            &workload->trace, error);
	if (builder != NULL)
		trace_builder_free(builder);
	return false;
}

/* The C library's row, without settings; -1: none. */
static int find_system(const struct comparison *comparison)
{
	for (int i = 0; i < comparison->subject_count; i++)
		if (strcmp(comparison->subjects[i].label, "system") == 0)
			return i;
	return -1;
}

static void add_demand(const struct comparison *growth, int subject, int libc,
                       struct demands *demands)
{
	struct demand demand = {.limit = LIMIT};

	if (libc < 0 || growth->subjects[subject].is_library ||
	    !comparison_has(growth, MEASURE_TIME, 0, subject) ||
	    !comparison_has(growth, MEASURE_TIME, 0, libc))
		return;
	strlcpy(demand.what, "realloc +64, time a call", sizeof demand.what);
	strlcpy(demand.first, growth->subjects[subject].label,
	        sizeof demand.first);
	strlcpy(demand.second, growth->subjects[libc].label,
	        sizeof demand.second);
	demand.ratio = comparison_ratio(growth, MEASURE_TIME, 0, subject, libc);
	demands_add(demands, &demand);
}

static void report(const struct comparison *growth, struct demands *demands,
                   FILE *out)
{
	int libc = find_system(growth);
	struct grid grid;

	fprintf(out,
	        "realloc, +%d bytes a call, %d times from %d bytes to %d KiB:\n"
	        "\n",
	        STEP_BYTES, GROWTHS, STEP_BYTES, TO_BYTES >> 10);
	grid_open(&grid);
	grid_add_column(&grid, "allocator");
	grid_add_column(&grid, "ns/call");
	for (int i = 0; i < growth->subject_count; i++) {
		grid_add_line(&grid);
		grid_set(&grid, 0, "%s", growth->subjects[i].label);
		if (comparison_has(growth, MEASURE_TIME, 0, i))
			grid_set(&grid, 1, "%.1f",
			         comparison_median(growth, MEASURE_TIME, 0, i));
		add_demand(growth, i, libc, demands);
	}
	grid_print(&grid, out);
}

bool growth_run(const struct comparison *comparison, unsigned rounds,
                struct demands *demands, FILE *out, struct trace_error *error)
{
	struct workload workload = {0};
	struct comparison growth;

	comparison_open(&growth);
	bool good = comparison_copy_subjects(&growth, comparison, error) &&
	            make_workload(&workload, error) &&
	            comparison_add(&growth, &workload, error) &&
	            comparison_run(&growth, "growth", rounds, 0, error);
	if (good && growth.rounds > 0)
		report(&growth, demands, out);
	comparison_close(&growth);
	return good;
}
