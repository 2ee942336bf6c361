/*
 * touched.h - how much of each large block the program writes to.
 */
#ifndef HARNESS_RECORD_PRELOAD_TOUCHED_H
#define HARNESS_RECORD_PRELOAD_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../raw.h"

/* An empty table, for a process that begins; false without memory. */
bool touched_open(void);

/*
 * Takes note of a call that is about to be recorded: of a malloc after the call,
 * of a free before it, as records are written (interpose.c).  True if a block
 * ends with it of which `*bytes` are touched; that record comes first.
 * Changes errno.
 */
bool touched_note(enum raw_kind kind, const void *block, size_t size,
                  uint64_t *bytes);

/*
 * Tells of each block that is in the table how much of it is touched by now, and
 * forgets it.  The table is locked meanwhile: no block goes.
 */
typedef void touched_teller(const void *block, uint64_t bytes);
void touched_tell_all(touched_teller *tell);

#endif
