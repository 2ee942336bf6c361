/*
 * adversary.h - request sequences with a known worst result.
 */
#ifndef HARNESS_GENERATE_ADVERSARY_H
#define HARNESS_GENERATE_ADVERSARY_H

#include "program.h"

/* Adds the sequence that spec->workload.kind names to the program. */
void adversary_play(struct program *program);

#endif
