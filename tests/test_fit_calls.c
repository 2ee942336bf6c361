/*
 * test_fit_calls.c - realloc, aligned, zero and trim of the fit family, and the
 * cost of searches.
 */
#include <errno.h>
#include <string.h>

#include "allocators/registry.h"
#include "fit_lab.h"

/* ---- realloc, aligned, zero, trim --------------------------------------- */

static void realloc_grows_into_the_hole_behind(void **state)
{
	struct lab *lab = lab_open("first-fit");

	(void)state;
	play(lab, "a=48 b=80 c=16 -b");
	void *a = lab->named[0];
	assert_ptr_equal(resize(lab, a, 64), a);
	assert_string_equal(blocks(lab), "|a 64|. 80|c 16|");
	assert_ptr_equal(resize(lab, a, 144), a); /* the hole whole */
	assert_string_equal(blocks(lab), "|a 144|c 16|");
	assert_ptr_equal(resize(lab, a, 48), a);
	assert_string_equal(blocks(lab), "|a 48|. 96|c 16|");
	assert_ptr_equal(resize(lab, a, 40), a); /* nothing to cut */
	void *c = lab->named[2];
	assert_ptr_equal(resize(lab, c, 1000), c); /* into the wilderness */
	assert_int_equal(lab_stats(lab).moves, 0);
	memset(a, 7, 48);
	void *moved = resize(lab, a, 200);
	assert_ptr_not_equal(moved, a);
	for (int i = 0; i < 48; i++)
		assert_int_equal(((char *)moved)[i], 7);
	assert_int_equal(lab_stats(lab).moves, 1);
	lab_check_walk(lab, 2);
	lab_close(lab);
}

static void aligned_blocks_leave_holes_before_them(void **state)
{
	struct lab *lab = lab_open("first-fit");

	(void)state;
	lab_malloc(lab, 16);
	for (size_t align = 32; align <= 1 << 20; align *= 2) {
		char *block = lab_aligned(lab, align, 100);
		assert_non_null(block);
		assert_int_equal((uintptr_t)block % align, 0);
		memset(block, 1, 100);
		lab_check(lab);
	}
	lab_check_walk(lab, 1 + 16);
	lab_close(lab);
}

