/*
 * test_crew.c - generated threads: who allocates, who frees, and how much is
 * live at most.
 *
 * Small traces are compared whole, as strings with a thread before each turn:
 * "0: 1 2 1: -1 3" is thread 0 allocating blocks 1 and 2, thread 1 freeing 1 and
 * allocating 3; "+2" and "-2" in brackets are the start and the end of thread 2.
 */
#include <stdio.h>
#include <string.h>

#include "generated.h"

#define HEAD "[workload]\nsize = 8\n"

/* The number of each live block, by slot. */
static unsigned number[1 << 16];

static void print_event(const struct trace_op *op, unsigned *born, char *text)
{
	char *end = text + strlen(text);

	if (op->kind == TRACE_THREAD_START)
		sprintf(end, "[+%u]", op->thread);
	if (op->kind == TRACE_THREAD_EXIT)
		sprintf(end, "[-%u]", op->thread);
	if (op->kind == TRACE_MALLOC)
		sprintf(end, " %u", number[op->slot] = ++*born);
	if (op->kind == TRACE_FREE)
		sprintf(end, " -%u", number[op->slot]);
}

static const char *events_by_thread(const struct trace *trace)
{
	static char text[4096];
	unsigned born = 0, acting = UINT32_MAX;

	text[0] = '\0';
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		bool calls = trace_kind_is_call(op->kind);
		assert_true(strlen(text) < sizeof text - 64);
		if (calls && op->thread != acting)
			sprintf(text + strlen(text), "%s%u:", i > 0 ? " " : "",
			        acting = op->thread);
		if (!calls)
			strcat(text, " ");
		print_event(op, &born, text);
	}
	return text;
}

static void expect(const char *spec, const char *events)
{
	struct generated *made = generate_text(spec, NULL);

	assert_string_equal(events_by_thread(&made->trace), events);
	generated_free(made);
}

/* --- exactly ------------------------------------------------------------ */

static void a_private_thread_keeps_to_itself(void **state)
{
	(void)state;
	expect(HEAD "kind = private\nthreads = 2\nin_flight = 1\n"
	            "operations = 2\n",
	       " [+1] 0: 1 1: 2 0: -1 3 1: -2 4 0: -3 5 1: -4 6 0: -5 1: -6 "
	       "[-1]");
	expect(HEAD "kind = private\nthreads = 1\nin_flight = 1\n"
	            "operations = 1\n",
	       "0: 1 -1 2 -2");
}

static void a_new_thread_gets_the_old_ones_hand(void **state)
{
	(void)state;
	expect(HEAD "kind = larson\nthreads = 1\nin_flight = 1\n"
	            "operations = 2\nrounds = 2\n",
	       "0: 1 [+1] 1: -1 2 -2 3 [-1] [+1] -3 4 -4 5 -5 [-1]");
	/* Threads are replaced one at a time. */
	expect(HEAD "kind = larson\nthreads = 2\nin_flight = 1\n"
	            "operations = 2\nrounds = 1\n",
	       "0: 1 2 [+1] [+2] 1: -1 3 2: -2 4 1: -3 5 [-2] [+2] 2: -4 6 1: "
	       "-5 2: -6 [-2] [-1]");
}

static void a_crew_leaves_its_blocks_to_the_next(void **state)
{
	(void)state;
	expect(HEAD "kind = thread-churn\nthreads = 2\nin_flight = 1\n"
	            "operations = 2\nrounds = 2\n",
	       " [+1] [+2] 1: 1 2: 2 1: -1 3 2: -2 4 [-2] [-1] [+1] [+2] "
	       "1: -4 5 2: -3 6 1: -5 7 2: -6 8 [-2] [-1] 0: -7 -8");
}

static void a_load_goes_round_the_ring(void **state)
{
	(void)state;
	expect(HEAD "kind = ring\nthreads = 3\nin_flight = 2\nrounds = 1\n",
	       " [+1] [+2] 0: 1 2 1: -1 -2 3 4 2: -3 -4 5 6 0: -5 -6 [-2] "
	       "[-1]");
}

static void lines_are_shared_actively_and_passively(void **state)
{
	(void)state;
	expect(HEAD "kind = false-sharing\nthreads = 2\nin_flight = 2\n"
	            "rounds = 1\n",
	       " [+1] 0: 1 1: 2 0: 3 1: 4 0: -1 1: -2 0: -3 1: -4 [-1]");
	expect(HEAD "kind = false-sharing\nthreads = 2\nin_flight = 2\n"
	            "rounds = 1\nsharing = passive\n",
	       " [+1] 0: 1 2 3 4 -1 1: -2 0: -3 1: -4 "
	       "0: 5 1: 6 0: 7 1: 8 0: -5 1: -6 0: -7 1: -8 [-1]");
}

