/*
 * recorded_programs.h - programs that allocate much, on input that is made here:
 * what the recorder is measured on.
 */
#ifndef HARNESS_BENCH_RECORDED_PROGRAMS_H
#define HARNESS_BENCH_RECORDED_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "../trace/trace.h"

enum { RECORDED_PROGRAMS = 4, RECORDED_ARGS_MAX = 8 };

struct recorded_program {
	const char *name;
	const char *argv[RECORDED_ARGS_MAX]; /* argv[0]: a path, or in PATH */
};

/*
 * Writes the programs' input into `folder`, which they are run in, and fills in
 * how they are called.  Programs that are not installed are left out, with a
 * line on stderr.  Returns how many there are, or -1 with `error` set.
 */
int recorded_programs_make(const char *folder,
                           struct recorded_program programs[RECORDED_PROGRAMS],
                           struct trace_error *error);

#endif
