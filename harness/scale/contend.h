/*
 * contend.h - what false sharing costs: threads that write to small blocks of
 * their own.
 */
#ifndef HARNESS_SCALE_CONTEND_H
#define HARNESS_SCALE_CONTEND_H

#include "../threads/threads.h"

enum {
	CONTEND_BYTES = 8,    /* of a block                             */
	CONTEND_WRITES = 200, /* into it, between its malloc and its free */
};

/*
 * Each thread makes `rounds` times: malloc, CONTEND_WRITES writes, free.  Where
 * the blocks that the threads hold at a time lie in one cache line, each write
 * takes the line from the others.  NULL as allocator: a page for each thread.
 * Fills in wall_ns, calls, threads and locks.
 */
struct verdict contend_time(const struct allocator *allocator,
                            const struct knob_values *values, unsigned threads,
                            uint64_t rounds, size_t limit_bytes,
                            struct threads_figures *figures);

#endif
