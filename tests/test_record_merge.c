/*
 * test_record_merge.c - raw records written by hand, merged, and looked at as
 * text: orders that a real recording meets once in a million calls.
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

#include "harness/record/merge.h"
#include "harness/record/raw_reader.h"

enum { P = 0x10000, Q = 0x200000, R = 0x300000 };

static char folder[] = "/tmp/alloclab-test-merge-XXXXXX";
static struct raw_image head;
static struct merge_counts counts;
static struct trace_error error;

/* --- writing ------------------------------------------------------------ */

static FILE *open_file(const char *suffix, const char *mode)
{
	char path[128];

	snprintf(path, sizeof path, "%s/1.0%s", folder, suffix);
	FILE *file = fopen(path, mode);
	assert_non_null(file);
	return file;
}

static void begin(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -f %s/*", folder);
	assert_int_equal(system(command), 0);
	head = (struct raw_image){.process = 1};
	memcpy(head.magic, RAW_MAGIC, sizeof head.magic);
}

/* Appends a record to a thread's file. */
static void add(uint32_t thread, uint64_t stamp, enum raw_kind kind,
                uint64_t address, uint64_t size)
{
	const struct raw_record record = {raw_head(kind, address, 0),
	                                  raw_tail(stamp, size)};
	char suffix[16];

	snprintf(suffix, sizeof suffix, ".%u", thread);
	FILE *file = open_file(suffix, "a");
	assert_int_equal(fwrite(&record, sizeof record, 1, file), 1);
	fclose(file);
	if (head.threads <= thread)
		head.threads = thread + 1;
}

/* --- reading ------------------------------------------------------------ */

static bool merge(struct trace *trace)
{
	const struct merge_options options = {.name = "test", .source = ""};
	struct raw_reader reader;
	char path[128];

	FILE *file = open_file("", "w");
	assert_int_equal(fwrite(&head, sizeof head, 1, file), 1);
	fclose(file);
	snprintf(path, sizeof path, "%s/1.0", folder);
	if (!raw_reader_open(&reader, path, &error))
		fail_msg("%s", error.text);
	bool good = merge_records(&reader, &options, trace, &counts, &error);
	raw_reader_close(&reader);
	return good;
}

/* "0:malloc 0 8 | 1:free 0", thread:kind slot size */
static void require_events(const char *expected)
{
	char text[4096] = "";
	struct trace trace;
	size_t used = 0;

	if (!merge(&trace))
		fail_msg("%s", error.text);
	for (uint64_t i = 0; i < trace.events; i++) {
		const struct trace_op *op = &trace.ops[i];
		used += (size_t)snprintf(text + used, sizeof text - used,
		                         "%s%u:%s %u %u", i > 0 ? " | " : "",
		                         op->thread, trace_kind_name(op->kind),
		                         op->slot, (unsigned)op->size);
	}
	trace_destroy(&trace);
	assert_string_equal(text, expected);
}

/* --- tests -------------------------------------------------------------- */

/* What is touched belongs to the event that made the block so large. */
static void touched_bytes_find_their_event(void **state)
{
	struct trace trace;

	(void)state;
	begin();
	add(0, 1, RAW_MALLOC, P, 9000);
	add(0, 2, RAW_MALLOC, Q, 100);
	add(0, 3, RAW_TOUCHED, P, 5000);
	add(0, 4, RAW_RELEASE, P, 0);
	add(0, 5, RAW_ACQUIRE, R, 20000);
	add(0, 6, RAW_TOUCHED, R, 7);
	add(0, 7, RAW_TOUCHED, R, 0);
	add(0, 8, RAW_FREE, R, 0);
	add(0, 9, RAW_TOUCHED, R, 1);    /* of nobody */
	add(0, 10, RAW_TOUCHED, Q, 101); /* more than it has */
	add(1, 11, RAW_TOUCHED, Q, 100); /* a thread that makes no call */
	assert_true(merge(&trace));
	const uint64_t untouched[] = {4000, 0, 20000, 0};
	assert_int_equal(trace.events, 4);
	assert_memory_equal(trace.untouched, untouched, sizeof untouched);
	assert_int_equal(trace.threads, 1);
	trace_destroy(&trace);
}

static void stamps_order_two_threads(void **state)
{
	(void)state;
	begin();
	add(0, 1, RAW_MALLOC, P, 8);
	add(0, 5, RAW_FREE, Q, 0);
	add(1, 2, RAW_FREE, P, 0);
	add(1, 3, RAW_MALLOC, P, 16);
	add(1, 4, RAW_MALLOC, Q, 24);
	require_events("0:malloc 0 8 | 1:thread start 0 0 | 1:free 0 0 | "
	               "1:malloc 0 16 | 1:malloc 1 24 | 0:free 1 0");
	assert_int_equal(counts.threads, 2);
	assert_int_equal(counts.missed_frees + counts.unknown_frees, 0);
}

/* The picture in merge.c. */
static void an_address_changes_hands_during_a_realloc(void **state)
{
	(void)state;
	begin();
	add(0, 1, RAW_MALLOC, P, 40);
	add(0, 2, RAW_RELEASE, P, 0);
	add(0, 4, RAW_ACQUIRE, Q, 80);
	add(0, 5, RAW_FREE, Q, 0);
	add(1, 3, RAW_MALLOC, P, 24);
	add(1, 6, RAW_FREE, P, 0);
	require_events("0:malloc 0 40 | 1:thread start 0 0 | 1:malloc 1 24 | "
	               "0:realloc 0 80 | 0:free 0 0 | 1:free 1 0");
	assert_int_equal(counts.missed_frees + counts.unknown_frees, 0);
}

static void a_failed_realloc_leaves_no_event(void **state)
{
	(void)state;
	begin();
	add(0, 1, RAW_MALLOC, P, 40);
	add(0, 2, RAW_RELEASE, P, 0);
	add(0, 3, RAW_CANCEL, P, 0);
	add(0, 4, RAW_FREE, P, 0);
	require_events("0:malloc 0 40 | 0:free 0 0");
	assert_int_equal(counts.failed_reallocs, 1);
	assert_int_equal(counts.unknown_frees, 0);
}

static void blocks_from_before_are_counted(void **state)
{
	(void)state;
	begin();
	add(0, 1, RAW_FREE, P, 0);
	add(0, 2, RAW_RELEASE, Q, 0);
	add(0, 3, RAW_ACQUIRE, R, 48);
	add(0, 4, RAW_RELEASE, P, 0);
	add(0, 5, RAW_CANCEL, P, 0);
	require_events("0:malloc 0 48");
	assert_int_equal(counts.unknown_frees, 1);
	assert_int_equal(counts.unknown_reallocs, 1);
}

static void a_missed_free_is_put_in(void **state)
{
	(void)state;
	begin();
	add(0, 1, RAW_MALLOC, P, 8);
	add(0, 2, RAW_MALLOC, P, 16);
	require_events("0:malloc 0 8 | 0:free 0 0 | 0:malloc 0 16");
	assert_int_equal(counts.missed_frees, 1);
}

static void incomplete_records_are_passed_over(void **state)
{
	(void)state;
	begin();
	add(0, 1, RAW_MALLOC, P, 8);
	add(0, 0, 0, 0, 16);       /* a signal handler came in between... */
	add(0, 2, RAW_FREE, P, 0); /* ...and the process was killed there */
	add(0, 0, 0, 0, 0);
	require_events("0:malloc 0 8 | 0:free 0 0");
	head.threads = 3; /* two threads that never made their files */
	require_events("0:malloc 0 8 | 0:free 0 0");
}

static void records_after_the_stop_are_void(void **state)
{
	(void)state;
	begin();
	add(0, 1, RAW_MALLOC, P, 8);
	add(0, 4, RAW_FREE, P, 0);
	add(1, 2, RAW_MALLOC, Q, 16);
	add(1, 3, RAW_FREE, Q, 0);
	head.stop_errno = 28;
	head.end_stamp = 3;
	require_events("0:malloc 0 8 | 1:thread start 0 0 | 1:malloc 1 16");
}

static void a_thread_exits_after_its_last_call(void **state)
{
	(void)state;
	begin();
	add(0, 1, RAW_MALLOC, P, 8);
	add(0, 9, RAW_THREAD_END, 0, 0); /* thread 0 is there to the end */
	add(1, 2, RAW_MALLOC, Q, 16);
	add(1, 3, RAW_THREAD_END, 0, 0);
	add(1, 4, RAW_FREE, 0, 0);
	add(2, 5, RAW_FREE, Q, 0); /* takes the number of the one that ended */
	require_events("0:malloc 0 8 | 1:thread start 0 0 | 1:malloc 1 16 | "
	               "1:free 2 0 | 1:thread exit 0 0 | 1:thread start 0 0 | "
	               "1:free 1 0");
}

static void too_many_threads_at_a_time_are_refused(void **state)
{
	struct trace trace;

	(void)state;
	begin();
	for (uint32_t i = 0; i <= TRACE_THREADS_MAX; i++)
		add(i, i + 1, RAW_MALLOC, P + 16 * i, 8);
	assert_false(merge(&trace));
	assert_string_equal(error.text,
	                    "test: more than 4096 threads at a time");
}

static void nothing_recorded_is_no_trace(void **state)
{
	struct trace trace;

	(void)state;
	begin();
	assert_false(merge(&trace));
	assert_string_equal(error.text, "test: no allocator is called in it");
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	begin();
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(touched_bytes_find_their_event),
		cmocka_unit_test(stamps_order_two_threads),
		cmocka_unit_test(an_address_changes_hands_during_a_realloc),
		cmocka_unit_test(a_failed_realloc_leaves_no_event),
		cmocka_unit_test(blocks_from_before_are_counted),
		cmocka_unit_test(a_missed_free_is_put_in),
		cmocka_unit_test(incomplete_records_are_passed_over),
		cmocka_unit_test(records_after_the_stop_are_void),
		cmocka_unit_test(a_thread_exits_after_its_last_call),
		cmocka_unit_test(too_many_threads_at_a_time_are_refused),
		cmocka_unit_test(nothing_recorded_is_no_trace),
	};
	return cmocka_run_group_tests_name("record merge", tests, set_up,
	                                   tear_down);
}
