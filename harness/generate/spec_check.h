/*
 * spec_check.h - the second half of reading a spec.
 */
#ifndef HARNESS_GENERATE_SPEC_CHECK_H
#define HARNESS_GENERATE_SPEC_CHECK_H

#include "spec.h"

/*
 * Refuses settings that make no sense together, names the pools and computes
 * what groups derive from their settings.  False with a message in `error`.
 */
bool spec_check(struct spec *spec, struct trace_error *error);

#endif
