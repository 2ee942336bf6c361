/*
 * test_theory_buddy.c - the buddy allocator held against figures that were
 * derived, not measured: Robson's worst case, Knuth's bad case, the price of
 * rounding to powers of two.
 *
 * A unit is 64 bytes, a power of two above the smallest block, so that a request
 * of 2^i units occupies exactly as many.  HWM, the high-water mark, is the end
 * of the highest block that ever lived, in units above the first one; what the
 * heap has committed plays no part.
 */
#include "lab.h"

#include <math.h>
#include <stdlib.h>

enum { UNIT = 64, BLOCKS_MAX = 1 << 14 };

/* One live block, in units. */
struct piece {
	char *start;
	size_t units;
	size_t number; /* of its size, from 1, in the order of allocation */
};

/* The live blocks in the order of allocation. */
struct rig {
	struct lab *lab;
	char *base; /* the first block ever */
	struct piece piece[BLOCKS_MAX];
	size_t pieces;
	size_t made[64]; /* pieces of 2^k units so far */
	size_t live_units;
	size_t high_water; /* in units */
};

static struct rig *rig_open(const char *allocator)
{
	struct rig *rig = calloc(1, sizeof *rig);

	assert_non_null(rig);
	rig->lab = lab_open(allocator);
	return rig;
}

/* Closes; returns the high-water mark. */
static size_t rig_close(struct rig *rig)
{
	size_t high_water = rig->high_water;

	lab_close(rig->lab);
	free(rig);
	return high_water;
}

static size_t unit_address(const struct rig *rig, const struct piece *piece)
{
	assert_true(piece->start >= rig->base);
	return (size_t)(piece->start - rig->base) / UNIT;
}

static void rig_alloc(struct rig *rig, size_t units)
{
	const struct allocator *allocator = rig->lab->allocator;
	char *start = allocator->malloc(rig->lab->thread, units * UNIT);

	assert_non_null(start);
	assert_true(rig->pieces < BLOCKS_MAX);
	assert_int_equal(allocator->usable_size(rig->lab->heap, start),
	                 units * UNIT);
	if (rig->base == NULL)
		rig->base = start;
	struct piece *piece = &rig->piece[rig->pieces++];
	*piece = (struct piece){start, units,
	                        ++rig->made[__builtin_ctzl(units)]};
	rig->live_units += units;
	size_t end = unit_address(rig, piece) + units;
	if (end > rig->high_water)
		rig->high_water = end;
}

/* Says whether a piece stays. */
typedef bool keep(const struct rig *rig, const struct piece *piece,
                  size_t argument);

static void rig_sweep(struct rig *rig, keep *stays, size_t argument)
{
	size_t kept = 0;

	for (size_t i = 0; i < rig->pieces; i++) {
		struct piece piece = rig->piece[i];
		if (stays(rig, &piece, argument)) {
			rig->piece[kept++] = piece;
			continue;
		}
		rig->lab->allocator->free(rig->lab->thread, piece.start);
		rig->live_units -= piece.units;
	}
	rig->pieces = kept;
}

/* ---- E1: Robson's adversary --------------------------------------------- */

/* How far above the start of the piece its first address = f mod P lies. */
static size_t distance(const struct rig *rig, const struct piece *piece,
                       size_t f, size_t p)
{
	return (f - unit_address(rig, piece)) & (p - 1);
}

/* The adversary's argument: f and P in one. */
static bool covers_residue(const struct rig *rig, const struct piece *piece,
                           size_t f_and_p)
{
	size_t p = f_and_p >> 32, f = f_and_p & UINT32_MAX;

	return distance(rig, piece, f, p) < piece->units;
}

static size_t blocked(const struct rig *rig, size_t f, size_t p)
{
	size_t sum = 0;

	for (size_t i = 0; i < rig->pieces; i++)
		if (distance(rig, &rig->piece[i], f, p) < rig->piece[i].units)
			sum += p - rig->piece[i].units;
	return sum;
}

