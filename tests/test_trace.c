/*
 * test_trace.c - the text form, what it refuses, and the way of traces through
 * both forms and files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/trace/trace.h"
#include "harness/trace/trace_builder.h"
#include "traces.h"

/* --- the text form ------------------------------------------------------ */

static void short_and_long_tokens_mean_the_same(void **state)
{
	struct trace brief = trace_of("a=100 b=2K a:200 -b -NULL -a");
	struct trace lengthy =
		trace_of("alloclab-text 1\r\n# a comment\r\n"
	                 "a=malloc(100) b=malloc(2048)# another\n\n\n"
	                 "\ta=realloc(200)\nfree(b) free(NULL)\vfree(a)");

	(void)state;
	assert_true(brief.checksum == lengthy.checksum);
	assert_int_equal(brief.ops[1].size, 2048);
	trace_destroy(&brief);
	trace_destroy(&lengthy);
}

static void all_kinds_are_read(void **state)
{
	struct trace trace = trace_of(
		"x.y_1=malloc(0) 7=calloc(1M) start(3) @3 c=aligned(4K,5) "
		"c:6 exit(3) @0 phase(load/2) -7");
	const struct trace_op ops[] = {
		{.kind = TRACE_MALLOC},
		{.kind = TRACE_CALLOC, .slot = 1, .size = 1 << 20},
		{.kind = TRACE_THREAD_START, .thread = 3},
		{.kind = TRACE_ALIGNED,
	         .slot = 2,
	         .size = 5,
	         .thread = 3,
	         .align_log2 = 12},
		{.kind = TRACE_REALLOC, .slot = 2, .size = 6, .thread = 3},
		{.kind = TRACE_THREAD_EXIT, .thread = 3},
		{.kind = TRACE_PHASE},
		{.kind = TRACE_FREE, .slot = 1},
	};

	(void)state;
	assert_int_equal(trace.events, sizeof ops / sizeof ops[0]);
	assert_memory_equal(trace.ops, ops, sizeof ops);
	assert_int_equal(trace.threads, 4);
	assert_int_equal(trace.phase_count, 1);
	assert_string_equal(trace.phases[0], "load/2");
	assert_null(trace.times);
	trace_destroy(&trace);
}

static void times_are_differences(void **state)
{
	struct trace trace = trace_of("+0 a=1 +250 b=1 c=1 +50 @0 -a");
	const uint64_t times[] = {0, 250, 250, 300};

	(void)state;
	assert_memory_equal(trace.times, times, sizeof times);
	trace_destroy(&trace);
}

static void names_are_kept_for_short_traces(void **state)
{
	struct trace trace = trace_of("x=1 y=2 -x zebra=3 free(NULL)");
	char letters[TRACE_LETTERS_BYTES];
	const char *const names[] = {"x", "y", "x", "zebra", "NULL"};

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		assert_string_equal(trace_event_name(&trace, i, letters),
		                    names[i]);
	trace_destroy(&trace);
}

static void blocks_without_names_have_letters(void **state)
{
	struct trace_builder *builder = trace_builder_new("x", "line");
	char letters[TRACE_LETTERS_BYTES];
	struct trace_error error;
	struct trace trace;

	(void)state;
	for (uint64_t id = 0; id < 703; id++)
		trace_builder_alloc(builder, TRACE_MALLOC, id + 90, 1, 0, 1,
		                    &error);
	assert_true(trace_builder_finish(builder, "", &trace, &error));
	assert_string_equal(trace_event_name(&trace, 0, letters), "a");
	assert_string_equal(trace_event_name(&trace, 25, letters), "z");
	assert_string_equal(trace_event_name(&trace, 26, letters), "aa");
	assert_string_equal(trace_event_name(&trace, 701, letters), "zz");
	assert_string_equal(trace_event_name(&trace, 702, letters), "aaa");
	trace_destroy(&trace);
}

