/*
 * suite.h - programs that a comparison runs together, each described by a file.
 *
 *     [program]
 *     what    = one line for people
 *     needs   = command -v sqlite3        succeeds if all that it takes is there
 *     install = sqlite3                   Debian's package, for who lacks it
 *     short   = 2000                      $SIZE with --short, and without
 *     full    = 40000
 *     prepare = sh $HERE/sql.sh $SIZE >load.sql
 *     run     = sqlite3 :memory: ".read load.sql"
 *
 * Further keys: `before`, a command ahead of each run; `after`, one whose output
 * counts as the program's; `input`, a file for stdin; `timed = no`, only
 * counted and held against its own output; `kind = stress`, not a program that
 * people run, but one that is hard on a malloc.  `prepare` runs once in a
 * folder of the program's own, where all else runs, too.  `run` is split into
 * words as the shell would, with $HERE, the folder of the file, and $SIZE; all
 * others are commands of the shell.
 */
#ifndef HARNESS_PROGRAMS_SUITE_H
#define HARNESS_PROGRAMS_SUITE_H

#include <wordexp.h>

#include "compare.h"

enum suite_size { SUITE_SHORT, SUITE_FULL };

/* What a program of a suite owns. */
struct suite_program {
	char *needs, *install, *prepare, *run;
	char *before, *after, *input;
	char *what;
	char folder[4096]; /* where it runs */
	wordexp_t words;   /* of `run`      */
	bool is_split;     /* words is set  */
};

struct suite {
	struct suite_program *owned;
	struct program *programs; /* as compare_run() takes them */
	int count;
	unsigned skipped; /* programs that this machine lacks */
};

/*
 * Reads DIRECTORY/NAME.program for each name, or all that are there; runs
 * `needs` and `prepare` in WORK/NAME-SIZE/, made anew.  A program that the
 * machine lacks is a line on stderr and left out.  False with `error` set for
 * mistakes in the files, and if nothing is left.
 */
bool suite_open(struct suite *suite, const char *directory, char *const *names,
                enum suite_size size, const char *work,
                struct trace_error *error);

void suite_close(struct suite *suite);

#endif
