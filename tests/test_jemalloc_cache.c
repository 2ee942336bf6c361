/*
 * test_jemalloc_cache.c - the thread cache of the jemalloc-style allocator, and
 * when dirty pages go: batches, flushes, collection, ratio and decay.
 */
#include "lab.h"

#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "allocators/jemalloc/jemalloc.h"

static size_t cached(struct lab *lab, size_t size)
{
	return account_tier(lab, "thread cache") / size;
}

static void *allocate(struct lab *lab, size_t size)
{
	void *block = lab->allocator->malloc(lab->thread, size);

	assert_non_null(block);
	return block;
}

static void release(struct lab *lab, void *block)
{
	lab->allocator->free(lab->thread, block);
}

static void allocate_all(struct lab *lab, void **blocks, int count, size_t size)
{
	for (int i = 0; i < count; i++)
		blocks[i] = allocate(lab, size);
}

static void release_all(struct lab *lab, void **blocks, int count)
{
	for (int i = 0; i < count; i++)
		release(lab, blocks[i]);
}

/* ---- refills ------------------------------------------------------------ */

/* Half of a capacity that doubles from 8 to two runs' regions, 126. */
static void batches_double_up_to_a_run(void **state)
{
	static const size_t batches[] = {4, 8, 16, 32, 63, 63};
	struct lab *lab = lab_open("jemalloc");

	(void)state;
	for (int i = 0; i < 6; i++) {
		for (size_t left = batches[i]; left > 0; left--) {
			allocate(lab, 64);
			assert_int_equal(cached(lab, 64), left - 1);
		}
		assert_int_equal(account_usage(lab).refills, i + 1);
	}
	lab_close(lab);
}

static void a_refill_brings_the_lowest_first(void **state)
{
	struct lab *lab = lab_open("jemalloc");
	char *first = allocate(lab, 64);

	(void)state;
	for (int i = 1; i < 63; i++)
		assert_ptr_equal(allocate(lab, 64), first + i * 64);
	lab_close(lab);
}

/* Slots for 10 blocks: the eleventh free sends the five oldest home. */
static void a_full_bin_flushes_its_older_half(void **state)
{
	struct lab *lab = lab_open("jemalloc:cache_slots=10");
	void *blocks[20];

	(void)state;
	allocate_all(lab, blocks, 20, 64);
	while (cached(lab, 64) > 0)
		allocate(lab, 64);
	release_all(lab, blocks, 10);
	assert_int_equal(cached(lab, 64), 10);
	assert_int_equal(account_usage(lab).flushes, 0);
	size_t in_runs = account_tier(lab, "run");
	release(lab, blocks[10]);
	assert_int_equal(account_usage(lab).flushes, 1);
	assert_int_equal(cached(lab, 64), 6);
	assert_int_equal(account_tier(lab, "run") - in_runs, 5 * 64);
	for (int i = 10; i >= 5; i--)
		assert_ptr_equal(allocate(lab, 64), blocks[i]);
	assert_ptr_equal(allocate(lab, 64), blocks[0]);
	lab_close(lab);
}

/* Twenty blocks of a large class at most, from four on without a batch. */
static void large_blocks_are_cached_one_by_one(void **state)
{
	struct lab *lab = lab_open("jemalloc");
	void *blocks[22];

	(void)state;
	allocate_all(lab, blocks, 22, 30000);
	assert_int_equal(account_tier(lab, "thread cache"), 0);
	release_all(lab, blocks, 20);
	assert_int_equal(account_tier(lab, "thread cache"), 20 * 32768);
	release(lab, blocks[20]);
	assert_int_equal(account_tier(lab, "thread cache"), 11 * 32768);
	assert_ptr_equal(allocate(lab, 30000), blocks[20]);
	release(lab, blocks[21]);
	release(lab, allocate(lab, 32769)); /* not cached */
	assert_int_equal(account_tier(lab, "thread cache"), 11 * 32768);
	lab_close(lab);
}

/* ---- garbage collection ------------------------------------------------- */

enum { BINS = 39, GC = 100 };

struct count {
	size_t bytes;
	size_t blocks;
};

