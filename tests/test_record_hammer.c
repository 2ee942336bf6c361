/*
 * test_record_hammer.c - eight threads that know what they did are recorded:
 * nothing is lost and nothing doubled, also when they are killed at it.
 */
#include "recorder.h"

#include <stdio.h>

#include "harness/trace/trace.h"
#include "programs/hammer_counts.h"

enum { HAMMERS = 8, ROUNDS = 20000 };

/* Thread t's blocks have t more bytes than these. */
static const struct {
	enum trace_kind kind;
	int count; /* HAMMER_... that it belongs to */
	uint64_t size;
} hammer_calls[] = {
	{TRACE_MALLOC, HAMMER_MALLOC, 1001},
	{TRACE_MALLOC, HAMMER_MALLOC, 2001},
	{TRACE_REALLOC, HAMMER_REALLOC, 3001},
	{TRACE_CALLOC, HAMMER_CALLOC, 4001},
	{TRACE_ALIGNED, HAMMER_ALIGNED, 5001},
};
enum { HAMMER_CALLS = sizeof hammer_calls / sizeof hammer_calls[0] };

static void read_counts(struct hammer_counts *counts)
{
	FILE *file = fopen(recorder_path("counts"), "r");

	assert_non_null(file);
	assert_int_equal(fread(counts, sizeof *counts, 1, file), 1);
	fclose(file);
}

/* Frees of blocks that the program allocated itself, whoever freed them. */
static uint64_t count_hammer_frees(const struct trace *trace)
{
	uint64_t found = 0;

	for (uint64_t t = 0; t < HAMMERS; t++)
		for (int i = 0; i < HAMMER_CALLS; i++)
			found += recorder_count(trace, TRACE_FREE,
			                        hammer_calls[i].size + t);
	return found;
}

/*
 * The trace has what the program counted, kind by kind and thread by thread.  A
 * program that was killed may have made one call more of each kind in each
 * thread than it came to count.
 */
static void require_hammer_counts(const char *name, uint64_t more)
{
	struct hammer_counts counts;
	struct trace trace;
	uint64_t frees = 0;

	recorder_read_trace(name, &trace);
	read_counts(&counts);
	for (uint64_t t = 0; t < HAMMERS; t++) {
		uint64_t found[HAMMER_KINDS] = {0};
		for (int i = 0; i < HAMMER_CALLS; i++)
			found[hammer_calls[i].count] +=
				recorder_count(&trace, hammer_calls[i].kind,
			                       hammer_calls[i].size + t);
		for (int kind = 0; kind < HAMMER_FREE; kind++)
			assert_in_range(found[kind], counts.of[t][kind],
			                counts.of[t][kind] + more);
		frees += counts.of[t][HAMMER_FREE];
	}
	frees += counts.of[HAMMER_THREADS_MAX][HAMMER_FREE];
	assert_in_range(count_hammer_frees(&trace), frees,
	                frees + more * HAMMERS);
	trace_destroy(&trace);
	/* What stamps in the wrong order look like. */
	recorder_said_not("before the recording");
	recorder_said_not("without a free");
}

static void require_whole_hammer(const char *name)
{
	struct hammer_counts counts;
	struct trace trace;

	read_counts(&counts);
	for (int t = 0; t < HAMMERS; t++)
		assert_int_equal(counts.of[t][HAMMER_MALLOC], 2 * ROUNDS);
	require_hammer_counts(name, 0);
	recorder_said("160000 realloc(s) that failed");
	recorder_read_trace(name, &trace);
	assert_int_equal(recorder_count_kind(&trace, TRACE_THREAD_START),
	                 HAMMERS);
	assert_int_equal(recorder_count_kind(&trace, TRACE_THREAD_EXIT),
	                 HAMMERS);
	trace_destroy(&trace);
}

static void eight_threads_lose_and_double_nothing(void **state)
{
	(void)state;
	recorder_run(0, "-o", "hammer.trace", "--",
	             recorded_program("record_hammer"), "8", "20000", "counts",
	             NULL);
	require_whole_hammer("hammer.trace");
}

static void stamps_order_an_address_that_changes_hands(void **state)
{
	(void)state;
	recorder_run(0, "-o", "eager.trace", "--",
	             recorded_program("record_hammer_eager"), "8", "20000",
	             "counts", NULL);
	require_whole_hammer("eager.trace");
}

/* Eight threads at work when it happens: all that they did is in the trace. */
static void a_killed_program_loses_no_call(void **state)
{
	static const struct {
		const char *way, *said, *source;
	} ways[] = {
		{"segv", "was killed by SIGSEGV",
	         " # ended early: killed by SIGSEGV"},
		{"kill", "was killed by SIGKILL",
	         " # ended early: killed by SIGKILL"},
	};
	struct trace trace;

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		recorder_run(0, "-o", "killed.trace", "--",
		             recorded_program("record_hammer"), "8", "20000",
		             "counts", ways[i].way, NULL);
		recorder_said(ways[i].said);
		require_hammer_counts("killed.trace", 1);
		recorder_read_trace("killed.trace", &trace);
		recorder_require_source_end(&trace, ways[i].source);
		trace_destroy(&trace);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_threads_lose_and_double_nothing),
		cmocka_unit_test(stamps_order_an_address_that_changes_hands),
		cmocka_unit_test(a_killed_program_loses_no_call),
	};
	return cmocka_run_group_tests_name("record_hammer", tests,
	                                   recorder_set_up, recorder_tear_down);
}
