/*
 * bits.h - arithmetic on powers of two that every allocator needs.
 */
#ifndef ALLOCATORS_COMMON_BITS_H
#define ALLOCATORS_COMMON_BITS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool is_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* The smallest multiple of `align` (a power of two) that is at least n. */
static inline size_t round_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

static inline size_t round_down(size_t n, size_t align)
{
	return n & ~(align - 1);
}

static inline bool is_aligned(const void *address, size_t align)
{
	return ((uintptr_t)address & (align - 1)) == 0;
}

/* The k with 2^k <= n < 2^(k+1); n > 0. */
static inline unsigned log2_floor(size_t n)
{
	return 63u - (unsigned)__builtin_clzl(n);
}

/* The smallest k with n <= 2^k; n > 0. */
static inline unsigned log2_ceil(size_t n)
{
	return n == 1 ? 0 : log2_floor(n - 1) + 1;
}

static_assert(sizeof(size_t) == 8, "the lab is written for 64-bit machines");

#endif
