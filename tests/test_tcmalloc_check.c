/*
 * test_tcmalloc_check.c - what check() and usage() of tcmalloc say of lists that
 * are broken, or that move while they look.
 */
#include <string.h>

#include "account.h"
#include "allocators/tcmalloc/tcmalloc.h"

static void swap_newest(struct tcm_bin *a, struct tcm_bin *b)
{
	void *newest = tcm_bin_top(a)[-1];

	tcm_bin_top(a)[-1] = tcm_bin_top(b)[-1];
	tcm_bin_top(b)[-1] = newest;
}

/* Both objects are sound and in one list each, but not in theirs. */
static void check_sees_objects_in_lists_of_others(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	const struct tcm_classes *classes = &tcm_heap_of(lab->heap)->classes;
	struct tcm_bin *bins = tcm_cache_of(lab->thread)->bin;
	struct tcm_bin *small = &bins[tcm_class_of(classes, 64)];
	struct tcm_bin *larger = &bins[tcm_class_of(classes, 128)];

	(void)state;
	lab_free(lab, lab_malloc(lab, 64));
	lab_free(lab, lab_malloc(lab, 128));
	assert_true(tcm_bin_count(small) > 0 && tcm_bin_count(larger) > 0);
	swap_newest(small, larger);
	const char *wrong = lab->allocator->check(lab->heap);
	assert_non_null(wrong);
	assert_non_null(strstr(wrong, "tcmalloc I10"));
	swap_newest(small, larger);
	lab_close(lab);
}

/* As another thread may see it: the new base already, the old top still. */
static void usage_passes_over_a_list_that_moves(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	const struct tcm_classes *classes = &tcm_heap_of(lab->heap)->classes;
	struct tcm_bin *bins = tcm_cache_of(lab->thread)->bin;
	struct tcm_bin *bin = &bins[tcm_class_of(classes, 64)];

	(void)state;
	lab_free(lab, lab_malloc(lab, 64));
	size_t count = tcm_bin_count(bin);
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
		cmocka_unit_test(check_sees_objects_in_lists_of_others),
		cmocka_unit_test(usage_passes_over_a_list_that_moves),
	};
	return cmocka_run_group_tests_name("tcmalloc check", tests, NULL, NULL);
}