static size_t robson(const char *allocator, size_t m, unsigned cycles)
{
	struct rig *rig = rig_open(allocator);
	size_t f = 0;

	for (size_t i = 0; i < m; i++)
		rig_alloc(rig, 1);
	for (unsigned i = 1; i <= cycles; i++) {
		size_t p = (size_t)1 << i;
		if (blocked(rig, f + p / 2, p) > blocked(rig, f, p))
			f += p / 2;
		rig_sweep(rig, covers_residue, p << 32 | f);
		while (rig->live_units + p <= m)
			rig_alloc(rig, p);
	}
	return rig_close(rig);
}

/*
 * M(1 + L/2) exactly, for any order of the lists, merged or not: each request of
 * P finds only smaller holes below the top, so which of them a list would give
 * first never comes up.
 */
static void robsons_adversary_costs_half_of_m_a_doubling(void **state)
{
	static const char *const allocator[] = {"buddy", "buddy:order=address",
	                                        "buddy:min_block=64",
	                                        "buddy:merge=lazy"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(robson(allocator[i], 4096, 2), 8192);
		assert_int_equal(robson(allocator[i], 4096, 4), 12288);
		assert_int_equal(robson(allocator[i], 4096, 6), 16384);
		assert_int_equal(robson(allocator[i], 4096, 8), 20480);
	}
}

/* ---- E2: the same as a plain trace -------------------------------------- */

/* Of size 2^j, the pieces whose number is a multiple of 2^(i - j + 1). */
static bool is_multiple(const struct rig *rig, const struct piece *piece,
                        size_t i)
{
	size_t j = (size_t)__builtin_ctzl(piece->units);

	(void)rig;
	return piece->number % ((size_t)1 << (i - j + 1)) == 0;
}

static size_t oblivious(const char *allocator, size_t m, unsigned cycles)
{
	struct rig *rig = rig_open(allocator);

	for (unsigned i = 0; i <= cycles; i++) {
		while (rig->live_units + ((size_t)1 << i) <= m)
			rig_alloc(rig, (size_t)1 << i);
		if (i < cycles)
			rig_sweep(rig, is_multiple, i);
	}
	return rig_close(rig);
}

static void oblivious_trace_costs_the_same(void **state)
{
	static const char *const allocator[] = {"buddy", "buddy:order=address",
	                                        "buddy:merge=lazy"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(oblivious(allocator[i], 4096, 2), 8192);
		assert_int_equal(oblivious(allocator[i], 4096, 4), 12288);
		assert_int_equal(oblivious(allocator[i], 4096, 6), 16384);
		assert_int_equal(oblivious(allocator[i], 4096, 8), 20480);
	}
}

/* ---- E3: Knuth's bad case ----------------------------------------------- */

static bool is_divisible(const struct rig *rig, const struct piece *piece,
                         size_t k)
{
	return unit_address(rig, piece) % ((size_t)1 << k) == 0;
}

/* n = 2^(r+1) units live, blocks of up to 2^r. */
static size_t knuth(const char *allocator, unsigned r)
{
	struct rig *rig = rig_open(allocator);
	size_t n = (size_t)1 << (r + 1);

	for (size_t i = 0; i < n; i++)
		rig_alloc(rig, 1);
	for (unsigned k = 1; k <= r; k++) {
		rig_sweep(rig, is_divisible, k);
		for (size_t i = 0; i < n >> (k + 1); i++)
			rig_alloc(rig, (size_t)1 << k);
	}
	return rig_close(rig);
}

static void knuths_bad_case_is_exact(void **state)
{
	(void)state;
	for (unsigned r = 1; r <= 12; r++) {
		size_t n = (size_t)1 << (r + 1);
		assert_int_equal(knuth("buddy", r), n + r * n / 2);
		assert_int_equal(knuth("buddy:order=address", r),
		                 n + r * n / 2);
		assert_int_equal(knuth("buddy:merge=lazy", r), n + r * n / 2);
	}
}

/* ---- E18: the bound on any trace ---------------------------------------- */

