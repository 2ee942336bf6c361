/*
 * switch.h - recording is started and stopped while the program runs.
 *
 * The signals go to `alloclab record`, not to the program, whose own handlers
 * stay.  What they say stands in the control file, which the library looks at
 * before each call.
 */
#ifndef HARNESS_RECORD_SWITCH_H
#define HARNESS_RECORD_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../trace/trace.h"
#include "raw.h"

struct record_switch {
	int start_signal;   /* 0: recording begins with the program      */
	int stop_signal;    /* 0: it ends with it; may be start_signal   */
	double seconds;     /* from its start to its end; 0: no limit    */
	uint64_t max_bytes; /* of records on disk; 0: no limit           */
};

/* "USR1", "SIGUSR1", "10" => 10; 0 for anything that cannot be used. */
int switch_signal(const char *name);

/*
 * Writes the wishes into the control file and catches the signals, before the
 * program is started.  Time begins to count here if no signal starts it.
 */
bool switch_prepare(const struct record_switch *wishes,
                    struct raw_control *control, struct trace_error *error);

/* From here on the signals do nothing, and the control file may go. */
void switch_end(void);

/* Whether recording may stop before the program ends. */
bool switch_may_stop(const struct record_switch *wishes);

/* "stopped by SIGUSR2", "stopped after 60 s"...; false if it was not stopped. */
bool switch_reason(const struct record_switch *wishes,
                   const struct raw_control *control, char *text,
                   size_t capacity);

#endif
