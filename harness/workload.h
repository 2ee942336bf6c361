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

/* Where a workload is to be read from. */
struct workload_place {
	char name[128]; /* of the results folder                              */
	char *text;     /* a path, or the inline trace itself          */
	bool is_inline;
};

/*
 * Looks a workload up without reading it.  `directory` is where names are.
 * False with a message in `error`, if there is none: it lists the names.
 */
bool workload_find(const char *text, const char *directory,
                   struct workload_place *place, struct trace_error *error);
void workload_place_free(struct workload_place *place);

/*
 * Reads the trace, or generates it from its spec.  False with a message in
 * `error` that begins with the place, "file:line: "; nothing is left behind.
 */
bool workload_read(const struct workload_place *place,
                   struct workload *workload, struct trace_error *error);

/* workload_find() and workload_read() in one. */
bool workload_open(const char *text, const char *directory,
                   struct workload *workload, struct trace_error *error);
void workload_close(struct workload *workload);

/*
 * The names in `directory`, sorted, each once: malloc'ed strings in a malloc'ed
 * array that ends with NULL.  NULL if the directory cannot be read.
 */
char **workload_names(const char *directory);

#endif
