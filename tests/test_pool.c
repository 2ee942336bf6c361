/*
 * test_pool.c - the pool: one list, chunks that come and go, and what it refuses.
 */
#include <errno.h>
#include <string.h>

#include "account.h"
#include "allocators/pool/pool.h"
#include "lab.h"

enum { MANY = 4000 };

static void *take(struct lab *lab)
{
	return lab->allocator->malloc(lab->thread, 1);
}

static void give(struct lab *lab, void *block)
{
	lab->allocator->free(lab->thread, block);
}

static void take_all(struct lab *lab, void **blocks, int count)
{
	for (int i = 0; i < count; i++)
		blocks[i] = take(lab);
}

/* ---- the list ------------------------------------------------------------ */

/* 4096 - 64 bytes hold 31 objects of 128, and 64 bytes are left. */
static void places_the_worked_example(void **state)
{
	struct lab *lab = lab_open("pool:object=120,chunk=4K");
	void *a = lab_malloc(lab, 120);
	void *b = lab_malloc(lab, 10);

	(void)state;
	assert_string_equal(lab_heap_string(lab), "|a 128|b 128|. 3712|");
	assert_ptr_equal((char *)b - (char *)a, 128);
	lab_malloc(lab, 128);
	lab_free(lab, a);
	assert_string_equal(lab_heap_string(lab), "|. 128|b 128|c 128|. 3584|");
	lab_free(lab, b);
	assert_ptr_equal(lab_malloc(lab, 0), b); /* the last freed */
	assert_ptr_equal(lab_malloc(lab, 1), a);
	assert_string_equal(lab_heap_string(lab), "|e 128|d 128|c 128|. 3584|");
	lab_free(lab, a);
	lab_free(lab, b);
	lab_free(lab, lab->named[2]);
	lab_close(lab);
}

static void the_first_request_fixes_the_size(void **state)
{
	static const size_t requests[] = {0, 1, 8, 9, 100, 65536};
	static const size_t slots[] = {8, 8, 8, 16, 112, 65536};

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct lab *lab = lab_open("pool");
		void *a = lab->allocator->malloc(lab->thread, requests[i]);
		assert_non_null(a);
		assert_int_equal(lab_usable(lab, a), slots[i]);
		assert_null(lab->allocator->malloc(lab->thread, slots[i] + 1));
		assert_int_equal(errno, EINVAL);
		give(lab, a);
		lab_close(lab);
	}
}

/* A first request that gets no memory fixes nothing. */
static void a_refused_first_request_fixes_no_size(void **state)
{
	const struct page_source_options third_fails = {
		.kind = PAGE_SOURCE_ARENA, .fail_at = 3};
	struct lab *lab =
		lab_open_on(lab_find("pool"), "object=0", &third_fails);

	(void)state;
	assert_non_null(lab); /* two calls: the heap's own page */
	assert_null(lab->allocator->malloc(lab->thread, 100));
	assert_int_equal(errno, ENOMEM);
	assert_non_null(lab_malloc(lab, 3000));
	assert_string_equal(lab_heap_string(lab) + 1, "a 3008|. 27072|");
	lab_free(lab, lab->named[0]);
	lab_close(lab);
}

static void a_chunk_holds_eight_at_least(void **state)
{
	struct lab *lab = lab_open("pool:object=64K");

	(void)state;
	give(lab, take(lab));
	/* 64 + 8 * 64 KiB do not fit into 512 KiB. */
	assert_int_equal(lab->pages.committed_bytes, PAGE_BYTES + (1 << 20));
	lab_close(lab);
}

/* Work without search: no link is followed until chunks go back. */
static void no_search_without_a_release(void **state)
{
	struct lab *lab = lab_open("pool:object=24,idle=1000");
	static void *blocks[MANY];

	(void)state;
	for (int round = 0; round < 3; round++) {
		take_all(lab, blocks, MANY);
		for (int i = 0; i < MANY; i++)
			give(lab, blocks[i * 7 % MANY]);
	}
	assert_int_equal(lab_stats(lab).links, 0);
	assert_int_equal(lab_stats(lab).grows, 8); /* of 510 objects each */
	assert_int_equal(lab_stats(lab).shrinks, 0);
	lab_close(lab);
}

/* ---- what is refused ----------------------------------------------------- */

static void require_refusal(struct lab *lab, void *block, size_t size,
                            size_t align, const char *sentence)
{
	char why[256];

	assert_null(block);
	assert_int_equal(errno, EINVAL);
	assert_false(lab->allocator->serves(lab->heap, size, align, why,
	                                    sizeof why));
	assert_string_equal(why, sentence);
}

