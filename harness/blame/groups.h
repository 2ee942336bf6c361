/*
 * groups.h - what the blocks of a trace are counted by: the place that asked for
 * them.
 *
 * With call sites a group is the innermost `depth` frames of the stack that are
 * the program's own: "intern (words.c:41)".  Frames of the C and C++ libraries
 * are left out, and wrappers of malloc, such as xmalloc().  Without sites all that is known of a block is its size and its
 * thread, and a group is those: "33-64 bytes".
 *
 * Threads: constant once made.
 */
#ifndef HARNESS_BLAME_GROUPS_H
#define HARNESS_BLAME_GROUPS_H

#include "../trace/name_table.h"
#include "../trace/trace.h"

struct groups {
	const struct trace *trace;
	const char *wrappers;
	char **names; /* by group */
	uint32_t count;
	uint32_t *of_site; /* by site; NULL: the trace has none */
	struct name_table table;
};

enum { GROUPS_WHOLE_STACK = 0 }; /* as depth */

/*
 * `wrappers` are more functions to leave out, with commas between; NULL: none.
 * False without memory; groups_close() then, too.
 */
bool groups_open(struct groups *groups, const struct trace *trace,
                 unsigned depth, const char *wrappers);
void groups_close(struct groups *groups);

/* The group of the block that an allocating or resizing event made. */
uint32_t groups_of(const struct groups *groups, uint64_t event);

#endif
