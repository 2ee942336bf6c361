/*
 * number.h - parts of a whole as people write them in specs: .25, 1/32, 20%.
 */
#ifndef HARNESS_GENERATE_NUMBER_H
#define HARNESS_GENERATE_NUMBER_H

#include <stdbool.h>

/* A number >= 0: decimal (.25, 1.5), fraction (1/32) or percentage (20%). */
bool number_parse_real(const char *text, double *out);

#endif
