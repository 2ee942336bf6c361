/*
 * distribution_internal.h - between distribution.c and distribution_parse.c.
 */
#ifndef HARNESS_GENERATE_DISTRIBUTION_INTERNAL_H
#define HARNESS_GENERATE_DISTRIBUTION_INTERNAL_H

#include "distribution.h"

/*
 * Sets u_low and u_high from min and max.  False if less than a millionth of the
 * distribution lies between them.
 */
bool distribution_truncate(struct distribution *distribution);

#endif
