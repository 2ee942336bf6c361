/*
 * test_distribution.c - random numbers against their published vectors,
 * distributions against their means and quantiles.
 *
 * Draws use fixed seeds, so a test passes always or never.  Tolerances are five
 * standard errors of the mean for the number of draws.
 */
#include "lab.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/generate/distribution.h"
#include "harness/generate/exact_math.h"
#include "allocators/common/count.h"
#include "harness/generate/number.h"
#include "harness/generate/random.h"

enum { DRAWS = 200000 };

static const uint64_t MOST = (uint64_t)1 << 46;

/* --- random numbers ----------------------------------------------------- */

/* The first outputs for the state 1, 2, 3, 4, from the authors' code. */
static void bits_are_those_of_xoshiro(void **state)
{
	static const uint64_t expected[] = {11520, 0, 1509978240,
	                                    1215971899390074240u};
	struct random random = {.state = {1, 2, 3, 4}};

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(random_bits(&random), expected[i]);
}

static void streams_of_a_seed_differ(void **state)
{
	struct random a, b, c;

	(void)state;
	random_seed(&a, 7, 0);
	random_seed(&b, 7, 1);
	random_seed(&c, 8, 0);
	uint64_t first = random_bits(&a);
	assert_int_not_equal(first, random_bits(&b));
	assert_int_not_equal(first, random_bits(&c));
	random_seed(&b, 7, 0);
	assert_int_equal(first, random_bits(&b));
}

/*
 * For n = 3 * 2^62 a draw without rejection would be a multiple of 3 half of the
 * time instead of a third.
 */
static void bounded_draws_favour_nothing(void **state)
{
	uint64_t n = (uint64_t)3 << 62, multiples = 0;
	struct random random;

	(void)state;
	random_seed(&random, 1, 0);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t draw = random_below(&random, n);
		assert_true(draw < n);
		multiples += draw % 3 == 0;
	}
	assert_true(fabs((double)multiples / DRAWS - 1. / 3) < .0053);
	for (int i = 0; i < 100; i++)
		assert_int_equal(random_below(&random, 1), 0);
}

static void mathematics_agrees_with_libm(void **state)
{
	(void)state;
	for (double x = 1e-15; x < 1e12; x *= 1.7)
		assert_true(fabs(exact_log(x) - log(x)) <=
		            1e-13 * fabs(log(x)) + 1e-16);
	for (double x = -600; x < 600; x += 3.7)
		assert_true(fabs(exact_exp(x) / exp(x) - 1) < 1e-13);
	for (double z = -6; z < 6; z += .37)
		assert_true(
			fabs(exact_normal_quantile(.5 * erfc(-z / sqrt(2))) -
		             z) < 2e-6);
}

/* --- numbers ------------------------------------------------------------ */

static void numbers_are_read_strictly(void **state)
{
	static const char *const bad_counts[] = {"",
	                                         "-1",
	                                         "+1",
	                                         "1.5",
	                                         "1k2",
	                                         "0x10",
	                                         "K",
	                                         "1 ",
	                                         "1e3",
	                                         "99999999999999999999",
	                                         "17179869184G"};
	static const char *const bad_reals[] = {"",    "-1",   ".",   "1.2.3",
	                                        "1/0", "1/",   "/2",  "nan",
	                                        "1e3", "20%%", "1/3%"};
	uint64_t count;
	double real;

	(void)state;
	for (size_t i = 0; i < sizeof bad_counts / sizeof *bad_counts; i++)
		assert_false(count_parse(bad_counts[i], &count));
	for (size_t i = 0; i < sizeof bad_reals / sizeof *bad_reals; i++)
		assert_false(number_parse_real(bad_reals[i], &real));
	assert_true(count_parse("3k", &count) && count == 3072);
	assert_true(count_parse("2G", &count) && count == 1u << 31);
	assert_true(number_parse_real("1/32", &real));
	assert_true(fabs(real - .03125) < 1e-15);
	assert_true(number_parse_real("12.5%", &real));
	assert_true(fabs(real - .125) < 1e-15);
}

/* --- distributions ------------------------------------------------------ */

