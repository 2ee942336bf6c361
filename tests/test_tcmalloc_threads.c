/*
 * test_tcmalloc_threads.c - what threads do to each other in tcmalloc: budgets
 * stolen under way, spans that change owners, a fork in the middle.
 *
 * The battery (contract_threads.c) has the general case; here the knobs are
 * turned so that every slow path is taken all the time.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account.h"
#include "allocators/tcmalloc/tcmalloc.h"
#include "crew.h"

extern const struct allocator tcmalloc_allocator;

static void work(const char *setting, const struct crew_plan *plan)
{
	struct lab *lab = lab_open(setting);
	struct crew *crew = crew_start(lab, plan);

	crew_work(crew);
	crew_verify(crew);
	crew_work(crew);
	crew_verify(crew);
	crew_end(crew);
	lab_close(lab);
}

static const struct crew_plan hammer = {
	.threads = CREW_MAX,
	.calls = 3000,
	.live = 40,
	.size_max = 3000,
	.gifts_percent = 50,
	.attach_every = 700,
	.looks_on = true,
};

/* 96 KiB for eight threads: each steals from the others. */
static void eight_threads_steal_from_each_other(void **state)
{
	(void)state;
	work("tcmalloc:all_caches=96K,thread_cache=64K", &hammer);
}

/* Nothing cached: spans fill and empty, merge and split under all of them. */
static void eight_threads_share_every_span(void **state)
{
	(void)state;
	work("tcmalloc:thread_cache=0,transfer=0,growth=1,release=1000",
	     &hammer);
}

static void eight_threads_share_a_hash_map(void **state)
{
	(void)state;
	work("tcmalloc:page_map=hash,batch=2,order=recent", &hammer);
}

static void eight_threads_pass_batches(void **state)
{
	struct crew_plan plan = hammer;

	(void)state;
	plan.gifts_percent = 100;
	plan.size_max = 64;
	work("tcmalloc:batch=4,length=8,transfer=64", &plan);
}

/* ---- one span, taken and given by all ------------------------------------------ */

enum { THREADS = 4, ROUNDS = 10000, HELD = 6 };

struct worker {
	struct lab *lab;
	pthread_t thread;
	unsigned char mark;
	bool is_hurt;
};

/* Objects of one class, so that all meet in one central list. */
static void *take_and_give(void *ctx)
{
	struct worker *worker = ctx;
	const struct allocator *allocator = worker->lab->allocator;
	struct thread_heap *self = allocator->attach(worker->lab->heap);
	unsigned char *held[HELD];

	for (int i = 0; i < ROUNDS && !worker->is_hurt; i++) {
		for (int k = 0; k < HELD; k++) {
			held[k] = allocator->malloc(self, 1024);
			memset(held[k], worker->mark, 1024);
		}
		for (int k = 0; k < HELD; k++) {
			worker->is_hurt |= held[k][0] != worker->mark ||
			                   held[k][1023] != worker->mark;
			allocator->free(self, held[k]);
		}
	}
	allocator->detach(self);
	return NULL;
}

static void meet(const char *knobs)
{
	static const struct page_source_options arena = {
		.kind = PAGE_SOURCE_ARENA};
	static char many = 0;
	struct worker workers[THREADS] = {0};
	struct lab *lab = lab_open_on(&tcmalloc_allocator, knobs, &arena);

	lab->allocator->detach(lab->thread);
	lab->allocator->destroy(lab->heap);
	lab->heap = lab->allocator->create(&lab->values, &lab->pages, &many);
	lab->thread = lab->allocator->attach(lab->heap);
	for (int i = 0; i < THREADS; i++) {
		workers[i].lab = lab;
		workers[i].mark = (unsigned char)(i + 1);
		assert_int_equal(pthread_create(&workers[i].thread, NULL,
		                                take_and_give, &workers[i]),
		                 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_false(workers[i].is_hurt);
	}
	lab_check(lab);
	lab_check_walk(lab, 0);
	lab_close(lab);
}

static void threads_meet_in_the_spans_of_a_class(void **state)
{
	(void)state;
	meet("thread_cache=0,transfer=0");
}

static void threads_meet_in_a_transfer_cache(void **state)
{
	(void)state;
	meet("batch=2,length=2");
}

/* ---- fork ------------------------------------------------------------------------ */

/* What the other handles had cached is lost to the child, and counted as live. */
static int look_in_the_child(struct lab *lab, size_t lost, size_t live)
{
	struct heap_usage usage = account_usage(lab);

	if (usage.abandoned != 2 || usage.handles != 1)
		return 1;
	if (usage.live_bytes != live + lost)
		return 2;
	if (tcm_heap_of(lab->heap)->caches.unclaimed !=
	    tcm_heap_of(lab->heap)->caches.all_bytes -
	            counter_read(&tcm_cache_of(lab->thread)->budget))
		return 3;
	for (int i = 0; i < 1000; i++)
		if (lab->allocator->malloc(lab->thread, 64) == NULL)
			return 4;
	return lab->allocator->check(lab->heap) == NULL ? 0 : 5;
}

static void a_child_forgets_the_other_caches(void **state)
{
	struct lab *lab = lab_open("tcmalloc");
	struct thread_heap *others[2];
	size_t lost = 0;
	int status;

	(void)state;
	lab_malloc(lab, 64);
	for (int i = 0; i < 2; i++) {
		others[i] = lab->allocator->attach(lab->heap);
		for (int n = 0; n < 100; n++)
			lab->allocator->malloc(others[i], 64);
	}
	for (int i = 0; i < 2; i++)
		for (unsigned class = 1;
		     class < tcm_heap_of(lab->heap)->classes.count; class ++)
			lost += tcm_bin_count(
					&tcm_cache_of(others[i])->bin[class]) *
			        tcm_class_bytes(tcm_heap_of(lab->heap), class);
	size_t live = account_usage(lab).live_bytes;
	assert_true(lost > 0);
	lab->allocator->fork_prepare(lab->heap);
	page_source_fork_prepare(&lab->pages);
	pid_t child = fork();
	if (child == 0) {
		page_source_fork_child(&lab->pages);
		lab->allocator->fork_child(lab->heap, lab->thread);
		_exit(look_in_the_child(lab, lost, live));
	}
	page_source_fork_parent(&lab->pages);
	lab->allocator->fork_parent(lab->heap);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	lab_check(lab);
	for (int i = 0; i < 2; i++)
		lab->allocator->detach(others[i]);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_threads_steal_from_each_other),
		cmocka_unit_test(eight_threads_share_every_span),
		cmocka_unit_test(eight_threads_share_a_hash_map),
		cmocka_unit_test(eight_threads_pass_batches),
		cmocka_unit_test(threads_meet_in_the_spans_of_a_class),
		cmocka_unit_test(threads_meet_in_a_transfer_cache),
		cmocka_unit_test(a_child_forgets_the_other_caches),
	};
	return cmocka_run_group_tests_name("tcmalloc threads", tests, NULL,
	                                   NULL);
}
