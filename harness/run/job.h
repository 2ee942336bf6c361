/*
 * job.h - one pass in a process started anew: this program again, under its
 * hidden command `cell`.
 *
 * The timed passes of all built-in allocators run so, and every pass of a
 * library, so that both sides are measured in the same kind of process: the same
 * program, the same loop, a new address layout each time.  Only the malloc that
 * the loader found differs.  Allocators that no new process would know (plug-ins,
 * those of tests) are measured in forks.
 */
#ifndef HARNESS_RUN_JOB_H
#define HARNESS_RUN_JOB_H

#include "passes.h"

/* The words of the command line. */
#define JOB_COMMAND "cell"
#define JOB_PROBE   "probe"
#define JOB_PASS    "pass"
#define JOB_SCALE   "scale"

/*
 * The program to start; NULL (as in tests that are programs of their own): every
 * pass is forked, and there are no libraries.  Set once by main().
 */
extern const char *job_program;

/*
 * Starts `alloclab cell WORD` with the environment of `library` (NULL: our own)
 * and these open files.  False with errno set.
 */
bool job_start(struct cell *cell, const char *word, struct library *library,
               const int *files, int file_count, size_t result_bytes,
               const struct cell_limits *limits);

/*
 * Starts a pass over a subject, one of those in passes.h, in the process that is
 * right for it.  False with errno set.
 */
bool pass_start(struct cell *cell, cell_work *work, struct pass *pass,
                size_t result_bytes, const struct cell_limits *limits);

/* The other end of `alloclab cell WORD`. */
_Noreturn void job_serve(const char *word);

#endif
