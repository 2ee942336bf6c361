/*
 * live_table.h - which blocks are live, while the recorder waits to be started.
 */
#ifndef HARNESS_RECORD_PRELOAD_LIVE_TABLE_H
#define HARNESS_RECORD_PRELOAD_LIVE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../raw.h"

/* An empty table, for a process that begins; false without memory. */
bool live_table_open(void);

/*
 * Notes what a call does to the live blocks; of a malloc after the call, of a
 * free before it, as records are written (interpose.c).  False once the table
 * has been given up: the call must be recorded instead.
 */
bool live_table_note(enum raw_kind kind, const void *block, size_t size,
                     unsigned align_log2);

/*
 * Changes a thread's first record where recording started in the midst of its
 * realloc: the table knows of the release, so the block is not among those that
 * were live, and what is recorded must be a malloc.
 */
void live_table_settle(enum raw_kind *kind, size_t *size);

/*
 * The end of waiting.  Locks the table, so that no block comes or goes; copies
 * a record for each block (`to` has room for live_table_lock() of them, the
 * notes of large ones included) and gives the table up.
 */
size_t live_table_lock(void);
void live_table_copy(struct raw_record *to);
void live_table_give_up(void);

/* Blocks that it had no room for. */
uint64_t live_table_left_out(void);

#endif
