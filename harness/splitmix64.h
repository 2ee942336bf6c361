/*
 * splitmix64.h - SplitMix64 [Steele14]: the harness's own choices, and seeds.
 *
 * Sixty-four bits of state, any value, zero too.  Threads: a state belongs to
 * one.  Cost: about a nanosecond.
 */
#ifndef HARNESS_SPLITMIX64_H
#define HARNESS_SPLITMIX64_H

#include <stdint.h>

/* The finalizer: every bit of the seed reaches every bit of the result. */
static inline uint64_t splitmix64_mix(uint64_t seed)
{
	seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9u;
	seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebu;
	return seed ^ (seed >> 31);
}

/* The next 64 random bits. */
static inline uint64_t splitmix64(uint64_t *state)
{
	return splitmix64_mix(*state += 0x9e3779b97f4a7c15u);
}

#endif
