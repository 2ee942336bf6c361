/*
 * test_jemalloc.c - classes, runs, pages, chunks and huge blocks of the
 * jemalloc-style allocator, one tier at a time.
 */
#include "lab.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "allocators/common/bits.h"

/* Without the cache each call reaches the arena at once. */
#define NO_CACHE "jemalloc:cache_slots=0,ahead=0"

static size_t usable(struct lab *lab, const void *block)
{
	return lab->allocator->usable_size(lab->heap, block);
}

static size_t tier(struct lab *lab, const char *name)
{
	struct heap_usage usage = account_usage(lab);

	return usage_tier(&usage, name);
}

/* ---- size classes ------------------------------------------------------- */

/* What a request of `size` bytes gets. */
static size_t class_of(struct lab *lab, size_t size)
{
	void *block = lab->allocator->malloc(lab->thread, size);
	size_t bytes = usable(lab, block);

	lab->allocator->free(lab->thread, block);
	return bytes;
}

struct waste {
	double worst; /* share of a block that was not asked for              */
	double mean;  /* bytes given for a byte asked for, over all scales    */
};

/* Over the requests in (low, high]; each doubling counts the same. */
static struct waste measure(struct lab *lab, size_t low, size_t high)
{
	struct waste waste = {0, 0};
	double weights = 0;

	for (size_t size = low + 1; size <= high; size++) {
		double given = (double)class_of(lab, size);
		double asked = (double)size;
		double share = 1 - asked / given;
		waste.worst = share > waste.worst ? share : waste.worst;
		waste.mean += given / asked / asked;
		weights += 1 / asked;
	}
	waste.mean /= weights;
	return waste;
}

/* Four linear classes in a doubling: sum of 1/(4 + i), over ln 2. */
static void four_classes_in_a_doubling(void **state)
{
	struct lab *lab = lab_open("jemalloc");
	double expected = (1. / 4 + 1. / 5 + 1. / 6 + 1. / 7) / log(2);

	(void)state;
	for (size_t low = 256; low <= 4096; low *= 2) {
		struct waste waste = measure(lab, low, 2 * low);
		assert_true(fabs(waste.mean - expected) < 1.5 / (double)low);
		assert_true(waste.worst < 0.2);
		assert_true(waste.worst > 0.2 - 2. / (double)low);
	}
	assert_true(fabs(expected - 1.0958) < 0.0001);
	lab_close(lab);
}

static void the_classes_of_2006(void **state)
{
	struct lab *lab = lab_open("jemalloc:classes=2006");

	(void)state;
	assert_int_equal(class_of(lab, 1), 8);
	for (size_t size = 9; size <= 512; size++)
		assert_int_equal(class_of(lab, size), round_up(size, 16));
	assert_int_equal(class_of(lab, 513), 1024);
	assert_int_equal(class_of(lab, 1025), 2048);
	assert_int_equal(class_of(lab, 2049), 4096);
	struct waste waste = measure(lab, 512, 2048);
	assert_true(fabs(waste.worst - 511. / 1024) < 0.001);
	lab_close(lab);
}

static void small_classes_then_pages(void **state)
{
	struct lab *lab = lab_open("jemalloc");

	(void)state;
	assert_int_equal(class_of(lab, 0), 8);
	assert_int_equal(class_of(lab, 8), 8);
	assert_int_equal(class_of(lab, 9), 16);
	assert_int_equal(class_of(lab, 129), 160);
	assert_int_equal(class_of(lab, 3584), 3584);
	assert_int_equal(class_of(lab, 3585), 4096);
	assert_int_equal(class_of(lab, 4097), 5120);
	assert_int_equal(class_of(lab, 7168), 7168);
	assert_int_equal(class_of(lab, 7169), 8192);
	assert_int_equal(class_of(lab, 8193), 12288);
	assert_int_equal(class_of(lab, 50000), 53248);
	assert_int_equal(class_of(lab, 5000000), round_up(5000000, 4096));
	lab_close(lab);
}

