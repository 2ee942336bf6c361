/*
 * names.h - what the blocks are called on the board.
 *
 * A trace that was written by hand has names.  In any other a block is called
 * by its number among all blocks, in letters: the first is a, the 27th aa, and
 * no name is used twice.
 */
#ifndef HARNESS_STEP_NAMES_H
#define HARNESS_STEP_NAMES_H

#include "../trace/trace.h"

struct names {
	const struct trace *trace;
	uint64_t *birth;  /* by slot: the event that made its block    */
	uint64_t *number; /* by slot: its block's number, counted from 0 */
	uint64_t next;    /* of the block that is born next            */
	char letters[TRACE_LETTERS_BYTES];
};

/* False without memory for two numbers a slot. */
bool names_open(struct names *names, const struct trace *trace);
void names_close(struct names *names);

/* To be told of every event, in order, before it is replayed. */
void names_event(struct names *names, uint64_t event);

/* The name of the block in a slot; lives until the next call. */
const char *names_slot(struct names *names, uint32_t slot);

/* What an event is about: that block, "NULL", or a phase. */
const char *names_subject(struct names *names, uint64_t event);

#endif