static struct distribution parse(const char *text)
{
	struct distribution made;
	char error[256];

	if (!distribution_parse(text, 0, MOST, &made, error, sizeof error))
		fail_msg("%s: %s", text, error);
	return made;
}

/* Draws DRAWS values; returns their mean, and checks that Q never falls. */
static double mean_of(const struct distribution *distribution)
{
	struct random random;
	double sum = 0;
	uint64_t before = 0;

	random_seed(&random, 42, 0);
	for (int i = 0; i < DRAWS; i++)
		sum += (double)distribution_quantile(distribution,
		                                     random_unit(&random));
	for (int i = 1; i < 1000; i++) {
		uint64_t value = distribution_quantile(distribution, i / 1000.);
		assert_true(value >= before);
		before = value;
	}
	return sum / DRAWS;
}

static void expect_mean(const char *text, double mean, double deviation)
{
	struct distribution distribution = parse(text);
	double found = mean_of(&distribution);

	if (fabs(found - mean) > 5 * deviation / sqrt(DRAWS) + 1e-9)
		fail_msg("%s: mean %g instead of %g", text, found, mean);
}

static void means_are_as_defined(void **state)
{
	(void)state;
	expect_mean("64", 64, 0);
	expect_mean("constant value=1K", 1024, 0);
	expect_mean("uniform min=16 max=256", 136, 70);
	expect_mean("uniform min=0 max=60 step=20", 30, 23);
	expect_mean("exponential mean=1000 min=0", 1000, 1000);
	expect_mean("discrete 16:1/2 32:1/3 64:1/6", 8 + 32. / 3 + 64. / 6, 18);
	expect_mean("discrete 7:5", 7, 0);
	expect_mean("empirical 10:.5 100:1", .5 * 5.5 + .5 * 55.5, 35);
	expect_mean("lognormal median=1000 sigma=.5", 1000 * exp(.125),
	            1000 * exp(.125) * sqrt(exp(.25) - 1));
}

static void expect_quantile(const char *text, double u, uint64_t value)
{
	struct distribution distribution = parse(text);

	assert_int_equal(distribution_quantile(&distribution, u), value);
}

static void quantiles_are_exact(void **state)
{
	(void)state;
	expect_quantile("exponential mean=100 min=0", .5, 69);
	expect_quantile("exponential mean=1M min=0", .99, 4828871);
	expect_quantile("lognormal median=64 sigma=1.2", .5, 64);
	expect_quantile("lognormal median=1000 sigma=1", .8413447, 2718);
	expect_quantile("uniform min=1 max=10", .0999, 1);
	expect_quantile("uniform min=1 max=10", .1001, 2);
	expect_quantile("uniform min=1 max=10", .9999, 10);
	expect_quantile("discrete 3:1 5:1", .4999, 3);
	expect_quantile("discrete 3:1 5:1", .5001, 5);
	expect_quantile("discrete 3:0 5:1", .0001, 5);
	expect_quantile("empirical 8:.25 16:1", .25, 8);
	expect_quantile("empirical 8:.25 16:1", .2501, 9);
	expect_quantile("empirical 8:.25 16:1", .0001, 1);
	expect_quantile("empirical min=4 8:.25 16:1", .0001, 4);
	expect_quantile("empirical 8:.25 16:1", .9999, 16);
}

/*
 * Within bounds the proportions stay: of exponential values between 50 and 200
 * the share above 100 is (e^-1 - e^-2) / (e^-.5 - e^-2), not what clamping or
 * an atom at the bound would give.
 */
static void bounds_keep_proportions(void **state)
{
	struct distribution bounded =
		parse("exponential mean=100 min=50 max=200");
	double share = (exp(-1.005) - exp(-2.005)) / (exp(-.495) - exp(-2.005));
	int above = 0, at_bound = 0;
	struct random random;

	(void)state;
	random_seed(&random, 5, 0);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t value =
			distribution_quantile(&bounded, random_unit(&random));
		assert_true(value >= 50 && value <= 200);
		above += value > 100;
		at_bound += value == 200;
	}
	assert_true(fabs((double)above / DRAWS - share) < .0056);
	assert_true(at_bound < DRAWS / 100);
}

