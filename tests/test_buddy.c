/*
 * test_buddy.c - the buddy allocator: placement by hand, what each knob changes,
 * random operations.  (test_buddy_words.c has its sentences,
 * test_theory_buddy.c its figures.)
 */
#include "lab.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocators/common/bits.h"
#include "allocators/registry.h"

enum { MIB = 1 << 20 };

/* ---- placement by hand --------------------------------------------------- */

/* docs/buddy.md follows these strings step by step. */
static void splits_and_merges_as_in_the_chapter(void **state)
{
	struct lab *lab = lab_open("buddy");
	char *a = lab_malloc(lab, 20);

	(void)state;
	assert_string_equal(lab_heap_string(lab),
	                    "|a 32|. 32|. 64|. 128|. 256|. 512|. 1024|. 2048|");
	assert_int_equal(lab_stats(lab).splits, 7);
	char *b = lab_malloc(lab, 60);
	assert_ptr_equal(b, a + 64);
	char *c = lab_malloc(lab, 33);
	assert_ptr_equal(c, a + 128);
	assert_string_equal(
		lab_heap_string(lab),
		"|a 32|. 32|b 64|c 64|. 64|. 256|. 512|. 1024|. 2048|");
	assert_int_equal(lab_stats(lab).exact_fits, 1);
	lab_free(lab, b); /* its buddy is split: no merge */
	assert_string_equal(
		lab_heap_string(lab),
		"|a 32|. 32|. 64|c 64|. 64|. 256|. 512|. 1024|. 2048|");
	assert_int_equal(lab_stats(lab).merges, 0);
	lab_free(lab, a); /* 32 + 32, 64 + 64; the upper 128 is split */
	assert_string_equal(lab_heap_string(lab),
	                    "|. 128|c 64|. 64|. 256|. 512|. 1024|. 2048|");
	assert_int_equal(lab_stats(lab).merges, 2);
	lab_free(lab, c); /* 64, 128, 256, 512, 1024, 2048, the wilderness */
	assert_string_equal(lab_heap_string(lab), "|. 4096|");
	assert_int_equal(lab_stats(lab).merges, 9);
	assert_int_equal(lab_stats(lab).links, 0);
	lab_close(lab);
}

/* A block of order k waits for a place of its own alignment. */
static void large_block_leaves_a_hole_below(void **state)
{
	struct lab *lab = lab_open("buddy");
	char *a = lab_malloc(lab, 4096);
	char *b = lab_malloc(lab, 16384);

	(void)state;
	assert_ptr_equal(b, a + 16384);
	assert_string_equal(lab_heap_string(lab),
	                    "|a 4096|. 4096|. 8192|b 16384|");
	char *c = lab_malloc(lab, 5000); /* the heap need not grow */
	assert_ptr_equal(c, a + 8192);
	lab_free(lab, c);
	lab_free(lab, b);
	assert_string_equal(lab_heap_string(lab), "|a 4096|. 28672|");
	assert_int_equal(lab->allocator->trim(lab->heap), 28672);
	assert_string_equal(lab_heap_string(lab), "|a 4096|");
	lab_close(lab);
}

/* Knuth would split the untouched block above; here the hole comes first. */
static void larger_hole_is_split_before_the_heap_grows(void **state)
{
	struct lab *lab = lab_open("buddy");
	char *a = lab_malloc(lab, 65536);
	lab_malloc(lab, 4096);

	(void)state;
	lab_free(lab, a);
	assert_string_equal(lab_heap_string(lab), "|. 65536|b 4096|");
	assert_ptr_equal(lab_malloc(lab, 4096), a);
	assert_string_equal(lab_heap_string(lab),
	                    "|c 4096|. 4096|. 8192|. 16384|. 32768|b 4096|");
	lab_close(lab);
}

static void aligned_blocks_cost_nothing_more(void **state)
{
	struct lab *lab = lab_open("buddy");

	(void)state;
	for (size_t align = 16; align <= 4 * MIB; align *= 2) {
		void *block = lab_aligned(lab, align, align);
		assert_true(is_aligned(block, align));
		assert_int_equal(lab_usable(lab, block),
		                 align < 32 ? 32 : align);
	}
	assert_true(is_aligned(lab_aligned(lab, 128 * MIB, 1), 128 * MIB));
	lab_check_walk(lab, -1);
	lab_close(lab);
}

/* ---- random operations -------------------------------------------------- */

enum { SLOTS = 200 };

