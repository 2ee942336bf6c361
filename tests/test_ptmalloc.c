/*
 * test_ptmalloc.c - one arena of ptmalloc: chunks, and what stands before its
 * bins, the fast bins and the thread cache.
 *
 * "bare" is a heap without thread cache and fast bins, where each free merges at
 * once.
 */
#include <string.h>

#include "account.h"
#include "allocators/ptmalloc/ptmalloc.h"

#define BARE "ptmalloc:tcache=0,fast_max=0"

/* ---- chunks --------------------------------------------------------------- */

/*
 * 8 bytes of tag, then rounding to 16: never more than 15 bytes, 7.5 in the mean
 * over any 16 sizes in a row; below 25 bytes the smallest chunk, 24 usable.
 */
static void chunks_round_as_derived(void **state)
{
	struct lab *lab = lab_open(BARE);
	size_t waste = 0, worst = 0;

	(void)state;
	for (size_t size = 0; size <= 24; size++)
		assert_int_equal(lab_usable(lab, lab->allocator->malloc(
							 lab->thread, size)),
		                 24);
	for (size_t size = 25; size < 25 + 16 * 100; size++) {
		void *block = lab->allocator->malloc(lab->thread, size);
		size_t over = lab_usable(lab, block) - size;
		waste += over;
		worst = over > worst ? over : worst;
	}
	assert_int_equal(worst, 15);
	assert_int_equal(2 * waste, 15 * 16 * 100);
	lab_close(lab);
}

/* The last 8 usable bytes are the next chunk's prev_bytes. */
static void a_live_chunk_borrows_from_the_next(void **state)
{
	struct lab *lab = lab_open(BARE);
	char *a = lab_malloc(lab, 40), *b = lab_malloc(lab, 40);

	(void)state;
	assert_ptr_equal(b, a + 48);
	memset(a, 0xff, 40);
	assert_int_equal(block_chunk(b)->prev_bytes, ~(size_t)0);
	lab_check(lab);
	lab_free(lab, a);
	assert_int_equal(block_chunk(b)->prev_bytes, 48);
	assert_false(chunk_prev_in_use(block_chunk(b)));
	lab_close(lab);
}

