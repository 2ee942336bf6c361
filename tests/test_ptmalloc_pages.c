/*
 * test_ptmalloc_pages.c - where the memory of one arena of ptmalloc comes from:
 * the top, mapped chunks, and what is refused.
 *
 * "bare" is a heap without thread cache and fast bins, where each free merges at
 * once.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "account.h"
#include "allocators/common/bits.h"
#include "allocators/ptmalloc/ptmalloc.h"

#define BARE "ptmalloc:tcache=0,fast_max=0"

/* ---- the top -------------------------------------------------------------- */

static void the_top_grows_by_pad(void **state)
{
	struct lab *lab = lab_open(BARE ",top_pad=64K");
	size_t before = lab->pages.committed_bytes;
	size_t top = account_tier(lab, "top");
	uint64_t grows = lab_stats(lab).grows;

	(void)state;
	lab_malloc(lab, top - 32 - 8); /* all but the shortest top and tags */
	assert_int_equal(lab->pages.committed_bytes, before);
	lab_malloc(lab, 1000);
	assert_int_equal(lab_stats(lab).grows, grows + 1);
	assert_int_equal(
		lab->pages.committed_bytes,
		before + round_up(1008 - 32 + 32 + (64 << 10), PAGE_BYTES));
	lab_close(lab);
}

static void a_long_top_is_trimmed(void **state)
{
	struct lab *lab = lab_open(BARE ",top_pad=4K,trim_threshold=256K");
	void *block[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		block[i] = lab_malloc(lab, 65536);
	size_t before = lab->pages.committed_bytes;
	for (int i = 4; i > 1; i--)
		lab_free(lab, block[i]);
	assert_int_equal(lab->pages.committed_bytes, before);
	lab_free(lab, block[1]); /* 4 * 65552 and what the top had */
	assert_int_equal(lab_stats(lab).shrinks, 1);
	assert_in_range(account_tier(lab, "top"), 4096, 3 * 4096);
	lab_close(lab);
}

/* Once all is freed: the top's pad and a page or two; after trim, those. */
static void an_empty_heap_is_small(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	void *blocks[2000];

	(void)state;
	for (size_t i = 0; i < 2000; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, i * 37 % 5000);
	for (size_t i = 0; i < 2000; i++)
		lab->allocator->free(lab->thread, blocks[i]);
	lab->allocator->detach(lab->thread);
	lab->thread = lab->allocator->attach(lab->heap);
	assert_in_range(lab->pages.committed_bytes, 0,
	                (128 << 10) + 128 * 1024 + 3 * PAGE_BYTES);
	lab->allocator->trim(lab->heap);
	assert_in_range(lab->pages.committed_bytes, 0, 2 * PAGE_BYTES);
	lab_close(lab);
}

/* Whether the kernel has given this page any memory. */
static bool is_resident(void *page)
{
	unsigned char resident;

	assert_int_equal(mincore(page, PAGE_BYTES, &resident), 0);
	return resident & 1;
}

/* Blocks of two pages and some, each before a small one that stays. */
static void trim_drops_pages_inside_free_chunks(void **state)
{
	enum { BLOCKS = 8, BYTES = 3 * PAGE_BYTES };
	const struct page_source_options os = {.kind = PAGE_SOURCE_OS};
	struct lab *lab = lab_open_on(lab_find("ptmalloc"), "tcache=0", &os);
	char *large[BLOCKS], *small[BLOCKS];
	size_t most = 0;

	(void)state;
	for (int i = 0; i < BLOCKS; i++) {
		large[i] = memset(lab_malloc(lab, BYTES), 7, BYTES);
		small[i] = memset(lab_malloc(lab, 100), i + 1, 100);
	}
	for (int i = 0; i < BLOCKS; i++)
		lab_free(lab, large[i]);
	size_t committed = lab->pages.committed_bytes;
	char *page = (char *)round_up((size_t)large[3] + 32, PAGE_BYTES);
	assert_true(is_resident(page));
	size_t given = lab->allocator->trim(lab->heap);
	assert_int_equal(committed - lab->pages.committed_bytes, given);
	assert_in_range(lab->pages.dropped_bytes, BLOCKS * 2 * PAGE_BYTES,
	                BLOCKS * 3 * PAGE_BYTES);
	assert_false(is_resident(page));
	lab_check(lab);
	lab_check_walk(lab, BLOCKS);
	for (int i = 0; i < BLOCKS; i++)
		assert_int_equal(small[i][99], i + 1);
	for (int i = 0; i < BLOCKS; i++) {
		large[i] = lab->allocator->zero_malloc(lab->thread, BYTES);
		assert_int_equal(large[i][BYTES - 1] | large[i][0], 0);
		most = (size_t)large[i] > most ? (size_t)large[i] : most;
	}
	assert_true(most < (size_t)small[BLOCKS - 1]); /* in their places */
	for (int i = 0; i < BLOCKS; i++) {
		lab_free(lab, large[i]);
		lab_free(lab, small[i]);
	}
	lab_close(lab);
}

static void realloc_grows_into_top_and_free_chunk(void **state)
{
	struct lab *lab = lab_open(BARE);
	void *a = lab_malloc(lab, 100), *b = lab_malloc(lab, 1000);
	struct thread_heap *self = lab->thread;

	(void)state;
	assert_ptr_equal(lab->allocator->realloc(self, b, 5000), b); /* top */
	void *c = lab_malloc(lab, 24);
	lab_free(lab, b);
	assert_ptr_equal(lab->allocator->realloc(self, a, 900), a); /* free */
	assert_int_equal(lab_usable(lab, a), 904);
	assert_int_equal(account_tier(lab, "unsorted"), 112 + 5008 - 912);
	assert_ptr_equal(lab->allocator->realloc(self, a, 50), a); /* shrinks */
	assert_int_equal(account_tier(lab, "unsorted"), 112 + 5008 - 64);
	assert_int_equal(lab_stats(lab).moves, 0);
	assert_ptr_not_equal(lab->allocator->realloc(self, a, 6000), a);
	assert_int_equal(lab_stats(lab).moves, 1);
	lab_check_walk(lab, 2);
	lab_free(lab, c);
	lab_close(lab);
}

/* ---- mapped chunks -------------------------------------------------------- */

static void a_threshold_rises_when_a_mapped_chunk_is_freed(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	struct pt_heap *heap = pt_of(lab->heap);
	uint64_t reserves = lab->pages.calls[PAGE_RESERVE];

	(void)state;
	void *below = lab_malloc(lab, (128 << 10) - 32);
	assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves);
	void *mapped = lab_malloc(lab, 200000);
	assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves + 1);
	assert_int_equal(lab_usable(lab, mapped), 200704 - 32); /* 49 pages */
	lab_free(lab, mapped);
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	assert_int_equal(counter_read(&heap->trim_threshold),
	                 2 * (200704 - 16));
	assert_int_equal(lab->pages.calls[PAGE_RELEASE], 1);
	mapped = lab_malloc(lab, 200000); /* from the arena now */
	assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves + 1);
	lab_free(lab, mapped);
	void *huge =
		lab_malloc(lab, 40 << 20); /* above the highest threshold */
	lab_free(lab, huge);
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	lab_free(lab, below);
	lab_close(lab);
}

