/*
 * phases.h - plays the phases of a spec.
 */
#ifndef HARNESS_GENERATE_PHASES_H
#define HARNESS_GENERATE_PHASES_H

#include "program.h"

/* Adds all phases to the program; failures are in program->failed. */
void phases_play(struct program *program);

#endif
