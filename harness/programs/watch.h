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

	/* The memory of all its processes, as last looked at. */
	double looked_s, pause_s;
	uint64_t bytes;
	/* The integral of bytes over time, and the time; the most bytes. */
	double byte_seconds, seconds;
	uint64_t peak_bytes;
	unsigned looks;
};

enum watch_end {
	WATCH_ENDED,       /* what was waited for is over  */
	WATCH_LATE,        /* the deadline                 */
	WATCH_INTERRUPTED, /* the user                     */
	WATCH_GONE,        /* the program ended before it  */
	WATCH_NO_LOAD,     /* the load failed, or never came so far */
};

/* Looks at the program until it ends, or until `until_s` on the clock if > 0. */
enum watch_end watch_program(struct watch *watch, double until_s);

/*
 * Runs a command beside it, its output to the same files, and looks until that
 * has ended; *status is then as from waitpid.
 */
enum watch_end watch_helper(struct watch *watch, const char *command, int out,
                            int err, int *status);

/* The same when the program is over; false if it had to be killed. */
bool watch_command(struct watch *watch, const char *command, int *status);

/* Ends whatever still runs; the page is then final. */
void watch_finish(struct watch *watch);

/* The figures of the looks. */
void watch_read(const struct watch *watch, struct trial *trial);

#endif
