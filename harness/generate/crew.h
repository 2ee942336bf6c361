/*
 * crew.h - programs of threads whose traffic is known exactly.
 */
#ifndef HARNESS_GENERATE_CREW_H
#define HARNESS_GENERATE_CREW_H

#include "program.h"

/* Whether crew_play() makes workloads of this kind. */
bool crew_knows(enum spec_kind kind);

/* Adds the workload that spec->workload.kind names to the program. */
void crew_play(struct program *program);

#endif
