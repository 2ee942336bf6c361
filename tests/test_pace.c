/*
 * test_pace.c - recorded time: the words, the clock that a heap sees, and a timed
 * replay that waits.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/clock/now.h"
#include "harness/clock/pace.h"
#include "harness/measure/audit.h"
#include "lab.h"
#include "traces.h"

extern const struct allocator bump_allocator;

/* Events at 0, 20, 30 and 40 ms. */
static const char timed[] = "alloclab-text 1\na=100\n+20000000 b=200\n"
			    "+10000000 c=300\n+10000000 d=400\n";
static const uint64_t times[] = {0, 20000000, 30000000, 40000000};

static void words_for_a_pace(void **state)
{
	static const char *const bad[] = {"",   "x",   "10",   "x0",   "x-1",
	                                  "X2", "x2s", "fast", "x1e10"};
	char text[PACE_BYTES];
	double pace = 0;

	(void)state;
	assert_true(pace_parse("recorded", &pace) && pace == 1);
	assert_string_equal(pace_print(pace, text), "recorded");
	assert_true(pace_parse("x10", &pace) && pace == 10);
	assert_string_equal(pace_print(pace, text), "x10");
	assert_true(pace_parse("x0.5", &pace) && pace == 0.5);
	assert_string_equal(pace_print(pace, text), "x0.5");
	assert_string_equal(pace_print(0, text), "none");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(pace_parse(bad[i], &pace));
}

static void how_long_a_recording_took(void **state)
{
	struct trace trace = trace_of(timed);

	(void)state;
	assert_true(pace_seconds(&trace) == 0.04);
	trace_destroy(&trace);
	trace = trace_of("alloclab-text 1\na=100\n");
	assert_true(pace_seconds(&trace) == 0);
	trace_destroy(&trace);
}

/* bump, which notes what time it is at each malloc. */
enum { NOTES = 8 };
static struct page_source *noted_source;
static uint64_t noted[NOTES];
static unsigned notes;

static struct heap *noting_create(const struct knob_values *values,
                                  struct page_source *pages,
                                  const char *single_thread)
{
	noted_source = pages;
	notes = 0;
	return bump_allocator.create(values, pages, single_thread);
}

static void *noting_malloc(struct thread_heap *self, size_t size)
{
	if (notes < NOTES)
		noted[notes++] = page_source_now(noted_source);
	return bump_allocator.malloc(self, size);
}

static struct allocator noting(void)
{
	struct allocator allocator = bump_allocator;

	allocator.create = noting_create;
	allocator.malloc = noting_malloc;
	return allocator;
}

static void audit_it(bool is_paced)
{
	struct allocator allocator = noting();
	struct trace trace = trace_of(timed);
	volatile uint64_t progress;
	struct audit_options options = {
		.is_paced = is_paced, .progress = &progress, .label = "noting"};
	struct knob_values values;
	struct audit audit;

	knob_defaults(allocator.knobs, &values);
	struct verdict verdict =
		audit_run(&allocator, &values, &trace, &options, &audit);
	assert_int_equal(verdict.kind, VERDICT_OK);
	assert_int_equal(notes, 4);
	trace_destroy(&trace);
}

static void the_measure_pass_shows_the_recorded_time(void **state)
{
	(void)state;
	audit_it(true);
	for (unsigned i = 0; i < notes; i++)
		assert_int_equal(noted[i], times[i]);
}

static void without_a_pace_time_is_events(void **state)
{
	(void)state;
	audit_it(false);
	for (unsigned i = 0; i < notes; i++)
		assert_int_equal(noted[i], i + 1);
}

/* Never before its time; by how much later is the machine's affair. */
static void the_timed_replay_waits(void **state)
{
	struct allocator allocator = noting();
	struct trace trace = trace_of(timed);
	struct verdict verdict = {0};
	struct knob_values values;
	struct stage stage;

	(void)state;
	knob_defaults(allocator.knobs, &values);
	assert_true(
		stage_open(&stage, &allocator, &values, &trace, 0, &verdict));
	uint64_t start = now_ns();
	pace_run(&stage, &(struct pacer){start, 4}, 0, trace.events,
	         TOUCH_FIRST);
	uint64_t took = now_ns() - start;
	stage_close(&stage);
	assert_true(took >= 10 * 1000 * 1000 - 50 * 1000);
	assert_int_equal(notes, 4);
	for (unsigned i = 0; i < notes; i++)
		assert_int_equal(noted[i], times[i]);
	trace_destroy(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_for_a_pace),
		cmocka_unit_test(how_long_a_recording_took),
		cmocka_unit_test(the_measure_pass_shows_the_recorded_time),
		cmocka_unit_test(without_a_pace_time_is_events),
		cmocka_unit_test(the_timed_replay_waits),
	};
	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
