/*
 * test_tcmalloc.c - the upper tiers of tcmalloc: thread caches, budgets, transfer
 * caches, central lists.  All figures are derived here.
 */
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "allocators/tcmalloc/tcmalloc.h"

static struct tcm_heap *heap_of(struct lab *lab)
{
	return tcm_heap_of(lab->heap);
}

static struct tcm_cache *cache_of(struct lab *lab)
{
	return tcm_cache_of(lab->thread);
}

static unsigned class_for(struct lab *lab, size_t size)
{
	return tcm_class_of(&heap_of(lab)->classes, size);
}

static size_t length_of(struct lab *lab, size_t size)
{
	return cache_of(lab)->state[class_for(lab, size)].length;
}

static size_t count_of(struct lab *lab, size_t size)
{
	return tcm_bin_count(&cache_of(lab)->bin[class_for(lab, size)]);
}

/* ---- slow start ------------------------------------------------------------ */

/*
 * One object at first, one more with every refill: n refills bring
 * 1 + 1 + 2 + ... + (n - 1) objects, until a batch is reached.  Objects of 8
 * bytes, as 1024 of them lie in one span.
 */
static void a_list_starts_slowly(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	size_t objects = 0;

	(void)state;
	for (size_t refills = 1; refills <= 33; refills++) {
		size_t batch = refills == 1 ? 1 : refills - 1;
		lab->allocator->malloc(lab->thread, 8);
		assert_int_equal(account_usage(lab).refills, refills);
		assert_int_equal(count_of(lab, 8), batch - 1);
		assert_int_equal(length_of(lab, 8),
		                 refills == 33 ? 64 : refills);
		for (objects += batch; count_of(lab, 8) > 0;)
			lab->allocator->malloc(lab->thread, 8);
	}
	assert_int_equal(objects, 1 + 32 * 33 / 2);
	for (size_t length = 64; length < 1024; length += 32) {
		uint64_t refills = account_usage(lab).refills;
		assert_int_equal(length_of(lab, 8), length);
		while (account_usage(lab).refills == refills)
			lab->allocator->malloc(lab->thread, 8);
	}
	for (int i = 0; i < 64; i++) /* the knob's limit */
		lab->allocator->malloc(lab->thread, 8);
	assert_int_equal(length_of(lab, 8), 1024);
	lab_close(lab);
}

/* 8 KiB of 64: eight objects of 1 KiB, and one of any size. */
static void a_list_has_an_eighth_of_the_largest_budget(void **state)
{
	struct lab *lab = lab_open("tcmalloc:thread_cache=64K");

	(void)state;
	for (int i = 0; i < 200; i++) {
		lab->allocator->malloc(lab->thread, 1024);
		lab->allocator->malloc(lab->thread, 16384);
		assert_in_range(length_of(lab, 1024), 1, 8);
		assert_int_equal(length_of(lab, 16384), 1);
	}
	assert_int_equal(length_of(lab, 1024), 8);
	lab_close(lab);
}

/* A list that is often full becomes a batch shorter, down to a batch. */
static void a_full_list_shrinks_after_the_fourth_time(void **state)
{
	enum { BLOCKS = 2048 };
	struct lab *lab = lab_open("tcmalloc:length=96");
	void *blocks[BLOCKS];
	int freed = 0;

	(void)state;
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, 64);
	assert_int_equal(length_of(lab, 64), 96);
	static const size_t lengths[] = {96, 96, 96, 64, 64, 64, 64, 32, 32};
	uint64_t flushes = account_usage(lab).flushes;
	for (int full = 0; full < 9; full++) {
		while (account_usage(lab).flushes == flushes)
			lab->allocator->free(lab->thread, blocks[freed++]);
		flushes = account_usage(lab).flushes;
		assert_int_equal(length_of(lab, 64), lengths[full]);
	}
	while (freed < BLOCKS)
		lab->allocator->free(lab->thread, blocks[freed++]);
	lab_close(lab);
}

static void batches_are_as_large_as_the_knob_says(void **state)
{
	struct lab *lab = lab_open("tcmalloc:batch=512,length=8192");

	(void)state;
	for (int i = 0; i < 200000; i++)
		lab->allocator->malloc(lab->thread, 16);
	assert_int_equal(heap_of(lab)->classes.table[class_for(lab, 16)].batch,
	                 512);
	uint64_t refills = account_usage(lab).refills;
	while (count_of(lab, 16) > 0)
		lab->allocator->malloc(lab->thread, 16);
	lab->allocator->malloc(lab->thread, 16);
	assert_int_equal(count_of(lab, 16), 511);
	assert_int_equal(account_usage(lab).refills, refills + 1);
	lab_close(lab);
}

