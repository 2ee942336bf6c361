/*
 * statistics.c - the bootstrap.
 */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../splitmix64.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Sorts the values in place. */
static double median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, compare);
	return n % 2 == 1 ? values[n / 2]
	                  : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct estimate estimate_median(const double *values, size_t n)
{
	static double medians[BOOTSTRAP_DRAWS], draw[REPS_MAX];
	uint64_t state = 1;

	if (n == 0)
		return (struct estimate){0};
	if (n > REPS_MAX)
		n = REPS_MAX;
	for (size_t i = 0; i < BOOTSTRAP_DRAWS; i++) {
		for (size_t k = 0; k < n; k++)
			draw[k] = values[splitmix64(&state) % n];
		medians[i] = median(draw, n);
	}
	qsort(medians, BOOTSTRAP_DRAWS, sizeof *medians, compare);
	memcpy(draw, values, n * sizeof *values);
	return (struct estimate){
		.median = median(draw, n),
		.low = medians[BOOTSTRAP_DRAWS * 25 / 1000],
		.high = medians[BOOTSTRAP_DRAWS * 975 / 1000 - 1],
		.n = n,
	};
}

struct estimate estimate_ratio(const double *a, const double *b, size_t n)
{
	double ratios[REPS_MAX];

	if (n > REPS_MAX)
		n = REPS_MAX;
	for (size_t i = 0; i < n; i++)
		ratios[i] = a[i] / b[i];
	return estimate_median(ratios, n);
}

/* The geometric mean of the workloads' medians over the rounds in `draw`. */
static double mean_of_medians(ratio_of *ratio, void *ctx, size_t workloads,
                              const size_t *draw, size_t rounds)
{
	static double values[REPS_MAX];
	double logs = 0;

	for (size_t w = 0; w < workloads; w++) {
		for (size_t r = 0; r < rounds; r++)
			values[r] = ratio(ctx, w, draw[r]);
		logs += log(median(values, rounds));
	}
	return exp(logs / (double)workloads);
}

struct estimate estimate_mean_ratio(ratio_of *ratio, void *ctx,
                                    size_t workloads, size_t rounds)
{
	static double means[BOOTSTRAP_DRAWS];
	static size_t draw[REPS_MAX];
	struct estimate estimate = {.n = rounds};
	uint64_t state = 1;

	if (workloads == 0 || rounds == 0)
		return (struct estimate){0};
	if (rounds > REPS_MAX)
		rounds = REPS_MAX;
	for (size_t i = 0; i < BOOTSTRAP_DRAWS; i++) {
		for (size_t r = 0; r < rounds; r++)
			draw[r] = splitmix64(&state) % rounds;
		means[i] = mean_of_medians(ratio, ctx, workloads, draw, rounds);
	}
	qsort(means, BOOTSTRAP_DRAWS, sizeof *means, compare);
	for (size_t r = 0; r < rounds; r++)
		draw[r] = r;
	estimate.median = mean_of_medians(ratio, ctx, workloads, draw, rounds);
	estimate.low = means[BOOTSTRAP_DRAWS * 25 / 1000];
	estimate.high = means[BOOTSTRAP_DRAWS * 975 / 1000 - 1];
	return estimate;
}
