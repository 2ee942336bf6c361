/*
 * test_tcmalloc_pages.c - the lower tiers of tcmalloc: spans cut and merged,
 * growth, release, realloc in place, the four page maps.
 */
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "allocators/tcmalloc/tcmalloc.h"
#include "known.h"

extern const struct allocator tcmalloc_allocator;

enum { PAGE = TCM_PAGE_BYTES, MIB = 1 << 20 };

static struct tcm_page_heap *pages_of(struct lab *lab)
{
	return &tcm_heap_of(lab->heap)->page_heap;
}

/* ---- spans ------------------------------------------------------------------ */

/* 40, 50 and 60 pages of the 256 that the heap has grown by. */
static void spans_split_and_merge(void **state)
{
	struct lab *lab = lab_open("tcmalloc:growth=256");
	void *a = lab_malloc(lab, 40 * PAGE), *b = lab_malloc(lab, 50 * PAGE);
	void *c = lab_malloc(lab, 60 * PAGE);

	(void)state;
	assert_string_equal(lab_heap_string(lab),
	                    "|a 327680|b 409600|c 491520|. 868352|");
	lab_free(lab, b);
	assert_string_equal(lab_heap_string(lab),
	                    "|a 327680|. 409600|c 491520|. 868352|");
	lab_free(lab, a); /* merges with what is behind */
	assert_string_equal(lab_heap_string(lab),
	                    "|. 737280|c 491520|. 868352|");
	uint64_t merges = lab_stats(lab).merges;
	lab_free(lab, c); /* merges with both */
	assert_string_equal(lab_heap_string(lab), "|. 2097152|");
	assert_int_equal(lab_stats(lab).merges, merges + 2);
	assert_int_equal(lab_stats(lab).splits, 3);
	lab_close(lab);
}

/* Holes of 300, 200 and 150 pages, from a tree; the best fit is not the first. */
static void a_large_request_gets_the_best_fit(void **state)
{
	struct lab *lab = lab_open("tcmalloc:growth=1");
	void *holes[3], *fence[3];
	static const size_t pages[] = {300, 200, 150};

	(void)state;
	for (int i = 0; i < 3; i++) {
		holes[i] = lab->allocator->malloc(lab->thread, pages[i] * PAGE);
		fence[i] = lab->allocator->malloc(lab->thread, 40 * PAGE);
	}
	for (int i = 0; i < 3; i++)
		lab->allocator->free(lab->thread, holes[i]);
	uint64_t searches = lab_stats(lab).searches;
	uint64_t links = lab_stats(lab).links;
	assert_ptr_equal(lab->allocator->malloc(lab->thread, 160 * PAGE),
	                 holes[1]);
	assert_int_equal(lab_stats(lab).searches, searches + 1);
	assert_in_range(lab_stats(lab).links, links + 1, links + 3);
	assert_ptr_equal(lab->allocator->malloc(lab->thread, 150 * PAGE),
	                 holes[2]);
	assert_int_equal(lab_stats(lab).exact_fits > 0, 1);
	/* 128 pages and fewer are found without a search in a tree. */
	links = lab_stats(lab).links;
	assert_ptr_equal(lab->allocator->malloc(lab->thread, 40 * PAGE),
	                 (char *)holes[1] + 160 * PAGE);
	assert_int_equal(lab_stats(lab).links, links);
	(void)fence;
	lab_close(lab);
}

static void the_heap_grows_by_a_mib_at_least(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	size_t before = pages_of(lab)->source->committed_bytes;

	(void)state;
	lab_malloc(lab, 40 * PAGE);
	assert_int_equal(counter_read(&pages_of(lab)->pages), 128);
	assert_int_equal(lab_stats(lab).grows, 1);
	lab_malloc(lab, 80 * PAGE);
	assert_int_equal(lab_stats(lab).grows, 1);
	/* 8 pages are free at the end: 292 are missing of 300. */
	lab_malloc(lab, 300 * PAGE);
	assert_int_equal(counter_read(&pages_of(lab)->pages), 128 + 292);
	assert_string_equal(lab_heap_string(lab),
	                    "|a 327680|b 655360|c 2457600|");
	assert_true(lab->pages.committed_bytes > before + 420 * PAGE);
	lab_close(lab);
}

