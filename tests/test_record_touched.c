/*
 * test_record_touched.c - a program that knows what it writes to is recorded, and
 * the trace must say the same.
 */
#include "recorder.h"

#include <stdio.h>
#include <sys/utsname.h>

#include "harness/trace/trace.h"

enum { PAGE = 4096, MIB = 1 << 20 };

/* The touched bytes of the one block of a size; fails the test without one. */
static uint64_t touched(const struct trace *trace, uint64_t size)
{
	uint64_t found = 0, bytes = 0;

	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->kind > TRACE_REALLOC || op->size != size)
			continue;
		found++;
		bytes = trace_touched(trace, i);
	}
	assert_int_equal(found, 1);
	return bytes;
}

/* Where a block begins in its page is the allocator's affair. */
static void require_pages(const struct trace *trace, uint64_t size,
                          uint64_t pages)
{
	uint64_t bytes = touched(trace, size);

	if (bytes + PAGE < pages * PAGE || bytes > (pages + 1) * PAGE)
		fail_msg("%lu bytes: %lu touched, not %lu pages", size, bytes,
		         pages);
}

/* Whether the kernel tells pages that were only read. */
static bool reading_is_told(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 7);
}

static void record(const char *option, struct trace *trace)
{
	recorder_run(0, "-o", "touched.trace", option, "--",
	             recorded_program("record_touched"), NULL);
	recorder_read_trace("touched.trace", trace);
}

static void each_way_to_write_is_seen(void **state)
{
	struct trace trace;

	(void)state;
	record("--touched", &trace);
	assert_non_null(trace.untouched);
	require_pages(&trace, MIB + 1, 64);
	require_pages(&trace, MIB + 2, reading_is_told() ? 17 : 257);
	assert_int_equal(touched(&trace, MIB + 3), MIB + 3);
	assert_int_equal(touched(&trace, MIB), 31 * PAGE + 1);
	assert_int_equal(touched(&trace, 100000), 100000);
	require_pages(&trace, MIB + 4, 100000 / PAGE + 8);
	require_pages(&trace, MIB + 5, 128);
	require_pages(&trace, MIB + 6, 8);
	require_pages(&trace, MIB + 7, 48);
	trace_destroy(&trace);
}

/* Of a page that blocks share nobody knows who wrote to it. */
static void small_blocks_count_as_touched(void **state)
{
	struct trace trace;

	(void)state;
	record("--touched", &trace);
	for (uint64_t i = 0; i < trace.events; i++)
		if (trace.ops[i].size < PAGE)
			assert_int_equal(trace.untouched[i], 0);
	trace_destroy(&trace);
}

static void without_the_option_nothing_is_said(void **state)
{
	struct trace trace;

	(void)state;
	record("--time", &trace);
	assert_null(trace.untouched);
	trace_destroy(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_to_write_is_seen),
		cmocka_unit_test(small_blocks_count_as_touched),
		cmocka_unit_test(without_the_option_nothing_is_said),
	};
	return cmocka_run_group_tests_name("record_touched", tests,
	                                   recorder_set_up, recorder_tear_down);
}