struct churn {
	struct lab *lab;
	uint64_t seed;
	void *block[SLOTS];
	size_t size[SLOTS];
	long live;
};

static uint64_t draw(struct churn *churn, uint64_t below)
{
	churn->seed = churn->seed * 6364136223846793005u + 1442695040888963407u;
	return (churn->seed >> 33) % below;
}

/* Mostly small, now and then up to 2 MiB: more than the largest block here. */
static size_t draw_size(struct churn *churn)
{
	return draw(churn, (uint64_t)1 << draw(churn, 22));
}

static void fill(struct churn *churn, uint64_t i, size_t size)
{
	memset(churn->block[i], (int)(i + 1), size);
	churn->size[i] = size;
}

static void require_contents(const struct churn *churn, uint64_t i, size_t size)
{
	const unsigned char *bytes = churn->block[i];

	for (size_t at = 0; at < size; at += 61)
		assert_int_equal(bytes[at], (unsigned char)(i + 1));
	if (size > 0)
		assert_int_equal(bytes[size - 1], (unsigned char)(i + 1));
}

static void allocate(struct churn *churn, uint64_t i)
{
	struct lab *lab = churn->lab;
	size_t align = (size_t)16 << draw(churn, 18);
	size_t size = draw_size(churn);

	if (draw(churn, 8) == 0) {
		churn->block[i] = lab->allocator->aligned_malloc(lab->thread,
		                                                 align, size);
		assert_true(is_aligned(churn->block[i], align));
	} else {
		churn->block[i] = lab->allocator->malloc(lab->thread, size);
	}
	assert_non_null(churn->block[i]);
	assert_true(lab_usable(lab, churn->block[i]) >= size);
	fill(churn, i, size);
	churn->live++;
}

static void resize(struct churn *churn, uint64_t i)
{
	struct lab *lab = churn->lab;
	size_t size = 1 + draw_size(churn);
	size_t kept = size < churn->size[i] ? size : churn->size[i];

	churn->block[i] =
		lab->allocator->realloc(lab->thread, churn->block[i], size);
	assert_non_null(churn->block[i]);
	require_contents(churn, i, kept);
	fill(churn, i, size);
}

static void release(struct churn *churn, uint64_t i)
{
	require_contents(churn, i, churn->size[i]);
	churn->lab->allocator->free(churn->lab->thread, churn->block[i]);
	churn->block[i] = NULL;
	churn->live--;
}

static void run_churn(const char *allocator, int steps)
{
	struct churn churn = {.lab = lab_open(allocator), .seed = 7};

	for (int step = 0; step < steps; step++) {
		uint64_t i = draw(&churn, SLOTS);
		if (churn.block[i] == NULL)
			allocate(&churn, i);
		else if (draw(&churn, 4) == 0)
			resize(&churn, i);
		else
			release(&churn, i);
		if (draw(&churn, 100) == 0)
			churn.lab->allocator->trim(churn.lab->heap);
		if (draw(&churn, 8) != 0)
			continue;
		lab_check(churn.lab);
		lab_check_walk(churn.lab, churn.live);
	}
	for (uint64_t i = 0; i < SLOTS; i++)
		if (churn.block[i] != NULL)
			release(&churn, i);
	churn.lab->allocator->trim(churn.lab->heap);
	assert_int_equal(churn.lab->pages.committed_bytes, PAGE_BYTES);
	lab_close(churn.lab);
}

static void keeps_its_invariants(void **state)
{
	(void)state;
	run_churn("buddy", 2000);
	run_churn("buddy:max_block=1M", 2000);
	run_churn("buddy:max_block=1M,min_block=16,order=address", 2000);
	run_churn("buddy:max_block=1M,min_block=4K", 2000);
	run_churn("buddy:max_block=1M,merge=lazy,threshold=6", 2000);
	run_churn("buddy:max_block=1M,merge=lazy,threshold=1000,order=address",
	          4000);
}

/* ---- the rule of placement, against the walk ---------------------------- */

/* The lowest of the smallest free blocks that hold `bytes`. */
struct choice {
	size_t bytes;
	struct extent best;
};

static bool consider(void *ctx, const struct extent *extent)
{
	struct choice *choice = ctx;

	if (extent->kind == EXTENT_FREE && strcmp(extent->tier, "hole") == 0 &&
	    extent->bytes >= choice->bytes &&
	    (choice->best.start == NULL || extent->bytes < choice->best.bytes))
		choice->best = *extent;
	return true;
}

