/*
 * placement.h - OS threads that are to run side by side begin side by side.
 *
 * A new thread begins on the processor of its maker, as a rule, and the kernel
 * needs some milliseconds to see that another is idle: as long as many a replay.
 */
#ifndef HARNESS_THREADS_PLACEMENT_H
#define HARNESS_THREADS_PLACEMENT_H

#include <sched.h>
#include <stddef.h>

/* The `number`-th of these processors (one or more), counted round and round. */
size_t placement_processor(const cpu_set_t *processors, unsigned number);

/*
 * Moves the calling thread to that one of the processors it may use.  It may use
 * the same ones afterwards: the kernel is free to move it on.  What the kernel
 * refuses is left as it is.
 */
void placement_spread(unsigned number);

#endif
