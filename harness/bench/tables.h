/*
 * tables.h - what a comparison found, for people.
 */
#ifndef HARNESS_BENCH_TABLES_H
#define HARNESS_BENCH_TABLES_H

#include <stdio.h>

#include "comparison.h"
#include "demands.h"

/* Two subjects; below 1 is good for the first. */
struct pair {
	int first, second;
};

/*
 * What is demanded of a design beside the library that it is made after: the
 * lower end of the interval of the mean ratio is at most this; 0: nothing.
 */
extern const double MEASURE_LIMITS[MEASURES];

/* Adds the two demands of each pair: time and resident memory. */
void tables_add_demands(const struct comparison *comparison,
                        const struct pair *pairs, int count,
                        struct demands *demands);

/* Geometric means over the workloads, a line for each pair. */
void tables_print_pairs(const struct comparison *comparison,
                        const struct pair *pairs, int count, FILE *out);

/* Each workload on a line, with the ratios of every pair. */
void tables_print_workloads(const struct comparison *comparison,
                            const struct pair *pairs, int count, FILE *out);

/*
 * On each workload the fastest and the smallest of the lab beside those of the
 * libraries.  Nothing where one side is empty.
 */
void tables_print_best(const struct comparison *comparison, FILE *out);

/*
 * What the loop takes without an allocator, and what it takes with the empty
 * library behind the adapter: medians over the workloads, wall time.
 */
void tables_print_floors(const struct comparison *comparison, FILE *out);

/* What went wrong, a line for each. */
void tables_print_failures(const struct comparison *comparison, FILE *out);

#endif
