/*
 * demands.h - figures that have a limit, beside it.
 */
#ifndef HARNESS_BENCH_DEMANDS_H
#define HARNESS_BENCH_DEMANDS_H

#include <stdio.h>

#include "../run/statistics.h"

struct demand {
	char what[128];
	char first[256], second[256]; /* whose ratio it is */
	struct estimate ratio;
	double limit;
	bool is_least; /* at least, with the interval's upper end; else at most,
	                  with the lower end                              */
	bool is_doubtful; /* the machine was too busy to tell */
};

enum { DEMANDS_MAX = 64 };

struct demands {
	struct demand of[DEMANDS_MAX];
	int count;
};

/* Adds one; beyond DEMANDS_MAX nothing happens. */
void demands_add(struct demands *demands, const struct demand *demand);

/* A line for each, and a row of demands.csv for each. */
void demands_print(const struct demands *demands, FILE *out);
extern const char demands_header[];
void demands_write(const struct demands *demands, FILE *out);

#endif
