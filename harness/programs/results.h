/*
 * results.h - a comparison of programs on disk: programs.csv, program_runs.csv
 * and run.json (docs/csv.md).
 */
#ifndef HARNESS_PROGRAMS_RESULTS_H
#define HARNESS_PROGRAMS_RESULTS_H

#include "compare.h"

/*
 * Writes results/<name>/, in the place of an earlier one; *path gets the folder.
 * An interrupted comparison goes beside the results that are there.
 */
bool programs_write(const struct compare *compare, const char *results,
                    const char *name, const char *command, char *path,
                    size_t capacity, struct trace_error *error);

#endif