static void the_writer_writes_the_long_form(void **state)
{
	struct trace trace = trace_of("alloclab-text 1\n# source: by hand\n"
	                              "b=2K +7 start(1) @1 c=aligned(64,9) "
	                              "+3 b:4 phase(x) exit(1) @0 -c -NULL");
	char *text = written_text(&trace);

	(void)state;
	assert_string_equal(text, "alloclab-text 1\n# source: by hand\n"
	                          "+0 b=malloc(2048)\n+7 start(1)\n"
	                          "@1 +0 c=aligned(64,9)\n+3 b=realloc(4)\n"
	                          "+0 phase(x)\n+0 exit(1)\n@0 +0 free(c)\n"
	                          "+0 free(NULL)\n");
	free(text);
	trace_destroy(&trace);
}

/* Each refused text and the whole message, here and below. */
static void unsound_texts_are_told_why(void **state)
{
	static const struct refusal refusals[] = {
		{"a=5\nb=3\nfree(a)\nfree(a)",
	         "t:4: double free of a (freed at line 3)"},
		{"a=5 -a -a",
	         "t:1: column 8: double free of a (freed at column 5)"},
		{"a=5 -a\nb=1 -a", "t:2: column 5: double free of a (freed at "
	                           "line 1, column 5)"},
		{"a=5\n\na=6", "t:3: a is live already (allocated at line 1)"},
		{"a=5 a=6", "t:1: column 5: a is live already (allocated at "
	                    "column 1)"},
		{"-a", "t:1: free of a, which was never allocated"},
		{"a:6", "t:1: realloc of a, which was never allocated"},
		{"a=5 -a\na:6",
	         "t:2: realloc of a (freed at line 1, column 5)"},
		{"a=5\na:0", "t:2: realloc of a to 0 bytes: C leaves open what "
	                     "it does; free it"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void wrong_sizes_are_told_why(void **state)
{
	static const struct refusal refusals[] = {
		{"a=72057594037927936",
	         "t:1: size 72057594037927936 is above 2^46, the most here"},
		{"a=18446744073709551615M",
	         "t:1: \"a=18446744073709551615M\": "
	         "\"18446744073709551615M\" is above 2^46, the most here"},
		{"a=5x",
	         "t:1: \"a=5x\": \"5x\" is not a size (a decimal number "
	         "of bytes, K or M behind it if need be)"},
		{"a=-5", "t:1: \"a=-5\": \"-5\" is not a size (a decimal "
	                 "number of bytes, K or M behind it if need be)"},
		{"a=", "t:1: \"a=\": the size is missing"},
		{"a=malloc()", "t:1: \"a=malloc()\": the size is missing"},
		{"a=malloc(5", "t:1: \"a=malloc(5\": the ) is missing (no "
	                       "blanks inside)"},
		{"a=aligned(64, 5)",
	         "t:1: \"a=aligned(64,\": the ) is missing (no blanks "
	         "inside)"},
		{"a=aligned(64)",
	         "t:1: \"a=aligned(64)\": write aligned(ALIGNMENT,SIZE)"},
		{"a=aligned(48,5)",
	         "t:1: \"a=aligned(48,5)\": \"48\" is not an alignment (a "
	         "power of two up to 1M)"},
		{"a=aligned(2M,5)",
	         "t:1: \"a=aligned(2M,5)\": \"2M\" is not an alignment (a "
	         "power of two up to 1M)"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void wrong_names_are_told_why(void **state)
{
	static const struct refusal refusals[] = {
		{"=5", "t:1: \"=5\": the name of the block is missing"},
		{"a=1 -", "t:1: column 5: \"-\": the name of the block is "
	                  "missing"},
		{"NULL=5", "t:1: \"NULL=5\": NULL is no name for a block"},
		{"a=1 -b$", "t:1: column 5: \"-b$\": \"b$\" is not a name "
	                    "(letters, digits, _ and . make one)"},
		{"a=1 free(b",
	         "t:1: column 5: \"free(b\": the ) is missing (no "
	         "blanks inside)"},
		{"a=1 -aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
	         "ffffffffffggggg",
	         "t:1: column 5: \"-aaaaaaaaaabbbbbbbbbbccccccccccddddddddd"
	         "...\": the name has more than 64 characters"},
		{"hello", "t:1: \"hello\": not an event; write a=100, a:200, "
	                  "-a, free(a), start(1), @1, ..."},
		{"a=1 \x01", "t:1: column 5: \"\\x01\": not an event; write "
	                     "a=100, a:200, -a, free(a), start(1), @1, ..."},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void wrong_threads_and_phases_are_told_why(void **state)
{
	static const struct refusal refusals[] = {
		{"@1 a=4", "t:1: thread 1 acts before its start"},
		{"@x a=4", "t:1: \"@x\": the number of the thread is missing"},
		{"start() a=4",
	         "t:1: \"start()\": the number of the thread is missing"},
		{"start(0) a=4", "t:1: thread 0 is there from the start"},
		{"start(4096) a=4",
	         "t:1: thread 4096 is not below 4096, the most here"},
		{"start(1)\nstart(1)",
	         "t:2: thread 1 runs already (started at line 1)"},
		{"start(1)\n@1\nexit(1)\na=4",
	         "t:4: thread 1 acts after its exit (at line 3)"},
		{"exit(0) a=4",
	         "t:1: thread 0 never exits: it is there to the end"},
		{"exit(1) a=4", "t:1: thread 1 acts before its start"},
		{"phase() a=4",
	         "t:1: the name of a phase is 1 to 255 printable characters, "
	         "none of ( ) # and blank"},
		{"phase(a(b)) a=4",
	         "t:1: the name of a phase is 1 to 255 printable characters, "
	         "none of ( ) # and blank"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void wrong_times_and_versions_are_told_why(void **state)
{
	static const struct refusal refusals[] = {
		{"+5 a=1", "t:1: \"+5\": the first event is at time 0"},
		{"a=1 +5", "t:1: column 5: \"+5\": no event follows this time"},
		{"a=1 +5 +6",
	         "t:1: column 8: \"+6\": the time before it has no "
	         "event yet"},
		{"a=1 +5x -a", "t:1: column 5: \"+5x\": a time is + and a "
	                       "number of nanoseconds"},
		{"a=1 +18446744073709551615 a:2 +1 a:3",
	         "t:1: column 31: \"+1\": the time passes 2^64 ns"},
		{"alloclab-text 4\na=5",
	         "t:1: this program reads versions 1 to 3 of the text form, "
	         "\"alloclab-text 1\""},
		{"alloclab-text\n1 a=5",
	         "t:1: this program reads versions 1 to 3 of the text form, "
	         "\"alloclab-text 1\""},
		{"alloclab-text 1\nphase(x)",
	         "t: no allocator is called in it"},
		{"alloclab-text 1\n", "t: no allocator is called in it"},
		{" # only a comment\n", "t:1: there is nothing in it"},
		{"", "t:1: there is nothing in it"},
	};

	(void)state;
	EXPECT_REFUSALS(refusals);
}

static void threads_may_start_again(void **state)
{
	struct trace trace =
		trace_of("start(1) exit(1) start(1) @1 a=4 exit(1) @0 -a");

	(void)state;
	assert_int_equal(trace.threads, 2);
	trace_destroy(&trace);
}

/* --- round trips -------------------------------------------------------- */

static void random_traces_survive_both_forms(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++) {
		struct trace trace = random_trace(seed, 50 * seed * seed);
		struct trace text = written_and_read(&trace, trace_write_text);
		struct trace binary =
			written_and_read(&trace, trace_write_binary);
		assert_same_trace(&trace, &text);
		assert_same_trace(&trace, &binary);
		assert_string_equal(text.form, "text");
		assert_string_equal(binary.form, "binary");
		trace_destroy(&trace);
		trace_destroy(&text);
		trace_destroy(&binary);
	}
}

static void segments_join(void **state)
{
	const uint64_t counts[] = {65535, 65536, 65537, 200000};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct trace trace = random_trace(i, counts[i]);
		struct trace binary =
			written_and_read(&trace, trace_write_binary);
		assert_same_trace(&trace, &binary);
		trace_destroy(&trace);
		trace_destroy(&binary);
	}
}

/* A hundred million events must not take more than 2.5 bytes each on disk and
 * what they do take in memory: that is a matter of constants. */
static void an_event_is_16_bytes(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct trace_op), 16);
}

/* A program's habits: a call's blocks freed in order, sizes that repeat. */
static void regular_programs_take_less_than_a_byte_an_event(void **state)
{
	struct trace_builder *builder = trace_builder_new("x", "line");
	struct trace_error error;
	struct trace trace;
	char path[] = "/tmp/alloclab-test-XXXXXX";

	(void)state;
	for (uint64_t call = 0; call < 20000; call++) {
		for (uint64_t k = 0; k < 4; k++)
			trace_builder_alloc(builder, TRACE_MALLOC, 8 * call + k,
			                    24 + 8 * (call * k % 7), 0, 1,
			                    &error);
		for (uint64_t k = 1; k < 4; k++)
			trace_builder_free_block(builder, 8 * call + k, 1,
			                         &error);
	}
	assert_true(trace_builder_finish(builder, "", &trace, &error));
	close(mkstemp(path));
	assert_true(trace_write_binary(path, &trace, &error));
	trace_destroy(&trace);
	assert_true(trace_read_file(path, &trace, &error));
	assert_int_equal(trace.events, 140000);
	assert_true(trace.form_bytes < trace.events);
	trace_destroy(&trace);
	unlink(path);
}

static void a_failed_write_leaves_the_old_file(void **state)
{
	char folder[] = "/tmp/alloclab-test-XXXXXX", path[64];
	struct trace trace = trace_of("a=5 b=6");
	struct trace_error error;
	struct trace read;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/t", folder);
	assert_true(trace_write_text(path, &trace, &error));
	trace.ops[1].slot = 0; /* two live blocks in one slot */
	assert_false(trace_write_binary(path, &trace, &error));
	assert_true(strstr(error.text,
	                   "the slots of the trace are not those") != NULL);
	assert_true(trace_read_file(path, &read, &error));
	assert_int_equal(read.events, 2);
	trace_destroy(&read);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing temporary is left */
	snprintf(path, sizeof path, "%s/t", folder);
	assert_false(trace_write_text(path, &trace, &error));
	assert_true(strstr(error.text, "/t: No such file or directory") !=
	            NULL);
	trace_destroy(&trace);
}

static void missing_files_are_named(void **state)
{
	struct trace_error error;
	struct trace trace;

	(void)state;
	assert_false(trace_read_file("/nonexistent", &trace, &error));
	assert_string_equal(error.text,
	                    "/nonexistent: No such file or directory");
	assert_false(trace_read_file("/tmp", &trace, &error));
	assert_string_equal(error.text, "/tmp: Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_and_long_tokens_mean_the_same),
		cmocka_unit_test(all_kinds_are_read),
		cmocka_unit_test(times_are_differences),
		cmocka_unit_test(names_are_kept_for_short_traces),
		cmocka_unit_test(blocks_without_names_have_letters),
		cmocka_unit_test(the_writer_writes_the_long_form),
		cmocka_unit_test(unsound_texts_are_told_why),
		cmocka_unit_test(wrong_sizes_are_told_why),
		cmocka_unit_test(wrong_names_are_told_why),
		cmocka_unit_test(wrong_threads_and_phases_are_told_why),
		cmocka_unit_test(wrong_times_and_versions_are_told_why),
		cmocka_unit_test(threads_may_start_again),
		cmocka_unit_test(random_traces_survive_both_forms),
		cmocka_unit_test(segments_join),
		cmocka_unit_test(an_event_is_16_bytes),
		cmocka_unit_test(
			regular_programs_take_less_than_a_byte_an_event),
		cmocka_unit_test(a_failed_write_leaves_the_old_file),
		cmocka_unit_test(missing_files_are_named),
	};
	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