static bool count_cached(void *ctx, const struct extent *extent)
{
	struct count *count = ctx;

	count->blocks += extent->kind == EXTENT_FREE &&
	                 extent->bytes == count->bytes &&
	                 strcmp(extent->tier, "thread cache") == 0;
	return true;
}

/* Cached blocks of one size only. */
static size_t cached_of(struct lab *lab, size_t bytes)
{
	struct count count = {.bytes = bytes};

	lab->allocator->walk(lab->heap, count_cached, &count);
	return count.blocks;
}

/* So many frees that each bin has been looked at once. */
static void pass_over_all_bins(struct lab *lab)
{
	for (int i = 0; i < BINS * (GC + 1); i++)
		release(lab, allocate(lab, 200));
}

/*
 * The first look notes 40 idle blocks, each later one sends three quarters of
 * those home; and batches are halved twice: 126 / 8 instead of 126 / 2.
 */
static void idle_blocks_go_home(void **state)
{
	static const size_t left[] = {40, 10, 2};
	struct lab *lab = lab_open("jemalloc:gc=100");
	void *blocks[60];

	(void)state;
	allocate_all(lab, blocks, 60, 64);
	assert_int_equal(cached_of(lab, 64), 0);
	release_all(lab, blocks, 40);
	for (int pass = 0; pass < 3; pass++) {
		pass_over_all_bins(lab);
		assert_int_equal(cached_of(lab, 64), left[pass]);
	}
	for (int i = 0; i < 3; i++)
		allocate(lab, 64);
	assert_int_equal(cached_of(lab, 64), 126 / 8 - 1);
	lab_close(lab);
}

static void without_collection_they_stay(void **state)
{
	struct lab *lab = lab_open("jemalloc:gc=0");
	void *blocks[60];

	(void)state;
	allocate_all(lab, blocks, 60, 64);
	release_all(lab, blocks, 40);
	for (int pass = 0; pass < 3; pass++)
		pass_over_all_bins(lab);
	assert_int_equal(cached_of(lab, 64), 40);
	lab_close(lab);
}

/* Blocks that are taken again between two looks are not idle. */
static void blocks_in_use_stay(void **state)
{
	struct lab *lab = lab_open("jemalloc:gc=100");
	void *blocks[60];

	(void)state;
	allocate_all(lab, blocks, 60, 64);
	release_all(lab, blocks, 40);
	for (int pass = 0; pass < 5; pass++) {
		allocate_all(lab, blocks, 40, 64);
		release_all(lab, blocks, 40);
		pass_over_all_bins(lab);
		assert_int_equal(cached_of(lab, 64), 40);
	}
	lab_close(lab);
}

/* ---- between threads ---------------------------------------------------- */

enum { IN_FLIGHT = 1000, ROUNDS = 50 };

/* What one thread allocates and another frees comes back: no blow-up. */
static void a_consumer_returns_memory(void **state)
{
	struct lab *lab = lab_open("jemalloc");
	struct thread_heap *consumer = lab->allocator->attach(lab->heap);
	void *blocks[IN_FLIGHT];
	size_t after_first = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		allocate_all(lab, blocks, IN_FLIGHT, 64);
		for (int i = 0; i < IN_FLIGHT; i++)
			lab->allocator->free(consumer, blocks[i]);
		if (round == 0)
			after_first = lab->pages.committed_bytes;
		/* Two caches may hold two runs' regions each. */
		assert_in_range(lab->pages.committed_bytes, 0,
		                after_first + 4 * PAGE_BYTES);
	}
	lab->allocator->detach(consumer);
	lab_close(lab);
}

/* Alone, trim empties the caches; beside other threads it lets them be. */
static void trim_and_the_caches(void **state)
{
	struct lab *lab = lab_open("jemalloc");

	(void)state;
	release(lab, allocate(lab, 64));
	assert_int_equal(cached(lab, 64), 4);
	lab_share(lab);
	lab->allocator->trim(lab->heap);
	assert_int_equal(cached(lab, 64), 4);
	lab_close(lab);

	lab = lab_open("jemalloc");
	release(lab, allocate(lab, 64));
	lab->allocator->trim(lab->heap);
	assert_int_equal(cached(lab, 64), 0);
	assert_int_equal(account_usage(lab).live_bytes, 0);
	lab_close(lab);
}