/* Random sizes 2^0..2^r, at most m units live. */
static size_t random_trace(const char *allocator, size_t m, unsigned r,
                           uint64_t seed)
{
	struct rig *rig = rig_open(allocator);

	for (int step = 0; step < 20000; step++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		size_t units = (size_t)1 << (seed >> 40) % (r + 1);
		while (rig->live_units + units > m) {
			size_t i = (seed >> 20) % rig->pieces;
			struct piece *piece = &rig->piece[i];
			rig->lab->allocator->free(rig->lab->thread,
			                          piece->start);
			rig->live_units -= piece->units;
			*piece = rig->piece[--rig->pieces];
		}
		rig_alloc(rig, units);
	}
	return rig_close(rig);
}

static void no_trace_needs_more_than_the_bound(void **state)
{
	enum { M = 2048 };

	(void)state;
	for (unsigned r = 1; r <= 8; r++) {
		size_t needed = random_trace("buddy", M, r, r);
		assert_true(needed >= M);
		assert_true(needed <= (r + 1) * (size_t)M);
	}
}

/* ---- E8: what rounding costs -------------------------------------------- */

/* Allocated / requested bytes so far. */
struct rounding {
	struct lab *lab;
	double requested, allocated;
};

/* Requests `size` bytes, a fraction rounded up. */
static void request(struct rounding *rounding, double size)
{
	const struct allocator *allocator = rounding->lab->allocator;
	size_t bytes = (size_t)ceil(size);
	void *block = allocator->malloc(rounding->lab->thread, bytes);

	assert_non_null(block);
	rounding->requested += (double)bytes;
	rounding->allocated +=
		(double)allocator->usable_size(rounding->lab->heap, block);
	allocator->free(rounding->lab->thread, block);
}

static void require_ratio(struct rounding *rounding, double expected)
{
	double ratio = rounding->allocated / rounding->requested;

	lab_close(rounding->lab);
	if (fabs(ratio / expected - 1) > .002)
		fail_msg("allocated/requested is %.5f, not %.5f", ratio,
		         expected);
}

/* Uniform on 1..t * 2^15, every size once: (4t - 8/3) / t^2. */
static void rounding_of_uniform_sizes(void **state)
{
	static const double scale[] = {1.0, 1.25, 4 / 3.0, 1.5, 1.75, 2.0};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		double t = scale[i];
		struct rounding rounding = {lab_open("buddy"), 0, 0};
		for (double size = 1; size <= t * 32768; size++)
			request(&rounding, size);
		require_ratio(&rounding, (4 * t - 8 / 3.0) / (t * t));
	}
}

/* log2(size) uniform on [10, 18), at equal steps: 2 ln 2. */
static void rounding_of_log_uniform_sizes(void **state)
{
	enum { SAMPLES = 80000 };
	struct rounding rounding = {lab_open("buddy"), 0, 0};

	(void)state;
	for (int i = 0; i < SAMPLES; i++)
		request(&rounding, exp2(10 + 8 * (i + .5) / SAMPLES));
	require_ratio(&rounding, 2 * log(2));
}

/* Exponential, at equal steps of probability: 1 / ln 2, whatever the mean. */
static void rounding_of_exponential_sizes(void **state)
{
	enum { SAMPLES = 50000 };
	static const double mean[] = {3000, 5000, 40000};

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct rounding rounding = {lab_open("buddy"), 0, 0};
		for (int i = 0; i < SAMPLES; i++)
			request(&rounding, -mean[k] * log((i + .5) / SAMPLES));
		require_ratio(&rounding, 1 / log(2));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(robsons_adversary_costs_half_of_m_a_doubling),
		cmocka_unit_test(oblivious_trace_costs_the_same),
		cmocka_unit_test(knuths_bad_case_is_exact),
		cmocka_unit_test(no_trace_needs_more_than_the_bound),
		cmocka_unit_test(rounding_of_uniform_sizes),
		cmocka_unit_test(rounding_of_log_uniform_sizes),
		cmocka_unit_test(rounding_of_exponential_sizes),
	};
	return cmocka_run_group_tests_name("theory, buddy", tests, NULL, NULL);
}
