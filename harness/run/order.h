/*
 * order.h - the passes of a run, in their order; for run_all() and the bench.
 *
 * Each returns false with `error` set only when the lab itself cannot go on.
 * After an interrupt they end at once: the children that still run are killed,
 * and what those were to find stays as it was.
 */
#ifndef HARNESS_RUN_ORDER_H
#define HARNESS_RUN_ORDER_H

#include "progress.h"
#include "run.h"

bool run_measure_pass(struct run *run, struct progress *progress,
                      struct trace_error *error);
bool run_speed_pass(struct run *run, struct progress *progress,
                    struct trace_error *error);
/*
 * One round of the speed pass, or of the resident pass: a child for every
 * subject that is OK so far (and for null), in a new order.
 */
bool run_timed_round(struct run *run, struct progress *progress,
                     struct trace_error *error);
bool run_resident_round(struct run *run, struct progress *progress,
                        struct trace_error *error);

/* The passes that run once: resident memory, and latency if wanted. */
bool run_single_passes(struct run *run, struct progress *progress,
                       struct trace_error *error);

/* Each allocator once on real threads, under the oracle. */
bool run_threads_pass(struct run *run, struct progress *progress,
                      struct trace_error *error);

/*
 * Runs one child to its end; its result is copied to `result`.  The verdict is
 * NOT_RUN if an interrupt came first.
 */
bool run_alone(struct run *run, struct progress *progress, int subject,
               cell_work *work, void *result, size_t result_bytes,
               struct verdict *verdict, double *seconds,
               struct trace_error *error);

/* What a child of this run may use. */
struct cell_limits run_limits(const struct run *run);

/* Sets the error of a fork that failed; returns false. */
bool run_cannot_fork(struct trace_error *error);

/*
 * False with `error` set if a child could not write its part of the results:
 * that is no finding about its allocator, and the run ends.
 */
bool run_is_written(const struct verdict *verdict, struct trace_error *error);

#endif