static size_t power_of_two_for(size_t size)
{
	size_t bytes = 32;

	while (bytes < size)
		bytes *= 2;
	return bytes;
}

static void takes_the_lowest_of_the_smallest(void **state)
{
	struct churn churn = {.lab = lab_open("buddy:order=address"),
	                      .seed = 3};
	struct lab *lab = churn.lab;
	int predicted = 0;

	(void)state;
	for (int step = 0; step < 3000; step++) {
		uint64_t i = draw(&churn, SLOTS);
		if (churn.block[i] != NULL) {
			lab_free(lab, churn.block[i]);
			churn.block[i] = NULL;
			continue;
		}
		size_t size = draw(&churn, (uint64_t)1 << draw(&churn, 15));
		struct choice choice = {.bytes = power_of_two_for(size)};
		lab->allocator->walk(lab->heap, consider, &choice);
		churn.block[i] = lab->allocator->malloc(lab->thread, size);
		if (choice.best.start == NULL)
			continue;
		assert_ptr_equal(churn.block[i], choice.best.start);
		predicted++;
	}
	assert_true(predicted > 1000);
	lab_close(lab);
}

/* ---- knobs -------------------------------------------------------------- */

static void min_block_is_the_smallest_block(void **state)
{
	struct lab *lab = lab_open("buddy:min_block=16");

	(void)state;
	lab_malloc(lab, 1);
	assert_string_equal(
		lab_heap_string(lab),
		"|a 16|. 16|. 32|. 64|. 128|. 256|. 512|. 1024|. 2048|");
	lab_close(lab);
	lab = lab_open("buddy:min_block=1K");
	lab_malloc(lab, 1);
	lab_malloc(lab, 1);
	assert_string_equal(lab_heap_string(lab), "|a 1024|b 1024|. 2048|");
	lab_close(lab);
}

/* Larger requests get pages of their own, and leave at once. */
static void max_block_is_the_largest_block(void **state)
{
	struct lab *lab = lab_open("buddy:max_block=1M");
	char *a = lab_malloc(lab, MIB);
	char *b = lab_malloc(lab, MIB + 1);
	size_t committed = lab->pages.committed_bytes;

	(void)state;
	assert_string_equal(lab_heap_string(lab), "|a 1048576|b 1052672|");
	lab_check_walk(lab, 2);
	lab_free(lab, b);
	assert_int_equal(lab->pages.committed_bytes,
	                 committed - (MIB + 2 * PAGE_BYTES));
	char *c = lab_malloc(lab, MIB / 2); /* in a second arena */
	assert_true(c >= a + MIB || c < a);
	assert_string_equal(lab_heap_string(lab), "|a 1048576|c 524288|");
	lab_free(lab, c);
	lab->allocator->trim(lab->heap);
	assert_int_equal(lab_stats(lab).shrinks, 2);
	lab_check_walk(lab, 1);
	lab_close(lab);
}

static uint64_t splits_of_a_stack(const char *allocator)
{
	struct lab *lab = lab_open(allocator);

	for (int i = 0; i < 10; i++) {
		void *a = lab->allocator->malloc(lab->thread, 32);
		lab->allocator->free(lab->thread, a);
		lab_check(lab);
	}
	uint64_t splits = lab_stats(lab).splits;
	lab_close(lab);
	return splits;
}

static void lazy_merging_saves_splits(void **state)
{
	(void)state;
	assert_int_equal(splits_of_a_stack("buddy"), 70);
	assert_int_equal(splits_of_a_stack("buddy:merge=lazy"), 7);
	assert_int_equal(splits_of_a_stack("buddy:merge=lazy,threshold=0"), 70);
}

