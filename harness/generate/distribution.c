/*
 * distribution.c - quantile functions, and the tables some of them read.
 *
 * Truncation to min..max needs no formula of its own: Q rises, so the u at which
 * it enters and leaves min..max are found by bisection when the spec is read,
 * and draws are mapped into that part of (0, 1).
 *
 * Sources.  [Devroye86, II.2] for drawing by inversion.
 */
#include "distribution.h"

#include <math.h>
#include <stdio.h>

#include "distribution_internal.h"
#include "exact_math.h"

/* Where `u` lies between two shares, as a place in 0..count-1. */
static uint64_t place_between(double u, double low, double high, uint64_t count)
{
	double place = floor((u - low) / (high - low) * (double)count);

	if (!(place > 0))
		return 0;
	return place < (double)count ? (uint64_t)place : count - 1;
}

/* The first row whose share is at least u. */
static unsigned row_of_share(const struct table *table, double u)
{
	unsigned low = 0, high = table->rows - 1;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (table->row[middle].share < u)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

unsigned table_row_of(const struct table *table, uint64_t value)
{
	unsigned low = 0, high = table->rows;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (table->row[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Row i holds the whole numbers above the row before it, up to its own. */
static uint64_t empirical_quantile(const struct distribution *distribution,
                                   double u)
{
	const struct table *table = &distribution->table;
	unsigned i = row_of_share(table, u);
	uint64_t first =
		i == 0 ? distribution->min : table->row[i - 1].value + 1;
	double below = i == 0 ? 0 : table->row[i - 1].share;

	return first + place_between(u, below, table->row[i].share,
	                             table->row[i].value - first + 1);
}

static uint64_t to_whole(double value)
{
	return value < 0x1p62 ? (uint64_t)(value + .5) : (uint64_t)1 << 62;
}

/* Q(u) before truncation. */
static uint64_t whole_quantile(const struct distribution *distribution,
                               double u)
{
	uint64_t steps;

	switch (distribution->kind) {
	case DISTRIBUTION_CONSTANT:
		return distribution->min;
	case DISTRIBUTION_UNIFORM:
		steps = (distribution->max - distribution->min) /
		        distribution->step;
		return distribution->min +
		       place_between(u, 0, 1, steps + 1) * distribution->step;
	case DISTRIBUTION_EXPONENTIAL:
		return to_whole(-distribution->scale * exact_log(1 - u));
	case DISTRIBUTION_LOGNORMAL:
		return to_whole(distribution->scale *
		                exact_exp(distribution->sigma *
		                          exact_normal_quantile(u)));
	case DISTRIBUTION_DISCRETE:
		return distribution->table
		        .row[row_of_share(&distribution->table, u)]
		        .value;
	case DISTRIBUTION_EMPIRICAL:
		return empirical_quantile(distribution, u);
	case DISTRIBUTION_NONE:
	case DISTRIBUTION_KINDS:
		break;
	}
	return 0;
}

uint64_t distribution_quantile(const struct distribution *distribution,
                               double u)
{
	double width = distribution->u_high - distribution->u_low;
	uint64_t value = whole_quantile(
		distribution, times_plus(u, width, distribution->u_low));

	if (value < distribution->min)
		return distribution->min;
	return value > distribution->max ? distribution->max : value;
}

/* The u at which Q first reaches `value`; Q rises. */
static double share_below(const struct distribution *distribution,
                          uint64_t value)
{
	double low = 0x1p-53, high = 1 - 0x1p-53;

	if (whole_quantile(distribution, low) >= value)
		return 0;
	if (whole_quantile(distribution, high) < value)
		return 1;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;
		if (whole_quantile(distribution, middle) < value)
			low = middle;
		else
			high = middle;
	}
	return high;
}

bool distribution_truncate(struct distribution *distribution)
{
	distribution->u_low = share_below(distribution, distribution->min);
	distribution->u_high =
		distribution->max == UINT64_MAX
			? 1
			: share_below(distribution, distribution->max + 1);
	/* Less than a millionth left would be noise, not a distribution. */
	return distribution->u_high - distribution->u_low > 1e-6;
}