static void refusals(const char *name)
{
	struct lab *lab = lab_open(name);
	void *a = lab_malloc(lab, 48);
	char why[8];

	memset(a, 7, 64);
	require_refusal(lab, lab->allocator->malloc(lab->thread, 300), 300, 0,
	                "pool serves requests of at most 64 bytes: 300");
	require_refusal(lab, lab->allocator->zero_malloc(lab->thread, 65), 65,
	                0, "pool serves requests of at most 64 bytes: 65");
	require_refusal(lab,
	                lab->allocator->aligned_malloc(lab->thread, 128, 9), 9,
	                128, "pool has objects at multiples of 64 bytes: 128");
	require_refusal(lab, lab->allocator->realloc(lab->thread, a, 65), 65, 0,
	                "pool serves requests of at most 64 bytes: 65");
	assert_int_equal(((char *)a)[63], 7);
	assert_ptr_equal(lab->allocator->realloc(lab->thread, a, 64), a);
	assert_true(lab->allocator->serves(lab->heap, 64, 64, why, 8));
	assert_false(lab->allocator->serves(lab->heap, 65, 0, why, 8));
	assert_string_equal(why, "pool se"); /* cut off */
	lab_check_walk(lab, 1);
	lab_free(lab, a);
	lab_close(lab);
}

static void other_sizes_are_refused(void **state)
{
	(void)state;
	refusals("pool:object=64");
	refusals("locked pool:object=64");
}

static void the_limit_is_a_limit(void **state)
{
	struct lab *lab = lab_open("pool:object=64,limit=5,preallocate=2");
	void *blocks[5];

	(void)state;
	take_all(lab, blocks, 5);
	assert_non_null(blocks[4]);
	errno = 0;
	assert_null(take(lab));
	assert_int_equal(errno, ENOMEM);
	give(lab, blocks[2]);
	assert_ptr_equal(take(lab), blocks[2]);
	for (int i = 0; i < 5; i++)
		give(lab, blocks[i]);
	lab_close(lab);
	struct knob_values values = {.of = {64, 6, 5, 4096, 0}};
	assert_string_equal(lab_find("pool")->refuse(&values),
	                    "preallocate is above limit");
}

/* ---- chunks that come and go --------------------------------------------- */

static void preallocated_objects_stay(void **state)
{
	struct lab *lab =
		lab_open("pool:object=64,chunk=4K,preallocate=100,idle=0");
	void *blocks[300];

	(void)state;
	/* 63 objects a chunk: two of them, carved, before the first call. */
	size_t start = lab->pages.committed_bytes;
	assert_int_equal(start, 3 * PAGE_BYTES);
	assert_int_equal(account_usage(lab).tier_count, 2);
	struct heap_usage usage = account_usage(lab);
	assert_int_equal(usage_tier(&usage, "free list"), 126 * 64);
	take_all(lab, blocks, 300);
	assert_int_equal(lab->pages.committed_bytes, 6 * PAGE_BYTES);
	for (int i = 0; i < 300; i++)
		give(lab, blocks[i]);
	/* The third idle chunk is less than half of the list: trim's. */
	assert_int_equal(lab->allocator->trim(lab->heap), PAGE_BYTES);
	assert_int_equal(lab->pages.committed_bytes, start);
	lab_close(lab);
}

static void trim_gives_idle_chunks_back(void **state)
{
	struct lab *lab = lab_open("pool:object=1000,chunk=4K,idle=1000");
	void *blocks[70]; /* 8 in a chunk of 8 KiB: 64 + 8 * 1008 bytes */

	(void)state;
	take_all(lab, blocks, 70);
	assert_int_equal(lab->pages.committed_bytes, PAGE_BYTES + 9 * 8192);
	for (int i = 0; i < 70; i++)
		if (i % 8 != 0 || i >= 32) /* one stays in each of four */
			give(lab, blocks[i]);
	assert_int_equal(lab->pages.committed_bytes, PAGE_BYTES + 9 * 8192);
	assert_int_equal(lab->allocator->trim(lab->heap), 5 * 8192);
	assert_int_equal(lab->allocator->trim(lab->heap), 0);
	struct heap_usage usage = account_usage(lab);
	assert_int_equal(usage_tier(&usage, "free list"), 28 * 1008);
	lab_check_walk(lab, 4);
	for (int i = 0; i < 32; i += 8)
		give(lab, blocks[i]);
	lab_close(lab);
}