/* At most 1/32 of a run is header and tail, but for sizes near a page. */
static void runs_waste_little(void **state)
{
	(void)state;
	for (size_t size = 16; size <= 3584; size += 16) {
		struct lab *lab = lab_open(NO_CACHE);
		struct heap_usage none = account_usage(lab);
		void *block = lab_malloc(lab, size);
		size_t bytes = usable(lab, block);
		struct heap_usage one = account_usage(lab);
		size_t regions = one.live_bytes + usage_tier(&one, "run");
		size_t waste = one.slack_bytes + one.metadata_bytes -
		               none.metadata_bytes - 2 * PAGE_BYTES;
		assert_int_equal((regions + waste) % PAGE_BYTES, 0);
		assert_true(waste * 31 <= regions);
		assert_int_equal(regions % bytes, 0);
		lab_free(lab, block);
		lab_close(lab);
	}
}

/* ---- small runs --------------------------------------------------------- */

/* 9 regions of 896 bytes in two pages: behind the last one a second run. */
static void the_lowest_region_of_the_lowest_run(void **state)
{
	struct lab *lab = lab_open(NO_CACHE);
	char *blocks[20];

	(void)state;
	for (int i = 0; i < 20; i++)
		blocks[i] = lab_malloc(lab, 896);
	for (int i = 1; i < 9; i++)
		assert_ptr_equal(blocks[i], blocks[0] + i * 896);
	assert_ptr_equal(blocks[9], blocks[0] + 2 * PAGE_BYTES);
	lab_free(lab, blocks[12]);
	lab_free(lab, blocks[7]);
	lab_free(lab, blocks[3]);
	assert_ptr_equal(lab_malloc(lab, 890), blocks[3]);
	assert_ptr_equal(lab_malloc(lab, 890), blocks[7]);
	assert_ptr_equal(lab_malloc(lab, 890), blocks[12]);
	assert_int_equal(tier(lab, "run"), 7 * 896);
	lab_check(lab);
	lab_close(lab);
}

static void a_run_in_a_picture(void **state)
{
	struct lab *lab = lab_open(NO_CACHE);

	(void)state;
	lab_malloc(lab, 896);
	char *b = lab_malloc(lab, 896);
	lab_malloc(lab, 896);
	lab_free(lab, b);
	assert_string_equal(lab_heap_string(lab),
	                    "|a 896|. 896|c 896|. 896|. 896|. 896|. 896|. 896|"
	                    ". 896|");
	lab_free(lab, lab->named[0]);
	lab_free(lab, lab->named[2]);
	/* Nothing is live: the run's pages are those of the spare chunk. */
	assert_string_equal(lab_heap_string(lab), "|. 8192|");
	assert_int_equal(tier(lab, "spare chunk"), 2 * PAGE_BYTES);
	lab_close(lab);
}

/* A run that has emptied serves another class, or a large block. */
static void empty_runs_become_pages(void **state)
{
	struct lab *lab = lab_open(NO_CACHE);
	char *blocks[27];

	(void)state;
	for (int i = 0; i < 27; i++)
		blocks[i] = lab_malloc(lab, 896);
	for (int i = 9; i < 18; i++)
		lab_free(lab, blocks[i]);
	assert_int_equal(tier(lab, "dirty pages"), 2 * PAGE_BYTES);
	char *large = lab_malloc(lab, 2 * PAGE_BYTES);
	assert_ptr_equal(large, round_down((size_t)blocks[9], PAGE_BYTES));
	assert_int_equal(tier(lab, "dirty pages"), 0);
	lab_close(lab);
}

