/*
 * workload.h - what WORKLOAD= can be, turned into a trace.
 *
 *     sqlite                      a name in workloads/
 *     path/to/x.trace, x.rep      a trace of ours or a foreign one
 *     path/to/x.ini               a spec to generate from
 *     'a=100 b=40 -a c=60'        the inline form (holds a "=" or a blank,
 *                                 and is no file)
 */
#ifndef HARNESS_WORKLOAD_H
#define HARNESS_WORKLOAD_H

#include "trace/trace.h"

struct workload {
	char name[128]; /* of the results folder: "sqlite", "inline" */
	struct trace trace;
};

/* Ends of the names in workloads/, in the order in which they are tried. */
extern const char *const workload_endings[];

/*
 * Reads or generates the workload called `text`.  `directory` is where names
 * are looked up.  False with a message in `error`; nothing is left behind.
 */
bool workload_open(const char *text, const char *directory,
                   struct workload *workload, struct trace_error *error);
void workload_close(struct workload *workload);

/*
 * The names in `directory`, sorted, each once: malloc'ed strings in a malloc'ed
 * array that ends with NULL.  NULL if the directory cannot be read.
 */
char **workload_names(const char *directory);

#endif
