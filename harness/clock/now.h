/*
 * now.h - the clock of the whole harness: monotonic, in ns or s since some
 * moment in the past.  A reading costs some 20 ns (no system call).
 */
#ifndef HARNESS_CLOCK_NOW_H
#define HARNESS_CLOCK_NOW_H

#include <stdint.h>
#include <time.h>

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The processor time that this process has used, all threads together. */
static inline uint64_t now_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline double now_s(void)
{
	return (double)now_ns() * 1e-9;
}

#endif
