/*
 * options.h - values of options, read the same way by every subcommand.
 *
 * Each returns the value of `option` ("--reps") that `text` gives.  A bad value
 * ends the program with a sentence and EXIT_USAGE (argp_error()).
 */
#ifndef HARNESS_OPTIONS_H
#define HARNESS_OPTIONS_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

#include "clock/loop.h"

/* A whole number in decimal, without sign, least..most. */
uint64_t option_whole(struct argp_state *state, const char *option,
                      const char *text, uint64_t least, uint64_t most);

/* The same as an unsigned: `most` is at most UINT_MAX. */
unsigned option_count(struct argp_state *state, const char *option,
                      const char *text, unsigned least, unsigned most);

/* Seconds: 0.001..1000000. */
double option_seconds(struct argp_state *state, const char *option,
                      const char *text);

/* Bytes, perhaps with K, M or G; 64K..1024G. */
size_t option_memory(struct argp_state *state, const char *option,
                     const char *text);

/* What --touch and --pace mean. */
enum touch option_touch(struct argp_state *state, const char *text);
double option_pace(struct argp_state *state, const char *text);

/* Something that is not blank. */
void option_text(struct argp_state *state, const char *option,
                 const char *text);

/* The command line as one string, for run.json. */
void option_join(int argc, char **argv, char *text, size_t capacity);

#endif
