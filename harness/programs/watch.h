/*
 * watch.h - a running program, looked at from time to time.
 */
#ifndef HARNESS_PROGRAMS_WATCH_H
#define HARNESS_PROGRAMS_WATCH_H

#include <sys/types.h>

#include "launcher/launch_page.h"
#include "trial.h"

struct watch {
	const struct trial_plan *plan;
	double deadline_s; /* on the monotonic clock */

	pid_t launcher; /* 0: not started, or waited for */
	struct launch_page *page;
	int page_file;
	int out, err; /* where output goes */
	int command;  /* exit status of the last command beside it */

	/* The memory of all its processes, as last looked at. */
	double looked_s, pause_s;
	uint64_t bytes;
	/* The integral of bytes over time, and the time; the most bytes. */
	double byte_seconds, seconds;
	uint64_t peak_bytes;
	unsigned looks;
};

/* Output is kept until it has been compared. */
static const uint64_t WATCH_OUTPUT_MAX = (uint64_t)4 << 30;

enum watch_end {
	WATCH_ENDED,       /* what was waited for is over              */
	WATCH_LATE,        /* the deadline                             */
	WATCH_FLOODED,     /* output above the limit, or than fits     */
	WATCH_INTERRUPTED, /* the user                                 */
	WATCH_GONE,        /* the program ended before it              */
	WATCH_NOT_READY,   /* the deadline, and no load was begun      */
	WATCH_NO_LOAD,     /* the load failed                          */
	WATCH_NO_STOP,     /* the program lives on, told to end or not */
};

/* Looks at the program until it ends, or until `until_s` on the clock if > 0. */
enum watch_end watch_program(struct watch *watch, double until_s);

/*
 * Runs a command beside it, its output to these files, and looks until that has
 * ended; its exit status is then in watch->command.
 */
enum watch_end watch_helper(struct watch *watch, const char *command, int out,
                            int err);

/* The same when the program is over; false if it had to be killed. */
bool watch_command(struct watch *watch, const char *command);

/* Whether the output so far is more than is kept, or than there is room for. */
bool watch_is_flooded(const struct watch *watch);

/* Ends whatever still runs; the page is then final. */
void watch_finish(struct watch *watch);

/* The figures of the looks. */
void watch_read(const struct watch *watch, struct trial *trial);

#endif
