/*
 * sharing.h - cache lines that hold live blocks of more than one thread.
 *
 *     line   |aaaaaaaa|bbbbbbbb|cccccccc|        |      64 bytes
 *             thread 0 thread 1 thread 0
 *
 * Two threads that write to blocks of their own in one line take it from each
 * other at every write: false sharing, which the program cannot see and the
 * allocator decides [Berger00, 2].  The count is exact and the same in every
 * replay, so it needs neither clock nor cores.  A block belongs to the thread
 * that allocated it, with the bytes that were asked for.
 *
 * Threads: one at a time.  Cost: O(1) a block, of whatever size: only the lines
 * at its two ends can have room for another.
 */
#ifndef HARNESS_MEASURE_SHARING_H
#define HARNESS_MEASURE_SHARING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_BYTES = 64 };

/* A line in which a thread has live blocks. */
struct line_use {
	uintptr_t line; /* address / LINE_BYTES */
	uint32_t thread;
	uint32_t blocks; /* 0: an empty place of the table */
};

struct sharing_block {
	uintptr_t start;
	size_t bytes;
	uint32_t thread;
};

struct sharing {
	struct line_use *table;       /* open addressing, by line             */
	size_t size, used;            /* size: 0 or a power of two            */
	struct sharing_block *blocks; /* by slot                        */
	uint64_t lines; /* with an end of a block in them, now          */
	uint64_t
		shared_lines; /* of these, with blocks of two threads or more */

	/* The first event with the most shared lines; 0: there was none. */
	uint64_t peak_event, peak_shared_lines, peak_lines;
};

/* False without memory; sharing_close() then, too. */
bool sharing_open(struct sharing *sharing, uint32_t slots);
void sharing_close(struct sharing *sharing);

/* Adds the block of a slot, which is empty; false without memory. */
bool sharing_add(struct sharing *sharing, uint32_t slot,
                 struct sharing_block block, uint64_t event);

/* Takes the block of a slot out again. */
void sharing_remove(struct sharing *sharing, uint32_t slot);

#endif