/* Refused 128 pages, it asks for those that it needs. */
static void a_poor_source_is_asked_for_less(void **state)
{
	const struct page_source_options poor = {.kind = PAGE_SOURCE_ARENA,
	                                         .limit_bytes = 512 << 10};
	struct lab *lab = lab_open_on(&tcmalloc_allocator, "", &poor);

	(void)state;
	assert_non_null(lab);
	assert_non_null(lab_malloc(lab, 34 * PAGE));
	assert_int_equal(counter_read(&pages_of(lab)->pages), 34);
	lab_close(lab);
}

static void an_aligned_block_leaves_both_ends(void **state)
{
	struct lab *lab = lab_open("tcmalloc:growth=512");
	char *block = lab_aligned(lab, MIB, 3 * PAGE);

	(void)state;
	assert_true((uintptr_t)block % MIB == 0);
	struct heap_usage usage = account_usage(lab);
	assert_int_equal(usage.live_bytes, 3 * PAGE);
	assert_int_equal(usage_tier(&usage, "page heap"), 509 * PAGE);
	lab_check(lab);
	lab_free(lab, block);
	assert_string_equal(lab_heap_string(lab), "|. 4194304|");
	/* A class whose size is a multiple of the alignment serves as well. */
	block = lab_aligned(lab, 256, 100);
	assert_int_equal(lab_usable(lab, block), 256);
	lab_close(lab);
}

/*
 * A thread has taken a span and not yet listed it: no object of it is used, and
 * yet it must not merge with the neighbour that another thread frees now.
 */
static void a_span_on_its_way_is_not_free(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	struct tcm_page_heap *pages = pages_of(lab);
	struct tcm_span *left = tcm_span_alloc(pages, 4, 1, 0);
	struct tcm_span *taken = tcm_span_alloc(pages, 1, 1, 5);
	struct tcm_span *right = tcm_span_alloc(pages, 4, 1, 0);

	(void)state;
	assert_ptr_equal(taken->start, tcm_span_end(left));
	assert_int_equal(taken->used, 0);
	tcm_span_free(pages, left);
	tcm_span_free(pages, right);
	assert_ptr_equal(tcm_span_at(pages, taken->start), taken);
	assert_int_equal(taken->pages, 1);
	struct heap_usage usage = account_usage(lab); /* check() would object */
	assert_int_equal(usage_tier(&usage, "page heap"), 127 * PAGE);
	tcm_span_free(pages, taken);
	lab_close(lab);
}

/* ---- release ------------------------------------------------------------------ */

static void pages_go_back_at_the_rate_of_the_knob(void **state)
{
	struct lab *lab = lab_open("tcmalloc:release=10"); /* 1 page for 100 */
	void *kept = lab_malloc(lab, 34 * PAGE);
	uint64_t freed = 0;

	(void)state;
	while (lab_stats(lab).shrinks == 0) {
		void *block = lab->allocator->malloc(lab->thread, 34 * PAGE);
		lab->allocator->free(lab->thread, block);
		freed += 34;
	}
	assert_int_equal(freed, 102);
	assert_int_equal(account_tier(lab, "page heap"), 0);
	assert_string_equal(lab_heap_string(lab), "|a 278528|");
	lab_check(lab);
	lab_free(lab, kept);
	lab_close(lab);
	lab = lab_open("tcmalloc:release=0");
	for (int i = 0; i < 1000; i++)
		lab->allocator->free(
			lab->thread,
			lab->allocator->malloc(lab->thread, 34 * PAGE));
	assert_int_equal(lab_stats(lab).shrinks, 0);
	lab_close(lab);
}