/* Objects are handed out in the order of their addresses, then newest first. */
static void objects_lie_side_by_side(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	char *last = lab_malloc(lab, 1024);

	(void)state;
	for (int i = 1; i < 8; i++) {
		char *next = lab_malloc(lab, 1024);
		assert_ptr_equal(next, last + 1024);
		last = next;
	}
	lab_free(lab, last);
	assert_ptr_equal(lab_malloc(lab, 1024), last);
	lab_close(lab);
}

/* ---- transfer cache ---------------------------------------------------------- */

static void free_from(struct lab *lab, struct thread_heap *thread,
                      void **blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		lab->allocator->free(thread, blocks[i]);
}

static void whole_batches_pass_by_the_spans(void **state)
{
	enum { BLOCKS = 4096, BATCH = 32, KEPT = 16 };
	struct lab *lab = lab_open("tcmalloc");
	struct thread_heap *other = lab->allocator->attach(lab->heap);
	void **blocks = calloc(BLOCKS, sizeof *blocks);

	(void)state;
	for (size_t i = 0; i < BLOCKS; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, 64);
	free_from(lab, other, blocks, BLOCKS);
	assert_int_equal(account_tier(lab, "transfer cache"),
	                 KEPT * BATCH * 64);
	const struct tcm_central *central =
		&heap_of(lab)->centrals.of[class_for(lab, 64)];
	uint64_t in_spans = counter_read(&central->in_spans);
	while (count_of(lab, 64) > 0) /* what is left in the first thread */
		lab->allocator->malloc(lab->thread, 64);
	for (size_t i = 0; i < KEPT * BATCH; i++)
		lab->allocator->malloc(lab->thread, 64);
	assert_int_equal(account_tier(lab, "transfer cache"), 0);
	assert_int_equal(counter_read(&central->in_spans), in_spans);
	lab_check(lab);
	lab->allocator->detach(other);
	free(blocks);
	lab_close(lab);
}

static uint64_t central_locks(struct lab *lab)
{
	struct heap_usage usage = account_usage(lab);

	for (unsigned i = 0; i < usage.lock_count; i++)
		if (strcmp(usage.locks[i].name, "central list") == 0)
			return usage.locks[i].acquired;
	return 0;
}

/* One for the spans that there are, two around a new one, one for a batch. */
static void a_refill_takes_a_lock(void **state)
{
	enum { BLOCKS = 4096 };
	static void *blocks[BLOCKS];
	struct lab *lab = lab_open("tcmalloc");
	uint64_t locks = central_locks(lab);

	(void)state;
	blocks[0] = lab->allocator->malloc(lab->thread, 64);
	assert_int_equal(central_locks(lab), locks + 2);
	blocks[1] = lab->allocator->malloc(lab->thread, 64);
	assert_int_equal(central_locks(lab), locks + 3);
	for (int i = 2; i < BLOCKS; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, 64);
	free_from(lab, lab->thread, blocks, BLOCKS);
	assert_true(account_tier(lab, "transfer cache") > 0);
	while (count_of(lab, 64) > 0)
		lab->allocator->malloc(lab->thread, 64);
	locks = central_locks(lab);
	lab->allocator->malloc(lab->thread, 64);
	assert_int_equal(central_locks(lab), locks + 1);
	lab_close(lab);
}

static void without_a_transfer_cache_all_goes_to_spans(void **state)
{
	struct lab *lab = lab_open("tcmalloc:transfer=0,length=32");
	void *blocks[1024];

	(void)state;
	for (int i = 0; i < 1024; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, 64);
	free_from(lab, lab->thread, blocks, 1024);
	assert_int_equal(account_tier(lab, "transfer cache"), 0);
	assert_true(account_tier(lab, "thread cache") <= 32 * 64);
	lab_close(lab);
}

/* ---- budgets ------------------------------------------------------------------ */

static size_t budget_of(struct thread_heap *thread)
{
	return counter_read(&tcm_cache_of(thread)->budget);
}

/* Makes the list of a class as long as it gets. */
static void use_class(struct lab *lab, struct thread_heap *thread, size_t bytes)
{
	enum { BLOCKS = 1000 };
	void *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = lab->allocator->malloc(thread, bytes);
	free_from(lab, thread, blocks, BLOCKS);
}

