/*
 * test_bump.c - bump, placed by hand.
 */
#include "lab.h"

static void places_blocks_one_after_the_other(void **state)
{
	struct lab *lab = lab_open("bump");
	void *a = lab_malloc(lab, 20);
	void *b = lab_malloc(lab, 16);

	(void)state;
	assert_ptr_equal((char *)b - (char *)a, 32 + 16);
	lab_free(lab, a);
	lab_check_walk(lab, 1);
	assert_string_equal(lab_heap_string(lab), "|b 16|. 3792|");
	lab_close(lab);
}

static void free_twice(void *ctx)
{
	struct lab *lab = ctx;
	void *a = lab->allocator->malloc(lab->thread, 8);
	lab->allocator->free(lab->thread, a);
	lab->allocator->free(lab->thread, a);
}

static void stops_at_a_double_free(void **state)
{
	struct lab *lab = lab_open("bump");

	(void)state;
	lab_expect_misuse(free_twice, lab, "double free");
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_blocks_one_after_the_other),
		cmocka_unit_test(stops_at_a_double_free),
	};
	return cmocka_run_group_tests_name("bump", tests, NULL, NULL);
}