/* Returned pages are committed again before the source is asked for new ones. */
static void returned_pages_come_back_zero(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	char *block = lab->allocator->malloc(lab->thread, 100 * PAGE);
	size_t grows;

	(void)state;
	memset(block, 0x5a, 100 * PAGE);
	grows = lab_stats(lab).grows;
	lab->allocator->free(lab->thread, block);
	assert_int_equal(lab->allocator->trim(lab->heap), 128 * PAGE);
	assert_int_equal(counter_read(&pages_of(lab)->returned.pages), 128);
	assert_string_equal(lab_heap_string(lab), "|");
	char *again = lab->allocator->zero_malloc(lab->thread, 100 * PAGE);
	assert_ptr_equal(again, block);
	assert_true(again[0] == 0 && again[100 * PAGE - 1] == 0);
	assert_int_equal(lab_stats(lab).grows, grows);
	assert_int_equal(counter_read(&pages_of(lab)->returned.pages), 0);
	lab_close(lab);
}

/* [a][returned][b]: normal pages do not merge with it, returned ones do. */
static void the_two_states_are_kept_apart(void **state)
{
	struct lab *lab = lab_open("tcmalloc:growth=120");
	void *a = lab_malloc(lab, 40 * PAGE), *b = lab_malloc(lab, 40 * PAGE);
	void *c = lab_malloc(lab, 40 * PAGE);

	(void)state;
	lab_free(lab, b);
	lab->allocator->trim(lab->heap);
	lab_free(lab, c);
	assert_string_equal(lab_heap_string(lab), "|a 327680|. 327680|");
	lab_check(lab);
	lab->allocator->trim(lab->heap);
	assert_int_equal(counter_read(&pages_of(lab)->returned.pages), 80);
	lab_check(lab);
	lab_free(lab, a);
	lab_close(lab);
}

/* ---- descriptors ------------------------------------------------------------- */

/*
 * 84 descriptors of 48 bytes and a header fill a chunk of 4 KiB: 200 spans and
 * their region have three.  Merged into one span they leave two idle.
 */
static void descriptors_come_from_a_pool_and_go_back(void **state)
{
	enum { SPANS = 200, PAGES = 33 };
	struct lab *lab = lab_open("tcmalloc:growth=1,release=0");
	struct tcm_metadata *metadata = &tcm_heap_of(lab->heap)->metadata;
	const struct object_pool *pool = &metadata->pools[TCM_POOL_SPAN];
	void *blocks[SPANS];

	(void)state;
	assert_int_equal(pool->slots, 84);
	assert_int_equal(object_pool_bytes(pool), 0);
	assert_int_equal(metadata->pools[TCM_POOL_CACHE].live, 1);
	for (int i = 0; i < SPANS; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, PAGES * PAGE);
	assert_int_equal(pool->live, SPANS + 1);
	assert_int_equal(object_pool_bytes(pool), 3 * PAGE_BYTES);
	for (int i = 0; i < SPANS; i++)
		lab->allocator->free(lab->thread, blocks[i]);
	assert_int_equal(pool->live, 1 + 1);
	assert_int_equal(object_pool_bytes(pool), 3 * PAGE_BYTES);
	assert_int_equal(lab->allocator->trim(lab->heap),
	                 SPANS * PAGES * PAGE + 2 * PAGE_BYTES);
	assert_int_equal(object_pool_bytes(pool), PAGE_BYTES);
	assert_int_equal(lab->allocator->trim(lab->heap), 0);
	lab_close(lab);
}