/* One live object of o bytes keeps a run of S: retained / live = S / o. */
static void a_live_region_pins_its_run(void **state)
{
	enum { RUNS = 50, REGIONS = 63 };
	struct lab *lab = lab_open(NO_CACHE);
	void *blocks[RUNS][REGIONS];

	(void)state;
	for (int run = 0; run < RUNS; run++)
		for (int i = 0; i < REGIONS; i++)
			blocks[run][i] = lab_malloc(lab, 64);
	for (int run = 0; run < RUNS; run++)
		for (int i = 0; i < REGIONS; i++)
			if (i != run)
				lab_free(lab, blocks[run][i]);
	struct heap_usage usage = account_usage(lab);
	assert_int_equal(usage.live_bytes, RUNS * 64);
	assert_int_equal(usage_tier(&usage, "run"), RUNS * (REGIONS - 1) * 64);
	assert_int_equal(usage_tier(&usage, "dirty pages"), 0);
	lab_close(lab);
}

enum { HEADERS_MAX = 32, HEADER_BYTES = 48 };

struct headers {
	size_t line[HEADERS_MAX]; /* where in its page each starts */
	size_t count;
};

static bool note_header(void *ctx, const struct extent *extent)
{
	struct headers *headers = ctx;

	if (extent->kind == EXTENT_METADATA && extent->bytes == HEADER_BYTES)
		headers->line[headers->count++] =
			(size_t)extent->start % PAGE_BYTES;
	return headers->count < HEADERS_MAX;
}

/* How many lines of their pages the headers of 32 runs of 896 bytes start on. */
static size_t lines_of_headers(const char *allocator)
{
	struct headers headers = {.count = 0};
	struct lab *lab = lab_open(allocator);
	size_t lines = 0;

	for (int i = 0; i < 32 * 30; i++)
		lab_malloc(lab, 896);
	lab->allocator->walk(lab->heap, note_header, &headers);
	assert_int_equal(headers.count, HEADERS_MAX);
	for (size_t i = 0; i < headers.count; i++) {
		size_t j = 0;
		assert_int_equal(headers.line[i] % 64, 0);
		while (headers.line[j] != headers.line[i])
			j++;
		lines += j == i;
	}
	lab_close(lab);
	return lines;
}

