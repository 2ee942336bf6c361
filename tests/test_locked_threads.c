/*
 * test_locked_threads.c - the locking decorator: it adds a page and a lock and
 * nothing else, and eight threads leave every heap behind it whole.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/common/heap_usage.h"
#include "allocators/locked/locked.h"
#include "allocators/registry.h"
#include "lab.h"

enum { THREADS = 8, ROUNDS = 3000, LIVE = 16 };

/* ---- the vtable --------------------------------------------------------- */

static void each_allocator_has_one_decorator(void **state)
{
	(void)state;
	for (size_t i = 0; allocator_registry[i] != NULL; i++) {
		const struct allocator *inner = allocator_registry[i];
		const struct allocator *shared = locked_over(inner);
		assert_ptr_equal(shared, locked_over(inner));
		assert_true(shared->has_locks);
		assert_true(inner->has_locks == (shared == inner));
		assert_string_equal(shared->name, inner->name);
	}
}

static struct allocator bare; /* an allocator with nothing optional */

static void what_is_missing_inside_is_missing_outside(void **state)
{
	(void)state;
	bare = *allocator_find("bump");
	bare.usable_size = NULL;
	bare.trim = NULL;
	bare.walk = NULL;
	bare.check = NULL;
	bare.explain = NULL;
	const struct allocator *shared = locked_over(&bare);
	assert_null(shared->usable_size);
	assert_null(shared->trim);
	assert_null(shared->walk);
	assert_null(shared->free_lists);
	assert_null(shared->explain);
	const struct page_source_options arena = {.kind = PAGE_SOURCE_ARENA};
	struct lab *lab = lab_open_on(shared, "", &arena);
	struct heap_usage usage;
	shared->usage(lab->heap, &usage);
	assert_int_equal(usage.live_bytes, 0);
	assert_int_equal(usage.metadata_bytes, PAGE_BYTES);
	lab_close(lab); /* check() is its own, where there is none inside */
}

static void there_is_an_end_to_them(void **state)
{
	static struct allocator many[LOCKED_MAX + 1];
	bool ended = false;

	(void)state;
	for (int i = 0; i <= LOCKED_MAX && !ended; i++) {
		many[i] = *allocator_find("bump");
		ended = locked_over(&many[i]) == NULL;
	}
	assert_true(ended);
}

/* ---- what it adds ------------------------------------------------------- */

/* The same calls, with and without: the same blocks, and one page more. */
static void the_heap_inside_is_as_it_would_be(void **state)
{
	char plain[4096];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lab *lab =
			lab_open(i == 0 ? "best-fit" : "locked best-fit");
		for (size_t size = 10; size < 2000; size = size * 3 / 2)
			lab_malloc(lab, size);
		for (int j = 0; j < lab->names; j += 3)
			lab_free(lab, lab->named[j]);
		lab_check_walk(lab, lab->names - (lab->names + 2) / 3);
		if (i == 0)
			strcpy(plain, lab_heap_string(lab));
		else
			assert_string_equal(lab_heap_string(lab), plain);
		assert_int_equal(lab->pages.calls[PAGE_RESERVE], i);
		lab_close(lab);
	}
}

static void one_page_holds_a_hundred_handles(void **state)
{
	struct lab *lab = lab_open("locked first-fit");
	size_t alone = lab->pages.committed_bytes;
	struct thread_heap *handles[500];
	struct heap_usage usage;

	(void)state;
	for (int i = 0; i < 500; i++) {
		handles[i] = lab->allocator->attach(lab->heap);
		assert_non_null(handles[i]);
		if (i == 90)
			assert_int_equal(lab->pages.committed_bytes, alone);
	}
	lab_check(lab);
	lab_check_walk(lab, 0);
	lab->allocator->usage(lab->heap, &usage);
	assert_int_equal(usage.handles, 501);
	size_t grown = lab->pages.committed_bytes;
	assert_true(grown > alone && grown <= alone + 5 * PAGE_BYTES);
	for (int i = 0; i < 500; i++)
		lab->allocator->detach(handles[i]);
	for (int i = 0; i < 500; i++) /* the places are used again */
		handles[i] = lab->allocator->attach(lab->heap);
	assert_int_equal(lab->pages.committed_bytes, grown);
	for (int i = 0; i < 500; i++)
		lab->allocator->detach(handles[i]);
	lab_close(lab);
}

