/*
 * test_tcmalloc_classes.c - the size classes of tcmalloc: which there are, and
 * what they waste.  All figures are derived here.
 */
#include <math.h>

#include "account.h"
#include "allocators/tcmalloc/tcmalloc.h"

static void require_classes(enum tcm_spacing spacing, unsigned batch)
{
	struct tcm_classes classes;

	tcm_classes_make(&classes, spacing, batch, true);
	for (size_t size = 0; size <= TCM_SMALL_MAX; size++) {
		unsigned class = tcm_class_of(&classes, size);
		assert_in_range(class, 1, classes.count - 1);
		assert_true(classes.table[class].bytes >= size);
		assert_true(class == 1 ||
		            classes.table[class - 1].bytes < size);
	}
	for (unsigned i = 1; i < classes.count; i++) {
		const struct tcm_class *class = &classes.table[i];
		size_t span = (size_t) class->pages << TCM_PAGE_LOG2;
		size_t tail = span - (size_t) class->objects * class->bytes;
		assert_true(class->bytes == 8 || class->bytes % 16 == 0);
		assert_true(tail < class->bytes);
		assert_true(8 * tail <= span);
		assert_in_range(class->batch, TCM_BATCH_MIN, batch);
		assert_true(class->objects >= class->batch / 4);
		assert_true((class->objects - 1u) * class->scale >> 16 <
		            TCM_FULLNESS_LISTS);
	}
}

static void every_size_has_the_smallest_class_that_holds_it(void **state)
{
	(void)state;
	require_classes(TCM_SPACING_EIGHTH, 32);
	require_classes(TCM_SPACING_EIGHTH, 512);
	require_classes(TCM_SPACING_208, 32);
	require_classes(TCM_SPACING_208, 2);
}

/* The worst share of a block that is lost, for requests in a band. */
static double worst_waste(const struct tcm_classes *classes, size_t from,
                          size_t to)
{
	double worst = 0;

	for (size_t size = from; size <= to; size++) {
		double block =
			classes->table[tcm_class_of(classes, size)].bytes;
		double waste = (block - (double)size) / block;
		worst = waste > worst ? waste : worst;
	}
	return worst;
}

/* [Ghemawat]'s 208 lists, those included that break the alignment to 16. */
static void the_208_lists_waste_as_derived(void **state)
{
	static const struct {
		size_t from, to;
		double worst;
	} bands[] = {
		{1, 8, 7. / 8},
		{17, 128, 7. / 24},
		{129, 1 << 10, 15. / 144},
		{1025, 8 << 10, 127. / 1152},
		{(8 << 10) + 1, 64 << 10, 1023. / 9216},
		{(64 << 10) + 1, 256 << 10, 8191. / 73728},
	};
	struct tcm_classes classes;

	(void)state;
	tcm_classes_make(&classes, TCM_SPACING_208, 32, false);
	assert_int_equal(classes.count, 208 + 1);
	for (int i = 0; i < 6; i++)
		assert_float_equal(
			worst_waste(&classes, bands[i].from, bands[i].to),
			bands[i].worst, 1e-6);
	tcm_classes_make(&classes, TCM_SPACING_208, 32, true);
	assert_int_equal(classes.count, 208 - 7 + 1); /* 24, 40, ... 120 */
}

/* Mean waste of requests, bytes lost of bytes given. */
static void the_208_lists_waste_little_on_average(void **state)
{
	struct tcm_classes classes;
	double given = 0, asked = 0, last = 1;

	(void)state;
	tcm_classes_make(&classes, TCM_SPACING_208, 32, false);
	for (size_t size = 1; size <= TCM_SMALL_MAX; size++) {
		given += classes.table[tcm_class_of(&classes, size)].bytes;
		asked += (double)size;
	}
	assert_true(fabs(1 - asked / given - .0237) < .00005);
	given = asked = 0;
	for (size_t size = 1; size <= 4096; size++) { /* exponential, mean 64 */
		double beyond = exp(-(double)size / 64), share = last - beyond;
		given += share *
		         classes.table[tcm_class_of(&classes, size)].bytes;
		asked += share * (double)size;
		last = beyond;
	}
	assert_true(fabs(1 - asked / given - .0605) < .0001);
}

