/*
 * test_threads_mistakes.c - mistakes of an allocator that only threads can meet:
 * one block for two of them.
 */
#include <stdatomic.h>
#include <string.h>

#include "harness/threads/threads.h"
#include "lab.h"
#include "traces.h"

extern const struct allocator system_allocator;

/*
 * Each handle hands out the blocks of one and the same table, from its start: a
 * block is given to two threads, and to none of them twice.
 */
enum { TWIN_BLOCKS = 64, TWIN_BYTES = 64 };

static char twin_memory[TWIN_BLOCKS][TWIN_BYTES] __attribute__((aligned(16)));

struct twin {
	unsigned used; /* blocks that this handle has handed out */
};

static struct twin twin_handles[4];
static atomic_uint twin_attached;

static struct heap *twin_create(const struct knob_values *values,
                                struct page_source *pages,
                                const char *single_thread)
{
	(void)values;
	(void)pages;
	(void)single_thread;
	memset(twin_handles, 0, sizeof twin_handles);
	atomic_store(&twin_attached, 0);
	return (struct heap *)twin_memory;
}

static void twin_destroy(struct heap *heap)
{
	(void)heap;
}

static struct thread_heap *twin_attach(struct heap *heap)
{
	(void)heap;
	unsigned number = atomic_fetch_add(&twin_attached, 1);
	return (struct thread_heap *)&twin_handles[number];
}

static void twin_detach(struct thread_heap *self)
{
	(void)self;
}

static void *twin_malloc(struct thread_heap *self, size_t size)
{
	struct twin *twin = (struct twin *)self;

	(void)size;
	return twin_memory[twin->used++];
}

static void twin_free(struct thread_heap *self, void *block)
{
	(void)self;
	(void)block;
}

static size_t twin_usable_size(struct heap *heap, const void *block)
{
	(void)heap;
	(void)block;
	return TWIN_BYTES;
}

static struct allocator twins(void)
{
	struct allocator allocator = system_allocator;

	allocator.create = twin_create;
	allocator.destroy = twin_destroy;
	allocator.attach = twin_attach;
	allocator.detach = twin_detach;
	allocator.malloc = twin_malloc;
	allocator.free = twin_free;
	allocator.usable_size = twin_usable_size;
	return allocator;
}

static struct verdict check_twins(const char *text, unsigned threads)
{
	const struct threads_options options = {.depth = ORACLE_PLACES};
	struct allocator allocator = twins();
	struct trace trace = trace_of(text);
	struct trace_error error;
	struct plan plan;
	struct threads_figures figures;
	struct knob_values values;

	knob_defaults(allocator.knobs, &values);
	assert_true(plan_make(&plan, &trace, threads, &error));
	struct verdict verdict =
		threads_check(&allocator, &values, &plan, &options, &figures);
	plan_free(&plan);
	trace_destroy(&trace);
	return verdict;
}

static void a_block_of_two_threads_is_an_overlap(void **state)
{
	struct verdict verdict =
		check_twins("alloclab-text 1\nstart(1)\n@0 a=40\n@1 b=24\n", 2);

	(void)state;
	assert_int_equal(verdict.kind, VERDICT_OVERLAP);
	/* Whoever came second: the other is named with its history. */
	assert_true(verdict.event == 2 || verdict.event == 3);
	assert_non_null(strstr(verdict.sentence,
	                       verdict.event == 3 ? "malloc(40) at event 2"
	                                          : "malloc(24) at event 3"));
}

/* The other block may be nobody's just then: given, and not yet taken. */
static void a_block_in_transit_is_live(void **state)
{
	enum { TRIES = 30 };

	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct verdict verdict =
			check_twins("alloclab-text 1\nstart(1)\n@0 a=40\n"
		                    "@1 b=24\n@1 free(a)\n",
		                    2);
		assert_int_equal(verdict.kind, VERDICT_OVERLAP);
		if (strstr(verdict.sentence, "history: malloc(") == NULL)
			fail_msg("%s", verdict.sentence);
	}
}

/* One thread alone, with the same allocator and the same oracle, is fine. */
static void one_thread_of_twins_is_sound(void **state)
{
	struct verdict verdict =
		check_twins("alloclab-text 1\nstart(1)\n@1 a=40\n@1 b=24\n"
	                    "@0 free(a)\n@0 free(b)\n",
	                    2);

	(void)state;
	assert_int_equal(verdict.kind, VERDICT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_of_two_threads_is_an_overlap),
		cmocka_unit_test(a_block_in_transit_is_live),
		cmocka_unit_test(one_thread_of_twins_is_sound),
	};
	return cmocka_run_group_tests_name("threads: mistakes", tests, NULL,
	                                   NULL);
}
