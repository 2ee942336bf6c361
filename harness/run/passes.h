/*
 * passes.h - the work of each kind of child, as cell_work functions.
 */
#ifndef HARNESS_RUN_PASSES_H
#define HARNESS_RUN_PASSES_H

#include "run.h"

/* The context of every pass: which subject of which run. */
struct pass {
	const struct run *run;
	int subject;
};

/* result: struct audit */
struct verdict pass_audit(void *ctx, volatile uint64_t *progress, void *result);

/* result: struct meter; also writes size_classes.csv's part */
struct verdict pass_meter(void *ctx, volatile uint64_t *progress, void *result);

/* result: struct threads_figures; one replay on real threads, see threaded.h */
struct verdict pass_threads(void *ctx, volatile uint64_t *progress,
                            void *result);

/* result: struct speed; ns_per_op 0 when run to locate a crash */
struct verdict pass_speed(void *ctx, volatile uint64_t *progress, void *result);
struct verdict pass_locate(void *ctx, volatile uint64_t *progress,
                           void *result);

/*
 * result: struct residency, of a replay that touches every page of every block,
 * as a program that uses its memory would
 */
struct verdict pass_resident(void *ctx, volatile uint64_t *progress,
                             void *result);

/* result: struct speed; the floors, `subject` is not used */
struct verdict pass_null(void *ctx, volatile uint64_t *progress, void *result);
struct verdict pass_empty(void *ctx, volatile uint64_t *progress, void *result);

/* result: nothing; writes latency.csv's part */
struct verdict pass_latency(void *ctx, volatile uint64_t *progress,
                            void *result);

#endif