/* The same for all classes up to 4 KiB but those between two sizes. */
static void use_classes_but(struct lab *lab, struct thread_heap *thread,
                            size_t from, size_t to)
{
	const struct tcm_class *class = &heap_of(lab)->classes.table[1];

	for (; class->bytes <= 4096; class ++)
		if (class->bytes < from || class->bytes > to)
			use_class(lab, thread, class->bytes);
}

static void use_classes(struct lab *lab, struct thread_heap *thread)
{
	use_classes_but(lab, thread, 1, 0);
}

static void a_thread_keeps_no_more_than_its_budget(void **state)
{
	struct lab *lab = lab_open("tcmalloc:thread_cache=128K,transfer=0");

	(void)state;
	use_classes(lab, lab->thread);
	assert_int_equal(budget_of(lab->thread), 128 << 10);
	assert_true(cache_of(lab)->capacity_bytes <= 128 << 10);
	assert_true(cache_of(lab)->capacity_bytes > 64 << 10);
	assert_true(account_tier(lab, "thread cache") <= 128 << 10);
	lab_close(lab);
}

/* 96 KiB are a step and a half. */
static void the_last_of_the_budget_is_claimed_before_any_is_stolen(void **state)
{
	struct lab *lab = lab_open("tcmalloc:all_caches=96K");

	(void)state;
	use_classes(lab, lab->thread);
	assert_int_equal(budget_of(lab->thread), 96 << 10);
	assert_int_equal(heap_of(lab)->caches.unclaimed, 0);
	lab_check(lab);
	lab_close(lab);
}

static void a_budget_is_stolen_where_none_is_left(void **state)
{
	struct lab *lab = lab_open("tcmalloc:all_caches=128K");
	struct thread_heap *thief = lab->allocator->attach(lab->heap);

	(void)state;
	use_classes(lab, lab->thread);
	assert_int_equal(budget_of(lab->thread), 128 << 10);
	use_classes(lab, thief);
	assert_int_equal(budget_of(thief), 128 << 10);
	assert_int_equal(budget_of(lab->thread), 0);
	lab_check(lab);
	/* The victim obeys in its next slow path. */
	assert_true(cache_of(lab)->capacity_bytes > 0);
	while (count_of(lab, 64) > 0)
		lab->allocator->malloc(lab->thread, 64);
	lab->allocator->malloc(lab->thread, 64);
	assert_int_equal(cache_of(lab)->capacity_bytes, 0);
	lab->allocator->detach(thief);
	use_classes(lab, lab->thread);
	assert_int_equal(budget_of(lab->thread), 128 << 10);
	lab_close(lab);
}

/*
 * Classes that want more take it from those that are not used: what lay below
 * their low-water marks goes, half of it each time.
 */
static void lists_that_are_not_used_are_scavenged(void **state)
{
	enum { FROM = 512, TO = 1024, LENGTH = 16 };
	struct lab *lab = lab_open("tcmalloc:thread_cache=256K,length=16");
	const struct tcm_class *class = &heap_of(lab)->classes.table[1];

	(void)state;
	use_classes_but(lab, lab->thread, FROM, TO);
	assert_int_equal(budget_of(lab->thread), 256 << 10);
	for (; class->bytes <= TO; class ++) {
		for (int i = 0; class->bytes >= FROM && i < 9000; i++)
			lab->allocator->malloc(lab->thread, class->bytes);
		if (class->bytes >= FROM)
			assert_int_equal(length_of(lab, class->bytes), LENGTH);
	}
	lab_check(lab);
	lab_close(lab);
}

static void without_a_budget_nothing_is_cached(void **state)
{
	struct lab *lab = lab_open("tcmalloc:thread_cache=0");

	(void)state;
	use_classes(lab, lab->thread);
	assert_int_equal(account_tier(lab, "thread cache"), 0);
	assert_int_equal(account_usage(lab).live_bytes, 0);
	lab_close(lab);
}

/* ---- central lists -------------------------------------------------------------- */

