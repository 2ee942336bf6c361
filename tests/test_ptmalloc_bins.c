/*
 * test_ptmalloc_bins.c - the bins of one arena of ptmalloc, in a heap without
 * thread cache and fast bins, where each free merges at once.
 */
#include "account.h"
#include "allocators/ptmalloc/bins.h"

#define BARE "ptmalloc:tcache=0,fast_max=0"

static struct arena *main_arena(struct lab *lab)
{
	return &pt_of(lab->heap)->main;
}

static void bins_are_spaced_as_in_glibc(void **state)
{
	unsigned sizes_of[BINS] = {0}, used = 0;

	(void)state;
	for (size_t bytes = 32; bytes < 1 << 20; bytes += 16) {
		unsigned bin = pt_bin_of(bytes);
		assert_in_range(bin, 2, BINS - 1);
		assert_true(bin >= pt_bin_of(bytes - 16) || bytes == 32);
		sizes_of[bin]++;
	}
	for (int bin = 2; bin < 64; bin++)
		assert_int_equal(sizes_of[bin], 1);
	for (int bin = 64; bin <= 96; bin++)
		assert_int_equal(sizes_of[bin], 4); /* 64 bytes apart */
	assert_int_equal(pt_bin_of(3136 - 16), 96);
	assert_int_equal(pt_bin_of(3136), 97);
	assert_int_equal(pt_bin_of(10752 - 16), 111); /* 512 apart */
	assert_int_equal(pt_bin_of(10752), 112);
	assert_int_equal(pt_bin_of(45056 - 16), 120); /* 4096 apart */
	assert_int_equal(pt_bin_of(45056), 120);
	assert_int_equal(pt_bin_of(163840), 124); /* 32 KiB apart */
	assert_int_equal(pt_bin_of(786432 - 16), 126);
	assert_int_equal(pt_bin_of(1ul << 40), 126);
	for (int bin = 0; bin < BINS; bin++)
		used += sizes_of[bin] > 0;
	assert_int_equal(used, 125); /* 2..126 */
}

/* Frees blocks of these sizes that cannot merge; they are unsorted then. */
static void make_holes(struct lab *lab, const size_t *sizes, int count,
                       void **holes)
{
	for (int i = 0; i < count; i++) {
		holes[i] = lab_malloc(lab, sizes[i]);
		lab_malloc(lab, 24); /* in between */
	}
	for (int i = 0; i < count; i++)
		lab_free(lab, holes[i]);
}

static void a_freed_chunk_gets_one_chance(void **state)
{
	static const size_t sizes[] = {200, 300, 1500};
	struct lab *lab = lab_open(BARE);
	void *holes[3];

	(void)state;
	make_holes(lab, sizes, 3, holes);
	assert_int_equal(account_tier(lab, "unsorted"), 208 + 320 + 1520);
	/* exactly the second: the first, which is older, is sorted on the way */
	assert_ptr_equal(lab_malloc(lab, 300), holes[1]);
	assert_int_equal(account_tier(lab, "small bin"), 208);
	assert_int_equal(account_tier(lab, "unsorted"), 1520);
	assert_int_equal(lab_stats(lab).links, 2);
	/* nothing of this size: the third goes to its bin, and is split */
	assert_ptr_equal(lab_malloc(lab, 400), holes[2]);
	assert_int_equal(account_tier(lab, "large bin"), 0);
	assert_int_equal(account_tier(lab, "unsorted"), 1520 - 416);
	assert_int_equal(lab_stats(lab).splits, 1);
	lab_close(lab);
}

/* A row of small requests is cut from one chunk, each behind the last. */
static void small_requests_are_cut_from_the_last_remainder(void **state)
{
	static const size_t sizes[] = {2000};
	struct lab *lab = lab_open(BARE);
	void *hole;

	(void)state;
	make_holes(lab, sizes, 1, &hole);
	char *last = lab_malloc(lab, 40);
	assert_ptr_equal(last, hole);
	for (int i = 0; i < 10; i++) {
		char *next = lab_malloc(lab, 40);
		assert_ptr_equal(next, last + 48);
		last = next;
	}
	assert_ptr_equal(main_arena(lab)->last_remainder,
	                 block_chunk(last + 48));
	/* it is neither sorted nor searched for */
	assert_int_equal(account_tier(lab, "unsorted"), 2016 - 11 * 48);
	lab_close(lab);
}

