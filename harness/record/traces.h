/*
 * traces.h - a recording becomes traces, and a line for each thing that makes
 * them differ from what was called.
 */
#ifndef HARNESS_RECORD_TRACES_H
#define HARNESS_RECORD_TRACES_H

#include <stdbool.h>

#include "launch.h"
#include "recording.h"
#include "switch.h"
#include "tick_scale.h"

struct traces_options {
	const char *out;   /* the trace of the main image          */
	bool follow;       /* and one for each of the others       */
	bool is_anonymous; /* sizes and times only                 */
	const struct tick_scale
		*times; /* NULL: none were kept                 */
	const struct record_switch *wishes;
	char **argv; /* of the program                       */
	int argc;
};

/*
 * Writes them, of an open recording; `launch` knows whether and how the program
 * has ended.  Says on stderr what was written, what was left out and what went
 * wrong.  Returns an exit status of command.h.
 */
int traces_write(const struct traces_options *options,
                 struct recording *recording, const struct launch *launch);

#endif
