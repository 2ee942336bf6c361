/*
 * results.h - a comparison of programs on disk: programs.csv, program_runs.csv
 * and run.json (docs/csv.md).
 */
#ifndef HARNESS_PROGRAMS_RESULTS_H
#define HARNESS_PROGRAMS_RESULTS_H

#include "../report/folder.h"
#include "compare.h"

/*
 * Fills the new folder and puts it in its place.  An interrupted comparison goes
 * beside the results that are there: folder->path says where.
 */
bool programs_write(const struct compare *compare, const char *command,
                    struct folder *folder, struct trace_error *error);

#endif
