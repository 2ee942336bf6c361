/*
 * test_threads_replay.c - replay on real threads: every allocator under the
 * oracle on up to eight of them, figures that add up, verdicts of a run.  Runs
 * under ThreadSanitizer too.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocators/registry.h"
#include "harness/run/run.h"
#include "harness/threads/threads.h"
#include "lab.h"
#include "traces.h"

extern const struct allocator system_allocator;

/* Each step makes eight events under a sanitizer that is some 20 times slower. */
enum { THREADS = 8, STEPS = 400 };

static struct trace crossing_trace(void)
{
	const struct threads_work work = {.threads = THREADS,
	                                  .steps = STEPS,
	                                  .live = 30,
	                                  .max_bytes = 700,
	                                  .seed = 5};
	struct trace trace;
	struct trace_error error;

	assert_true(threads_crossing_work(&work, &trace, &error));
	return trace;
}

static struct plan plan_of(const struct trace *trace, unsigned threads)
{
	struct plan plan;
	struct trace_error error;

	assert_true(plan_make(&plan, trace, threads, &error));
	return plan;
}

static void expect_ok(const struct verdict *verdict, const char *name,
                      unsigned threads)
{
	if (verdict->kind != VERDICT_OK)
		fail_msg("%s on %u threads: %s at event %lu: %s", name, threads,
		         verdict_word(verdict->kind), verdict->event,
		         verdict->sentence);
}

/* ---- every allocator ------------------------------------------------------ */

static void check_one(const struct allocator *allocator,
                      const struct trace *trace, unsigned threads)
{
	const struct threads_options options = {.depth = ORACLE_EDGES,
	                                        .touch = TOUCH_FIRST};
	struct plan plan = plan_of(trace, threads);
	struct knob_values values;
	struct threads_figures figures;

	knob_defaults(allocator->knobs, &values);
	struct verdict verdict =
		threads_check(allocator, &values, &plan, &options, &figures);
	expect_ok(&verdict, allocator->name, threads);
	if (!allocator->ignores_page_source)
		assert_true(figures.peak_footprint_bytes > 0);
	/* Timed heaps are dropped with their pages; what has none would leak. */
	if (!allocator->ignores_page_source) {
		verdict = threads_time(allocator, &values, &plan, &options,
		                       &figures);
		expect_ok(&verdict, allocator->name, threads);
		assert_int_equal(figures.calls, trace->calls);
	}
	assert_int_equal(figures.threads, threads);
	plan_free(&plan);
}

static void every_allocator_on_eight_threads(void **state)
{
	struct trace crossing = crossing_trace();

	(void)state;
	for (size_t i = 0; allocator_registry[i] != NULL; i++) {
		if (strcmp(allocator_registry[i]->name, "pool") == 0)
			continue; /* one size only */
		check_one(allocator_registry[i], &crossing, THREADS);
	}
	trace_destroy(&crossing);
}

/* A random trace whose blocks fit into memory. */
static struct trace small_trace(unsigned seed)
{
	enum { MOST_BYTES = 3000 };
	struct trace trace = random_trace(seed, 1500);

	for (uint64_t i = 0; i < trace.events; i++)
		if (trace_kind_is_call(trace.ops[i].kind))
			trace.ops[i].size = 1 + trace.ops[i].size % MOST_BYTES;
	return trace;
}

static void every_folding_of_a_random_trace(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 6; seed++) {
		struct trace trace = small_trace(seed);
		for (unsigned threads = 1;
		     threads <= THREADS && threads <= trace.threads; threads++)
			check_one(allocator_find("slab"), &trace, threads);
		trace_destroy(&trace);
	}
}

/* ---- figures -------------------------------------------------------------- */

