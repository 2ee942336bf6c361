/*
 * test_generate.c - generated programs do what their specs say: who dies, when,
 * by whose hand, and that every key matters.
 *
 * Small traces are compared as strings (generated.h: blocks numbered by birth),
 * large ones by shares and means, with fixed seeds.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated.h"
#include "harness/generate/generate.h"

#define HEAD "[workload]\nsize = 8\n[phase p]\n"

/* Requires these events of a small spec. */
static void expect(const char *spec, const char *events)
{
	struct generated *made = generate_text(spec, NULL);

	assert_string_equal(generated_text(made), events);
	generated_free(made);
}

static void expect_near(double found, double wanted, double tolerance)
{
	if (fabs(found - wanted) > tolerance)
		fail_msg("%g instead of %g, +- %g", found, wanted, tolerance);
}

/* --- death -------------------------------------------------------------- */

static void bounds_hold_and_death_has_an_order(void **state)
{
	(void)state;
	expect(HEAD "operations = 5\nlive = 3\ndeath = fifo\n",
	       "p | 1:8 2:8 3:8 -1 4:8 -2 5:8 -3 -4 -5");
	expect(HEAD "operations = 5\nlive = 3\ndeath = lifo\n",
	       "p | 1:8 2:8 3:8 -3 4:8 -4 5:8 -1 -2 -5");
	expect(HEAD "operations = 4\nlive_bytes = 17\ndeath = fifo\n",
	       "p | 1:8 2:8 -1 3:8 -2 4:8 -3 -4");
	expect(HEAD "operations = 5\nlive = 4 to 2\ndeath = fifo\n",
	       "p | 1:8 2:8 3:8 -1 4:8 -2 -3 5:8 -4 -5");
	expect(HEAD "operations = 3\nlive = 0\n", "p | 1:8 -1 2:8 -2 3:8 -3");
}

/* Of n live blocks each dies with probability 1/n: lifetimes are geometric. */
static void random_death_is_memoryless(void **state)
{
	struct generated *made =
		generate_text(HEAD "operations = 200000\nlive = 100\n", NULL);
	double sum = 0, beyond = 0, n = 0;

	(void)state;
	for (size_t i = 1000; i + 5000 < made->count; i++) {
		double age =
			(double)(made->blocks[i].death - made->blocks[i].birth);
		sum += age;
		beyond += age > 200;
		n++;
	}
	expect_near(sum / n, 100, 1.2);
	expect_near(beyond / n, pow(.99, 200), .004);
	generated_free(made);
}

static void lifetimes_are_kept(void **state)
{
	double sum = 0;

	(void)state;
	expect(HEAD "operations = 5\nlifetime = 2\n",
	       "p | 1:8 2:8 -1 3:8 -2 4:8 -3 5:8 -4 -5");
	expect(HEAD "operations = 3\nlifetime = 1\n",
	       "p | 1:8 -1 2:8 -2 3:8 -3");
	/* A lifetime and a bound: whichever comes first. */
	expect(HEAD "operations = 4\nlifetime = 3\nlive = 2\ndeath = lifo\n",
	       "p | 1:8 2:8 -2 3:8 -1 4:8 -3 -4");
	/* It reaches into the next phase, whose own blocks have none. */
	expect(HEAD "operations = 2\nlifetime = 3\n[phase q]\noperations = 3\n",
	       "p | 1:8 2:8 q | 3:8 -1 4:8 -2 5:8 -3 -4 -5");
	struct generated *made = generate_text(
		HEAD "operations = 40000\nlifetime = uniform min=50 max=150\n",
		NULL);
	for (size_t i = 0; i < 39000; i++) {
		uint64_t age = made->blocks[i].death - made->blocks[i].birth;
		assert_in_range(age, 50, 150);
		sum += (double)age;
	}
	expect_near(sum / 39000, 100, .75);
	generated_free(made);
}

static void the_end_is_as_asked(void **state)
{
	static const char spec[] = HEAD "operations = 4\n";
	static const char *const leave[] = {"at_end=leave", NULL};
	static const char *const lifo[] = {"at_end=lifo", NULL};
	static const char *const random[] = {"at_end=random", NULL};
	static const char *const *const ends[] = {NULL, leave, lifo, random};
	static const char *const expected[] = {
		"p | 1:8 2:8 3:8 4:8 -1 -2 -3 -4", "p | 1:8 2:8 3:8 4:8",
		"p | 1:8 2:8 3:8 4:8 -4 -3 -2 -1",
		"p | 1:8 2:8 3:8 4:8 -4 -2 -1 -3"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct generated *made = generate_text(spec, ends[i]);
		assert_string_equal(generated_text(made), expected[i]);
		generated_free(made);
	}
}

