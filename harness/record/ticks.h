/*
 * ticks.h - the processor's own clock: a register that counts at a constant rate.
 *
 * Reading it takes a third of what clock_gettime takes.  What its ticks are in
 * nanoseconds is found afterwards, from two readings of both clocks.
 */
#ifndef HARNESS_RECORD_TICKS_H
#define HARNESS_RECORD_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <x86intrin.h>

static inline uint64_t ticks(void)
{
	return __rdtsc();
}

/*
 * Whether the counter runs at one rate, in all states of the processor: "invariant
 * TSC", bit 8 of EDX in leaf 0x80000007 [IntelSDM, 3, 18.17.1].
 */
static inline bool ticks_are_time(void)
{
	unsigned a, b, c, d = 0;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 &&
	       (d >> 8 & 1) != 0;
}

#else

static inline uint64_t ticks(void)
{
	return 0;
}

static inline bool ticks_are_time(void)
{
	return false;
}

#endif
#endif