/* Once for each call of the program; who looks is not counted. */
static void the_lock_is_counted(void **state)
{
	struct lab *lab = lab_open("locked buddy");
	struct heap_usage before, after;
	struct heap_stats stats;

	(void)state;
	lab->allocator->usage(lab->heap, &before);
	void *block = lab_malloc(lab, 100);
	lab_free(lab, block);
	lab->allocator->stats(lab->heap, &stats);
	lab->allocator->usage(lab->heap, &after);
	assert_int_equal(after.lock_count, 1);
	assert_string_equal(after.locks[0].name, "heap");
	assert_int_equal(after.locks[0].acquired - before.locks[0].acquired, 2);
	assert_int_equal(after.locks[0].waited, 0);
	lab_close(lab);
}

/* ---- threads ------------------------------------------------------------ */

struct worker {
	struct lab *lab;
	pthread_t thread;
	struct thread_heap *self;
	unsigned char mark;
	bool lost; /* a byte of a block was not what we wrote */
};

/* A block is full of its owner's mark from the first to the last byte. */
static bool is_whole(const unsigned char *block, size_t size,
                     unsigned char mark)
{
	return block[0] == mark && memcmp(block, block + 1, size - 1) == 0;
}

static void *work(void *ctx)
{
	struct worker *worker = ctx;
	const struct allocator *allocator = worker->lab->allocator;
	unsigned char *blocks[LIVE] = {NULL};
	size_t sizes[LIVE] = {0};

	for (size_t round = 0; round < ROUNDS; round++) {
		size_t i = round * 7 % LIVE;
		if (blocks[i] != NULL)
			worker->lost |=
				!is_whole(blocks[i], sizes[i], worker->mark);
		sizes[i] = 1 + round * round * worker->mark % 700;
		blocks[i] =
			allocator->realloc(worker->self, blocks[i], sizes[i]);
		if (blocks[i] == NULL)
			return NULL;
		memset(blocks[i], worker->mark, sizes[i]);
		if (round % 3 == 0) {
			allocator->free(worker->self, blocks[i]);
			blocks[i] = NULL;
		}
	}
	for (int i = 0; i < LIVE; i++)
		allocator->free(worker->self, blocks[i]);
	return NULL;
}

static void eight_threads(const char *name)
{
	struct worker workers[THREADS];
	struct lab *lab = lab_open(name);

	lab_share(lab);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.lab = lab,
		                             .mark = (unsigned char)(i + 1)};
		workers[i].self = lab->allocator->attach(lab->heap);
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work,
		                                &workers[i]),
		                 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < THREADS; i++) {
		assert_false(workers[i].lost);
		lab->allocator->detach(workers[i].self);
	}
	lab_check(lab);
	lab_check_walk(lab, 0);
	lab_close(lab);
}

static void threads_over_first_fit(void **state)
{
	(void)state;
	eight_threads("locked first-fit");
}

static void threads_over_buddy(void **state)
{
	(void)state;
	eight_threads("locked buddy");
}

static void threads_over_slab(void **state)
{
	(void)state;
	eight_threads("locked slab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocator_has_one_decorator),
		cmocka_unit_test(what_is_missing_inside_is_missing_outside),
		cmocka_unit_test(the_heap_inside_is_as_it_would_be),
		cmocka_unit_test(one_page_holds_a_hundred_handles),
		cmocka_unit_test(the_lock_is_counted),
		cmocka_unit_test(threads_over_first_fit),
		cmocka_unit_test(threads_over_buddy),
		cmocka_unit_test(threads_over_slab),
		cmocka_unit_test(there_is_an_end_to_them),
	};
	return cmocka_run_group_tests_name("locked", tests, NULL, NULL);
}
