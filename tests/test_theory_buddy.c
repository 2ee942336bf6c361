/*
 * test_theory_buddy.c - the buddy allocator held against figures that were
 * derived, not measured: Robson's worst case, Knuth's bad case, the price of
 * rounding to powers of two.
 *
 * A unit is 64 bytes, a power of two above the smallest block, so that a request
 * of 2^i units occupies exactly as many.
 */
#include <math.h>

#include "theory.h"

enum { UNIT = 64 };

static const char *const allocators[] = {
	"buddy",
	"buddy:order=address",
	"buddy:merge=lazy",
	"buddy:min_block=64",
};

enum { ALLOCATORS = sizeof allocators / sizeof allocators[0] };

static struct theory theory; /* too large for a stack */

/* ---- E1, E2: Robson's adversary ----------------------------------------- */

/*
 * M(1 + L/2) exactly, for any order of the lists, merged or not: each request of
 * P finds only smaller holes below the top, so which of them a list would give
 * first never comes up.
 */
static void require_robson(size_t (*adversary)(struct theory *theory,
                                               size_t most,
                                               unsigned log2_ratio))
{
	enum { M = 4096 };

	for (size_t i = 0; i < ALLOCATORS; i++) {
		for (unsigned l = 2; l <= 8; l += 2) {
			theory_open(&theory, allocators[i], UNIT);
			assert_int_equal(adversary(&theory, M, l),
			                 M + l * M / 2);
			theory_close(&theory);
		}
	}
}

static void robsons_adversary_costs_half_of_m_a_doubling(void **state)
{
	(void)state;
	require_robson(theory_robson);
}

static void blind_adversary_costs_the_same(void **state)
{
	(void)state;
	require_robson(theory_robson_blind);
}

/* ---- E3: Knuth's bad case ----------------------------------------------- */

/* n = 2^(r+1) units live, blocks of up to 2^r. */
static size_t knuth(size_t n, unsigned r)
{
	for (size_t i = 0; i < n; i++)
		theory_alloc(&theory, theory.blocks, 1);
	for (unsigned k = 1; k <= r; k++) {
		for (size_t i = 0; i < theory.blocks; i++) {
			void *memory = theory.block[i].memory;
			if (memory != NULL &&
			    theory_address(&theory, memory) % (1u << k) != 0)
				theory_free(&theory, i);
		}
		for (size_t i = 0; i < n >> (k + 1); i++)
			theory_alloc(&theory, theory.blocks, (size_t)1 << k);
	}
	return theory.high;
}

static void knuths_bad_case_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALLOCATORS; i++) {
		for (unsigned r = 1; r <= 11; r++) {
			size_t n = (size_t)1 << (r + 1);
			theory_open(&theory, allocators[i], UNIT);
			assert_int_equal(knuth(n, r), n + r * n / 2);
			theory_close(&theory);
		}
	}
}

/* ---- E18: the bound on any trace ---------------------------------------- */

/* Random sizes 2^0..2^r into random places, at most m units live. */
static void run_random(size_t m, unsigned r)
{
	for (int step = 0; step < 20000; step++) {
		size_t i = theory_draw(&theory, m);
		size_t units = (size_t)1 << theory_draw(&theory, r + 1);
		if (theory.block[i].memory != NULL)
			theory_free(&theory, i);
		if (theory.live + units <= m)
			theory_alloc(&theory, i, units);
	}
}

static void no_trace_needs_more_than_the_bound(void **state)
{
	enum { M = 1024 };

	(void)state;
	for (unsigned r = 1; r <= 8; r++) {
		theory_open(&theory, "buddy", UNIT);
		run_random(M, r);
		assert_in_range(theory.high, M, (r + 1) * M);
		theory_close(&theory);
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
		cmocka_unit_test(blind_adversary_costs_the_same),
		cmocka_unit_test(knuths_bad_case_is_exact),
		cmocka_unit_test(no_trace_needs_more_than_the_bound),
		cmocka_unit_test(rounding_of_uniform_sizes),
		cmocka_unit_test(rounding_of_log_uniform_sizes),
		cmocka_unit_test(rounding_of_exponential_sizes),
	};
	return cmocka_run_group_tests_name("theory, buddy", tests, NULL, NULL);
}