static void figures_add_up(void **state)
{
	const struct threads_options options = {.touch = TOUCH_FIRST};
	const struct allocator *buddy = allocator_find("buddy");
	struct trace trace = crossing_trace();
	struct plan plan = plan_of(&trace, 4);
	struct threads_figures figures;
	struct knob_values values;
	uint64_t calls = 0;

	(void)state;
	knob_defaults(buddy->knobs, &values);
	struct verdict verdict =
		threads_time(buddy, &values, &plan, &options, &figures);
	expect_ok(&verdict, "buddy", 4);
	for (unsigned i = 0; i < 4; i++) {
		calls += figures.of[i].calls;
		assert_int_equal(figures.of[i].takes, plan.strands[i].takes);
		assert_true(figures.of[i].takes > 0);
		assert_true(figures.of[i].waits <= figures.of[i].takes);
		assert_true(figures.of[i].ns <= figures.wall_ns);
	}
	assert_int_equal(calls, trace.calls);
	/* The one lock was taken for every call, and for attach. */
	assert_int_equal(figures.locks.count, 1);
	assert_true(figures.locks.locks[0].acquired >= trace.calls + THREADS);
	assert_true(figures.locks.locks[0].waited <=
	            figures.locks.locks[0].acquired);
	plan_free(&plan);
	trace_destroy(&trace);
}

static void null_is_the_floor(void **state)
{
	const struct threads_options options = {.touch = TOUCH_FIRST};
	struct trace trace = crossing_trace();

	(void)state;
	for (unsigned threads = 1; threads <= THREADS; threads *= 2) {
		struct plan plan = plan_of(&trace, threads);
		struct threads_figures figures;
		struct verdict verdict =
			threads_time(NULL, NULL, &plan, &options, &figures);
		expect_ok(&verdict, "null", threads);
		assert_int_equal(figures.calls, trace.calls);
		assert_int_equal(figures.locks.count, 0);
		assert_int_equal(figures.peak_footprint_bytes, 0);
		plan_free(&plan);
	}
	trace_destroy(&trace);
}

/* ---- the byte that says whether locks are needed --------------------------- */

static char byte_seen;
static const char *byte_at_create;

static struct heap *noting_create(const struct knob_values *values,
                                  struct page_source *pages,
                                  const char *single_thread)
{
	byte_at_create = single_thread;
	return system_allocator.create(values, pages, single_thread);
}

static void *noting_malloc(struct thread_heap *self, size_t size)
{
	if (size == 77) /* one call of one thread */
		byte_seen = *byte_at_create;
	return system_allocator.malloc(self, size);
}

static void one_thread_needs_no_locks(void **state)
{
	struct allocator noting = system_allocator;
	const struct threads_options options = {.depth = ORACLE_PLACES};
	struct threads_figures figures;
	struct knob_values values;

	(void)state;
	noting.create = noting_create;
	noting.malloc = noting_malloc;
	knob_defaults(noting.knobs, &values);
	struct trace trace = trace_of("alloclab-text 1\nstart(1)\n@0 a=77\n"
	                              "@1 b=8\n@1 free(a)\n");
	for (unsigned threads = 1; threads <= 2; threads++) {
		struct plan plan = plan_of(&trace, threads);
		byte_seen = 42;
		struct verdict verdict = threads_check(&noting, &values, &plan,
		                                       &options, &figures);
		expect_ok(&verdict, "noting", threads);
		assert_int_equal(byte_seen, threads == 1);
		plan_free(&plan);
	}
	trace_destroy(&trace);
}

/* ---- verdicts of a run ------------------------------------------------------ */

/* system, which goes wrong at the 7th malloc on several threads, and only there. */
enum { WRONG_AT = 7 };

static const char *wrong_byte;
static int wrong_mallocs;
static enum verdict_kind wrong_kind;

static struct heap *wrong_create(const struct knob_values *values,
                                 struct page_source *pages,
                                 const char *single_thread)
{
	wrong_byte = single_thread;
	return system_allocator.create(values, pages, single_thread);
}

static void *wrong_malloc(struct thread_heap *self, size_t size)
{
	volatile bool forever = true;
	char *volatile nowhere = (char *)8;

	if (*wrong_byte || ++wrong_mallocs != WRONG_AT)
		return system_allocator.malloc(self, size);
	if (wrong_kind == VERDICT_CRASH)
		*nowhere = 1;
	if (wrong_kind == VERDICT_STOPPED)
		abort();
	while (wrong_kind == VERDICT_HANG && forever)
		;
	usleep(50 * 1000); /* so that the other thread waits for the block */
	return NULL;
}