/* --- in the large ------------------------------------------------------- */

/* Blocks freed by another number than made them. */
static size_t count_remote(const struct generated *made)
{
	size_t remote = 0;

	for (size_t i = 0; i < made->count; i++)
		remote += made->blocks[i].born_by != made->blocks[i].freed_by;
	return remote;
}

/* No slot of the trace passes from one thread to another. */
static void private_threads_share_no_slot(void **state)
{
	struct generated *made = generate_named("private");
	static int owner[1 << 16];

	(void)state;
	assert_int_equal(count_remote(made), 0);
	assert_int_equal(made->trace.slots, 4 * 2000);
	for (uint64_t i = 0; i < made->trace.events; i++) {
		const struct trace_op *op = &made->trace.ops[i];
		if (!trace_kind_is_call(op->kind))
			continue;
		assert_true(owner[op->slot] == 0 ||
		            owner[op->slot] == op->thread + 1);
		owner[op->slot] = op->thread + 1;
	}
	generated_free(made);
}

static void larson_holds_ten_thousand(void **state)
{
	struct generated *made = generate_named("larson");

	(void)state;
	assert_int_equal(made->trace.slots, 4 * 2500);
	assert_int_equal(made->trace.threads, 5);
	/* Those that main made; the rest passes between lives of a number. */
	assert_int_equal(count_remote(made), 10000);
	for (size_t i = 0; i < made->count; i++)
		assert_in_range(made->blocks[i].size, 10, 100);
	generated_free(made);
}

static void every_block_of_the_ring_is_passed_on(void **state)
{
	struct generated *made = generate_named("ring");

	(void)state;
	assert_int_equal(made->trace.slots, 4096);
	assert_int_equal(made->trace.peak_live_bytes, 4096 * 256);
	for (size_t i = 0; i < made->count; i++)
		assert_int_equal(made->blocks[i].freed_by,
		                 (made->blocks[i].born_by + 1) % 8);
	generated_free(made);
}

/* Each of the 19 crews after the first frees 2000 blocks; main the last. */
static void crews_free_what_is_left(void **state)
{
	struct generated *made = generate_named("thread-churn");

	(void)state;
	assert_int_equal(count_remote(made), 20 * 2000);
	assert_int_equal(made->trace.slots, 2000);
	generated_free(made);
}

/* --- refused ------------------------------------------------------------ */

static void contradictions_are_refused(void **state)
{
	(void)state;
	expect_spec_error("[workload]\nkind = private\noperations = 2\n", NULL,
	                  "FILE:1: kind = private needs a size");
	expect_spec_error(HEAD "kind = larson\n", NULL,
	                  "FILE:1: kind = larson needs operations");
	expect_spec_error(HEAD "kind = ring\n", NULL,
	                  "FILE:1: kind = ring needs threads = 2 or more");
	expect_spec_error(HEAD "kind = thread-churn\noperations = 99\n", NULL,
	                  "FILE:1: a thread that makes 99 blocks cannot leave "
	                  "in_flight = 1000 behind");
	expect_spec_error(HEAD "kind = ring\nthreads = 2\nsharing = active\n",
	                  NULL, "FILE:5: kind = ring has no sharing");
	expect_spec_error(HEAD "kind = ring\nthreads = 2\n[phase p]\n", NULL,
	                  "FILE:5: kind = ring has no sections but "
	                  "[workload]");
	expect_spec_error("[workload]\nkind = phases\nin_flight = 3\n", NULL,
	                  "FILE:3: kind = phases has no in_flight");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_private_thread_keeps_to_itself),
		cmocka_unit_test(a_new_thread_gets_the_old_ones_hand),
		cmocka_unit_test(a_crew_leaves_its_blocks_to_the_next),
		cmocka_unit_test(a_load_goes_round_the_ring),
		cmocka_unit_test(lines_are_shared_actively_and_passively),
		cmocka_unit_test(private_threads_share_no_slot),
		cmocka_unit_test(larson_holds_ten_thousand),
		cmocka_unit_test(every_block_of_the_ring_is_passed_on),
		cmocka_unit_test(crews_free_what_is_left),
		cmocka_unit_test(contradictions_are_refused),
	};
	return cmocka_run_group_tests_name("generated threads", tests, NULL,
	                                   NULL);
}