static void small_bins_are_first_in_first_out(void **state)
{
	static const size_t sizes[] = {200, 200, 200};
	struct lab *lab = lab_open(BARE);
	void *holes[3];

	(void)state;
	make_holes(lab, sizes, 3, holes);
	lab_malloc(lab, 2000); /* sorts */
	assert_int_equal(account_tier(lab, "small bin"), 3 * 208);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(lab_malloc(lab, 200), holes[i]);
	assert_int_equal(lab_stats(lab).exact_fits, 3);
	lab_close(lab);
}

/* 1600 1600 1600 | 1568 | 1552 1552: bin 73 of 1600.., 72 of 1536..1584. */
static void large_bins_give_the_shortest_that_fits(void **state)
{
	static const size_t sizes[] = {2504, 2200, 2504, 2408, 2504, 2200};
	struct lab *lab = lab_open(BARE);
	void *holes[6];

	(void)state;
	make_holes(lab, sizes, 6, holes);
	lab_malloc(lab, 9000); /* sorts */
	assert_int_equal(account_tier(lab, "large bin"),
	                 3 * 2512 + 2 * 2208 + 2416);
	lab_check(lab);
	/* the first of its size is on the size list; the second goes first */
	void *second = lab_malloc(lab, 2504);
	assert_true(second == holes[2] || second == holes[4]);
	lab_check(lab);
	assert_ptr_equal(lab_malloc(lab, 2408), holes[3]);
	assert_ptr_equal(lab_malloc(lab, 2190), holes[5]); /* 2208 bytes */
	assert_ptr_equal(lab_malloc(lab, 2200), holes[1]);
	lab_check(lab);
	void *third = lab_malloc(lab, 2504);
	assert_true(third != second && third != holes[0]);
	assert_ptr_equal(lab_malloc(lab, 2504), holes[0]);
	assert_int_equal(account_tier(lab, "large bin"), 0);
	lab_check(lab);
	lab_close(lab);
}

/* A search skips equals: five of one size cost one link, not five. */
static void the_size_list_skips_equals(void **state)
{
	static const size_t sizes[] = {2984, 2984, 2984, 2984, 2984, 2950};
	struct lab *lab = lab_open(BARE);
	void *holes[6];

	(void)state;
	make_holes(lab, sizes, 6, holes);
	lab_malloc(lab, 9000); /* sorts: 6 unsorted, 5 insertions of a link */
	uint64_t links = lab_stats(lab).links;
	assert_int_equal(links, 6 + 5);
	lab_malloc(lab, 2966); /* longest; 2960; the first 2992 */
	assert_int_equal(lab_stats(lab).links, links + 3);
	lab_close(lab);
}

/* The first of its size merges away: the next takes its place on that list. */
static void the_next_of_its_size_steps_in(void **state)
{
	static const size_t sizes[] = {2504, 2504, 2504, 2408};
	struct lab *lab = lab_open(BARE);
	void *holes[4];

	(void)state;
	make_holes(lab, sizes, 4, holes);
	lab_malloc(lab, 9000); /* sorts */
	assert_non_null(block_chunk(holes[0])->by_size.next);
	lab_free(lab, lab->named[1]); /* between the first two */
	lab_check(lab);
	assert_int_equal(account_tier(lab, "unsorted"), 2 * 2512 + 32);
	assert_non_null(block_chunk(holes[2])->by_size.next);
	assert_int_equal(account_tier(lab, "large bin"), 2512 + 2416);
	lab_close(lab);
}

static void the_binmap_forgets_lazily(void **state)
{
	static const size_t sizes[] = {200};
	struct lab *lab = lab_open(BARE);
	const uint64_t bit = (uint64_t)1 << 208 / 16;
	void *hole;

	(void)state;
	make_holes(lab, sizes, 1, &hole);
	lab_malloc(lab, 2000); /* sorts */
	assert_true(main_arena(lab)->binmap[0] & bit);
	lab_malloc(lab, 200); /* empties the bin, and leaves its bit */
	assert_true(main_arena(lab)->binmap[0] & bit);
	lab_malloc(lab, 100); /* a search that comes by clears it */
	assert_false(main_arena(lab)->binmap[0] & bit);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bins_are_spaced_as_in_glibc),
		cmocka_unit_test(a_freed_chunk_gets_one_chance),
		cmocka_unit_test(
			small_requests_are_cut_from_the_last_remainder),
		cmocka_unit_test(small_bins_are_first_in_first_out),
		cmocka_unit_test(large_bins_give_the_shortest_that_fits),
		cmocka_unit_test(the_size_list_skips_equals),
		cmocka_unit_test(the_next_of_its_size_steps_in),
		cmocka_unit_test(the_binmap_forgets_lazily),
	};
	return cmocka_run_group_tests_name("ptmalloc bins", tests, NULL, NULL);
}