/* "12.5 %" is a share of the request; of the block it is a ninth. */
static void eighths_waste_an_eighth_of_a_request(void **state)
{
	struct tcm_classes classes;

	(void)state;
	tcm_classes_make(&classes, TCM_SPACING_EIGHTH, TCM_BATCH_MAX, true);
	for (size_t size = 128; size <= TCM_SMALL_MAX; size++) {
		unsigned class = tcm_class_of(&classes, size);
		size_t below = classes.table[class - 1].bytes;
		size_t step = classes.table[class].bytes - below;
		const struct tcm_class *one = &classes.table[class];
		/* A class may have swallowed one with as many objects. */
		if (8 * step > below)
			assert_true((one->bytes - below / 8 * 9) *
			                    one->objects <=
			            (size_t)one->pages << TCM_PAGE_LOG2);
	}
	assert_true(worst_waste(&classes, 129, 1024) <= 1. / 9);
}

/* Mean of block / request in (low, 2 * low], all scales alike. */
static double mean_rounding(const struct tcm_classes *classes, size_t low)
{
	double sum = 0, weights = 0;

	for (size_t size = low + 1; size <= 2 * low; size++) {
		double asked = (double)size;
		sum += classes->table[tcm_class_of(classes, size)].bytes /
		       asked / asked;
		weights += 1 / asked;
	}
	return sum / weights;
}

/*
 * m linear classes in a doubling: the sum of 1/(m + i), over ln 2; 8 where no
 * class was made one with its neighbour, 16 where the step is a page.
 */
static void eighths_waste_little_on_average(void **state)
{
	struct tcm_classes classes;
	double eight = 0, sixteen = 0;

	(void)state;
	for (int i = 8; i < 16; i++)
		eight += 1 / log(2) / i;
	for (int i = 16; i < 32; i++)
		sixteen += 1 / log(2) / i;
	assert_true(fabs(eight - 1.0465) < .0001);
	tcm_classes_make(&classes, TCM_SPACING_EIGHTH, 32, true);
	assert_true(fabs(mean_rounding(&classes, 128) - eight) < .5 / 128);
	assert_true(fabs(mean_rounding(&classes, 256) - eight) < .5 / 256);
	assert_true(fabs(mean_rounding(&classes, 64 << 10) - eight) < .0001);
	assert_true(fabs(mean_rounding(&classes, 128 << 10) - sixteen) < .0001);
}

/*
 * A class that has swallowed its neighbours loses more in the block, and no more
 * in all: what a span has for each object is less than 5/4 of any request.
 */
static void block_and_tail_waste_a_quarter_of_a_request(void **state)
{
	struct tcm_classes classes;
	double worst = 0;

	(void)state;
	tcm_classes_make(&classes, TCM_SPACING_EIGHTH, 32, true);
	for (size_t size = 129; size <= TCM_SMALL_MAX; size++) {
		const struct tcm_class *class =
			&classes.table[tcm_class_of(&classes, size)];
		size_t span = (size_t) class->pages << TCM_PAGE_LOG2;
		double share = (double)span / class->objects / (double)size - 1;
		worst = share > worst ? share : worst;
	}
	assert_true(worst < .25 && worst > .2499);
	assert_int_equal(classes.table[tcm_class_of(&classes, 3329)].bytes,
	                 4096);
	assert_true(worst_waste(&classes, 3329, 3329) > 1. / 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_size_has_the_smallest_class_that_holds_it),
		cmocka_unit_test(the_208_lists_waste_as_derived),
		cmocka_unit_test(the_208_lists_waste_little_on_average),
		cmocka_unit_test(eighths_waste_an_eighth_of_a_request),
		cmocka_unit_test(eighths_waste_little_on_average),
		cmocka_unit_test(block_and_tail_waste_a_quarter_of_a_request),
	};
	return cmocka_run_group_tests_name("tcmalloc classes", tests, NULL,
	                                   NULL);
}
