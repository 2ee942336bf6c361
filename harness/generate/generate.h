/*
 * generate.h - synthetic traces from specs in workloads/.
 */
#ifndef HARNESS_GENERATE_GENERATE_H
#define HARNESS_GENERATE_GENERATE_H

#include "../trace/trace.h"

/*
 * Generates the trace that the spec at `path` describes.  False with
 * "file:line: reason" in `error`.
 */
bool generate_from_spec(const char *path, struct trace *trace,
                        struct trace_error *error);

#endif