/* ---- giving pages back -------------------------------------------------- */

/* 15 pages to a chunk of 64 KiB; a page's block each, every second one freed. */
static void the_ratio_bounds_dirty_pages(void **state)
{
	struct lab *lab = lab_open("jemalloc:cache_slots=0,chunk=64K,ahead=0");
	void *blocks[150];

	(void)state;
	allocate_all(lab, blocks, 150, PAGE_BYTES);
	for (int i = 1; i < 150; i += 2) {
		release(lab, blocks[i]);
		assert_in_range(account_tier(lab, "dirty pages"), 0,
		                16 * PAGE_BYTES);
	}
	/* The 17th makes it 15, and each second one after that. */
	assert_int_equal(account_tier(lab, "dirty pages"), 15 * PAGE_BYTES);
	/* Two chunks' worth has stayed: what was freed last. */
	for (int i = 1; i < 120; i += 2)
		assert_ptr_equal(allocate(lab, PAGE_BYTES), blocks[i]);
	assert_int_equal(account_tier(lab, "dirty pages"), 15 * PAGE_BYTES);
	uint64_t grows = lab_stats(lab).grows;
	for (int i = 121; i < 150; i += 2)
		assert_ptr_equal(allocate(lab, PAGE_BYTES), blocks[i]);
	assert_int_equal(lab_stats(lab).grows, grows);
	lab_close(lab);
}

/* The first chunk's dirty pages are used and freed again: the second's go first. */
static void a_chunk_that_is_dirty_again_waits_again(void **state)
{
	struct lab *lab = lab_open("jemalloc:cache_slots=0,chunk=64K,ahead=0");
	void *blocks[60];

	(void)state;
	for (int i = 0; i < 60; i++)
		blocks[i] = allocate(lab, PAGE_BYTES);
	for (int i = 1; i < 8; i += 2)
		release(lab, blocks[i]);
	for (int i = 16; i < 23; i += 2)
		release(lab, blocks[i]);
	for (int i = 1; i < 8; i += 2)
		assert_ptr_equal(allocate(lab, PAGE_BYTES), blocks[i]);
	for (int i = 1; i < 8; i += 2)
		release(lab, blocks[i]);
	for (int i = 31; i < 48; i += 2)
		release(lab, blocks[i]);
	assert_int_equal(account_tier(lab, "dirty pages"), 15 * PAGE_BYTES);
	for (int i = 1; i < 8; i += 2)
		assert_ptr_equal(allocate(lab, PAGE_BYTES), blocks[i]);
	assert_int_equal(account_tier(lab, "dirty pages"), 11 * PAGE_BYTES);
	lab_close(lab);
}

/* With many pages live, an eighth of them may be dirty. */
static void the_ratio_follows_live_pages(void **state)
{
	struct lab *lab = lab_open("jemalloc:cache_slots=0,chunk=64K,ahead=0");
	void *blocks[1500];

	(void)state;
	allocate_all(lab, blocks, 1500, PAGE_BYTES);
	for (int i = 0; i < 150; i++)
		release(lab, blocks[i * 10]);
	assert_int_equal(account_tier(lab, "dirty pages"), 150 * PAGE_BYTES);
	for (int i = 0; i < 150; i++)
		release(lab, blocks[i * 10 + 5]);
	assert_in_range(account_tier(lab, "dirty pages"), 0,
	                (1200 >> 3) * PAGE_BYTES);
	lab_close(lab);
}

/* A page comes and goes: the policy is asked. */
static void touch(struct lab *lab, uint64_t now)
{
	page_source_set_now(&lab->pages, now);
	release(lab, allocate(lab, PAGE_BYTES));
}

