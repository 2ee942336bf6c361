/*
 * test_jemalloc.c - small blocks of the jemalloc-style allocator: size classes,
 * runs, arenas; and what it says of each tier.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "allocators/common/bits.h"

/* Without the cache each call reaches the arena at once. */
#define NO_CACHE "jemalloc:cache_slots=0,ahead=0"

/* ---- size classes ------------------------------------------------------- */

/* What a request of `size` bytes gets. */
static size_t class_of(struct lab *lab, size_t size)
{
	void *block = lab->allocator->malloc(lab->thread, size);
	size_t bytes = lab_usable(lab, block);

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
		size_t bytes = lab_usable(lab, block);
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
	assert_int_equal(account_tier(lab, "run"), 7 * 896);
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
	assert_int_equal(account_tier(lab, "spare chunk"), 2 * PAGE_BYTES);
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
	assert_int_equal(account_tier(lab, "dirty pages"), 2 * PAGE_BYTES);
	char *large = lab_malloc(lab, 2 * PAGE_BYTES);
	assert_ptr_equal(large, round_down((size_t)blocks[9], PAGE_BYTES));
	assert_int_equal(account_tier(lab, "dirty pages"), 0);
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
		cmocka_unit_test(explains_each_tier),
		cmocka_unit_test(threads_are_given_to_arenas_in_turn),
		cmocka_unit_test(flushed_blocks_go_home),
		cmocka_unit_test(a_mixed_flush_goes_to_both_homes),
		cmocka_unit_test(arenas_strand_memory),
	};
	return cmocka_run_group_tests_name("jemalloc", tests, NULL, NULL);
}
