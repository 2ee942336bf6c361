/*
 * test_jemalloc_pages.c - pages, chunks and huge blocks of the jemalloc-style
 * allocator.
 */
#include <stdlib.h>

#include "account.h"
#include "allocators/common/bits.h"

/* Without the cache each call reaches the arena at once. */
#define NO_CACHE "jemalloc:cache_slots=0,ahead=0"

/* ---- pages and chunks --------------------------------------------------- */

static void best_fit_then_lowest(void **state)
{
	struct lab *lab = lab_open(NO_CACHE);
	static const size_t pages[] = {5, 1, 3, 1, 7, 1, 3, 1};
	char *blocks[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		blocks[i] = lab_malloc(lab, pages[i] * PAGE_BYTES);
	for (int i = 6; i >= 0; i -= 2)
		lab_free(lab, blocks[i]);
	assert_int_equal(account_tier(lab, "dirty pages"), 18 * PAGE_BYTES);
	assert_ptr_equal(lab_malloc(lab, 3 * PAGE_BYTES), blocks[2]);
	assert_ptr_equal(lab_malloc(lab, 4 * PAGE_BYTES), blocks[0]);
	assert_ptr_equal(lab_malloc(lab, 3 * PAGE_BYTES), blocks[6]);
	assert_ptr_equal(lab_malloc(lab, PAGE_BYTES),
	                 blocks[0] + 4 * PAGE_BYTES);
	assert_int_equal(account_tier(lab, "dirty pages"), 7 * PAGE_BYTES);
	lab_close(lab);
}

static void neighbours_merge(void **state)
{
	struct lab *lab = lab_open(NO_CACHE);
	char *a = lab_malloc(lab, 2 * PAGE_BYTES);
	char *b = lab_malloc(lab, 3 * PAGE_BYTES);
	char *c = lab_malloc(lab, 4 * PAGE_BYTES);

	(void)state;
	lab_malloc(lab, PAGE_BYTES);
	uint64_t merges = lab_stats(lab).merges;
	lab_free(lab, a);
	lab_free(lab, c);
	assert_int_equal(lab_stats(lab).merges, merges);
	lab_free(lab, b);
	assert_int_equal(lab_stats(lab).merges, merges + 2);
	assert_string_equal(lab_heap_string(lab), "|. 36864|d 4096|");
	lab_close(lab);
}

/* What is committed: runs and what the header needs, not the chunk. */
static void pages_are_committed_as_needed(void **state)
{
	struct lab *lab = lab_open(NO_CACHE);
	size_t empty = lab->pages.committed_bytes;

	(void)state;
	assert_true(empty <= 4 * PAGE_BYTES);
	lab_malloc(lab, 100);
	assert_int_equal(lab->pages.committed_bytes, empty + 3 * PAGE_BYTES);
	lab_malloc(lab, 100000);
	assert_int_equal(lab->pages.committed_bytes, empty + 28 * PAGE_BYTES);
	assert_true(lab->pages.reserved_bytes > 4 << 20);
	lab_close(lab);
}

/* A growing heap commits up to a sixteenth ahead: few calls, little waste. */
static void commits_ahead_in_steps(void **state)
{
	struct lab *lab = lab_open("jemalloc:cache_slots=0");
	struct lab *plain;
	uint64_t ahead, each;

	(void)state;
	for (int i = 0; i < 500; i++)
		lab_malloc(lab, PAGE_BYTES);
	ahead = lab_stats(lab).grows;
	assert_in_range(account_tier(lab, "clean pages"), 0, 32 * PAGE_BYTES);
	lab_close(lab);
	plain = lab_open(NO_CACHE);
	for (int i = 0; i < 500; i++)
		lab_malloc(plain, PAGE_BYTES);
	each = lab_stats(plain).grows;
	assert_true(each >= 500);
	assert_true(ahead * 5 < each);
	lab_close(plain);
}

/* Chunks of 64 KiB: 15 pages behind a header of one. */
static void one_spare_chunk_is_kept(void **state)
{
	struct lab *lab = lab_open("jemalloc:cache_slots=0,chunk=64K");
	size_t base = lab->pages.reserved_bytes;
	void *blocks[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		blocks[i] = lab_malloc(lab, 15 * PAGE_BYTES);
	assert_int_equal(lab->pages.reserved_bytes - base, 5 * (64 << 10));
	for (int i = 0; i < 5; i++)
		lab_free(lab, blocks[i]);
	assert_int_equal(lab->pages.reserved_bytes - base, 64 << 10);
	assert_int_equal(account_tier(lab, "spare chunk"), 15 * PAGE_BYTES);
	assert_ptr_equal(lab_malloc(lab, 1), (char *)blocks[4] + 104);
	assert_int_equal(account_tier(lab, "spare chunk"), 0);
	lab_free(lab, lab->named[5]);
	assert_int_equal(lab->allocator->trim(lab->heap), 64 << 10);
	assert_int_equal(lab->pages.reserved_bytes, base);
	lab_close(lab);
}

static void large_blocks_grow_in_place(void **state)
{
	struct lab *lab = lab_open("jemalloc:cache_slots=0");
	const struct allocator *allocator = lab->allocator;
	char *a = lab_malloc(lab, 10 * PAGE_BYTES);
	char *b = lab_malloc(lab, PAGE_BYTES);

	(void)state;
	lab_malloc(lab, 1);
	assert_ptr_equal(allocator->realloc(lab->thread, a, 5 * PAGE_BYTES), a);
	assert_ptr_equal(allocator->realloc(lab->thread, a, 10 * PAGE_BYTES),
	                 a);
	lab_free(lab, b);
	assert_ptr_equal(allocator->realloc(lab->thread, a, 11 * PAGE_BYTES),
	                 a);
	assert_int_equal(lab_stats(lab).moves, 0);
	assert_true(allocator->realloc(lab->thread, a, 12 * PAGE_BYTES) != a);
	assert_int_equal(lab_stats(lab).moves, 1);
	lab_close(lab);
}

/* 4095 steps of 64 bytes: a move for each small class, then in place. */
static void growth_moves_seldom(void **state)
{
	struct lab *lab = lab_open("jemalloc");
	const struct allocator *allocator = lab->allocator;
	void *block = lab_malloc(lab, 64);

	(void)state;
	for (size_t size = 128; size <= 256 << 10; size += 64)
		block = allocator->realloc(lab->thread, block, size);
	assert_in_range(lab_stats(lab).moves, 10, 31);
	allocator->free(lab->thread, block);
	lab_close(lab);
}

static void headroom_is_added_to_growth(void **state)
{
	struct lab *lab = lab_open("jemalloc:headroom=25");
	const struct allocator *allocator = lab->allocator;
	char *block = lab_malloc(lab, 10 * PAGE_BYTES);

	(void)state;
	assert_int_equal(lab_usable(lab, block), 10 * PAGE_BYTES);
	block = allocator->realloc(lab->thread, block, 12 * PAGE_BYTES);
	assert_int_equal(lab_usable(lab, block), 15 * PAGE_BYTES);
	block = allocator->realloc(lab->thread, block, 12 * PAGE_BYTES);
	assert_int_equal(lab_usable(lab, block), 12 * PAGE_BYTES);
	block = allocator->realloc(lab->thread, block, 8 << 20); /* huge */
	block = allocator->realloc(lab->thread, block, 12 << 20);
	assert_in_range(lab_usable(lab, block), (15 << 20) - 8 * PAGE_BYTES,
	                15 << 20);
	allocator->free(lab->thread, block);
	lab_close(lab);
}

/* ---- huge blocks -------------------------------------------------------- */

static void huge_blocks_are_pages_of_the_source(void **state)
{
	struct lab *lab = lab_open("jemalloc");
	const struct allocator *allocator = lab->allocator;
	size_t empty = lab->pages.committed_bytes;
	size_t reserved = lab->pages.reserved_bytes;
	char *block = lab_malloc(lab, (5 << 20) + 1);

	(void)state;
	assert_true(is_aligned(block, 4 << 20));
	assert_int_equal(lab_usable(lab, block), (5 << 20) + PAGE_BYTES);
	assert_int_equal(lab->pages.committed_bytes - empty,
	                 (5 << 20) + PAGE_BYTES);
	block[0] = 1;
	block[5 << 20] = 2;
	uint64_t resizes = lab->pages.calls[PAGE_RESIZE];
	char *grown = allocator->realloc(lab->thread, block, 9 << 20);
	assert_ptr_equal(grown, block); /* nothing lies behind it */
	assert_int_equal(lab->pages.calls[PAGE_RESIZE], resizes + 1);
	lab_malloc(lab, 5 << 20); /* now something does */
	grown = allocator->realloc(lab->thread, grown, 17 << 20);
	assert_ptr_not_equal(grown, block);
	assert_int_equal(grown[0], 1);
	assert_int_equal(grown[5 << 20], 2);
	assert_int_equal(lab_stats(lab).moves, 0); /* pages moved, not bytes */
	allocator->free(lab->thread, grown);
	allocator->free(lab->thread, lab->named[1]);
	assert_int_equal(lab->pages.committed_bytes, empty);
	assert_int_equal(lab->pages.reserved_bytes, reserved);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(best_fit_then_lowest),
		cmocka_unit_test(neighbours_merge),
		cmocka_unit_test(pages_are_committed_as_needed),
		cmocka_unit_test(commits_ahead_in_steps),
		cmocka_unit_test(one_spare_chunk_is_kept),
		cmocka_unit_test(large_blocks_grow_in_place),
		cmocka_unit_test(growth_moves_seldom),
		cmocka_unit_test(headroom_is_added_to_growth),
		cmocka_unit_test(huge_blocks_are_pages_of_the_source),
	};
	return cmocka_run_group_tests_name("jemalloc pages", tests, NULL, NULL);
}