static void phases_keep_a_share(void **state)
{
	(void)state;
	expect(HEAD "operations = 4\nkeep = 0\n[phase q]\noperations = 1\n",
	       "p | 1:8 2:8 3:8 4:8 -1 -2 -3 -4 q | 5:8 -5");
	expect(HEAD "operations = 4\nkeep = 0\nend_order = lifo\n",
	       "p | 1:8 2:8 3:8 4:8 -4 -3 -2 -1");
	/* Later phases choose among the survivors, or, elsewhere, do not. */
	expect(HEAD "operations = 2\n[phase q]\noperations = 1\nlive = 1\n"
	            "death = fifo\n",
	       "p | 1:8 2:8 q | -1 -2 3:8 -3");
	expect(HEAD "operations = 2\n[phase q]\noperations = 2\nlive = 1\n"
	            "pool = other\n",
	       "p | 1:8 2:8 q | 3:8 -3 4:8 -1 -2 -4");
	struct generated *made = generate_text(
		"[workload]\nsize = 8\nat_end = leave\n[phase p]\n"
		"operations = 10000\nkeep = 1/4\n",
		NULL);
	size_t kept = 0, kept_of_old_half = 0;
	for (size_t i = 0; i < made->count; i++) {
		bool lives = made->blocks[i].death == UINT64_MAX;
		kept += lives;
		kept_of_old_half += lives && i < made->count / 2;
	}
	assert_int_equal(kept, 2500);
	expect_near((double)kept_of_old_half, 1250, 5 * 22);
	generated_free(made);
}

static void bursts_are_freed_when_complete(void **state)
{
	(void)state;
	expect(HEAD "operations = 5\nburst = 3\n",
	       "p | 1:8 2:8 3:8 -3 -2 -1 4:8 5:8 -5 -4");
	expect(HEAD "operations = 3\nburst = 3\ndeath = fifo\n",
	       "p | 1:8 2:8 3:8 -1 -2 -3");
	expect(HEAD "operations = 6\nburst = 6\ndeath = random\n",
	       "p | 1:8 2:8 3:8 4:8 5:8 6:8 -4 -2 -3 -5 -6 -1");
	/* Two under way: they interleave, and each is freed as a whole. */
	expect(HEAD "operations = 8\nburst = 3\nbursts_open = 2\n",
	       "p | 1:8 2:8 3:8 4:8 -4 -3 -1 5:8 6:8 7:8 8:8 -8 -6 -5 -7 -2");
}

/* --- mixtures ----------------------------------------------------------- */

static void groups_get_their_shares(void **state)
{
	struct generated *made = generate_text(
		"[workload]\n[phase p]\noperations = 60000\n"
		"[group a]\nsize = 1\nshare = 3\n[group b]\nsize = 2\n"
		"share = 2\n[group c]\nsize = 3\n[group d]\nsize = 4\n"
		"share = 0\n",
		NULL);
	double of_size[5] = {0};

	(void)state;
	for (size_t i = 0; i < made->count; i++)
		of_size[made->blocks[i].size]++;
	expect_near(of_size[1] / 60000, 1. / 2, .011);
	expect_near(of_size[2] / 60000, 1. / 3, .010);
	expect_near(of_size[3] / 60000, 1. / 6, .008);
	expect_near(of_size[4], 0, 0);
	generated_free(made);
}

static void settings_are_inherited(void **state)
{
	(void)state;
	expect("[workload]\nsize = 1\noperations = 2\n[phase p]\n"
	       "[phase q]\nsize = 2\n[group x]\n[phase r]\nsize = 3\n"
	       "[group y]\nsize = 4\n",
	       "p | 1:1 2:1 q | 3:2 4:2 r | 5:4 6:4 -1 -2 -3 -4 -5 -6");
	expect("[workload]\nsize = 1\noperations = 2\nlifetime = 1\nrepeat = 2\n"
	       "[phase p]\n[phase q]\nlifetime = none\nlive = 1\n",
	       "p | 1:1 -1 2:1 q | -2 3:1 -3 4:1 p | 5:1 -5 6:1 q | -6 -4 7:1 "
	       "-7 8:1 -8");
}