/* The last chunk to become idle stays, and the list is passed over. */
static void idle_chunks_go_by_policy(void **state)
{
	struct lab *lab = lab_open("pool:object=1000,chunk=4K,idle=1");
	void *blocks[32];

	(void)state;
	take_all(lab, blocks, 32);
	for (int i = 0; i < 15; i++)
		give(lab, blocks[i]);
	assert_int_equal(lab_stats(lab).shrinks, 0);
	give(lab, blocks[15]); /* the second one: 8 of 16 on the list */
	assert_int_equal(lab_stats(lab).shrinks, 1);
	assert_int_equal(lab_stats(lab).links, 16);
	assert_int_equal(lab->pages.committed_bytes, PAGE_BYTES + 3 * 8192);
	assert_ptr_equal(take(lab), blocks[15]);
	give(lab, blocks[15]);
	for (int i = 16; i < 32; i++)
		give(lab, blocks[i]);
	lab_close(lab);
}

/* Scattered frees of everything: each object pays for two looks at most. */
static void giving_back_is_paid_for(void **state)
{
	struct lab *lab = lab_open("pool:object=16,chunk=4K,idle=0");
	static void *blocks[MANY];

	(void)state;
	for (int round = 0; round < 4; round++) {
		take_all(lab, blocks, MANY);
		for (int i = 0; i < MANY; i++)
			give(lab, blocks[i * 1237 % MANY]);
	}
	assert_int_equal(lab->pages.committed_bytes, PAGE_BYTES);
	assert_in_range(lab_stats(lab).links, 4 * MANY, 4 * 2 * MANY);
	lab_close(lab);
}

/* A live object holds its chunk, and that is all the waste there is. */
static void a_live_object_holds_its_chunk(void **state)
{
	struct lab *lab = lab_open("pool:object=64,chunk=4K,idle=0");
	static void *blocks[63 * 20];

	(void)state;
	for (int i = 0; i < 63 * 20; i++)
		blocks[i] = take(lab);
	for (int i = 0; i < 63 * 20; i++)
		if (i % 63 != 5)
			give(lab, blocks[i]);
	assert_int_equal(lab->allocator->trim(lab->heap), 0);
	assert_int_equal(lab->pages.committed_bytes, 21 * PAGE_BYTES);
	for (int i = 5; i < 63 * 20; i += 63)
		give(lab, blocks[i]);
	assert_int_equal(lab->pages.committed_bytes, PAGE_BYTES);
	lab_close(lab);
}

static void a_refused_start_leaves_nothing(void **state)
{
	const struct page_source_options options = {
		.kind = PAGE_SOURCE_ARENA, .limit_bytes = 3 * PAGE_BYTES};
	struct lab *lab =
		lab_open_on(lab_find("pool"),
	                    "object=64,chunk=4K,preallocate=200", &options);

	(void)state;
	assert_null(lab);
	assert_int_equal(errno, ENOMEM);
	lab = lab_open_on(lab_find("pool"), "chunk=4K,preallocate=200",
	                  &options);
	assert_null(lab->allocator->malloc(lab->thread, 64));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(lab->pages.committed_bytes, PAGE_BYTES);
	/* The size is open again. */
	void *a = lab->allocator->malloc(lab->thread, 8);
	assert_int_equal(lab_usable(lab, a), 8);
	give(lab, a);
	lab_close(lab);
}

/* ---- object_pool on its own ------------------------------------------------ */

static void require_sound(const struct object_pool *pool)
{
	const void *where;
	const char *sentence = object_pool_check(pool, &where);

	assert_string_equal(sentence == NULL ? "sound" : sentence, "sound");
}

/* 4 objects a chunk: 64 + 4 * 1008 = 4096. */
static void what_is_undone_leaves_nothing(void **state)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA};
	struct page_source pages;
	struct object_pool pool;
	void *objects[6];

	(void)state;
	assert_true(page_source_open(&pages, &options));
	object_pool_open(&pool, &pages, 1008, PAGE_BYTES);
	assert_int_equal(pool.slots, 4);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 6; i++)
			objects[i] = object_pool_take(&pool);
		assert_int_equal(object_pool_bytes(&pool), 2 * PAGE_BYTES);
		for (int i = 6; i-- > 3;)
			object_pool_undo(&pool, objects[i]);
		require_sound(&pool); /* the second chunk is gone */
		assert_int_equal(pages.committed_bytes, PAGE_BYTES);
		assert_int_equal(pool.carving->carved, 3);
		for (int i = 3; i-- > 0;)
			object_pool_undo(&pool, objects[i]);
		require_sound(&pool);
		assert_int_equal(pages.committed_bytes, 0);
		assert_int_equal(pages.reserved_bytes, 0);
	}
	object_pool_close(&pool);
	page_source_close(&pages);
}