static void free_merges_on_both_sides(void **state)
{
	struct lab *lab = lab_open(BARE);
	void *block[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		block[i] = lab_malloc(lab, 24);
	lab_free(lab, block[1]);
	lab_free(lab, block[3]);
	assert_int_equal(lab_stats(lab).merges, 0);
	lab_free(lab, block[2]); /* [.][c][.] => [...] */
	assert_int_equal(lab_stats(lab).merges, 2);
	assert_int_equal(account_tier(lab, "unsorted"), 96);
	lab_free(lab, block[4]); /* [...][e][top => [top */
	assert_int_equal(lab_stats(lab).merges, 4);
	assert_int_equal(account_tier(lab, "unsorted"), 0);
	lab_check_walk(lab, 1);
	lab_close(lab);
}

/* ---- fast bins ------------------------------------------------------------ */

static void fast_bins_wait_for_consolidation(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=0");
	void *block[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		block[i] =
			lab_malloc(lab, 120); /* chunks of 128: the longest */
	void *longer = lab_malloc(lab, 121);
	lab_malloc(lab, 24);
	for (int i = 0; i < 3; i++)
		lab_free(lab, block[i]);
	lab_free(lab, longer);
	assert_int_equal(account_tier(lab, "fast bin"), 3 * 128);
	assert_int_equal(account_tier(lab, "unsorted"), 144);
	assert_int_equal(lab_stats(lab).merges, 0);
	assert_ptr_equal(lab_malloc(lab, 120), block[2]); /* last in */
	lab_malloc(lab, 1016);                            /* a large request */
	assert_int_equal(account_tier(lab, "fast bin"), 0);
	assert_int_equal(account_tier(lab, "small bin"), 256 + 144);
	assert_int_equal(lab_stats(lab).merges, 1);
	lab_close(lab);
}

static void a_long_free_chunk_consolidates(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=0");
	void *small = lab_malloc(lab, 24);
	void *shorter = lab_malloc(lab, (64 << 10) - 40);
	lab_malloc(lab, 24);
	void *longer = lab_malloc(lab, (64 << 10) - 8);
	lab_malloc(lab, 24);

	(void)state;
	lab_free(lab, small);
	lab_free(lab, shorter);
	assert_int_equal(account_tier(lab, "fast bin"), 32);
	lab_free(lab, longer);
	assert_int_equal(account_tier(lab, "fast bin"), 0);
	assert_int_equal(account_tier(lab, "unsorted"), 128 << 10);
	lab_close(lab);
}

static void fast_max_is_the_longest_request(void **state)
{
	static const struct {
		const char *setting;
		size_t longest; /* request that goes to a fast bin; 0: none */
	} cases[] = {
		{"ptmalloc:tcache=0,fast_max=0", 0},
		{"ptmalloc:tcache=0,fast_max=24", 24},
		{"ptmalloc:tcache=0,fast_max=64", 56},
		{"ptmalloc:tcache=0,fast_max=160", 152},
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct lab *lab = lab_open(cases[i].setting);
		void *block[12];
		for (size_t j = 0; j < 12; j++) {
			block[j] = lab_malloc(lab, 24 + 16 * j);
			lab_malloc(lab, 1);
		}
		for (size_t j = 0; j < 12; j++) {
			size_t before = account_tier(lab, "fast bin");
			lab_free(lab, block[j]);
			assert_int_equal(account_tier(lab, "fast bin") > before,
			                 24 + 16 * j <= cases[i].longest);
		}
		lab_close(lab);
	}
}

/* ---- thread cache --------------------------------------------------------- */

static void a_cache_holds_seven_of_each_size(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	void *small[9], *large[9];

	(void)state;
	for (int i = 0; i < 9; i++) {
		small[i] = lab_malloc(lab, 100);
		large[i] = lab_malloc(lab, 1032);
	}
	void *too_large = lab_malloc(lab, 1033);
	lab_malloc(lab, 24);
	lab_free(lab, too_large); /* merges with nothing: not a fast chunk */
	assert_int_equal(account_tier(lab, "thread cache"), 0);
	for (int i = 0; i < 9; i++) {
		lab_free(lab, small[i]);
		lab_free(lab, large[i]);
	}
	assert_int_equal(account_tier(lab, "thread cache"), 7 * (112 + 1040));
	assert_int_equal(account_tier(lab, "fast bin"), 2 * 112);
	for (int i = 6; i >= 0; i--)
		assert_ptr_equal(lab_malloc(lab, 100), small[i]);
	assert_int_equal(account_tier(lab, "thread cache"), 7 * 1040);
	lab_close(lab);
}

/* What is behind the chunk that was taken goes along, as far as there is room. */
static void a_cache_is_filled_from_a_fast_bin(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=3");
	void *block[9];

	(void)state;
	for (int i = 0; i < 9; i++)
		block[i] = lab_malloc(lab, 40);
	for (int i = 0; i < 9; i++)
		lab_free(lab, block[i]);
	for (int i = 0; i < 3; i++)
		lab_malloc(lab, 40); /* the cache is empty now */
	assert_int_equal(account_tier(lab, "fast bin"), 6 * 48);
	assert_int_equal(account_usage(lab).refills, 0);
	assert_ptr_equal(lab_malloc(lab, 40), block[8]);
	assert_int_equal(account_tier(lab, "fast bin"), 2 * 48);
	assert_int_equal(account_tier(lab, "thread cache"), 3 * 48);
	assert_int_equal(account_usage(lab).refills, 1);
	/* pushed last in, first out again: the order is turned round */
	assert_ptr_equal(lab_malloc(lab, 40), block[5]);
	lab_close(lab);
}

static void a_cache_is_filled_from_the_unsorted_list(void **state)
{
	struct lab *lab = lab_open("ptmalloc:tcache=2");
	void *block[8];

	(void)state;
	for (int i = 0; i < 8; i++) {
		block[i] = lab_malloc(lab, 200);
		lab_malloc(lab, 24);
	}
	for (int i = 0; i < 8; i++)
		lab_free(lab, block[i]); /* 2 cached, 6 unsorted */
	lab_malloc(lab, 200);
	lab_malloc(lab, 200);
	assert_int_equal(account_tier(lab, "unsorted"), 6 * 208);
	assert_ptr_equal(lab_malloc(lab, 200), block[2]); /* the oldest */
	assert_int_equal(account_tier(lab, "thread cache"), 2 * 208);
	assert_int_equal(account_tier(lab, "unsorted"), 3 * 208);
	assert_int_equal(account_usage(lab).refills, 1);
	lab_malloc(lab, 2000); /* sorts the rest */
	lab_malloc(lab, 200);
	lab_malloc(lab, 200);
	assert_int_equal(account_tier(lab, "small bin"), 3 * 208);
	assert_ptr_equal(lab_malloc(lab, 200), block[5]);
	assert_int_equal(account_tier(lab, "thread cache"), 2 * 208);
	assert_int_equal(account_tier(lab, "small bin"), 0);
	assert_int_equal(account_usage(lab).refills, 2);
	lab_close(lab);
}

/* Data that looks like the key is no double free. */
static void a_key_by_chance_is_looked_up(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	void **block = lab_malloc(lab, 40);

	(void)state;
	block[0] = block[1] = lab->thread;
	lab_free(lab, block);
	assert_int_equal(account_tier(lab, "thread cache"), 48);
	lab_close(lab);
}

/* ---- locks ---------------------------------------------------------------- */

/* None in the thread cache. */
static void each_call_takes_its_lock_once(void **state)
{
	struct lab *lab = lab_open("ptmalloc:thresholds=fixed");
	uint64_t arena = account_acquired(lab, "arena");
	uint64_t mapped = account_acquired(lab, "mapped chunks");

	(void)state;
	void *small = lab_malloc(lab, 100);
	void *large = lab_malloc(lab, 2000);
	assert_int_equal(account_acquired(lab, "arena"), arena + 2);
	lab_free(lab, small);
	lab_free(lab, lab_malloc(lab, 100));
	assert_int_equal(account_acquired(lab, "arena"), arena + 2);
	lab_free(lab, large);
	assert_int_equal(account_acquired(lab, "arena"), arena + 3);
	assert_int_equal(account_acquired(lab, "mapped chunks"), mapped);
	void *huge = lab_malloc(lab, 1 << 20);
	assert_int_equal(account_acquired(lab, "mapped chunks"), mapped + 1);
	lab_free(lab, huge);
	assert_int_equal(account_acquired(lab, "mapped chunks"), mapped + 2);
	assert_int_equal(account_acquired(lab, "arena"), arena + 4);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_round_as_derived),
		cmocka_unit_test(a_live_chunk_borrows_from_the_next),
		cmocka_unit_test(free_merges_on_both_sides),
		cmocka_unit_test(fast_bins_wait_for_consolidation),
		cmocka_unit_test(a_long_free_chunk_consolidates),
		cmocka_unit_test(fast_max_is_the_longest_request),
		cmocka_unit_test(a_cache_holds_seven_of_each_size),
		cmocka_unit_test(a_cache_is_filled_from_a_fast_bin),
		cmocka_unit_test(a_cache_is_filled_from_the_unsorted_list),
		cmocka_unit_test(a_key_by_chance_is_looked_up),
		cmocka_unit_test(each_call_takes_its_lock_once),
	};
	return cmocka_run_group_tests_name("ptmalloc", tests, NULL, NULL);
}