/* Steps of 101: smoothstep(1), (1/2), (0) of the 64 pages. */
static void dirty_pages_decay(void **state)
{
	struct lab *lab = lab_open("jemalloc:cache_slots=0,ahead=0,"
	                           "purge=decay,decay=1600");
	void *blocks[64];

	(void)state;
	allocate_all(lab, blocks, 64, PAGE_BYTES);
	allocate(lab, PAGE_BYTES);
	release_all(lab, blocks, 64);
	touch(lab, 101);
	assert_int_equal(account_tier(lab, "dirty pages"), 64 * PAGE_BYTES);
	touch(lab, 101 + 7 * 101);
	assert_in_range(account_tier(lab, "dirty pages"), 32 * PAGE_BYTES,
	                46 * PAGE_BYTES);
	touch(lab, 101 + 8 * 101);
	assert_int_equal(account_tier(lab, "dirty pages"), 32 * PAGE_BYTES);
	touch(lab, 101 + 16 * 101);
	assert_int_equal(account_tier(lab, "dirty pages"), 0);
	lab_close(lab);
}

/* What is held when all is freed: at most one chunk in an arena. */
static void little_is_held_at_the_end(void **state)
{
	enum { BLOCKS = 40000 };
	struct lab *lab = lab_open("jemalloc");
	struct thread_heap *second = lab->allocator->attach(lab->heap);
	void **blocks = malloc(BLOCKS * sizeof *blocks);

	(void)state;
	assert_non_null(blocks);
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = lab->allocator->malloc(i % 2 == 0 ? lab->thread
		                                              : second,
		                                   (size_t)(1 + i * 7 % 1500));
	for (int i = 0; i < BLOCKS; i++)
		lab->allocator->free(second, blocks[i]);
	lab->allocator->detach(second);
	struct heap_usage usage = account_usage(lab);
	assert_true(lab->pages.peak_committed_bytes > 30 << 20);
	assert_int_equal(usage.live_bytes, 0);
	assert_in_range(usage_tier(&usage, "spare chunk"), 1, 2 * (4 << 20));
	/* What the first thread's cache holds pins its runs and no more. */
	assert_in_range(usage_tier(&usage, "thread cache"), 0, 256 << 10);
	lab->allocator->trim(lab->heap);
	usage = account_usage(lab);
	assert_int_equal(usage.metadata_bytes, lab->pages.committed_bytes);
	assert_in_range(usage.metadata_bytes, 0, 128 << 10);
	free(blocks);
	lab_close(lab);
}

/* As another thread may see it: the new base already, the old top still. */
static void usage_passes_over_a_bin_that_moves(void **state)
{
	struct lab *lab = lab_open("jemalloc");
	struct je_handle *handle = je_handle_of(lab->thread);
	struct je_cache_bin *bin =
		&handle->bins[je_bin_for(je_heap_of(lab->heap), 64)];

	(void)state;
	lab_free(lab, lab_malloc(lab, 64));
	size_t count = (size_t)(je_bin_top(bin) - je_bin_base(bin));
	struct heap_usage before = account_usage(lab);
	bin->base += 1 << 20;
	struct heap_usage torn = account_usage(lab);
	bin->base -= 1 << 20;
	assert_true(count > 0);
	assert_int_equal(usage_tier(&torn, "thread cache"),
	                 usage_tier(&before, "thread cache") - count * 64);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_double_up_to_a_run),
		cmocka_unit_test(a_refill_brings_the_lowest_first),
		cmocka_unit_test(a_full_bin_flushes_its_older_half),
		cmocka_unit_test(large_blocks_are_cached_one_by_one),
		cmocka_unit_test(idle_blocks_go_home),
		cmocka_unit_test(without_collection_they_stay),
		cmocka_unit_test(blocks_in_use_stay),
		cmocka_unit_test(a_consumer_returns_memory),
		cmocka_unit_test(trim_and_the_caches),
		cmocka_unit_test(the_ratio_bounds_dirty_pages),
		cmocka_unit_test(a_chunk_that_is_dirty_again_waits_again),
		cmocka_unit_test(the_ratio_follows_live_pages),
		cmocka_unit_test(dirty_pages_decay),
		cmocka_unit_test(little_is_held_at_the_end),
		cmocka_unit_test(usage_passes_over_a_bin_that_moves),
	};

	return cmocka_run_group_tests_name("jemalloc cache", tests, NULL, NULL);
}
