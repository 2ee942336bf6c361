/*
 * pairs.h - designs of the lab beside the libraries that they are made after.
 *
 *     first / second          set       n  wall         cpu   peak
 *     tcmalloc / lib:tcmalloc all      14  1.01 yes     .99   1.03 yes
 *
 * Of the comparison at hand every pair that has both sides, and the best of
 * ours beside lib:mimalloc.  Limits are on the mean of all programs: wall time
 * at most 1.00, peak resident at most 1.05 of the namesake's and 1.00 of
 * mimalloc's.
 */
#ifndef HARNESS_PROGRAMS_PAIRS_H
#define HARNESS_PROGRAMS_PAIRS_H

#include <stdio.h>

#include "compare.h"

/* A table; nothing where there is no pair, or no timed round. */
void pairs_print(const struct compare *compare, FILE *out);

/* pairs.csv: its first line, without line end, and its rows. */
extern const char pairs_header[];
void pairs_write(const struct compare *compare, FILE *out);

#endif