static void expect_refusal(const char *text, const char *reason)
{
	struct distribution kept = {.kind = DISTRIBUTION_CONSTANT, .min = 77};
	char error[256] = "";

	assert_false(
		distribution_parse(text, 1, 1000, &kept, error, sizeof error));
	assert_string_equal(error, reason);
	assert_int_equal(kept.min, 77);
}

static void mistakes_have_sentences(void **state)
{
	(void)state;
	expect_refusal("", "the value is missing");
	expect_refusal("gauss mean=3",
	               "there is no distribution \"gauss\" (constant, uniform, "
	               "exponential, lognormal, discrete, empirical)");
	expect_refusal("uniform min=3", "uniform lacks max=");
	expect_refusal("exponential", "exponential lacks mean=");
	expect_refusal("uniform min=3 max=x", "max=x is not a whole number");
	expect_refusal("lognormal median=ten sigma=1",
	               "median=ten is not a number");
	expect_refusal("uniform min=3 mean=9",
	               "uniform has no parameter \"mean\" (it has min, max, "
	               "step)");
	expect_refusal("uniform min=3 min=4", "min is given twice");
	expect_refusal("uniform 3 4",
	               "\"3\" is not of the form parameter=value");
	expect_refusal("uniform min=9 max=3", "min 9 is above max 3");
	expect_refusal("uniform min=1 max=2000",
	               "values must lie within 1..1000, these reach 2000");
	expect_refusal("0", "values must lie within 1..1000, these reach 0");
	expect_refusal("uniform min=1 max=5 step=0", "step must be at least 1");
	expect_refusal("exponential mean=0", "the mean must be above 0");
	expect_refusal("lognormal median=0 sigma=1",
	               "the median must be above 0");
	expect_refusal("lognormal median=9 sigma=9", "sigma must be at most 8");
	expect_refusal("exponential mean=1 min=900",
	               "almost none of this exponential lies within 900..1000");
	expect_refusal("discrete", "discrete has no rows value:share");
	expect_refusal("discrete 8", "\"8\" is not of the form value:share");
	expect_refusal("discrete x:1", "\"x\" is not a whole number");
	expect_refusal("discrete 8:y",
	               "\"y\" is not a share such as .25, 1/4 or 25%");
	expect_refusal("discrete 8:0 9:0", "the weights add up to 0");
	expect_refusal("discrete 8:1 8:1",
	               "the values of a table must rise: 8 after 8");
	expect_refusal("discrete 8:1 max=9",
	               "discrete has no parameter \"max\" (it has none)");
	expect_refusal("empirical 8:.5 9:.4 10:1",
	               "the shares of a cumulative table must not fall: 0.4 "
	               "after 0.5");
	expect_refusal("empirical 8:.5 9:.9",
	               "the last share of a cumulative table must be 1, not "
	               "0.9");
	expect_refusal("empirical min=9 8:1", "min 9 is above max 8");
	expect_refusal("empirical min=5 4:.5 9:1",
	               "min 5 is above the first row");
}

static void tables_have_an_end(void **state)
{
	char text[1024] = "discrete";

	(void)state;
	for (int i = 1; i <= TABLE_ROWS_MAX + 1; i++)
		sprintf(text + strlen(text), " %d:1", i);
	expect_refusal(text, "a table has at most 64 rows");
	*strrchr(text, ' ') = '\0';
	expect_quantile(text, .9999, TABLE_ROWS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_are_those_of_xoshiro),
		cmocka_unit_test(streams_of_a_seed_differ),
		cmocka_unit_test(bounded_draws_favour_nothing),
		cmocka_unit_test(mathematics_agrees_with_libm),
		cmocka_unit_test(numbers_are_read_strictly),
		cmocka_unit_test(means_are_as_defined),
		cmocka_unit_test(quantiles_are_exact),
		cmocka_unit_test(bounds_keep_proportions),
		cmocka_unit_test(mistakes_have_sentences),
		cmocka_unit_test(tables_have_an_end),
	};
	return cmocka_run_group_tests_name("distribution", tests, NULL, NULL);
}
