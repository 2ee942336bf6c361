/*
 * again.h - a short replay, several times, each in a fork of this process.
 *
 * So every one begins with the heap that the first one had, a library's too, which
 * nobody else could empty.
 */
#ifndef HARNESS_CLOCK_AGAIN_H
#define HARNESS_CLOCK_AGAIN_H

#include "../verdict.h"

/* One replay.  Of what it writes, memory from mapped_new() (mapped.h) is kept. */
typedef struct verdict again_work(void *ctx);

/*
 * Calls `work` so many times, or until its verdict is not OK; a single time in this
 * very process.  Ends this process as the fork ended where that did not return.
 */
struct verdict again_run(uint64_t times, again_work *work, void *ctx);

#endif
