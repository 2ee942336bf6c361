/*
 * results.c - a comparison in three CSV files.
 */
#include "results.h"

#include <stdlib.h>
#include <string.h>

#include "../report/csv.h"
#include "../report/folder.h"
#include "../report/report.h"
#include "../run/interrupt.h"

static const char *const measure_names[MEASURES] = {
	[MEASURE_TIME] = "time",
	[MEASURE_RESIDENT] = "resident",
	[MEASURE_WHOLE] = "whole",
};

static const struct subject *row_of(const struct comparison *comparison,
                                    int contest, int subject)
{
	return &comparison->contests[contest].run.subjects[subject];
}

static void put_row(const struct comparison *comparison, int contest,
                    int subject, FILE *out)
{
	csv_text(out, comparison->contests[contest].workload.name);
	putc(',', out);
	csv_text(out, comparison->subjects[subject].label);
}

/* ---- one file each ------------------------------------------------------- */

static const char summary_header[] =
	"workload,allocator,kind,status,ops,rounds,ns_per_op,cpu_ns_per_op,"
	"cpu_ns_per_op_lo,cpu_ns_per_op_hi,peak_resident_bytes,"
	"start_resident_bytes";

static void write_summary_row(const struct comparison *comparison, int contest,
                              int subject, FILE *out)
{
	const struct subject *row = row_of(comparison, contest, subject);
	struct estimate wall = estimate_median(row->ns_per_op, row->reps);
	struct estimate cpu = estimate_median(row->cpu_ns_per_op, row->reps);

	put_row(comparison, contest, subject, out);
	fprintf(out, ",%s,%s,%lu,%zu,%.3f,%.3f,%.3f,%.3f,%lu,%lu\n",
	        row->is_library ? "library" : "lab",
	        verdict_word(row->verdict.kind),
	        comparison->contests[contest].workload.trace.calls, row->reps,
	        wall.median, cpu.median, cpu.low, cpu.high,
	        row->residency.peak_bytes, row->residency.barrier_bytes);
}

static const char repetitions_header[] =
	"workload,allocator,round,position,ns_per_op,cpu_ns_per_op,"
	"page_faults,system_ns";

static void write_repetition_rows(const struct comparison *comparison,
                                  int contest, int subject, FILE *out)
{
	const struct subject *row = row_of(comparison, contest, subject);

	for (size_t r = 0; r < row->reps; r++) {
		put_row(comparison, contest, subject, out);
		fprintf(out, ",%zu,%u,%.3f,%.3f,%.0f,%.0f\n", r + 1,
		        row->position[r] + 1, row->ns_per_op[r],
		        row->cpu_ns_per_op[r], row->page_faults[r],
		        row->system_ns[r]);
	}
}

static const char ratios_header[] =
	"first,second,measure,workload,ratio,ratio_lo,ratio_hi,rounds";

static void write_ratio(const struct comparison *comparison,
                        const struct pair *pair, enum measure measure,
                        const char *workload, const struct estimate *ratio,
                        FILE *out)
{
	csv_text(out, comparison->subjects[pair->first].label);
	putc(',', out);
	csv_text(out, comparison->subjects[pair->second].label);
	fprintf(out, ",%s,", measure_names[measure]);
	csv_text(out, workload);
	fprintf(out, ",%.4f,%.4f,%.4f,%zu\n", ratio->median, ratio->low,
	        ratio->high, ratio->n);
}

static void write_ratios(const struct comparison *comparison,
                         const struct pair *pair, enum measure measure,
                         FILE *out)
{
	struct estimate ratio;
	int workloads;

	for (int c = 0; c < comparison->count; c++) {
		if (!comparison_has(comparison, measure, c, pair->first) ||
		    !comparison_has(comparison, measure, c, pair->second))
			continue;
		ratio = comparison_ratio(comparison, measure, c, pair->first,
		                         pair->second);
		write_ratio(comparison, pair, measure,
		            comparison->contests[c].workload.name, &ratio, out);
	}
	ratio = comparison_mean(comparison, measure, pair->first, pair->second,
	                        &workloads);
	if (workloads > 0)
		write_ratio(comparison, pair, measure, WORKLOAD_ALL, &ratio,
		            out);
}

/* ---- the folder ---------------------------------------------------------- */

/* Writes the rows of one allocator on one workload. */
typedef void rows_writer(const struct comparison *comparison, int contest,
                         int subject, FILE *out);

static bool write_rows(const struct comparison *comparison,
                       const struct folder *folder, const char *name,
                       const char *header, rows_writer *write,
                       struct trace_error *error)
{
	FILE *out = folder_csv_open(folder, name, header);

	for (int c = 0; out != NULL && c < comparison->count; c++)
		for (int s = 0; s < comparison->subject_count; s++)
			write(comparison, c, s, out);
	return folder_csv_close(folder, out, error);
}

static bool write_pairs(const struct comparison *comparison,
                        const struct folder *folder, const struct pair *pairs,
                        int count, struct trace_error *error)
{
	FILE *out = folder_csv_open(folder, "ratios.csv", ratios_header);

	for (int i = 0; out != NULL && i < count; i++)
		for (int m = 0; m < MEASURES; m++)
			write_ratios(comparison, &pairs[i], (enum measure)m,
			             out);
	return folder_csv_close(folder, out, error);
}

static bool write_demands(const struct demands *demands,
                          const struct folder *folder,
                          struct trace_error *error)
{
	FILE *out = folder_csv_open(folder, "demands.csv", demands_header);

	if (out != NULL)
		demands_write(demands, out);
	return folder_csv_close(folder, out, error);
}

static bool write_json(const struct comparison *comparison,
                       const struct folder *folder, const char *command,
                       struct trace_error *error)
{
	char(*names)[128] = calloc((size_t)comparison->count, sizeof *names);
	char path[4096];

	snprintf(path, sizeof path, "%s/run.json", folder->temp);
	for (int c = 0; names != NULL && c < comparison->count; c++)
		strcpy(names[c], comparison->contests[c].workload.name);
	bool good = names != NULL &&
	            report_json_across(command, (const char(*)[128])names,
	                               comparison->count, comparison->subjects,
	                               comparison->subject_count, path);
	free(names);
	return good || folder_cannot_write(folder, error);
}

bool results_write(const struct comparison *comparison,
                   const struct pair *pairs, int pair_count,
                   const struct demands *demands, const char *results,
                   const char *command, char *path, size_t capacity,
                   struct trace_error *error)
{
	struct folder folder;

	if (!folder_create(&folder, results, "bench", error))
		return false;
	if (interrupt_came())
		folder_step_aside(&folder);
	snprintf(path, capacity, "%s", folder.path);
	if (write_rows(comparison, &folder, "summary.csv", summary_header,
	               write_summary_row, error) &&
	    write_rows(comparison, &folder, "repetitions.csv",
	               repetitions_header, write_repetition_rows, error) &&
	    write_pairs(comparison, &folder, pairs, pair_count, error) &&
	    write_demands(demands, &folder, error) &&
	    write_json(comparison, &folder, command, error) &&
	    folder_commit(&folder, error))
		return true;
	folder_abandon(&folder);
	return false;
}