static double correlation_of(const char *spec)
{
	struct generated *made = generate_text(spec, NULL);
	double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;

	for (size_t i = 0; i + 2000 < made->count; i++) {
		double size = (double)made->blocks[i].size;
		double age =
			(double)(made->blocks[i].death - made->blocks[i].birth);
		n++;
		x += size;
		y += age;
		xx += size * size;
		yy += age * age;
		xy += size * age;
	}
	generated_free(made);
	return (xy / n - x / n * y / n) /
	       sqrt((xx / n - x / n * x / n) * (yy / n - y / n * y / n));
}

/* Uniform against uniform: there rank correlation is plain correlation. */
static void size_and_lifetime_correlate(void **state)
{
	static const char spec[] =
		"[workload]\n[phase p]\noperations = 60000\n"
		"size = uniform min=1 max=1000\n"
		"lifetime = uniform min=1 max=1000\ncorrelation = %s\n";
	static const char *const wanted[] = {"0", "1/2", "-0.8", "1"};
	static const double values[] = {0, .5, -.8, 1};
	char text[256];

	(void)state;
	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof text, spec, wanted[i]);
		expect_near(correlation_of(text), values[i], .021);
	}
}

static void blocks_grow(void **state)
{
	(void)state;
	expect(HEAD "operations = 5\ngrow_share = 100%\ngrow_to = 50\n",
	       "p | 1:8 1:16 1:32 1:50 2:8 -1 -2");
	expect(HEAD "operations = 4\ngrow_share = 1\ngrow_factor = 1.3\n",
	       "p | 1:8 1:11 1:15 1:20 -1");
	expect(HEAD "operations = 4\ngrow_share = 1\ngrow_factor = 1\n"
	            "grow_step = 5\ngrow_which = newest\ngrow_to = 13\n",
	       "p | 1:8 1:13 2:8 2:13 -1 -2");
	expect("[workload]\nsize = 0\n[phase p]\noperations = 3\n"
	       "grow_share = 1\n",
	       "p | 1:0 1:1 1:2 -1");
	struct generated *made = generate_text(
		HEAD "operations = 40000\ngrow_share = 3/4\nlive = 500\n"
		     "grow_factor = 1\ngrow_step = 1\n",
		NULL);
	expect_near((double)made->count, 10000, 250);
	generated_free(made);
}

static void kinds_and_alignments_have_shares(void **state)
{
	struct generated *made = generate_text(
		HEAD "operations = 40000\nlive = 50\ncalloc_share = 20%\n"
		     "aligned_share = 30%\nalign = discrete 32:1 4K:1\n",
		NULL);
	double of_kind[TRACE_KINDS] = {0}, to_page = 0;

	(void)state;
	for (size_t i = 0; i < made->count; i++) {
		const struct generated_block *block = &made->blocks[i];
		of_kind[block->kind]++;
		to_page += block->align_log2 == 12;
		if (block->kind == TRACE_ALIGNED)
			assert_true(block->align_log2 == 5 ||
			            block->align_log2 == 12);
	}
	expect_near(of_kind[TRACE_CALLOC] / 40000, .2, .01);
	expect_near(of_kind[TRACE_ALIGNED] / 40000, .3, .0115);
	expect_near(to_page / of_kind[TRACE_ALIGNED], .5, .023);
	generated_free(made);
}

/* --- threads ------------------------------------------------------------ */

static double share_of_remote_frees(const struct generated *made)
{
	double remote = 0, freed = 0;

	for (size_t i = 0; i < made->count; i++) {
		if (made->blocks[i].death == UINT64_MAX)
			continue;
		freed++;
		remote += made->blocks[i].born_by != made->blocks[i].freed_by;
	}
	return remote / freed;
}

static void threads_start_act_and_end(void **state)
{
	(void)state;
	expect(HEAD "operations = 1\nthreads = 3\n[phase q]\noperations = 1\n"
	            "threads = 2\n",
	       "p | thread start 1 thread start 2 1:8 q | thread exit 2 2:8 -1 "
	       "-2 thread exit 1");
	struct generated *made = generate_text(
		"[workload]\nsize = 8\nat_end = leave\n[phase p]\n"
		"operations = 40000\nlive = 100\nthreads = 4\n"
		"remote_share = 1/4\n",
		NULL);
	double by_thread[4] = {0};
	for (size_t i = 0; i < made->count; i++)
		by_thread[made->blocks[i].born_by]++;
	for (int i = 0; i < 4; i++)
		expect_near(by_thread[i] / 40000, .25, .011);
	expect_near(share_of_remote_frees(made), .25, .011);
	assert_int_equal(made->trace.threads, 4);
	generated_free(made);
}

