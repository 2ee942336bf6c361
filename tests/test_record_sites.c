/*
 * test_record_sites.c - a program whose functions are known is recorded with its
 * call sites, which must name them.
 */
#include "recorder.h"

#include <dlfcn.h>
#include <string.h>

#include "harness/record/raw.h"
#include "harness/trace/trace.h"

/* The text of the n-th frame of an event's stack; "" if it has no such frame. */
static const char *frame_text(const struct trace *trace, uint64_t event, int n)
{
	uint32_t site = trace->site_of[event];

	for (; n > 0 && site != 0; n--)
		site = trace->sites->sites[site].caller;
	if (site == 0)
		return "";
	const struct site *found = &trace->sites->sites[site];
	const char *text = trace->sites->frames[found->frame].text;
	return text == NULL ? "?" : text;
}

static void require_frame(const struct trace *trace, uint64_t event, int n,
                          const char *function)
{
	const char *text = frame_text(trace, event, n);

	if (strncmp(text, function, strlen(function)) != 0)
		fail_msg("event %lu, frame %d: \"%s\", not %s", event, n, text,
		         function);
}

static int stack_depth(const struct trace *trace, uint64_t event)
{
	int depth = 0;

	for (uint32_t site = trace->site_of[event]; site != 0; depth++)
		site = trace->sites->sites[site].caller;
	return depth;
}

static bool has_unwinder(void)
{
	void *unwinder = dlopen(RAW_UNWINDER, RTLD_LAZY);

	return unwinder != NULL && dlclose(unwinder) == 0;
}

static void record_sites(const char *option, struct trace *trace)
{
	recorder_run(0, option, "-o", "sites.trace",
	             recorded_program("record_sites"), NULL);
	recorder_read_trace("sites.trace", trace);
	assert_non_null(trace->sites);
}

static void blocks_name_the_functions_that_made_them(void **state)
{
	struct trace trace;
	int found = 0;

	(void)state;
	if (!has_unwinder())
		skip();
	record_sites("--sites", &trace);
	for (uint64_t i = 0; i < trace.events; i++) {
		const struct trace_op *op = &trace.ops[i];
		if (op->kind > TRACE_REALLOC || op->size < 8001 ||
		    op->size > 8004)
			continue;
		found++;
		if (op->size == 8004) {
			require_frame(&trace, i, 0, "grow");
			require_frame(&trace, i, 1, "main");
			continue;
		}
		require_frame(&trace, i, 0, "leaf");
		if (op->size < 8003)
			require_frame(&trace, i, 1,
			              op->size == 8001 ? "left" : "right");
		else
			require_frame(&trace, i, 1, "main");
	}
	assert_int_equal(found, 402);
	trace_destroy(&trace);
}

/* Two threads, two callers: each stack has one number, not one a call. */
static void a_stack_has_one_number(void **state)
{
	uint32_t sites[2][2] = {{0}};
	struct trace trace;

	(void)state;
	if (!has_unwinder())
		skip();
	record_sites("--sites", &trace);
	for (uint64_t i = 0; i < trace.events; i++) {
		const struct trace_op *op = &trace.ops[i];
		if (op->kind != TRACE_MALLOC ||
		    (op->size != 8001 && op->size != 8002))
			continue;
		uint32_t *site = &sites[op->thread > 0][op->size - 8001];
		if (*site == 0)
			*site = trace.site_of[i];
		assert_int_equal(trace.site_of[i], *site);
	}
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			assert_int_not_equal(sites[i / 2][i % 2],
			                     sites[j / 2][j % 2]);
	trace_destroy(&trace);
}

static void stacks_are_as_deep_as_asked_for(void **state)
{
	struct trace trace;
	int deepest = 0;

	(void)state;
	if (!has_unwinder())
		skip();
	record_sites("--sites=2", &trace);
	for (uint64_t i = 0; i < trace.events; i++) {
		int depth = stack_depth(&trace, i);
		deepest = depth > deepest ? depth : deepest;
	}
	assert_int_equal(deepest, 2);
	trace_destroy(&trace);
}

static void without_the_option_there_are_none(void **state)
{
	struct trace trace;

	(void)state;
	recorder_run(0, "-o", "bare.trace", recorded_program("record_sites"),
	             NULL);
	recorder_read_trace("bare.trace", &trace);
	assert_null(trace.sites);
	trace_destroy(&trace);
	recorder_run(2, "--sites", "--anonymise", "true", NULL);
	recorder_said("--sites names functions, which --anonymise must not");
	recorder_run(2, "--sites=65", "true", NULL);
	recorder_said("--sites");
}

/* A child of fork has a table of its own. */
static void a_followed_child_has_sites(void **state)
{
	struct trace trace;

	(void)state;
	if (!has_unwinder())
		skip();
	recorder_run(0, "--sites", "--follow", "-o", "fork.trace",
	             recorded_program("record_process"), "fork", NULL);
	recorder_read_trace("fork.2-record_process.trace", &trace);
	assert_non_null(trace.sites);
	for (uint64_t i = 0; i < trace.events; i++)
		if (trace.ops[i].kind == TRACE_MALLOC)
			require_frame(&trace, i, 0, "allocate");
	trace_destroy(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_name_the_functions_that_made_them),
		cmocka_unit_test(a_stack_has_one_number),
		cmocka_unit_test(stacks_are_as_deep_as_asked_for),
		cmocka_unit_test(without_the_option_there_are_none),
		cmocka_unit_test(a_followed_child_has_sites),
	};
	return cmocka_run_group_tests_name("record_sites", tests,
	                                   recorder_set_up, recorder_tear_down);
}
