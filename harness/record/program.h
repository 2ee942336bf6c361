/*
 * program.h - whether a library of ours gets into a program, asked before it is
 * run.
 */
#ifndef HARNESS_RECORD_PROGRAM_H
#define HARNESS_RECORD_PROGRAM_H

#include <stdbool.h>

#include "../trace/trace.h"

enum program_state {
	PROGRAM_FITS, /* a library can be loaded into it               */
	PROGRAM_NOT_FOUND,
	PROGRAM_NOT_EXECUTABLE,
	PROGRAM_BYPASSES, /* it runs, without any library: static, setuid,
	                     for another kind of machine                  */
};

/*
 * Looks `name` up as a shell would (through PATH unless it has a slash) and
 * follows "#!" lines to the program that the kernel would load.  Unless it FITS
 * there is a sentence in `error`.
 */
enum program_state program_find(const char *name, struct trace_error *error);

/* Whether it fits. */
bool program_check(const char *name, struct trace_error *error);

#endif
