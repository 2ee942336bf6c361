/*
 * report.h - what a finished run leaves behind and says.
 */
#ifndef HARNESS_REPORT_REPORT_H
#define HARNESS_REPORT_REPORT_H

#include <stdio.h>

#include "../run/run.h"
#include "../scale/scale.h"

/* The first lines of summary, repetitions, locks and phases.csv, without line end. */
extern const char report_summary_header[], report_repetitions_header[],
	report_locks_header[], report_phases_header[];

/* The rows of summary.csv; before each, `workload` as a column unless NULL. */
void report_summary(const struct run *run, const char *workload, FILE *out);

/* The rows of repetitions.csv. */
void report_repetitions(const struct run *run, FILE *out);

/* The rows of locks.csv, and a table of them where there were real threads. */
void report_locks(const struct run *run, FILE *out);
void report_locks_table(const struct run *run, FILE *out);

/* The rows of phases.csv. */
void report_phases(const struct trace *trace, FILE *out);

/*
 * run.json at `path`; `command` is the command line, `old` the run.json whose
 * other allocators are kept, or NULL.  False if it cannot be written.
 */
bool report_json(const struct run *run, const char *command, const char *path,
                 const char *old);

/* The same for a run of several workloads: what is common to all. */
bool report_json_across(const char *command, const char (*workloads)[128],
                        int workload_count, const struct subject *subjects,
                        int subject_count, const char *path);

/* The same for `alloclab scale`. */
bool report_json_scale(const struct scale *scale, const char *command,
                       const char *path);

/* The table for people. */
void report_table(const struct run *run, FILE *out);

/* Which is smallest, which fastest, which tie, and why each heap grew. */
void report_sentences(const struct run *run, FILE *out);

#endif
