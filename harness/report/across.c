/*
 * across.c - one row per workload and allocator, and what they add up to.
 *
 * Ratios are averaged by their geometric mean, so that it does not matter which
 * allocator is the unit [Fleming86].  A mean over fewer workloads than the others'
 * cannot be set beside them; it is printed in brackets.
 */
#include "across.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../workload_list.h"
#include "folder.h"
#include "grid.h"
#include "report.h"

void across_open(struct across *across, const struct subject *subjects,
                 int count)
{
	*across = (struct across){.subjects = subjects, .subject_count = count};
}

void across_close(struct across *across)
{
	free(across->names);
	free(across->cells);
	free(across->rows);
	*across = (struct across){0};
}

static struct across_cell *cell_of(const struct across *across, int workload,
                                   int subject)
{
	return &across->cells[workload * across->subject_count + subject];
}

/* ---- taking a run in ----------------------------------------------------- */

static bool has_heap(const struct subject *subject)
{
	return subject->verdict.kind == VERDICT_OK && subject->is_audited &&
	       !subject->allocator->ignores_page_source;
}

static bool is_timed(const struct subject *subject)
{
	return subject->verdict.kind == VERDICT_OK && subject->reps > 0;
}

static bool is_smallest(const struct run *run, const struct subject *subject)
{
	uint64_t bytes = subject->audit.peak_footprint_bytes;

	for (int i = 0; i < run->count; i++)
		if (has_heap(&run->subjects[i]) &&
		    run->subjects[i].audit.peak_footprint_bytes < bytes)
			return false;
	return has_heap(subject);
}

/* Fastest by its median, or in a tie with the one that is. */
static bool is_fastest(const struct run *run, const struct subject *subject)
{
	const struct subject *best = subject;

	if (!is_timed(subject))
		return false;
	for (int i = 0; i < run->count; i++)
		if (is_timed(&run->subjects[i]) &&
		    run->subjects[i].ns.median < best->ns.median)
			best = &run->subjects[i];
	if (best == subject)
		return true;
	size_t n = best->reps < subject->reps ? best->reps : subject->reps;
	struct estimate ratio =
		estimate_ratio(subject->ns_per_op, best->ns_per_op, n);
	return estimate_is_tie(&ratio);
}

static bool grow(struct across *across)
{
	size_t count = (size_t)across->count + 1;
	size_t row = (size_t)across->subject_count * sizeof *across->cells;
	void *names = realloc(across->names, count * sizeof *across->names);

	if (names == NULL)
		return false;
	across->names = names;
	struct across_cell *cells = realloc(across->cells, count * row);
	if (cells == NULL)
		return false;
	across->cells = cells;
	return true;
}

static bool append_rows(struct across *across, const struct run *run)
{
	char *rows = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&rows, &bytes);

	if (out == NULL)
		return false;
	if (across->rows != NULL)
		fwrite(across->rows, 1, across->rows_bytes, out);
	report_summary(run, run->workload->name, out);
	if (fclose(out) != 0) {
		free(rows);
		return false;
	}
	free(across->rows);
	across->rows = rows;
	across->rows_bytes = bytes;
	return true;
}

bool across_add(struct across *across, const struct run *run)
{
	if (!grow(across) || !append_rows(across, run))
		return false;
	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		*cell_of(across, across->count, i) = (struct across_cell){
			.kind = subject->verdict.kind,
			.heap_by_live =
				has_heap(subject) ? subject->audit.jw4 : 0,
			.ns = is_timed(subject) ? subject->ns.median : 0,
			.is_smallest = is_smallest(run, subject),
			.is_fastest = is_fastest(run, subject),
		};
	}
	strcpy(across->names[across->count], run->workload->name);
	across->count++;
	return true;
}

/* ---- summary.csv --------------------------------------------------------- */

static bool write_files(const struct across *across, const char *command,
                        const struct folder *folder, struct trace_error *error)
{
	char header[4096], path[4096];

	snprintf(header, sizeof header, "workload,%s", report_summary_header);
	FILE *out = folder_csv_open(folder, "summary.csv", header);
	if (out != NULL)
		fwrite(across->rows, 1, across->rows_bytes, out);
	if (!folder_csv_close(folder, out, error))
		return false;
	snprintf(path, sizeof path, "%s/run.json", folder->temp);
	return report_json_across(command, (const char(*)[128])across->names,
	                          across->count, across->subjects,
	                          across->subject_count, path) ||
	       folder_cannot_write(folder, error);
}

bool across_write(const struct across *across, const char *results,
                  const char *command, struct folder *folder,
                  struct trace_error *error)
{
	if (!folder_create(folder, results, WORKLOAD_ALL, error))
		return false;
	if (write_files(across, command, folder, error) &&
	    folder_commit(folder, error))
		return true;
	folder_abandon(folder);
	return false;
}

/* ---- the tables ---------------------------------------------------------- */

enum {
	COLUMN_ALLOCATOR,
	COLUMN_HEAP,
	COLUMN_SMALLEST,
	COLUMN_FAILED,
	COLUMN_TIME,
	COLUMN_FASTEST,
	COLUMNS,
};

