/*
 * test_scale_threads.c - the writers of `alloclab scale`, on real threads, under
 * ThreadSanitizer too; what its figures say, on made-up times.
 */
#include <string.h>

#include "lab.h"

#include "allocators/registry.h"
#include "harness/scale/contend.h"
#include "harness/scale/scale.h"
#include "harness/threads/placement.h"

enum { THREADS = 8, ROUNDS = 20 };

static struct threads_figures contend(const struct allocator *allocator)
{
	struct threads_figures figures;
	struct knob_values values;

	if (allocator != NULL)
		knob_defaults(allocator->knobs, &values);
	struct verdict verdict =
		contend_time(allocator, allocator == NULL ? NULL : &values,
	                     THREADS, ROUNDS, 0, &figures);
	if (verdict.kind != VERDICT_OK)
		fail_msg("%s", verdict.sentence);
	assert_int_equal(figures.threads, THREADS);
	assert_int_equal(figures.calls, 2 * THREADS * ROUNDS);
	return figures;
}

static void eight_writers_write(void **state)
{
	(void)state;
	for (size_t i = 0; allocator_registry[i] != NULL; i++)
		contend(allocator_registry[i]);
	assert_int_equal(contend(NULL).locks.count, 0);
}

/* One lock around a heap for one thread: taken at each call, and to attach. */
static void the_one_lock_is_taken_by_all(void **state)
{
	struct threads_figures figures = contend(allocator_find("buddy"));

	(void)state;
	assert_int_equal(figures.locks.count, 1);
	assert_in_range(figures.locks.locks[0].acquired, figures.calls,
	                figures.calls + 2 * THREADS + 2);
	assert_true(figures.locks.locks[0].waited <
	            figures.locks.locks[0].acquired);
}

static void no_memory_is_a_verdict(void **state)
{
	const struct allocator *allocator = allocator_find("buddy");
	struct threads_figures figures;
	struct knob_values values;

	(void)state;
	knob_defaults(allocator->knobs, &values);
	assert_int_equal(
		contend_time(allocator, &values, 2, 1, 4096, &figures).kind,
		VERDICT_FAILED);
}

/* A bump pointer never uses a block again: 64 KiB are 8,192 of 8 bytes. */
static void memory_that_runs_out_is_a_verdict(void **state)
{
	const struct allocator *allocator = allocator_find("bump");
	struct threads_figures figures;
	struct knob_values values;

	(void)state;
	knob_defaults(allocator->knobs, &values);
	assert_int_equal(
		contend_time(allocator, &values, 2, 100, 64 << 10, &figures)
			.kind,
		VERDICT_OK);
	assert_int_equal(
		contend_time(allocator, &values, 2, 10000, 64 << 10, &figures)
			.kind,
		VERDICT_OUT_OF_MEMORY);
}

/* Two rounds on 1 and 4 threads: a control and one allocator. */
static void figures_are_taken_within_a_round(void **state)
{
	static struct scale_series control[2 * SCALE_WORKS],
		own[2 * SCALE_WORKS];
	struct subject subject = {0};
	struct scale_row rows[] = {{.series = control},
	                           {.subject = &subject, .series = own}};
	struct scale scale = {.counts = {1, 4},
	                      .count_count = 2,
	                      .rows = rows,
	                      .row_count = 2,
	                      .rounds = 2};

	(void)state;
	/* the second round is ten times as slow: no ratio sees it */
	memcpy(control[0].wall_ns, (double[]){100, 1000}, 2 * sizeof(double));
	memcpy(control[1].wall_ns, (double[]){125, 1250}, 2 * sizeof(double));
	memcpy(own[0].wall_ns, (double[]){200, 2000}, 2 * sizeof(double));
	memcpy(own[1].wall_ns, (double[]){500, 5000}, 2 * sizeof(double));
	own[1].last.calls = 40;
	struct estimate speedup = scale_speedup(&scale, 1, SCALE_PRIVATE, 1);
	assert_true(speedup.low > 1.5999 && speedup.high < 1.6001);
	speedup = scale_speedup(&scale, 0, SCALE_PRIVATE, 1);
	assert_true(speedup.low > 3.1999 && speedup.high < 3.2001);
	struct estimate share = scale_of_control(&scale, 1, SCALE_PRIVATE, 1);
	assert_true(share.low > .4999 && share.high < .5001);
	/* each of 4 threads made 10 calls */
	struct estimate ns = scale_ns_per_op(&scale, 1, SCALE_PRIVATE, 1);
	assert_true(ns.median > 274.9 && ns.median < 275.1);
}

/* ---- placement ------------------------------------------------------------ */

static void processors_are_counted_round_and_round(void **state)
{
	const size_t processors[] = {1, 4, 600};
	cpu_set_t set;

	(void)state;
	CPU_ZERO(&set);
	for (size_t i = 0; i < 3; i++)
		CPU_SET(processors[i], &set);
	for (unsigned number = 0; number < 7; number++)
		assert_int_equal(placement_processor(&set, number),
		                 processors[number % 3]);
}

/* The kernel may move it at once, so not every time; left alone it is half of them. */
static void a_placed_thread_is_there(void **state)
{
	enum { TRIES = 100 };
	cpu_set_t allowed;
	int hits = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
	for (unsigned i = 0; i < TRIES; i++) {
		placement_spread(i % 2);
		hits += sched_getcpu() ==
		        (int)placement_processor(&allowed, i % 2);
	}
	assert_in_range(hits, TRIES * 3 / 4, TRIES);
}

static void a_placed_thread_may_move_on(void **state)
{
	cpu_set_t before, after, one;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	placement_spread(1);
	assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
	CPU_ZERO(&one);
	CPU_SET(placement_processor(&before, 1), &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	placement_spread(5); /* of one processor, that one */
	assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
	assert_true(CPU_EQUAL(&one, &after));
	assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_writers_write),
		cmocka_unit_test(the_one_lock_is_taken_by_all),
		cmocka_unit_test(no_memory_is_a_verdict),
		cmocka_unit_test(memory_that_runs_out_is_a_verdict),
		cmocka_unit_test(figures_are_taken_within_a_round),
		cmocka_unit_test(processors_are_counted_round_and_round),
		cmocka_unit_test(a_placed_thread_is_there),
		cmocka_unit_test(a_placed_thread_may_move_on),
	};
	return cmocka_run_group_tests_name("scaling", tests, NULL, NULL);
}