/* One thread's cache after the other has the same place; idle, it may go. */
static void caches_come_from_a_pool_and_go_back(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	struct tcm_metadata *metadata = &tcm_heap_of(lab->heap)->metadata;
	const struct object_pool *pool = &metadata->pools[TCM_POOL_CACHE];
	size_t chunk = pool->chunk_bytes;
	struct thread_heap *first = lab->allocator->attach(lab->heap);

	(void)state;
	assert_int_equal(pool->slots, 1);
	lab->allocator->detach(first);
	assert_int_equal(object_pool_bytes(pool), 2 * chunk);
	assert_ptr_equal(lab->allocator->attach(lab->heap), first);
	lab->allocator->detach(first);
	assert_int_equal(lab->allocator->trim(lab->heap), chunk);
	assert_int_equal(object_pool_bytes(pool), chunk);
	lab_close(lab);
}

/* ---- realloc ------------------------------------------------------------------ */

static void a_block_of_pages_grows_where_it_is(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	char *block = lab_malloc(lab, 40 * PAGE);

	(void)state;
	for (size_t pages = 41; pages < 1000; pages += 13) {
		char *same = lab->allocator->realloc(lab->thread, block,
		                                     pages * PAGE);
		assert_ptr_equal(same, block);
	}
	assert_int_equal(lab_stats(lab).moves, 0);
	/* A quarter more at a time: far fewer steps than calls. */
	assert_true(lab_stats(lab).merges < 40);
	size_t usable = lab_usable(lab, block);
	assert_true(usable >= 990 * PAGE && usable <= 990 * PAGE * 5 / 4);
	/* Below a half it gives the rest back. */
	assert_ptr_equal(lab->allocator->realloc(lab->thread, block, 50 * PAGE),
	                 block);
	assert_int_equal(lab_usable(lab, block), 50 * PAGE);
	lab_check(lab);
	lab_close(lab);
}

static void growing_in_small_steps_moves_seldom(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	void *block = lab->allocator->malloc(lab->thread, 64);

	(void)state;
	for (size_t size = 128; size <= 64 << 10; size += 64)
		block = lab->allocator->realloc(lab->thread, block, size);
	/* 64 to 64 K by steps of a quarter: log(1024) / log(1.25) = 31.06 */
	assert_in_range(lab_stats(lab).moves, 20, 32);
	lab_close(lab);
}

/* ---- page maps ------------------------------------------------------------------ */

static uint64_t live_with(const char *setting)
{
	struct lab *lab = lab_open(setting);
	struct known known;

	known_start(&known, lab);
	for (size_t i = 0; i < 3000; i++) {
		known_malloc(&known, i * i % 50000);
		if (i % 3 == 0)
			known_free(&known, i * 7 % known.count);
	}
	known_verify(&known);
	uint64_t refills = account_usage(lab).refills;
	known_end(&known);
	lab_close(lab);
	return refills;
}

/* The map changes how a span is found, and nothing else. */
static void all_maps_lead_to_the_same_heap(void **state)
{
	uint64_t refills = live_with("tcmalloc");

	(void)state;
	assert_int_equal(live_with("tcmalloc:page_map=1"), refills);
	assert_int_equal(live_with("tcmalloc:page_map=3"), refills);
	assert_int_equal(live_with("tcmalloc:page_map=hash"), refills);
}

/* The classic experiment in counts: a lock for every free, or none. */
static void only_the_hash_map_locks(void **state)
{
	static const char *const maps[] = {"tcmalloc:page_map=2",
	                                   "tcmalloc:page_map=hash"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lab *lab = lab_open(maps[i]);
		lab->allocator->free(lab->thread, lab_malloc(lab, 64));
		struct heap_usage before = account_usage(lab);
		for (int n = 0; n < 1000; n++)
			lab->allocator->free(
				lab->thread,
				lab->allocator->malloc(lab->thread, 64));
		struct heap_usage after = account_usage(lab);
		uint64_t locks = 0;
		for (unsigned k = 0; k < after.lock_count; k++)
			if (strcmp(after.locks[k].name, "page map") == 0)
				locks += after.locks[k].acquired -
				         before.locks[k].acquired;
		if (i == 0)
			assert_int_equal(locks, 0);
		else
			assert_true(locks >= 1000);
		lab_close(lab);
	}
}

