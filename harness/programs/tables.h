/*
 * tables.h - a comparison of programs, for people.
 */
#ifndef HARNESS_PROGRAMS_TABLES_H
#define HARNESS_PROGRAMS_TABLES_H

#include <stdio.h>

#include "compare.h"

/* One program: a line for each malloc. */
void programs_print_one(const struct compare *compare, int program, FILE *out);

/*
 * Many programs: a line for each and a column for each malloc, with the ratios
 * of time and peak to those of `system`; without rounds the status and calls.
 */
void programs_print_suite(const struct compare *compare, FILE *out);

/* What went wrong, or has to be known of a row: a line for each. */
void programs_print_findings(const struct compare *compare, FILE *out);

#endif