/* Headers on one line of their pages would compete for one set of a cache. */
static void headers_are_staggered(void **state)
{
	(void)state;
	/* 128 bytes are left of two pages: the header takes 48 of them. */
	assert_int_equal(lines_of_headers(NO_CACHE), 2);
	assert_int_equal(lines_of_headers(NO_CACHE ",stagger=4"), 4);
}

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
	assert_int_equal(tier(lab, "dirty pages"), 18 * PAGE_BYTES);
	assert_ptr_equal(lab_malloc(lab, 3 * PAGE_BYTES), blocks[2]);
	assert_ptr_equal(lab_malloc(lab, 4 * PAGE_BYTES), blocks[0]);
	assert_ptr_equal(lab_malloc(lab, 3 * PAGE_BYTES), blocks[6]);
	assert_ptr_equal(lab_malloc(lab, PAGE_BYTES),
	                 blocks[0] + 4 * PAGE_BYTES);
	assert_int_equal(tier(lab, "dirty pages"), 7 * PAGE_BYTES);
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
	assert_in_range(tier(lab, "clean pages"), 0, 32 * PAGE_BYTES);
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
	assert_int_equal(tier(lab, "spare chunk"), 15 * PAGE_BYTES);
	assert_ptr_equal(lab_malloc(lab, 1), (char *)blocks[4] + 104);
	assert_int_equal(tier(lab, "spare chunk"), 0);
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
	assert_int_equal(usable(lab, block), 10 * PAGE_BYTES);
	block = allocator->realloc(lab->thread, block, 12 * PAGE_BYTES);
	assert_int_equal(usable(lab, block), 15 * PAGE_BYTES);
	block = allocator->realloc(lab->thread, block, 12 * PAGE_BYTES);
	assert_int_equal(usable(lab, block), 12 * PAGE_BYTES);
	block = allocator->realloc(lab->thread, block, 8 << 20); /* huge */
	block = allocator->realloc(lab->thread, block, 12 << 20);
	assert_in_range(usable(lab, block), (15 << 20) - 8 * PAGE_BYTES,
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
	assert_int_equal(usable(lab, block), (5 << 20) + PAGE_BYTES);
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

/* ---- explain ---------------------------------------------------------------- */

static void require_words(struct lab *lab, const struct request *request,
                          const char *words)
{
	char sentence[300];

	lab->allocator->explain(lab->heap, request, sentence, sizeof sentence);
	if (strstr(sentence, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", sentence, words);
}

static void explains_each_tier(void **state)
{
	struct lab *lab = lab_open("jemalloc:ahead=0");
	void *small, *large, *huge;

	(void)state;
	struct request request = {.kind = REQUEST_MALLOC, .size = 100};
	require_words(lab, &request, "a new one of 36 takes 1 page of a new");
	small = lab_malloc(lab, 100);
	require_words(lab, &request, "the last of 3 in the thread's cache");
	request.size = 100000;
	require_words(lab, &request, "25 pages at ");
	large = lab_malloc(lab, 100000);
	request.size = 9 << 20;
	require_words(lab, &request, "huge: 9437184 bytes");
	huge = lab_malloc(lab, 9 << 20);

	request = (struct request){.kind = REQUEST_FREE, .block = small};
	require_words(lab, &request, "on top of 3");
	request.block = large;
	require_words(lab, &request, "its 25 pages become available");
	request.block = huge;
	require_words(lab, &request, "9437184 bytes go back to the source");

	request = (struct request){REQUEST_REALLOC, 110, 0, small};
	require_words(lab, &request, "the same class serves both");
	request = (struct request){REQUEST_REALLOC, 120000, 0, large};
	require_words(lab, &request, "the pages behind it are available");
	request.size = 50000;
	require_words(lab, &request, "gives 12 pages back");
	lab_close(lab);
}

/* ---- arenas ------------------------------------------------------------- */

static size_t chunk_of(const void *block)
{
	return round_down((size_t)block, 4 << 20);
}

static void threads_are_given_to_arenas_in_turn(void **state)
{
	struct lab *lab = lab_open("jemalloc:arenas=2");
	const struct allocator *allocator = lab->allocator;
	struct thread_heap *second = allocator->attach(lab->heap);
	struct thread_heap *third = allocator->attach(lab->heap);
	void *a = allocator->malloc(lab->thread, 100);
	void *b = allocator->malloc(second, 100);
	void *c = allocator->malloc(third, 100);

	(void)state;
	assert_true(chunk_of(a) != chunk_of(b));
	assert_true(chunk_of(a) == chunk_of(c));
	allocator->free(second, c);
	allocator->free(third, b);
	allocator->free(third, a);
	allocator->detach(second);
	/* The arena that was left is taken before the one in turn. */
	second = allocator->attach(lab->heap);
	b = allocator->malloc(second, 100);
	assert_true(chunk_of(b) != chunk_of(a));
	allocator->free(second, b);
	allocator->detach(second);
	allocator->detach(third);
	lab_close(lab);
}

/* A block goes back to the arena it came from, whoever frees it. */
static void flushed_blocks_go_home(void **state)
{
	struct lab *lab = lab_open("jemalloc:arenas=2,cache_slots=0");
	const struct allocator *allocator = lab->allocator;
	struct thread_heap *second = allocator->attach(lab->heap);
	void *a = allocator->malloc(lab->thread, 100);
	void *keep = allocator->malloc(lab->thread, 100);

	(void)state;
	allocator->free(second, a);
	assert_ptr_not_equal(allocator->malloc(second, 100), a);
	assert_ptr_equal(allocator->malloc(lab->thread, 100), a);
	allocator->free(second, keep);
	allocator->detach(second);
	lab_close(lab);
}

/* A flush of one bin that holds blocks of two arenas. */
static void a_mixed_flush_goes_to_both_homes(void **state)
{
	struct lab *lab = lab_open("jemalloc:arenas=2");
	const struct allocator *allocator = lab->allocator;
	struct thread_heap *second = allocator->attach(lab->heap);
	void *mine[6], *theirs[6];

	(void)state;
	for (int i = 0; i < 6; i++) {
		mine[i] = allocator->malloc(second, 100);
		theirs[i] = allocator->malloc(lab->thread, 100);
	}
	for (int i = 0; i < 6; i++) {
		allocator->free(second, mine[i]);
		allocator->free(second, theirs[i]);
	}
	allocator->detach(second);
	lab_check(lab);
	assert_int_equal(account_usage(lab).live_bytes, 0);
	lab_close(lab);
}

enum { STRANDED_BYTES = 24 << 20, STRANDED_BLOCKS = STRANDED_BYTES / 512 };

/*
 * A thread allocates and frees all but one block in a thousand, then another
 * allocates as much: the peak / the first one's.
 */
static double strand(const char *allocator_name)
{
	struct lab *lab = lab_open(allocator_name);
	const struct allocator *allocator = lab->allocator;
	struct thread_heap *second = allocator->attach(lab->heap);
	void **blocks = malloc(STRANDED_BLOCKS * sizeof *blocks);
	size_t one;

	assert_non_null(blocks);
	for (int i = 0; i < STRANDED_BLOCKS; i++)
		blocks[i] = allocator->malloc(lab->thread, 512);
	one = lab->pages.committed_bytes;
	for (int i = 0; i < STRANDED_BLOCKS; i++)
		if (i % 1000 != 0)
			allocator->free(lab->thread, blocks[i]);
	for (int i = 0; i < STRANDED_BLOCKS; i++)
		blocks[i] = allocator->malloc(second, 512);
	for (int i = 0; i < STRANDED_BLOCKS; i++)
		allocator->free(second, blocks[i]);
	size_t peak = lab->pages.peak_committed_bytes;
	allocator->detach(second);
	lab_close(lab);
	free(blocks);
	return (double)peak / (double)one;
}

/* Memory that one arena holds free is of no use to another. */
static void arenas_strand_memory(void **state)
{
	(void)state;
	assert_true(fabs(strand("jemalloc:purge=never") - 2) < 0.1);
	assert_true(fabs(strand("jemalloc:arenas=1") - 1) < 0.05);
	/* Purging bounds it to a chunk's worth, and what is pinned. */
	assert_in_range(100 * strand("jemalloc"), 115, 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_classes_in_a_doubling),
		cmocka_unit_test(the_classes_of_2006),
		cmocka_unit_test(small_classes_then_pages),
		cmocka_unit_test(runs_waste_little),
		cmocka_unit_test(the_lowest_region_of_the_lowest_run),
		cmocka_unit_test(a_run_in_a_picture),
		cmocka_unit_test(empty_runs_become_pages),
		cmocka_unit_test(a_live_region_pins_its_run),
		cmocka_unit_test(headers_are_staggered),
		cmocka_unit_test(best_fit_then_lowest),
		cmocka_unit_test(neighbours_merge),
		cmocka_unit_test(pages_are_committed_as_needed),
		cmocka_unit_test(commits_ahead_in_steps),
		cmocka_unit_test(one_spare_chunk_is_kept),
		cmocka_unit_test(large_blocks_grow_in_place),
		cmocka_unit_test(growth_moves_seldom),
		cmocka_unit_test(headroom_is_added_to_growth),
		cmocka_unit_test(huge_blocks_are_pages_of_the_source),
		cmocka_unit_test(explains_each_tier),
		cmocka_unit_test(threads_are_given_to_arenas_in_turn),
		cmocka_unit_test(flushed_blocks_go_home),
		cmocka_unit_test(a_mixed_flush_goes_to_both_homes),
		cmocka_unit_test(arenas_strand_memory),
	};

	return cmocka_run_group_tests_name("jemalloc", tests, NULL, NULL);
}
