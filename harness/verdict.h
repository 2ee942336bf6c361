/*
 * verdict.h - how an allocator came through a pass.
 */
#ifndef HARNESS_VERDICT_H
#define HARNESS_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/trace.h"

enum verdict_kind {
	VERDICT_OK,
	VERDICT_OUT_OF_MEMORY, /* NULL where the trace goes on: legitimate   */
	VERDICT_REFUSED,       /* it serves no such requests: legitimate     */
	VERDICT_CRASH,         /* killed by a signal                         */
	VERDICT_HANG,          /* over the time limit                        */
	VERDICT_OVERLAP,       /* gave out bytes of a live block             */
	VERDICT_MISALIGNED,    /* gave out an address of a wrong alignment   */
	VERDICT_SHORT_BLOCK,   /* usable_size below what was asked for       */
	VERDICT_LOST_BYTES,    /* contents changed while live, or not zero   */
	VERDICT_BROKEN_HEAP,   /* check() or the walk found an inconsistency */
	VERDICT_LEAK,          /* pages still held after destroy()           */
	VERDICT_STOPPED,       /* the allocator's own misuse check aborted   */
	VERDICT_FAILED,        /* could not be started at all                */
	VERDICT_NOT_RUN,       /* interrupted before its turn                */
	VERDICT_NOT_WRITTEN,   /* no finding: its files could not be written */
	VERDICT_KINDS,
};

struct verdict {
	enum verdict_kind kind;
	uint64_t event;     /* counted from 1; 0: before the first           */
	char sentence[512]; /* what happened, with the block and its history */
};

/* The word in the status column: "ok", "out-of-memory"... */
const char *verdict_word(enum verdict_kind kind);

/*
 * Sets a verdict other than OK and returns false, so that callers return it.
 * The first one stands: a later call changes nothing.
 */
bool verdict_set(struct verdict *verdict, enum verdict_kind kind,
                 uint64_t event, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Appends the life of the block in `slot` up to `event`, the last four calls at
 * most: "; the block's history: malloc(100) at event 17, realloc(200) at event
 * 40".  Nothing if there is none.  Looks back from `event`: O(event).
 */
void verdict_add_history(struct verdict *verdict, const struct trace *trace,
                         uint32_t slot, uint64_t event);

#endif
