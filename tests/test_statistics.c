/*
 * test_statistics.c - medians, intervals, ties; CSV fields; links.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/measure/links.h"
#include "harness/report/csv.h"
#include "harness/run/statistics.h"
#include "lab.h"

static void the_median_of_one_is_itself(void **state)
{
	const double one[] = {4.5};
	struct estimate estimate = estimate_median(one, 1);

	(void)state;
	assert_true(estimate.median == 4.5);
	assert_true(estimate.low == 4.5 && estimate.high == 4.5);
}

static void the_median_does_not_need_order(void **state)
{
	const double odd[] = {9, 1, 5}, even[] = {8, 2, 4, 6};

	(void)state;
	assert_true(estimate_median(odd, 3).median == 5);
	assert_true(estimate_median(even, 4).median == 5);
}

static void the_interval_holds_the_median_and_grows_with_spread(void **state)
{
	double narrow[9], wide[9];

	(void)state;
	for (int i = 0; i < 9; i++) {
		narrow[i] = 100 + i;
		wide[i] = 100 + 10 * i;
	}
	struct estimate a = estimate_median(narrow, 9);
	struct estimate b = estimate_median(wide, 9);
	assert_true(a.low <= a.median && a.median <= a.high);
	assert_true(a.low < a.high);
	assert_true(b.high - b.low > 5 * (a.high - a.low));
}

static void the_same_numbers_give_the_same_interval(void **state)
{
	const double values[] = {3, 1, 4, 1, 5, 9, 2, 6, 5};
	struct estimate a = estimate_median(values, 9);
	struct estimate b = estimate_median(values, 9);

	(void)state;
	assert_memory_equal(&a, &b, sizeof a);
}

static void a_tie_is_an_interval_around_one(void **state)
{
	const double a[] = {10, 11, 9, 10, 12}, b[] = {11, 10, 10, 9, 12};
	const double half[] = {5, 5, 5, 5, 6};
	struct estimate tie = estimate_ratio(a, b, 5);
	struct estimate win = estimate_ratio(half, b, 5);

	(void)state;
	assert_true(estimate_is_tie(&tie));
	assert_false(estimate_is_tie(&win));
	assert_true(win.high < 1);
}

static void fields_are_quoted_only_where_they_must_be(void **state)
{
	char text[64] = "", field[64];
	FILE *out = fmemopen(text, sizeof text, "w");

	(void)state;
	csv_text(out, "buddy");
	putc(' ', out);
	csv_text(out, "first-fit:order=lifo,coalesce=never");
	fclose(out);
	assert_string_equal(text,
	                    "buddy \"first-fit:order=lifo,coalesce=never\"");
	assert_true(csv_first_field(text + 6, field, sizeof field));
	assert_string_equal(field, "first-fit:order=lifo,coalesce=never");
	assert_true(csv_first_field("\"a \"\"b\"\"\",1", field, sizeof field));
	assert_string_equal(field, "a \"b\"");
	assert_false(csv_first_field("\"open,1", field, sizeof field));
}

static void links_are_counted_exactly(void **state)
{
	struct links_histogram links;

	(void)state;
	assert_true(links_open(&links));
	for (uint64_t n = 1; n <= 100; n++)
		links_add(&links, n);
	assert_int_equal(links_quantile(&links, 0.99), 99);
	assert_int_equal(links_quantile(&links, 0.50), 50);
	assert_int_equal(links.max, 100);
	assert_true(links_mean(&links) == 50.5);
	links_clear(&links);
	links_add(&links, (uint64_t)1 << 40); /* above what is kept apart */
	assert_int_equal(links_quantile(&links, 0.99), (uint64_t)1 << 40);
	assert_int_equal(links.all, 1);
	links_close(&links);
}

/* Workload 0 takes twice the time, workload 1 half; one round is disturbed. */
static double twice_and_half(void *ctx, size_t workload, size_t round)
{
	size_t disturbed = *(const size_t *)ctx;

	if (workload == 0 && round == disturbed)
		return 1000;
	return workload == 0 ? 2 : 0.5;
}

static void a_mean_ratio_is_geometric_and_of_medians(void **state)
{
	size_t none = SIZE_MAX, third = 2;
	struct estimate calm = estimate_mean_ratio(twice_and_half, &none, 2, 9);
	struct estimate rough =
		estimate_mean_ratio(twice_and_half, &third, 2, 9);
	struct estimate first =
		estimate_mean_ratio(twice_and_half, &none, 1, 9);

	(void)state;
	assert_true(fabs(calm.median - 1) < 1e-9);
	assert_true(calm.low == calm.median && calm.high == calm.median);
	assert_true(fabs(rough.median - 1) < 1e-9);
	assert_true(rough.low <= 1 && fabs(rough.low - 1) < 1e-9);
	assert_true(fabs(first.median - 2) < 1e-9);
	assert_int_equal(calm.n, 9);
	assert_int_equal(estimate_mean_ratio(twice_and_half, &none, 0, 9).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_median_of_one_is_itself),
		cmocka_unit_test(the_median_does_not_need_order),
		cmocka_unit_test(
			the_interval_holds_the_median_and_grows_with_spread),
		cmocka_unit_test(the_same_numbers_give_the_same_interval),
		cmocka_unit_test(a_tie_is_an_interval_around_one),
		cmocka_unit_test(a_mean_ratio_is_geometric_and_of_medians),
		cmocka_unit_test(fields_are_quoted_only_where_they_must_be),
		cmocka_unit_test(links_are_counted_exactly),
	};
	return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
