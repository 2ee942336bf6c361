/*
 * distribution.h - distributions of sizes, lifetimes and lengths.
 *
 * A distribution is its *quantile function* Q: the value below which a share u
 * of the blocks lies.  A draw is Q(u) for a uniform u, so that two quantities
 * drawn with the same u rise together: that is how correlation is made.
 *
 *     share u  1 +              ____---
 *              |         __---''              Q(.5) is the median
 *              |      _-'
 *           .5 +....-'                        exponential mean=100:
 *              |  .' :                          Q(u) = -100 ln(1 - u)
 *              | /   :
 *            0 +-----+-----------------> value
 *              0     69
 *
 * Written form: a number, or a name and parameters.
 *
 *     64                                     always 64
 *     constant value=64                      the same
 *     uniform min=16 max=256 step=8          whole numbers, each equally often
 *     exponential mean=100 [min= max=]       memoryless
 *     lognormal median=64 sigma=1.2 [min= max=]   ln(value) is normal
 *     discrete 16:1/2 32:1/3 64:1/6          value:weight; weights of any sum
 *     empirical 8:.042 16:.113 24:1 [min=1]  value:share of all values <= it
 *
 * Values are whole numbers (K, M, G multiply by powers of 1024), shares are
 * decimals, fractions or percentages.  Where min or max is given, values outside
 * never come up and the others keep their proportions.  Between two rows of an
 * empirical table each whole number is equally likely.
 *
 * Threads: read-only once parsed.
 */
#ifndef HARNESS_GENERATE_DISTRIBUTION_H
#define HARNESS_GENERATE_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TABLE_ROWS_MAX = 64 };

/* Rising values and rising shares, the last of them 1. */
struct table {
	unsigned rows; /* 0: not given */
	struct {
		uint64_t value;
		double share; /* of all that is <= value */
	} row[TABLE_ROWS_MAX];
};

enum distribution_kind {
	DISTRIBUTION_NONE, /* not given */
	DISTRIBUTION_CONSTANT,
	DISTRIBUTION_UNIFORM,
	DISTRIBUTION_EXPONENTIAL,
	DISTRIBUTION_LOGNORMAL,
	DISTRIBUTION_DISCRETE,
	DISTRIBUTION_EMPIRICAL,
	DISTRIBUTION_KINDS,
};

struct distribution {
	enum distribution_kind kind;
	uint64_t min, max; /* no value lies outside                           */
	uint64_t step;     /* uniform: between neighbouring values            */
	double scale;      /* the mean, the median                            */
	double sigma;      /* lognormal: standard deviation of ln(value)      */
	double u_low; /* Q(u) lies within min..max for u_low < u < u_high */
	double u_high;
	struct table table; /* discrete, empirical */
};

/*
 * Parses the written form; every value must lie within least..most.  False with
 * a sentence in `error` (no place, no newline) that names what is wrong.
 */
bool distribution_parse(const char *text, uint64_t least, uint64_t most,
                        struct distribution *distribution, char *error,
                        size_t capacity);

/* Q(u), 0 < u < 1, as a whole number within min..max.  O(1); O(log rows). */
uint64_t distribution_quantile(const struct distribution *distribution,
                               double u);

/* Parses rows of "value:cumulative share" with a last share of 1. */
bool table_parse(const char *text, struct table *table, char *error,
                 size_t capacity);

/* The first row whose value is at least `value`; rows if there is none. */
unsigned table_row_of(const struct table *table, uint64_t value);

#endif
