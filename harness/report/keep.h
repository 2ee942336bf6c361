/*
 * keep.h - KEEP=1: what an earlier run of the same trace found stays.
 *
 * Rows, and entries of run.json, of allocators that are not in this run are
 * taken over from the folder that is there.
 */
#ifndef HARNESS_REPORT_KEEP_H
#define HARNESS_REPORT_KEEP_H

#include <jansson.h>
#include <stdio.h>

#include "../run/run.h"

/*
 * True if `folder` is not there yet or holds results of this trace,
 * by checksum; else false with `error` set.
 */
bool keep_is_possible(const char *folder, const struct trace *trace,
                      struct trace_error *error);

/*
 * Appends the rows to keep of the CSV file `path`, if it is there, to `out`.
 * False with `error` set if its header is another than `header`.
 */
bool keep_rows(const char *path, const char *header, const struct run *run,
               FILE *out, struct trace_error *error);

/* Appends the allocators to keep in the run.json at `path` to `allocators`. */
void keep_subjects(const char *path, const struct run *run, json_t *allocators);

#endif