/* Out of order, it is put(): the list has it, and a release takes the chunk. */
static void what_is_undone_late_is_listed(void **state)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_ARENA};
	struct page_source pages;
	struct object_pool pool;
	void *objects[6];

	(void)state;
	assert_true(page_source_open(&pages, &options));
	object_pool_open(&pool, &pages, 1008, PAGE_BYTES);
	for (int i = 0; i < 6; i++)
		objects[i] = object_pool_take(&pool);
	object_pool_undo(&pool, objects[3]); /* the last of a full chunk */
	object_pool_undo(&pool, objects[4]);
	require_sound(&pool);
	assert_int_equal(pool.listed, 2);
	object_pool_undo(&pool, objects[5]);
	require_sound(&pool);
	assert_int_equal(pool.listed, 2);
	assert_int_equal(object_pool_release(&pool, 0), PAGE_BYTES);
	require_sound(&pool);
	assert_ptr_equal(object_pool_take(&pool), objects[3]);
	object_pool_close(&pool);
	assert_int_equal(pages.committed_bytes, 0);
	page_source_close(&pages);
}

/* ---- explain ------------------------------------------------------------- */

static void require_words(struct lab *lab, enum request_kind kind, size_t size,
                          const void *block, const char *words)
{
	const struct request request = {kind, size, 0, block};
	char sentence[256];

	lab->allocator->explain(lab->heap, &request, sentence, sizeof sentence);
	assert_string_equal(sentence, words);
}

static void explains_each_case(void **state)
{
	struct lab *lab = lab_open("pool:chunk=4K,limit=32");

	(void)state;
	require_words(lab, REQUEST_MALLOC, 128, NULL,
	              "the first request: from now on all objects have its "
	              "size");
	void *a = lab_malloc(lab, 128);
	require_words(lab, REQUEST_MALLOC, 128, NULL,
	              "the list is empty: slot 2 of 31 is carved from the "
	              "chunk");
	require_words(lab, REQUEST_MALLOC, 129, NULL,
	              "pool serves requests of at most 128 bytes: 129");
	require_words(lab, REQUEST_REALLOC, 20, a,
	              "it fits where it is: all objects have 128 bytes");
	require_words(lab, REQUEST_FREE, 0, a,
	              "it becomes the first of 1 on the list; it was its "
	              "chunk's last live object");
	void *b = lab_malloc(lab, 1);
	lab_free(lab, b);
	require_words(lab, REQUEST_MALLOC, 0, NULL,
	              "the object freed last is the first of 1 on the list");
	for (int i = 0; i < 30; i++)
		lab_malloc(lab, 1);
	require_words(lab, REQUEST_MALLOC, 0, NULL,
	              "the list is empty and every chunk is carved: a new "
	              "chunk of 4096 bytes, 31 slots");
	lab_malloc(lab, 1);
	require_words(lab, REQUEST_MALLOC, 0, NULL,
	              "refused: 32 objects are live, the limit");
	lab->allocator->detach(lab->thread); /* the blocks go with the heap */
	lab->thread = lab->allocator->attach(lab->heap);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_the_worked_example),
		cmocka_unit_test(the_first_request_fixes_the_size),
		cmocka_unit_test(a_refused_first_request_fixes_no_size),
		cmocka_unit_test(a_chunk_holds_eight_at_least),
		cmocka_unit_test(no_search_without_a_release),
		cmocka_unit_test(other_sizes_are_refused),
		cmocka_unit_test(the_limit_is_a_limit),
		cmocka_unit_test(preallocated_objects_stay),
		cmocka_unit_test(trim_gives_idle_chunks_back),
		cmocka_unit_test(idle_chunks_go_by_policy),
		cmocka_unit_test(giving_back_is_paid_for),
		cmocka_unit_test(a_live_object_holds_its_chunk),
		cmocka_unit_test(a_refused_start_leaves_nothing),
		cmocka_unit_test(what_is_undone_leaves_nothing),
		cmocka_unit_test(what_is_undone_late_is_listed),
		cmocka_unit_test(explains_each_case),
	};
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
