/*
 * results.h - what a comparison found, as files: results/bench/.
 *
 *     summary.csv      a row per workload and allocator
 *     ratios.csv       a row per pair, measure and workload; "all": the mean
 *     repetitions.csv  a row per process
 *     demands.csv      a row per figure that has a limit
 *     run.json         machine, program, libraries
 *
 * Columns are described in docs/csv.md.
 */
#ifndef HARNESS_BENCH_RESULTS_H
#define HARNESS_BENCH_RESULTS_H

#include "demands.h"
#include "tables.h"

/*
 * Writes the folder anew and puts it in the place of the old one, or, after an
 * interrupt, beside it; `path` then says where.  False with `error` set.
 */
bool results_write(const struct comparison *comparison,
                   const struct pair *pairs, int pair_count,
                   const struct demands *demands, const char *results,
                   const char *command, char *path, size_t capacity,
                   struct trace_error *error);

#endif
