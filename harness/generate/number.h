/*
 * number.h - numbers as people write them in specs: 64K, .25, 1/32, 20%.
 */
#ifndef HARNESS_GENERATE_NUMBER_H
#define HARNESS_GENERATE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A whole number, perhaps with K, M or G (2^10, 2^20, 2^30); all of `text`. */
bool number_parse_count(const char *text, uint64_t *out);

/* A number >= 0: decimal (.25, 1.5), fraction (1/32) or percentage (20%). */
bool number_parse_real(const char *text, double *out);

#endif