/* Cut shorter, and then freed: what was asked for first counts. */
static void a_threshold_rises_when_a_mapped_chunk_is_cut(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	const struct pt_heap *heap = pt_of(lab->heap);
	void *block = lab_malloc(lab, 200000);

	(void)state;
	assert_int_equal(counter_read(&heap->mmap_threshold), 128 << 10);
	block = lab->allocator->realloc(lab->thread, block, 150000);
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	lab->allocator->free(lab->thread, block);
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	lab_close(lab);
}

static void a_high_trim_threshold_is_not_lowered(void **state)
{
	struct lab *lab = lab_open("ptmalloc:trim_threshold=1M");
	struct pt_heap *heap = pt_of(lab->heap);

	(void)state;
	lab_free(lab, lab_malloc(lab, 200000));
	assert_int_equal(counter_read(&heap->mmap_threshold), 200704 - 16);
	assert_int_equal(counter_read(&heap->trim_threshold), 1 << 20);
	lab_close(lab);
}

static void fixed_thresholds_stay(void **state)
{
	struct lab *lab =
		lab_open("ptmalloc:thresholds=fixed,mmap_threshold=64K");
	struct pt_heap *heap = pt_of(lab->heap);

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint64_t reserves = lab->pages.calls[PAGE_RESERVE];
		lab_free(lab, lab_malloc(lab, 200000));
		assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves + 1);
	}
	assert_int_equal(counter_read(&heap->mmap_threshold), 64 << 10);
	lab_close(lab);
}

static void at_most_mmap_max_chunks_are_mapped(void **state)
{
	struct lab *lab = lab_open("ptmalloc:mmap_max=2");
	uint64_t reserves = lab->pages.calls[PAGE_RESERVE];

	(void)state;
	for (int i = 0; i < 4; i++)
		lab_malloc(lab, 1 << 20);
	assert_int_equal(lab->pages.calls[PAGE_RESERVE], reserves + 2);
	lab_check_walk(lab, 4);
	lab_close(lab);
}

