/*
 * across.h - several workloads in one table: is an allocator good everywhere?
 *
 *     allocator  heap/live  smallest  failed  time  fastest
 *     best-fit        1.04        21       0  2.31        0
 *     slab            1.31         2       0  0.87       17
 *
 * Filled workload by workload, so that an interrupted run has what it has seen.
 */
#ifndef HARNESS_REPORT_ACROSS_H
#define HARNESS_REPORT_ACROSS_H

#include <stdio.h>

#include "folder.h"

/* One allocator on one workload. */
struct across_cell {
	enum verdict_kind kind;
	double heap_by_live; /* jw4; 0: unknown          */
	double ns;           /* per operation; 0: unknown */
	bool is_smallest;    /* others may be as small    */
	bool is_fastest;     /* others may tie            */
};

struct across {
	const struct subject
		*subjects; /* the rows; labels are read from here */
	int subject_count;
	char (*names)[128];        /* of the workloads                     */
	struct across_cell *cells; /* subject_count for each workload   */
	int count;                 /* of workloads                         */
	char *rows;                /* of summary.csv, as text              */
	size_t rows_bytes;
};

void across_open(struct across *across, const struct subject *subjects,
                 int count);

/* Adds a finished run of the same subjects.  False if there is no memory. */
bool across_add(struct across *across, const struct run *run);

/*
 * Writes results/all/: summary.csv with the rows of all workloads, and run.json,
 * in a folder that replaces the one that is there.
 */
bool across_write(const struct across *across, const char *results,
                  const char *command, struct folder *folder,
                  struct trace_error *error);

/* The tables for people. */
void across_print(const struct across *across, FILE *out);

void across_close(struct across *across);

#endif