static void lazy_merging_stops_at_the_threshold(void **state)
{
	struct lab *lab = lab_open("buddy:merge=lazy,threshold=2");
	void *block[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		block[i] = lab_malloc(lab, 1024);
	for (int i = 0; i < 2; i++)
		lab_free(lab, block[i]);
	assert_string_equal(lab_heap_string(lab),
	                    "|. 1024|. 1024|c 1024|d 1024|");
	lab_free(lab, block[3]); /* the third: merges, but c lives */
	assert_string_equal(lab_heap_string(lab),
	                    "|. 1024|. 1024|c 1024|. 1024|");
	assert_int_equal(lab_stats(lab).merges, 0);
	lab_free(lab, block[2]); /* c and d merge, a and b stay */
	assert_string_equal(lab_heap_string(lab), "|. 1024|. 1024|. 2048|");
	assert_int_equal(lab_stats(lab).merges, 1);
	lab->allocator->trim(lab->heap); /* merges all, gives all back */
	assert_string_equal(lab_heap_string(lab), "|");
	lab_close(lab);
}

/* Under merge=lazy a request may fail only after everything was merged. */
static void lazy_merging_is_made_up_for_before_failing(void **state)
{
	const struct page_source_options full = {
		.kind = PAGE_SOURCE_ARENA,
		.limit_bytes = 4 * PAGE_BYTES, /* heap, map, arena, blocks */
	};
	struct lab *lab =
		lab_open_on(allocator_find("buddy"), "merge=lazy", &full);
	void *block[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		block[i] = lab_malloc(lab, 1024);
	for (int i = 0; i < 4; i++)
		lab_free(lab, block[i]);
	assert_string_equal(lab_heap_string(lab),
	                    "|. 1024|. 1024|. 1024|. 1024|");
	assert_non_null(lab_malloc(lab, 4096));
	assert_null(lab_malloc(lab, 1));
	lab_close(lab);
}

static void list_order_decides_which_block_is_reused(void **state)
{
	static const char *const allocator[] = {"buddy", "buddy:order=address"};
	static const char *const reused[] = {
		"|. 1024|b 1024|e 1024|d 1024|",
		"|e 1024|b 1024|. 1024|d 1024|",
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lab *lab = lab_open(allocator[i]);
		void *block[4];
		for (int k = 0; k < 4; k++)
			block[k] = lab_malloc(lab, 1024);
		lab_free(lab, block[0]);
		lab_free(lab, block[2]);
		lab_malloc(lab, 1000);
		assert_string_equal(lab_heap_string(lab), reused[i]);
		assert_int_equal(lab_stats(lab).links, (uint64_t)i);
		lab_close(lab);
	}
}

/*
 * Why order=address exists: of 4000 blocks every fifth stays, and each of these
 * is now and then freed and allocated again, in one of two sizes.  (With one
 * size the block just freed is often the only hole of its order.)  Returns the
 * heap by the largest that can be live then.
 */
static double ratio_after_a_drain(const char *allocator)
{
	enum { MANY = 4000, STEP = 5, CHURN = 40000, SIZE = 256 };
	struct lab *lab = lab_open(allocator);
	struct churn churn = {.lab = lab, .seed = 11};
	static void *block[MANY];

	for (int i = 0; i < MANY; i++)
		block[i] = lab->allocator->malloc(lab->thread, SIZE);
	for (int i = 0; i < MANY; i++)
		if (i % STEP != 0)
			lab->allocator->free(lab->thread, block[i]);
	for (int step = 0; step < CHURN; step++) {
		uint64_t i = STEP * draw(&churn, MANY / STEP);
		lab->allocator->free(lab->thread, block[i]);
		block[i] = lab->allocator->malloc(lab->thread,
		                                  SIZE >> draw(&churn, 2));
	}
	lab->allocator->trim(lab->heap);
	size_t heap_bytes = lab->pages.committed_bytes;
	lab_close(lab);
	return (double)heap_bytes / (MANY / STEP * SIZE);
}

static void address_order_lets_the_top_go(void **state)
{
	double lifo = ratio_after_a_drain("buddy");
	double address = ratio_after_a_drain("buddy:order=address");

	(void)state;
	print_message("# heap/live after a drain: lifo %.2f, address %.2f\n",
	              lifo, address);
	assert_true(address < 1.5);
	assert_true(lifo > 5.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_and_merges_as_in_the_chapter),
		cmocka_unit_test(large_block_leaves_a_hole_below),
		cmocka_unit_test(larger_hole_is_split_before_the_heap_grows),
		cmocka_unit_test(aligned_blocks_cost_nothing_more),
		cmocka_unit_test(keeps_its_invariants),
		cmocka_unit_test(takes_the_lowest_of_the_smallest),
		cmocka_unit_test(min_block_is_the_smallest_block),
		cmocka_unit_test(max_block_is_the_largest_block),
		cmocka_unit_test(lazy_merging_saves_splits),
		cmocka_unit_test(lazy_merging_stops_at_the_threshold),
		cmocka_unit_test(lazy_merging_is_made_up_for_before_failing),
		cmocka_unit_test(list_order_decides_which_block_is_reused),
		cmocka_unit_test(address_order_lets_the_top_go),
	};
	return cmocka_run_group_tests_name("buddy", tests, NULL, NULL);
}