static void zero_malloc_clears_what_was_used(void **state)
{
	static const char *const allocators[] = {
		"first-fit", "first-fit:wilderness=listed",
		"first-fit:coalesce=deferred", "best-fit"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct lab *lab = lab_open(allocators[i]);
		assert_memory_equal(
			lab->allocator->zero_malloc(lab->thread, 16),
			"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
		for (size_t size = 5000; size < 40000; size += 5000) {
			char *dirty = lab_malloc(lab, size);
			memset(dirty, 0xff, size);
			lab_free(lab, dirty);
			size_t wanted = size + 3000;
			char *clean = lab->allocator->zero_malloc(lab->thread,
			                                          wanted);
			for (size_t k = 0; k < wanted; k++)
				assert_int_equal(clean[k], 0);
			memset(clean, 0xff, wanted);
			lab->allocator->free(lab->thread, clean);
		}
		lab_close(lab);
	}
}

static void trim_gives_whole_pages_back(void **state)
{
	static const char *const allocators[] = {
		"first-fit", "first-fit:wilderness=listed",
		"first-fit:coalesce=deferred",
		"first-fit:wilderness=listed,coalesce=never,split_min=4096"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct lab *lab = lab_open(allocators[i]);
		lab_malloc(lab, 100);
		void *large = lab_malloc(lab, 100000);
		size_t before = lab->pages.committed_bytes;
		lab_free(lab, large);
		size_t given = lab->allocator->trim(lab->heap);
		assert_true(given >= 98304);
		assert_int_equal(before - given, lab->pages.committed_bytes);
		assert_int_equal(lab_stats(lab).shrinks, 1);
		assert_int_equal(lab->allocator->trim(lab->heap), 0);
		lab_check(lab);
		lab_check_walk(lab, 1);
		assert_non_null(lab_malloc(lab, 100000));
		lab_close(lab);
	}
}

/* A page more is kept where the rest would be too small for a hole. */
static void trim_leaves_no_crumbs(void **state)
{
	struct lab *lab =
		lab_open("first-fit:wilderness=listed,min_block=1024");

	(void)state;
	lab_free(lab, lab_malloc(lab, 4 * PAGE_BYTES - TAGS_BYTES));
	lab_malloc(lab, 2 * PAGE_BYTES - 512 - TAGS_BYTES);
	assert_int_equal(lab->allocator->trim(lab->heap), PAGE_BYTES);
	lab_check_walk(lab, 1);
	lab_close(lab);
}

static void a_refusal_leaves_the_heap_as_it_was(void **state)
{
	const struct page_source_options options = {
		.kind = PAGE_SOURCE_ARENA, .limit_bytes = 3 * PAGE_BYTES};
	static const char *const knobs[] = {"", "wilderness=listed"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct lab *lab = lab_open_on(allocator_find("best-fit"),
		                              knobs[i], &options);
		play(lab, "a=80 b=5000 c=16 -a");
		char before[4096];
		strcpy(before, lab_heap_string(lab));
		errno = 0;
		assert_null(lab_malloc(lab, 12000));
		assert_int_equal(errno, ENOMEM);
		assert_null(lab_malloc(lab, SIZE_MAX));
		assert_null(lab_malloc(lab, PTRDIFF_MAX));
		assert_null(lab_aligned(lab, 1 << 20, PTRDIFF_MAX));
		assert_null(resize(lab, lab->named[1], PTRDIFF_MAX));
		assert_string_equal(lab_heap_string(lab), before);
		lab_close(lab);
	}
}

/* ---- costs -------------------------------------------------------------- */

static void links_are_counted(void **state)
{
	struct lab *lab = lab_open("first-fit");

	(void)state;
	play(lab, "a=80 b=16 c=48 d=16 e=192 f=16");
	assert_int_equal(lab_stats(lab).links, 0);
	assert_int_equal(lab_stats(lab).searches, 6);
	play(lab, "-e"); /* to an empty chain */
	assert_int_equal(lab_stats(lab).links, 0);
	play(lab, "-a"); /* before e */
	assert_int_equal(lab_stats(lab).links, 1);
	play(lab, "-c"); /* past a, before e */
	assert_int_equal(lab_stats(lab).links, 3);
	play(lab, "-b"); /* a b c become one: the place is known */
	assert_int_equal(lab_stats(lab).links, 3);
	assert_int_equal(lab_stats(lab).merges, 2);
	play(lab, "g=192"); /* |. 192|d 16|. 208|: the second fits exactly */
	assert_int_equal(lab_stats(lab).links, 5);
	assert_int_equal(lab_stats(lab).exact_fits, 1);
	play(lab, "h=100"); /* the first hole fits */
	assert_int_equal(lab_stats(lab).links, 6);
	assert_int_equal(lab_stats(lab).splits, 1);
	lab_close(lab);
}

/* What a search of each policy follows on 96 -> 64 -> 208, or by size. */
static void each_search_has_its_price(void **state)
{
	static const struct {
		const char *allocator;
		size_t size;
		uint64_t links;
	} cases[] = {
		{"first-fit", 40, 1},
		{"first-fit", 100, 3},
		{"first-fit:order=size", 40, 1},
		{"next-fit", 100, 3},
		{"best-fit", 40, 1},
		{"best-fit", 16, 1},
		{"best-fit", 70, 2},
		{"best-fit:order=address", 70, 1}, /* it fits exactly */
		{"best-fit:order=address", 16, 3},
		{"worst-fit", 16, 3},
		{"worst-fit:order=size", 16, 2}, /* the 2nd is smaller */
		{"worst-fit:order=size", 300, 1},
		{"first-fit", 300, 3},
		{"best-fit", 300, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lab *lab = lab_open(cases[i].allocator);
		play(lab, THREE_HOLES);
		uint64_t before = lab_stats(lab).links;
		struct found found = inside(lab)->policy->search(
			inside(lab), bytes_for(inside(lab), cases[i].size));
		if (found.links != cases[i].links)
			fail_msg("%s %zu: %lu links", cases[i].allocator,
			         cases[i].size, found.links);
		lab_malloc(lab, cases[i].size);
		assert_true(lab_stats(lab).links >= before + found.links);
		lab_close(lab);
	}
}

static void lifo_and_fifo_push_without_a_search(void **state)
{
	static const char *const allocators[] = {"first-fit:order=lifo",
	                                         "first-fit:order=fifo"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct lab *lab = lab_open(allocators[i]);
		play(lab, "a=80 b=16 c=48 d=16 e=192 f=16 -a -c -e");
		assert_int_equal(lab_stats(lab).links, 0);
		lab_close(lab);
	}
}

static uint64_t links_of_first_fit(const char *allocator)
{
	struct lab *lab = lab_open(allocator);
	void *block[200];

	for (int i = 0; i < 200; i++)
		block[i] = lab_malloc(lab, i < 199 ? 40 : 100);
	for (int i = 0; i < 199; i += 2)
		lab_free(lab, block[i]); /* 100 holes of 64 */
	uint64_t before = lab_stats(lab).links;
	lab_malloc(lab, 100);
	uint64_t links = lab_stats(lab).links - before;
	lab_close(lab);
	return links;
}

static void a_tree_sees_at_one_look_that_nothing_fits(void **state)
{
	(void)state;
	assert_int_equal(links_of_first_fit("first-fit:min_block=64"), 100);
	assert_int_equal(
		links_of_first_fit("first-fit:min_block=64,index=tree"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(realloc_grows_into_the_hole_behind),
		cmocka_unit_test(aligned_blocks_leave_holes_before_them),
		cmocka_unit_test(zero_malloc_clears_what_was_used),
		cmocka_unit_test(trim_gives_whole_pages_back),
		cmocka_unit_test(trim_leaves_no_crumbs),
		cmocka_unit_test(a_refusal_leaves_the_heap_as_it_was),
		cmocka_unit_test(links_are_counted),
		cmocka_unit_test(each_search_has_its_price),
		cmocka_unit_test(lifo_and_fifo_push_without_a_search),
		cmocka_unit_test(a_tree_sees_at_one_look_that_nothing_fits),
	};
	return cmocka_run_group_tests_name("fit: calls", tests, NULL, NULL);
}
