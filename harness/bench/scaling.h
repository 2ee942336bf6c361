/*
 * scaling.h - the lab's designs and the libraries on more than one thread.
 */
#ifndef HARNESS_BENCH_SCALING_H
#define HARNESS_BENCH_SCALING_H

#include "comparison.h"
#include "demands.h"

/*
 * Runs scale/ with the subjects of `comparison` on 1 and on as many threads as
 * there are cores, 2 at least; prints its tables, and adds what is demanded: the
 * scaling of private work by the control's and by the best library's, the time
 * of cross-thread frees by the best library's.
 */
bool scaling_run(const struct comparison *comparison, unsigned rounds,
                 struct demands *demands, FILE *out, struct trace_error *error);

#endif
