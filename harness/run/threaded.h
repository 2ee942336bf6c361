/*
 * threaded.h - the passes of a run with THREADS=N, where they differ.
 */
#ifndef HARNESS_RUN_THREADED_H
#define HARNESS_RUN_THREADED_H

#include "passes.h"

/*
 * In a child: speed_run() and speed_run_null() on real threads.  ns_per_op is
 * wall time over the calls of all threads.  A round also writes its rows of
 * threads.csv.
 */
struct verdict threaded_round(const struct pass *pass, struct speed *speed);
struct verdict threaded_speed(const struct pass *pass,
                              const struct speed_options *options,
                              struct speed *speed);
struct verdict threaded_null(const struct pass *pass, struct speed *speed);

/*
 * In a child, result: struct threads_figures; a replay on real threads under the
 * oracle.
 */
struct verdict pass_threads(void *ctx, volatile uint64_t *progress,
                            void *result);

/* In the parent: keeps what a timed round found beside its time. */
void threaded_note(struct threaded *threaded, size_t round,
                   const struct speed *speed);

/* The peak footprint: the median of the rounds, or that under the oracle. */
uint64_t threaded_footprint(const struct subject *subject);

#endif
