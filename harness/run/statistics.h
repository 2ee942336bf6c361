/*
 * statistics.h - medians and how sure we are of them.
 *
 * Intervals come from the bootstrap: draw as many repetitions as there are,
 * with replacement, take the median, do that BOOTSTRAP_DRAWS times and cut off
 * 2.5 % at both ends.  Repetitions are whole processes, so what varies between
 * processes is in the interval [Georges07].  The generator is seeded with a
 * constant: the same numbers give the same interval.
 *
 * Threads: one at a time.  Cost of an estimate: O(BOOTSTRAP_DRAWS * n log n).
 */
#ifndef HARNESS_RUN_STATISTICS_H
#define HARNESS_RUN_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_DRAWS = 2000, REPS_MAX = 1000 };

struct estimate {
	double median, low, high; /* low..high: 95 % */
	size_t n;
};

/*
 * The median of n values and its interval; all 0 if n is 0.  Of more than
 * REPS_MAX values the first count.
 */
struct estimate estimate_median(const double *values, size_t n);

/*
 * The same for the ratios a[i] / b[i] of the rounds that both have.  Two
 * allocators tie if the interval contains 1.
 */
struct estimate estimate_ratio(const double *a, const double *b, size_t n);

/*
 * Rows of figures, one row per workload: value(ctx, w, r) is the ratio of two
 * allocators on workload w in round r.
 */
typedef double ratio_of(void *ctx, size_t workload, size_t round);

/*
 * The geometric mean over the workloads of the median ratio over the rounds
 * [Fleming86].  The bootstrap draws rounds, the same for all workloads: a round
 * is a stretch of time, and what disturbed it stays together.
 */
struct estimate estimate_mean_ratio(ratio_of *ratio, void *ctx,
                                    size_t workloads, size_t rounds);

static inline bool estimate_is_tie(const struct estimate *ratio)
{
	return ratio->low <= 1 && ratio->high >= 1;
}

#endif
