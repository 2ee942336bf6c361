/*
 * growth.h - buffers that grow by 64 bytes at a time: what a realloc costs.
 */
#ifndef HARNESS_BENCH_GROWTH_H
#define HARNESS_BENCH_GROWTH_H

#include "comparison.h"
#include "demands.h"

/*
 * Times the same subjects as `comparison` on GROWTHS blocks, one after the
 * other, that grow from 64 bytes to 64 KiB in steps of 64; prints a line for
 * each, and adds the ratio of each of the lab's to `system`.
 */
bool growth_run(const struct comparison *comparison, unsigned rounds,
                struct demands *demands, FILE *out, struct trace_error *error);

#endif