/* 8 objects of 1024 in a span: two spans, one of them almost empty. */
static void the_fullest_span_is_used_first(void **state)
{
	struct lab *lab = lab_open("tcmalloc:thread_cache=0,growth=1");
	char *blocks[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, 1024);
	assert_ptr_equal(blocks[8], blocks[0] + 8192);
	lab->allocator->free(lab->thread, blocks[2]);
	for (int i = 8; i < 15; i++)
		lab->allocator->free(lab->thread, blocks[i]);
	assert_ptr_equal(lab->allocator->malloc(lab->thread, 1024), blocks[2]);
	lab->allocator->free(lab->thread, blocks[15]); /* now it is empty */
	assert_int_equal(account_tier(lab, "central list"), 0);
	assert_int_equal(account_tier(lab, "page heap"), 8192);
	lab_close(lab);
	lab = lab_open("tcmalloc:thread_cache=0,growth=1,order=recent");
	for (int i = 0; i < 16; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, 1024);
	lab->allocator->free(lab->thread, blocks[2]);
	for (int i = 8; i < 15; i++)
		lab->allocator->free(lab->thread, blocks[i]);
	assert_ptr_equal(lab->allocator->malloc(lab->thread, 1024), blocks[14]);
	lab_close(lab);
}

/* Nothing is cut, linked or touched before it is wanted. */
static void a_new_span_is_not_touched(void **state)
{
	struct lab *lab = lab_open("tcmalloc");

	(void)state;
	lab_malloc(lab, 64);
	const struct tcm_span *span = tcm_central_next(
		&heap_of(lab)->centrals.of[class_for(lab, 64)]);
	assert_int_equal(span->touched, 1);
	assert_null(span->objects);
	lab_close(lab);
}

/*
 * After all is freed and the thread is gone, descriptors are left and nothing
 * else: 48 bytes for each span there was, the arrays of pointers, the map.
 */
static void little_is_left_after_all(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	struct thread_heap *other = lab->allocator->attach(lab->heap);
	size_t before = account_usage(lab).metadata_bytes;

	(void)state;
	use_classes(lab, other);
	lab->allocator->detach(other);
	lab->allocator->trim(lab->heap);
	struct heap_usage usage = account_usage(lab);
	assert_int_equal(usage.live_bytes, 0);
	assert_int_equal(usage.slack_bytes, 0);
	assert_int_equal(lab->pages.committed_bytes, usage.metadata_bytes);
	for (unsigned i = 0; i < TCM_POOLS; i++)
		assert_int_equal(heap_of(lab)->metadata.pools[i].idle_chunks,
		                 0);
	size_t most_spans = 1000 * 4096 * 9 / 8 / TCM_PAGE_BYTES;
	size_t arrays = 45 * 2 * (8192 + 4096); /* lists, transfer caches */
	assert_true(usage.metadata_bytes - before <
	            most_spans * (48 + 8) + arrays);
	lab_close(lab);
}

/* E13: what one thread has freed serves the next one. */
static void nothing_is_stranded(void **state)
{
	enum { BLOCKS = 1 << 18 };
	struct lab *lab = lab_open("tcmalloc:growth=8");
	struct thread_heap *other = lab->allocator->attach(lab->heap);
	void **blocks = calloc(BLOCKS, sizeof *blocks);

	(void)state;
	for (size_t i = 0; i < BLOCKS; i++)
		blocks[i] = lab->allocator->malloc(lab->thread, 64);
	size_t once = lab->pages.committed_bytes;
	free_from(lab, lab->thread, blocks, BLOCKS);
	for (size_t i = 0; i < BLOCKS; i++)
		blocks[i] = lab->allocator->malloc(other, 64);
	assert_true(lab->pages.committed_bytes <= once + once / 20);
	free_from(lab, other, blocks, BLOCKS);
	lab->allocator->detach(other);
	free(blocks);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_starts_slowly),
		cmocka_unit_test(a_list_has_an_eighth_of_the_largest_budget),
		cmocka_unit_test(a_full_list_shrinks_after_the_fourth_time),
		cmocka_unit_test(batches_are_as_large_as_the_knob_says),
		cmocka_unit_test(objects_lie_side_by_side),
		cmocka_unit_test(whole_batches_pass_by_the_spans),
		cmocka_unit_test(a_refill_takes_a_lock),
		cmocka_unit_test(without_a_transfer_cache_all_goes_to_spans),
		cmocka_unit_test(a_thread_keeps_no_more_than_its_budget),
		cmocka_unit_test(
			the_last_of_the_budget_is_claimed_before_any_is_stolen),
		cmocka_unit_test(a_budget_is_stolen_where_none_is_left),
		cmocka_unit_test(lists_that_are_not_used_are_scavenged),
		cmocka_unit_test(without_a_budget_nothing_is_cached),
		cmocka_unit_test(the_fullest_span_is_used_first),
		cmocka_unit_test(a_new_span_is_not_touched),
		cmocka_unit_test(little_is_left_after_all),
		cmocka_unit_test(nothing_is_stranded),
	};
	return cmocka_run_group_tests_name("tcmalloc", tests, NULL, NULL);
}