/* Thread 1 makes twenty blocks, thread 0 frees them; event 8 is the 7th. */
static void make_workload(struct workload *workload)
{
	char text[4096] = "alloclab-text 1\nstart(1)\n";

	for (int i = 0; i < 20; i++)
		sprintf(text + strlen(text), "@1 b%d=40\n", i);
	for (int i = 0; i < 20; i++)
		sprintf(text + strlen(text), "@0 free(b%d)\n", i);
	strcpy(workload->name, "twenty");
	workload->trace = trace_of(text);
}

static struct verdict run_wrong(enum verdict_kind kind, unsigned reps)
{
	char folder[] = "/tmp/test_threads.XXXXXX";
	struct run_options options = {
		.reps = reps,
		.seconds = kind == VERDICT_HANG ? 2 : 20,
		.budget_seconds = 10,
		.memory_bytes = (size_t)64 << 20,
		.touch = TOUCH_FIRST,
		.threads = 2,
		.folder = mkdtemp(folder),
	};
	struct subject *subject = calloc(1, sizeof *subject);
	struct allocator wrong = system_allocator;
	struct workload workload = {0};
	struct trace_error error;

	make_workload(&workload);
	struct plan plan = plan_of(&workload.trace, options.threads);
	wrong.create = wrong_create;
	wrong.malloc = wrong_malloc;
	wrong_kind = kind;
	wrong_mallocs = 0;
	assert_true(subject_parse("system", subject, &error));
	subject->allocator = &wrong;
	struct run run = {
		.options = &options,
		.workload = &workload,
		.plan = &plan,
		.subjects = subject,
		.count = 1,
	};
	assert_true(run_all(&run, &error));
	struct verdict verdict = subject->verdict;
	run_remove_parts(&run, 0);
	assert_int_equal(rmdir(folder), 0);
	plan_free(&plan);
	workload_close(&workload);
	free(subject);
	return verdict;
}

static struct verdict expect_wrong(enum verdict_kind kind)
{
	struct verdict verdict = run_wrong(kind, 1);

	if (verdict.kind != kind || verdict.event != 1 + WRONG_AT)
		fail_msg("%s at event %lu: %s", verdict_word(verdict.kind),
		         verdict.event, verdict.sentence);
	assert_non_null(strstr(verdict.sentence, "on 2 threads: "));
	if (kind != VERDICT_OUT_OF_MEMORY)
		assert_non_null(
			strstr(verdict.sentence, "malloc(40) at event 8"));
	return verdict;
}

static void a_crash_on_threads_is_a_row(void **state)
{
	(void)state;
	expect_wrong(VERDICT_CRASH);
}

/* The other thread waits for blocks: the one that hangs is named. */
static void a_hang_on_threads_is_a_row(void **state)
{
	struct verdict verdict = expect_wrong(VERDICT_HANG);

	(void)state;
	/* It has freed six blocks, and cannot have the seventh. */
	assert_non_null(strstr(verdict.sentence,
	                       "; thread 0 at event 28, thread 1 at event 8"));
}

static void an_abort_on_threads_is_a_row(void **state)
{
	(void)state;
	expect_wrong(VERDICT_STOPPED);
}

/* The other thread must not wait for blocks that will never come. */
static void no_memory_on_threads_is_a_row(void **state)
{
	(void)state;
	expect_wrong(VERDICT_OUT_OF_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocator_on_eight_threads),
		cmocka_unit_test(every_folding_of_a_random_trace),
		cmocka_unit_test(figures_add_up),
		cmocka_unit_test(null_is_the_floor),
		cmocka_unit_test(one_thread_needs_no_locks),
		cmocka_unit_test(a_crash_on_threads_is_a_row),
		cmocka_unit_test(a_hang_on_threads_is_a_row),
		cmocka_unit_test(an_abort_on_threads_is_a_row),
		cmocka_unit_test(no_memory_on_threads_is_a_row),
	};
	return cmocka_run_group_tests_name("threads: replay", tests, NULL,
	                                   NULL);
}