/* Nothing is copied: pages are added, or moved. */
static void mapped_chunks_are_resized_by_the_source(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	char *block = lab_malloc(lab, 1 << 20);
	char *other = lab_malloc(lab, 1 << 20);

	(void)state;
	memset(block, 7, 1 << 20);
	for (size_t size = 1 << 21; size <= 1 << 24; size *= 2) {
		block = lab->allocator->realloc(lab->thread, block, size);
		for (size_t i = 0; i < 1 << 20; i += 4096)
			assert_int_equal(block[i], 7);
		lab_check_walk(lab, 2);
	}
	assert_int_equal(lab->pages.calls[PAGE_RESIZE], 4);
	assert_int_equal(lab_stats(lab).moves, 0);
	block = lab->allocator->realloc(lab->thread, block, 5000);
	assert_int_equal(lab_usable(lab, block), 8192 - 32);
	lab_check_walk(lab, 2);
	lab->allocator->free(lab->thread, block);
	lab_free(lab, other);
	lab_close(lab);
}

/* The lead of an aligned mapped chunk is slack, and stays when it is resized. */
static void an_aligned_mapped_chunk_has_a_lead(void **state)
{
	struct lab *lab = lab_open("ptmalloc");
	void *block = lab_aligned(lab, 1 << 16, 300000);

	(void)state;
	assert_true(chunk_is_mapped(block_chunk(block)));
	assert_int_equal((uintptr_t)block % (1 << 16), 0);
	assert_int_equal(account_usage(lab).slack_bytes, (1 << 16) - 32);
	assert_null(account_wrong(lab, 1));
	block = lab->allocator->realloc(lab->thread, block, 900000);
	lab_check_walk(lab, 1);
	lab->allocator->free(lab->thread, block);
	assert_int_equal(account_usage(lab).slack_bytes, 0);
	lab_close(lab);
}

/* ---- cleared memory ------------------------------------------------------- */

/* What the source gave and nobody used is zero, and is not touched for that. */
static void fresh_memory_is_not_cleared_again(void **state)
{
	const struct page_source_options os = {.kind = PAGE_SOURCE_OS};
	const struct allocator *allocator = lab_find("ptmalloc");
	struct lab *lab = lab_open_on(allocator, "", &os);
	enum { BYTES = 100000 };
	unsigned char resident[BYTES / PAGE_BYTES];

	(void)state;
	char *block = allocator->zero_malloc(lab->thread, BYTES);
	char *page = (char *)round_up((size_t)block, PAGE_BYTES);
	size_t pages = (BYTES - (size_t)(page - block)) / PAGE_BYTES;
	assert_int_equal(mincore(page, pages * PAGE_BYTES, resident), 0);
	for (size_t i = 0; i < pages; i++)
		assert_int_equal(resident[i] & 1, 0);
	memset(block, 1, BYTES);
	allocator->free(lab->thread, block);
	block = allocator->zero_malloc(lab->thread, BYTES + 8000);
	for (size_t i = 0; i < BYTES + 8000; i++)
		assert_int_equal(block[i], 0);
	lab_close(lab);
}

/* ---- refusals ------------------------------------------------------------- */

/* The main arena cannot grow: a mapping, however small the request. */
static void a_refused_top_falls_back_to_a_mapping(void **state)
{
	struct lab *lab = lab_open(BARE);
	size_t top = account_tier(lab, "top");

	(void)state;
	lab_malloc(lab, top - 32 - 8);
	lab->pages.options.fail_at = lab->pages.refusable_calls + 1;
	void *block = lab_malloc(lab, 5000); /* pad refused, need granted */
	assert_false(chunk_is_mapped(block_chunk(block)));
	assert_in_range(account_tier(lab, "top"), 0, PAGE_BYTES);
	lab->pages.options.limit_bytes =
		lab->pages.committed_bytes + PAGE_BYTES;
	errno = 0;
	assert_null(lab->allocator->malloc(lab->thread, 9000));
	assert_int_equal(errno, ENOMEM);
	lab_check_walk(lab, 2);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_top_grows_by_pad),
		cmocka_unit_test(a_long_top_is_trimmed),
		cmocka_unit_test(trim_drops_pages_inside_free_chunks),
		cmocka_unit_test(an_empty_heap_is_small),
		cmocka_unit_test(realloc_grows_into_top_and_free_chunk),
		cmocka_unit_test(
			a_threshold_rises_when_a_mapped_chunk_is_freed),
		cmocka_unit_test(a_threshold_rises_when_a_mapped_chunk_is_cut),
		cmocka_unit_test(a_high_trim_threshold_is_not_lowered),
		cmocka_unit_test(fixed_thresholds_stay),
		cmocka_unit_test(at_most_mmap_max_chunks_are_mapped),
		cmocka_unit_test(mapped_chunks_are_resized_by_the_source),
		cmocka_unit_test(an_aligned_mapped_chunk_has_a_lead),
		cmocka_unit_test(fresh_memory_is_not_cleared_again),
		cmocka_unit_test(a_refused_top_falls_back_to_a_mapping),
	};
	return cmocka_run_group_tests_name("ptmalloc pages", tests, NULL, NULL);
}
