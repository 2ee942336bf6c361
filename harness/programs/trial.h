/*
 * trial.h - one run of a program: what it used, and what it said.
 *
 * How each figure comes about:
 *
 *     wall, user, system    of the program and all descendants that ended, by
 *     page faults           the launcher (launcher/launch_page.h): exact
 *     peak resident         of the largest process, as the kernel keeps it:
 *                           ru_maxrss of a process whose first life, as a part
 *                           of the launcher, was smaller than any program
 *     tree peak and mean    of all processes together, by looking from time to
 *                           time (tree.h); the pause is 1 ms at first, 20 ms
 *                           later, and 20 times as long as the look itself
 *     output                stdout, then stderr: files, read when all is over,
 *                           so that nobody competes with the program
 */
#ifndef HARNESS_PROGRAMS_TRIAL_H
#define HARNESS_PROGRAMS_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/trace.h"

/* For programs that do not end by themselves; commands are sh's. */
struct service {
	const char *ready;    /* a command that succeeds then, or a TCP port */
	const char *load;     /* what it is measured under; NULL: no service */
	const char *stop;     /* NULL: SIGTERM                               */
	double drain_seconds; /* idle time before its memory is read again */
};

enum { SERVICE_STOP_S = 20 }; /* that it may take to end, once told to */

struct trial_plan {
	char *const *argv;
	char *const *environment; /* of the program; commands have our own   */
	const char *directory;    /* to run in, or NULL: here                */
	const char *input;        /* a file for stdin, or NULL: /dev/null    */
	const char *after; /* a command when it is over, whose output counts
	                      as the program's, or NULL                    */
	double seconds;    /* then it is killed                            */
	struct service service;
};

enum trial_end {
	TRIAL_EXITED,
	TRIAL_KILLED,   /* by a signal that was not ours    */
	TRIAL_TOO_LONG, /* killed at its limit              */
	TRIAL_TOO_MUCH, /* killed: its output, see watch.h  */
	TRIAL_NO_START, /* it could not be executed         */
	TRIAL_STOPPED,  /* an interrupt of the user's       */
	/* Of services. */
	TRIAL_NOT_READY, /* killed at its limit             */
	TRIAL_NO_LOAD,   /* the load failed                 */
	TRIAL_NO_STOP,   /* it did not end when it was told */
	TRIAL_GONE,      /* it ended before it was told     */
};

enum { TRIAL_SAYS_BYTES = 200 };

struct trial {
	enum trial_end end;
	int number; /* exit status, its own or the command's; signal; errno */
	uint64_t wall_ns; /* of a service: of its load */
	uint64_t user_ns, system_ns, page_faults, major_faults;
	uint64_t peak_bytes, floor_bytes;
	uint64_t tree_peak_bytes, tree_mean_bytes; /* 0: no look was taken */
	unsigned looks;
	uint64_t drained_bytes; /* of a service */
	uint64_t left_behind; /* processes that outlived the program: killed */
	uint64_t output_hash, output_bytes;
	char says[TRIAL_SAYS_BYTES]; /* the last line on stderr */
};

/* False with `error` set if the lab cannot run anything. */
bool trial_run(const struct trial_plan *plan, struct trial *trial,
               struct trace_error *error);

#endif
