/*
 * random.c - xoshiro256** and unbiased integers.
 *
 * Sources.  [Blackman21] for xoshiro256** and its seeding, [Lemire19] for the
 * bounded integers.
 */
#include "random.h"

#include "../splitmix64.h"

__extension__ typedef unsigned __int128 uint128;

void random_seed(struct random *random, uint64_t seed, uint64_t stream)
{
	uint64_t state = seed;

	state = splitmix64(&state) ^ stream;
	for (int i = 0; i < 4; i++)
		random->state[i] = splitmix64(&state);
}

static uint64_t rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t random_bits(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

/*
 * The high half of bits * n is nearly uniform over 0..n-1.  The few low halves
 * below 2^64 mod n are the excess that would favour some values: draw again.
 */
uint64_t random_below(struct random *random, uint64_t n)
{
	uint128 product = (uint128)random_bits(random) * n;

	if ((uint64_t)product < n) {
		uint64_t excess = -n % n;
		while ((uint64_t)product < excess)
			product = (uint128)random_bits(random) * n;
	}
	return (uint64_t)(product >> 64);
}
