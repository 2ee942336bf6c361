/*
 * generate.h - traces from workload specs.
 */
#ifndef HARNESS_GENERATE_GENERATE_H
#define HARNESS_GENERATE_GENERATE_H

#include "../trace/trace.h"

/* Whether a path is taken for a spec: its name ends in ".ini". */
bool path_is_spec(const char *path);

/*
 * Makes the trace that a spec describes.  False with "file:line: reason" in
 * `error` for a bad spec; `trace` is untouched then.  The same spec gives the
 * same trace, by checksum, on every machine.  More than 5 million events a
 * second.
 */
bool generate_from_spec(const char *path, struct trace *trace,
                        struct trace_error *error);

/*
 * The same with settings put in place of the spec's: "seed=2",
 * "serve.live=4000"; a NULL-terminated list, or NULL.
 */
bool generate_with(const char *path, const char *const *sets,
                   struct trace *trace, struct trace_error *error);

/* What the spec says it shows, and its kind, for lists; after spec_read. */
bool generate_describe(const char *path, char *shows, size_t capacity,
                       const char **kind, struct trace_error *error);

#endif
