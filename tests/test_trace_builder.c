/*
 * test_trace_builder.c - the trace in the making: slots, peaks, the checksum,
 * and what no machine has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <xxhash.h>

#include "harness/trace/trace.h"
#include "harness/trace/trace_builder.h"
#include "traces.h"

static void slots_are_used_again_last_freed_first(void **state)
{
	struct trace trace = trace_of("a=8 b=4 c=2 -a -b d=1 e=1 f=1");
	const uint32_t slots[] = {0, 1, 2, 0, 1, 1, 0, 3};

	(void)state;
	assert_int_equal(trace.events, 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(trace.ops[i].slot, slots[i]);
	assert_int_equal(trace.slots, 4);
	trace_destroy(&trace);
}

static void peaks_are_the_first_to_reach_them(void **state)
{
	struct trace trace = trace_of("a=100 b=40 -a c=100 c:60 d=40 phase(x)");

	(void)state;
	assert_int_equal(trace.peak_live_bytes, 140);
	assert_int_equal(trace.peak_live_event, 1);
	assert_int_equal(trace.events, 7);
	assert_int_equal(trace.calls, 6);
	trace_destroy(&trace);
}

static void realloc_counts_the_new_size_only(void **state)
{
	struct trace trace = trace_of("a=100 a:300 a:50 b=260");

	(void)state;
	assert_int_equal(trace.peak_live_bytes, 310);
	assert_int_equal(trace.peak_live_event, 3);
	trace_destroy(&trace);
}

static void free_null_has_the_slot_behind_the_last(void **state)
{
	struct trace trace = trace_of("free(NULL) a=1 b=1 -NULL");

	(void)state;
	assert_int_equal(trace.slots, 2);
	assert_int_equal(trace.ops[0].slot, 2);
	assert_int_equal(trace.ops[3].slot, 2);
	trace_destroy(&trace);
}

/* The documented bytes, so that other programs can compute it. */
static void the_checksum_is_xxh64_of_16_byte_records(void **state)
{
	struct trace trace =
		trace_of("start(2) @2 a=aligned(64,1K) free(NULL)");
	const uint8_t records[48] = {
		[12] = 2,
		[14] = TRACE_THREAD_START,

		[17] = 4,
		[28] = 2,
		[30] = TRACE_ALIGNED,
		[31] = 6,

		[40] = 1,
		[44] = 2,
		[46] = TRACE_FREE,
	};

	(void)state;
	assert_int_equal(trace.checksum, XXH64(records, sizeof records, 0));
	trace_destroy(&trace);
}

static void the_checksum_knows_no_names_and_no_times(void **state)
{
	struct trace one = trace_of("a=8 phase(x) b=4 -a");
	struct trace two = trace_of("q=8 +5 phase(y) 7=4 +9 -q");
	struct trace other = trace_of("a=8 phase(x) b=4 -b");

	(void)state;
	assert_true(one.checksum == two.checksum);
	assert_true(one.checksum != other.checksum);
	trace_destroy(&one);
	trace_destroy(&two);
	trace_destroy(&other);
}

static void wild_ids_cost_little(void **state)
{
	struct trace_builder *builder = trace_builder_new("x", "line");
	struct trace_error error;
	struct trace trace;

	(void)state;
	assert_true(trace_builder_alloc(builder, TRACE_MALLOC, 4294967293, 8, 0,
	                                1, &error));
	assert_true(
		trace_builder_alloc(builder, TRACE_MALLOC, 7, 8, 0, 2, &error));
	assert_true(trace_builder_was_seen(builder, 4294967293));
	assert_false(trace_builder_was_seen(builder, 8));
	assert_false(trace_builder_alloc(builder, TRACE_MALLOC, 4294967294, 8,
	                                 0, 3, &error));
	assert_string_equal(error.text, "x:3: id 4294967294 is above "
	                                "4294967293, the most here");
	assert_true(trace_builder_finish(builder, "", &trace, &error));
	assert_int_equal(trace.slots, 2);
	trace_destroy(&trace);
}

static void places_can_be_other_than_lines(void **state)
{
	struct trace_builder *builder = trace_builder_new("x", "byte");
	struct trace_error error;

	(void)state;
	assert_true(trace_builder_alloc(builder, TRACE_MALLOC, 3, 8, 0, 70,
	                                &error));
	assert_true(trace_builder_free_block(builder, 3, 80, &error));
	assert_false(trace_builder_free_block(builder, 3, 90, &error));
	assert_string_equal(
		error.text,
		"x: byte 90: double free of id 3 (freed at byte 80)");
	trace_builder_free(builder);
}

static void sums_that_no_machine_has_are_refused(void **state)
{
	struct trace_builder *builder = trace_builder_new("x", "line");
	struct trace_error error;
	uint64_t id = 0;

	(void)state;
	while (trace_builder_alloc(builder, TRACE_MALLOC, id, TRACE_SIZE_MAX, 0,
	                           id + 1, &error))
		id++;
	assert_int_equal(id, 1 << 14);
	assert_string_equal(error.text, "x:16385: more than 2^60 bytes live");
	trace_builder_free(builder);
}

static void times_never_run_backwards(void **state)
{
	struct trace_builder *builder = trace_builder_new("x", "line");
	struct trace_error error;
	struct trace trace;

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		assert_true(trace_builder_alloc(builder, TRACE_MALLOC, i, 8, 0,
		                                i, &error));
	assert_int_equal(trace_builder_time(builder, 50), 50);
	assert_true(trace_builder_free_null(builder, 3, &error));
	assert_int_equal(trace_builder_time(builder, 40), 50);
	assert_true(trace_builder_free_null(builder, 4, &error));
	assert_true(trace_builder_finish(builder, "", &trace, &error));
	assert_int_equal(trace.times[0], 0);
	assert_int_equal(trace.times[1], 0);
	assert_int_equal(trace.times[2], 50);
	assert_int_equal(trace.times[4], 50);
	trace_destroy(&trace);
}

static void the_source_is_one_line(void **state)
{
	struct trace_builder *builder = trace_builder_new("x", "line");
	struct trace_error error;
	struct trace trace;

	(void)state;
	assert_true(trace_builder_free_null(builder, 1, &error));
	assert_true(
		trace_builder_finish(builder, "sh -c 'a\nb'", &trace, &error));
	assert_string_equal(trace.source, "sh -c 'a b'");
	trace_destroy(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_used_again_last_freed_first),
		cmocka_unit_test(peaks_are_the_first_to_reach_them),
		cmocka_unit_test(realloc_counts_the_new_size_only),
		cmocka_unit_test(free_null_has_the_slot_behind_the_last),
		cmocka_unit_test(the_checksum_is_xxh64_of_16_byte_records),
		cmocka_unit_test(the_checksum_knows_no_names_and_no_times),
		cmocka_unit_test(wild_ids_cost_little),
		cmocka_unit_test(places_can_be_other_than_lines),
		cmocka_unit_test(sums_that_no_machine_has_are_refused),
		cmocka_unit_test(times_never_run_backwards),
		cmocka_unit_test(the_source_is_one_line),
	};
	return cmocka_run_group_tests_name("trace builder", tests, NULL, NULL);
}
