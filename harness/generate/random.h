/*
 * random.h - pseudo-random numbers that are the same on every machine.
 *
 * xoshiro256** [Blackman21], its state filled by SplitMix64 [Steele14].  A
 * generator is a seed and a *stream*: generate/phases.c draws sizes, lifetimes
 * and choices from three streams of one seed, so that a spec which changes only
 * its death order still asks for the same sizes in the same order.
 *
 *     struct random r;
 *     random_seed(&r, 1, 0);
 *     random_below(&r, 6) + 1;       a fair die, exactly fair
 *
 * Threads: a generator belongs to one thread.  Cost: about a nanosecond a draw.
 */
#ifndef HARNESS_GENERATE_RANDOM_H
#define HARNESS_GENERATE_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4];
};

/* Starts stream `stream` of `seed`. */
void random_seed(struct random *random, uint64_t seed, uint64_t stream);

/* 64 random bits. */
uint64_t random_bits(struct random *random);

/* Uniform over 0..n-1; n > 0.  By rejection: no value is favoured [Lemire19]. */
uint64_t random_below(struct random *random, uint64_t n);

/*
 * Uniform over the open interval (0, 1): the middle of one of 2^52 equal cells,
 * which a double holds exactly.
 */
static inline double random_unit(struct random *random)
{
	double cell = (double)(random_bits(random) >> 12);
	return (cell + .5) * 0x1p-52;
}

#endif