/* A geometric mean, as far as it has come. */
struct mean {
	double logs;
	int count;
};

static void mean_add(struct mean *mean, double ratio)
{
	mean->logs += log(ratio);
	mean->count++;
}

static void mean_print(const struct mean *mean, int workloads,
                       struct grid *grid, int column)
{
	double value = exp(mean->logs / mean->count);

	if (mean->count == 0)
		grid_set(grid, column, "-");
	else if (mean->count < workloads)
		grid_set(grid, column, "(%.2f)", value);
	else
		grid_set(grid, column, "%.2f", value);
}

static bool any_is_timed(const struct across *across)
{
	for (int i = 0; i < across->count * across->subject_count; i++)
		if (across->cells[i].ns > 0)
			return true;
	return false;
}

/* `system`, if it was timed on every workload; else -1. */
static int find_unit(const struct across *across)
{
	for (int i = 0; i < across->subject_count; i++) {
		int timed = 0;
		for (int w = 0; w < across->count; w++)
			timed += cell_of(across, w, i)->ns > 0;
		if (strcmp(across->subjects[i].label, "system") == 0 &&
		    timed == across->count)
			return i;
	}
	return -1;
}

/* What times on one workload are divided by: the unit's, or the least. */
static double time_unit(const struct across *across, int workload, int unit)
{
	double least = INFINITY;

	if (unit >= 0)
		return cell_of(across, workload, unit)->ns;
	for (int i = 0; i < across->subject_count; i++) {
		double ns = cell_of(across, workload, i)->ns;
		if (ns > 0 && ns < least)
			least = ns;
	}
	return least;
}

static void print_subject(const struct across *across, int subject, int unit,
                          bool timed, struct grid *grid)
{
	struct mean heap = {0}, time = {0};
	int smallest = 0, fastest = 0, failed = 0;

	for (int w = 0; w < across->count; w++) {
		const struct across_cell *cell = cell_of(across, w, subject);
		if (cell->heap_by_live > 0)
			mean_add(&heap, cell->heap_by_live);
		if (cell->ns > 0)
			mean_add(&time, cell->ns / time_unit(across, w, unit));
		smallest += cell->is_smallest;
		fastest += cell->is_fastest;
		failed += cell->kind != VERDICT_OK;
	}
	grid_add_line(grid);
	grid_set(grid, COLUMN_ALLOCATOR, "%s", across->subjects[subject].label);
	mean_print(&heap, across->count, grid, COLUMN_HEAP);
	if (heap.count > 0)
		grid_set(grid, COLUMN_SMALLEST, "%d", smallest);
	grid_set(grid, COLUMN_FAILED, "%d", failed);
	if (!timed)
		return;
	mean_print(&time, across->count, grid, COLUMN_TIME);
	grid_set(grid, COLUMN_FASTEST, "%d", fastest);
}

static void print_means(const struct across *across, FILE *out)
{
	int unit = find_unit(across);
	bool timed = any_is_timed(across);
	struct grid grid;

	fprintf(out,
	        "%d workloads.  heap/live%s: geometric means, in brackets where "
	        "some are missing.\nsmallest%s: on how many workloads, ties "
	        "included.%s\n\n",
	        across->count, timed ? " and time" : "",
	        timed ? ", fastest" : "",
	        !timed      ? ""
	        : unit >= 0 ? "  time: ns per operation, system = 1."
	                    : "  time: ns per operation, the fastest of each "
	                      "workload = 1.");
	grid_open(&grid);
	grid_add_column(&grid, "allocator");
	grid_add_column(&grid, "heap/live");
	grid_add_column(&grid, "smallest");
	grid_add_column(&grid, "failed");
	if (timed) {
		grid_add_column(&grid, "time");
		grid_add_column(&grid, "fastest");
	}
	for (int i = 0; i < across->subject_count; i++)
		print_subject(across, i, unit, timed, &grid);
	grid_print(&grid, out);
}

/* heap/live, a line for each workload; without allocators that have none. */
static void print_matrix(const struct across *across, FILE *out)
{
	struct grid grid;

	fprintf(out, "heap/live of each workload:\n\n");
	grid_open(&grid);
	grid_add_column(&grid, "workload");
	for (int i = 0; i < across->subject_count; i++)
		if (!across->subjects[i].allocator->ignores_page_source)
			grid_add_column(&grid, across->subjects[i].label);
	for (int w = 0; w < across->count; w++) {
		int column = 0;
		grid_add_line(&grid);
		grid_set(&grid, column++, "%s", across->names[w]);
		for (int i = 0; i < across->subject_count; i++) {
			const struct across_cell *cell = cell_of(across, w, i);
			if (across->subjects[i].allocator->ignores_page_source)
				continue;
			if (cell->heap_by_live > 0)
				grid_set(&grid, column, "%.2f",
				         cell->heap_by_live);
			else
				grid_set(&grid, column, "%s",
				         cell->kind == VERDICT_OK
				                 ? "-"
				                 : verdict_word(cell->kind));
			column++;
		}
	}
	grid_print(&grid, out);
}

void across_print(const struct across *across, FILE *out)
{
	print_means(across, out);
	print_matrix(across, out);
}