static void a_consumer_frees_what_a_producer_made(void **state)
{
	struct generated *made = generate_text(
		"[workload]\nsize = 8\nat_end = leave\n[phase p]\n"
		"operations = 1000\nlive = 10\ndeath = fifo\nthreads = 3\n"
		"thread = 2\nremote_share = 1\nfree_thread = 1\n",
		NULL);

	(void)state;
	for (size_t i = 0; i < made->count; i++) {
		assert_int_equal(made->blocks[i].born_by, 2);
		if (made->blocks[i].death != UINT64_MAX)
			assert_int_equal(made->blocks[i].freed_by, 1);
	}
	generated_free(made);
}

/* What a thread leaves behind when it ends, thread 0 frees. */
static void orphans_are_freed_by_the_first_thread(void **state)
{
	struct generated *made = generate_text(
		HEAD "operations = 2\nthreads = 2\nthread = 1\n[phase q]\n"
		     "operations = 1\nthreads = 1\nthread = any\n",
		NULL);

	(void)state;
	assert_int_equal(made->blocks[0].born_by, 1);
	assert_int_equal(made->blocks[0].freed_by, 0);
	generated_free(made);
}

/* --- seeds -------------------------------------------------------------- */

/* The checksum pins the trace: another machine or compiler must find it too. */
static void same_seed_same_trace(void **state)
{
	static const char spec[] =
		"[workload]\n[phase p]\noperations = 5000\n"
		"[group a]\nsize = lognormal median=90 sigma=1.3 max=64K\n"
		"lifetime = exponential mean=300\ncorrelation = 1/3\n"
		"[group b]\nsize = empirical 8:.2 64:.7 4K:1\nlive = 100\n"
		"grow_share = 1/5\n";
	static const char *const two[] = {"seed=2", NULL};
	struct generated *first = generate_text(spec, NULL);
	struct generated *again = generate_text(spec, NULL);
	struct generated *other = generate_text(spec, two);

	(void)state;
	assert_int_equal(first->trace.checksum, again->trace.checksum);
	assert_int_not_equal(first->trace.checksum, other->trace.checksum);
	assert_int_equal(first->trace.checksum, 0x6d12849b9ca0a144u);
	generated_free(first);
	generated_free(again);
	generated_free(other);
}

/* One decision is changed, the others stay: the sizes are the same ones. */
static void death_does_not_change_sizes(void **state)
{
	static const char spec[] = "[workload]\nsize = exponential mean=100\n"
				   "[phase p]\noperations = 5000\nlive = 50\n";
	static const char *const fifo[] = {"death=fifo", "calloc_share=1/2",
	                                   NULL};
	struct generated *random = generate_text(spec, NULL);
	struct generated *other = generate_text(spec, fifo);

	(void)state;
	assert_int_equal(random->count, other->count);
	for (size_t i = 0; i < random->count; i++)
		assert_int_equal(random->blocks[i].size, other->blocks[i].size);
	assert_int_not_equal(random->trace.checksum, other->trace.checksum);
	generated_free(random);
	generated_free(other);
}

static void the_source_says_how(void **state)
{
	static const char *const sets[] = {"seed=9", "live=3", NULL};
	struct generated *made = generate_text(HEAD "operations = 5\n", sets);

	(void)state;
	assert_non_null(strstr(made->trace.source, ".ini, seed 9, live=3"));
	generated_free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_hold_and_death_has_an_order),
		cmocka_unit_test(random_death_is_memoryless),
		cmocka_unit_test(lifetimes_are_kept),
		cmocka_unit_test(the_end_is_as_asked),
		cmocka_unit_test(phases_keep_a_share),
		cmocka_unit_test(bursts_are_freed_when_complete),
		cmocka_unit_test(groups_get_their_shares),
		cmocka_unit_test(settings_are_inherited),
		cmocka_unit_test(size_and_lifetime_correlate),
		cmocka_unit_test(blocks_grow),
		cmocka_unit_test(kinds_and_alignments_have_shares),
		cmocka_unit_test(threads_start_act_and_end),
		cmocka_unit_test(a_consumer_frees_what_a_producer_made),
		cmocka_unit_test(orphans_are_freed_by_the_first_thread),
		cmocka_unit_test(same_seed_same_trace),
		cmocka_unit_test(death_does_not_change_sizes),
		cmocka_unit_test(the_source_says_how),
	};
	return cmocka_run_group_tests_name("generate", tests, NULL, NULL);
}
