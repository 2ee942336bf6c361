/*
 * program.h - whether a program can be recorded, asked before it is run.
 */
#ifndef HARNESS_RECORD_PROGRAM_H
#define HARNESS_RECORD_PROGRAM_H

#include <stdbool.h>

#include "../trace/trace.h"

/*
 * Looks `name` up as a shell would (through PATH unless it has a slash) and
 * follows "#!" lines to the program that the kernel would load.  False with a
 * sentence in `error` where the recorder's library would not get into it: no
 * such program, not executable, static, setuid, for another kind of machine.
 */
bool program_check(const char *name, struct trace_error *error);

#endif
