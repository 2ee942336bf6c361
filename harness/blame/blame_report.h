/*
 * blame_report.h - what `alloclab blame` says and leaves behind.
 */
#ifndef HARNESS_BLAME_BLAME_REPORT_H
#define HARNESS_BLAME_BLAME_REPORT_H

#include <stdio.h>

#include "../report/folder.h"
#include "blame.h"

enum { BLAMES_MAX = 2 };

/* One or two allocators on one trace. */
struct blames {
	const char *workload;
	const struct trace *trace;
	const struct groups *groups;
	const struct blame_options *options;
	const struct subject *subjects;
	struct blame of[BLAMES_MAX];
	int count;
	unsigned top; /* rows of a table */
};

/* The tables: one for each allocator, and the difference of two. */
void blame_print(const struct blames *blames, FILE *out);

/*
 * Writes results/<workload>-blame/: blame.csv, blame_heap.csv and run.json
 * (docs/csv.md), complete or not at all; `folder` then says where.
 */
bool blame_write(const struct blames *blames, const char *results,
                 const char *command, struct folder *folder,
                 struct trace_error *error);

#endif
