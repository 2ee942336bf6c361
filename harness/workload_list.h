/*
 * workload_list.h - the workloads of a command line: WORKLOAD="sqlite x.rep",
 * WORKLOAD=all.
 *
 * All of them are looked up, though not read, before the first one runs: a name
 * that does not exist should not come to light after an hour.
 */
#ifndef HARNESS_WORKLOAD_LIST_H
#define HARNESS_WORKLOAD_LIST_H

#include "workload.h"

/* The word for every workload, and the folder of results across workloads. */
#define WORKLOAD_ALL "all"

struct workload_list {
	struct workload_place *places; /* in the order of the command line */
	int count;
};

/*
 * Adds what one argument names: a file, an inline text (it holds a "="), or
 * words separated by blanks, each a name, a path or "all".  What is there
 * already is not added again.  False with `error` set if something does not
 * exist, or if two would have the same results folder.
 */
bool workload_list_add(struct workload_list *list, const char *text,
                       const char *directory, struct trace_error *error);

void workload_list_free(struct workload_list *list);

#endif