/* A page of the root and a page of a leaf, whatever the addresses are. */
static void a_map_is_committed_where_it_is_used(void **state)
{
	static const struct {
		const char *setting;
		size_t bytes;
	} cases[] = {
		{"tcmalloc:page_map=1", 4096},
		{"tcmalloc:page_map=2", 2 * 4096},
		{"tcmalloc:page_map=3", 3 * 4096},
	};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct lab *lab = lab_open(cases[i].setting);
		lab_malloc(lab, 64);
		assert_int_equal(
			counter_read(&tcm_heap_of(lab->heap)->map.bytes),
			cases[i].bytes);
		lab_malloc(lab, 8 * MIB); /* two or three more pages of it */
		assert_in_range(
			counter_read(&tcm_heap_of(lab->heap)->map.bytes),
			cases[i].bytes + 2 * 4096, cases[i].bytes + 3 * 4096);
		lab_close(lab);
	}
}

/* The n-th page of a row without a pattern, in which no page comes twice. */
static uintptr_t scattered(uint64_t n)
{
	return (uintptr_t)(random_next(&n) >> 24) << 13 | (n & 0x1fff);
}

/* Pages move up where one is taken out of the table: all the others are found. */
static void the_hash_table_keeps_what_is_in_it(void **state)
{
	enum { PAGES = 4000 };
	const struct page_source_options arena = {.kind = PAGE_SOURCE_ARENA};
	struct page_source source;
	struct tcm_page_hash hash;

	(void)state;
	assert_true(page_source_open(&source, &arena));
	tcm_page_hash_open(&hash, &source, &ONE_THREAD);
	assert_int_equal(tcm_page_hash_get(&hash, 5), 0);
	for (uint64_t n = 1; n <= PAGES; n++) {
		assert_true(tcm_page_hash_reserve(&hash, n));
		tcm_page_hash_set(&hash, scattered(n), 1, n);
	}
	for (uint64_t n = 1; n <= PAGES; n += 2)
		tcm_page_hash_set(&hash, scattered(n), 1, 0);
	for (uint64_t n = 1; n <= PAGES; n++)
		assert_int_equal(tcm_page_hash_get(&hash, scattered(n)),
		                 n % 2 == 0 ? n : 0);
	assert_int_equal(hash.used, PAGES / 2);
	assert_int_equal(source.committed_bytes, counter_read(&hash.bytes));
	tcm_page_hash_close(&hash);
	assert_int_equal(source.committed_bytes, 0);
	page_source_close(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_split_and_merge),
		cmocka_unit_test(a_large_request_gets_the_best_fit),
		cmocka_unit_test(the_heap_grows_by_a_mib_at_least),
		cmocka_unit_test(a_poor_source_is_asked_for_less),
		cmocka_unit_test(an_aligned_block_leaves_both_ends),
		cmocka_unit_test(a_span_on_its_way_is_not_free),
		cmocka_unit_test(pages_go_back_at_the_rate_of_the_knob),
		cmocka_unit_test(returned_pages_come_back_zero),
		cmocka_unit_test(the_two_states_are_kept_apart),
		cmocka_unit_test(descriptors_come_from_a_pool_and_go_back),
		cmocka_unit_test(caches_come_from_a_pool_and_go_back),
		cmocka_unit_test(a_block_of_pages_grows_where_it_is),
		cmocka_unit_test(growing_in_small_steps_moves_seldom),
		cmocka_unit_test(all_maps_lead_to_the_same_heap),
		cmocka_unit_test(only_the_hash_map_locks),
		cmocka_unit_test(a_map_is_committed_where_it_is_used),
		cmocka_unit_test(the_hash_table_keeps_what_is_in_it),
	};
	return cmocka_run_group_tests_name("tcmalloc pages", tests, NULL, NULL);
}
