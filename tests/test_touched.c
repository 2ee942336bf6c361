/*
 * test_touched.c - what a trace says of the bytes that are never written to:
 * both forms, what is refused, and that a replay leaves them alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forge.h"
#include "traces.h"

static const char all_kinds[] = "alloclab-text 3\n"
				"~0 a=malloc(100000)\n"
				"~4096 b=calloc(8192)\n"
				"~7 c=aligned(64,8)\n"
				"d=malloc(5)\n"
				"free(a)\n"
				"~20000 b=realloc(30000)\n"
				"free(b)\n";

/* --- forms ---------------------------------------------------------------- */

static void both_forms_keep_them(void **state)
{
	struct trace trace = trace_of(all_kinds);
	const uint64_t untouched[] = {100000, 4096, 1, 0, 0, 10000, 0};

	(void)state;
	assert_memory_equal(trace.untouched, untouched, sizeof untouched);
	assert_int_equal(trace_touched(&trace, 1), 4096);
	assert_int_equal(trace_touched(&trace, 3), 5);
	char *again = written_text(&trace);
	assert_string_equal(again, all_kinds);
	free(again);
	struct trace binary = written_and_read(&trace, trace_write_binary);
	assert_same_trace(&trace, &binary);
	trace_destroy(&binary);
	trace_destroy(&trace);
}

static void sites_and_times_stand_beside_them(void **state)
{
	struct trace trace = trace_of("module(m) frame(0,1) site(0) "
	                              "^1 ~3 a=9 +4 ~2 ^1 a:8 b=7 -a");

	(void)state;
	assert_int_equal(trace.untouched[0], 6);
	assert_int_equal(trace.site_of[1], 1);
	assert_int_equal(trace.times[1], 4);
	struct trace binary = written_and_read(&trace, trace_write_binary);
	assert_same_trace(&trace, &binary);
	trace_destroy(&binary);
	trace_destroy(&trace);
}

/* Then the files are those of a trace that says nothing of it. */
static void all_touched_is_nothing_said(void **state)
{
	struct trace trace = trace_of("~8 a=8 ~0 b=0");
	char *text = written_text(&trace);

	(void)state;
	assert_null(trace.untouched);
	assert_int_equal(trace_touched(&trace, 0), 8);
	assert_string_equal(text,
	                    "alloclab-text 1\na=malloc(8)\nb=malloc(0)\n");
	free(text);
	trace_destroy(&trace);
}

/* More than a segment, so that arrays grow and streams begin anew. */
static void long_traces_keep_them(void **state)
{
	enum { EVENTS = SEGMENT_EVENTS + 1000 };
	struct trace_builder *builder = trace_builder_new("x", "line");
	struct trace_error error;
	struct trace trace;

	(void)state;
	for (uint64_t i = 0; i < EVENTS; i++) {
		assert_true(trace_builder_alloc(builder, TRACE_MALLOC, i, i, 0,
		                                i, &error));
		trace_builder_untouched(builder, i, i / 3);
	}
	assert_true(trace_builder_finish(builder, "", &trace, &error));
	for (uint64_t i = 0; i < EVENTS; i++)
		assert_int_equal(trace_touched(&trace, i), i - i / 3);
	struct trace binary = written_and_read(&trace, trace_write_binary);
	assert_same_trace(&trace, &binary);
	trace_destroy(&binary);
	trace_destroy(&trace);
}

/* As calls go by, the end of a block says what its beginning did not. */
static void earlier_events_can_be_told_later(void **state)
{
	struct trace_builder *builder = trace_builder_new("x", "line");
	struct trace_error error;
	struct trace trace;

	(void)state;
	assert_true(
		trace_builder_alloc(builder, TRACE_MALLOC, 1, 9, 0, 1, &error));
	assert_true(trace_builder_free_block(builder, 1, 2, &error));
	trace_builder_untouched(builder, 0, 4);
	assert_true(trace_builder_finish(builder, "", &trace, &error));
	assert_int_equal(trace_touched(&trace, 0), 5);
	trace_destroy(&trace);
}

static void shared_traces_have_them(void **state)
{
	struct trace trace = trace_of("a=5 +3 ~1 b=9 -a -b"), other;
	struct trace_error error;

	(void)state;
	assert_true(trace_share(&trace, &error));
	assert_true(trace_adopt(&other, &trace, dup(trace.shared_memory)));
	assert_int_equal(trace.untouched[1], 8);
	assert_ptr_not_equal(other.untouched, trace.untouched);
	assert_int_equal(other.untouched[1], 8);
	assert_int_equal(other.times[3], 3);
	trace_free_events(&other);
	trace_destroy(&trace);
}

/* --- refused ---------------------------------------------------------------- */

static void refused_texts_are_told_why(void **state)
{
	static const struct {
		const char *text, *message;
	} lies[] = {
		{"~9 a=8", "t:1: column 4: \"a=8\": more bytes are touched "
	                   "than it has"},
		{"~x a=8", "t:1: \"~x\": what is touched is ~ and a number of "
	                   "bytes, 2^46 at most"},
		{"~70368744177665 a=8",
	         "t:1: \"~70368744177665\": what is touched is ~ and a number "
	         "of bytes, 2^46 at most"},
		{"~1 ~2 a=8", "t:1: column 4: \"~2\": the bytes before it have "
	                      "no event yet"},
		{"a=8 ~1 -a", "t:1: column 8: \"-a\": only what allocates or "
	                      "resizes is touched"},
		{"a=8 ~1", "t:1: column 5: \"~1\": no event follows these "
	                   "bytes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct trace_error error = {"accepted"};
		struct trace trace;
		assert_false(trace_read_text("t", lies[i].text,
		                             strlen(lies[i].text), &trace,
		                             &error));
		assert_string_equal(error.text, lies[i].message);
	}
}

/* malloc(8), free of it, and a file around them. */
static void lying_streams_are_refused(void **state)
{
	struct forgery forgery = {
		.streams = {(const uint8_t *)"\0\4", (const uint8_t *)"\x08",
	                    (const uint8_t *)"\0\0"},
		.bytes = {2, 1, 2},
		.events = 2,
		.slots = 1,
		.threads = 1,
		.has_untouched = true,
	};
	static const struct {
		const char *stream;
		size_t bytes;
		const char *message;
	} lies[] = {
		{"\x09", 1,
	         "t: byte 176: event 0: more untouched bytes than the block "
	         "has"},
		{"", 0, "t: byte 176: event 0: the stream ends too early"},
		{"\1\1", 2,
	         "t: byte 176: event 1: bytes left behind the last event"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct trace_error error = {"accepted"};
		struct trace trace;
		size_t bytes;
		forgery.streams[STREAM_UNTOUCHED] =
			(const uint8_t *)lies[i].stream;
		forgery.bytes[STREAM_UNTOUCHED] = lies[i].bytes;
		uint8_t *file = forge(&forgery, &bytes);
		assert_non_null(file);
		assert_false(trace_read_text("t", (const char *)file, bytes,
		                             &trace, &error));
		assert_string_equal(error.text, lies[i].message);
		free(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_keep_them),
		cmocka_unit_test(sites_and_times_stand_beside_them),
		cmocka_unit_test(all_touched_is_nothing_said),
		cmocka_unit_test(long_traces_keep_them),
		cmocka_unit_test(earlier_events_can_be_told_later),
		cmocka_unit_test(shared_traces_have_them),
		cmocka_unit_test(refused_texts_are_told_why),
		cmocka_unit_test(lying_streams_are_refused),
	};
	return cmocka_run_group_tests_name("touched", tests, NULL, NULL);
}
