/*
 * launch.h - runs a program with the recorder's library in it.
 */
#ifndef HARNESS_RECORD_LAUNCH_H
#define HARNESS_RECORD_LAUNCH_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "../trace/trace.h"
#include "raw.h"

struct launch {
	const char *library;   /* path of liballoclab-record.so              */
	const char *directory; /* absolute: where it writes                  */
	struct raw_control *control; /* the one in that folder               */
	char **argv; /* the program and its arguments, then NULL   */

	bool follow;   /* out: waits for orphans, too            */
	pid_t process; /* out: its pid                           */
	int status;    /* out: as from waitpid                   */
	bool ended;    /* out: `status` is known                 */
};

/*
 * Finds liballoclab-record.so, which lies beside the program: build/alloclab,
 * build/lib/...  False with `error` set if it is not there.
 */
bool launch_find_library(char path[PATH_MAX], struct trace_error *error);

/*
 * Set by SIGINT, SIGTERM, SIGHUP and SIGQUIT from launch_catch_signals() on.
 * The program gets such a signal too, from the terminal or passed on; what was
 * recorded until it ends is still merged.  A second one means: give up.
 */
extern volatile sig_atomic_t launch_interrupts;
void launch_catch_signals(void);

/* Starts the program; false with `error` set if that failed. */
bool launch_start(struct launch *launch, struct trace_error *error);

/* Whether the program has ended: then its status is known. */
bool launch_has_ended(struct launch *launch);

/*
 * Waits until it has; where all are followed also for the processes that it
 * leaves behind, until an interrupt.
 */
void launch_wait(struct launch *launch);

#endif
