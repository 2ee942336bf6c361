/*
 * test_fork_threads.c - a fork while others are in the middle of a large block.
 *
 * Pages are then between two places: taken from the source and in no tree or list
 * yet, or out of it and not given back, or on their way to other addresses.  In
 * the child nobody goes on with that, so the fork hooks must not let it be seen:
 * there, too, what the heap holds is what the source has committed.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"

enum {
	WORKERS = 2,
	FORKS = 40,
	SECONDS = 10,
	SMALLEST = 40000, /* a large block has so many bytes, */
	SPREAD = 200000,  /* and up to so many more           */
};

struct worker {
	struct lab *lab;
	const atomic_bool *is_over;
	unsigned seed;
	pthread_t thread;
};

static size_t draw_size(struct worker *worker)
{
	return SMALLEST + (size_t)rand_r(&worker->seed) % SPREAD;
}

/* Allocates, resizes and frees a block nobody writes to, again and again. */
static void *keep_busy(void *ctx)
{
	struct worker *worker = ctx;
	const struct allocator *allocator = worker->lab->allocator;
	struct thread_heap *self = allocator->attach(worker->lab->heap);

	while (!atomic_load(worker->is_over)) {
		void *block = allocator->malloc(self, draw_size(worker));
		void *moved =
			allocator->realloc(self, block, draw_size(worker));
		allocator->free(self, moved != NULL ? moved : block);
	}
	allocator->detach(self);
	return NULL;
}

static void look_in_the_child(struct lab *lab, char *sentence)
{
	alarm(SECONDS);
	page_source_fork_child(&lab->pages);
	lab->allocator->fork_child(lab->heap, lab->thread);
	const char *wrong = lab->allocator->check(lab->heap);
	if (wrong != NULL)
		snprintf(sentence, PAGE_BYTES, "%s", wrong);
	_exit(wrong != NULL);
}

/* The status of the child, 0 if all is well there. */
static int fork_once(struct lab *lab, char *sentence)
{
	int status = -1;

	lab->allocator->fork_prepare(lab->heap);
	page_source_fork_prepare(&lab->pages);
	pid_t child = fork();
	if (child == 0)
		look_in_the_child(lab, sentence);
	page_source_fork_parent(&lab->pages);
	lab->allocator->fork_parent(lab->heap);
	if (child > 0)
		waitpid(child, &status, 0);
	return status;
}

static void start_workers(struct worker *workers, struct lab *lab,
                          const atomic_bool *is_over)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){
			.lab = lab, .is_over = is_over, .seed = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL,
		                                keep_busy, &workers[i]),
		                 0);
	}
}

static void fork_beside_large_blocks(const char *allocator)
{
	struct lab *lab = lab_open(allocator);
	struct worker workers[WORKERS];
	atomic_bool is_over = false;
	int status = 0;
	char *sentence = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
	                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(sentence, MAP_FAILED);
	lab_share(lab);
	start_workers(workers, lab, &is_over);
	for (int i = 0; i < FORKS && status == 0; i++) {
		status = fork_once(lab, sentence);
		usleep(500);
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	if (status != 0)
		fail_msg("status %d in the child: %s", status, sentence);
	munmap(sentence, PAGE_BYTES);
	lab_close(lab);
}

static void mapped_chunks(void **state)
{
	(void)state;
	fork_beside_large_blocks(
		"ptmalloc:mmap_threshold=4096,thresholds=fixed");
}

static void spans(void **state)
{
	(void)state;
	fork_beside_large_blocks("tcmalloc");
}

static void huge_blocks(void **state)
{
	(void)state;
	fork_beside_large_blocks("jemalloc:chunk=64K");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_chunks),
		cmocka_unit_test(spans),
		cmocka_unit_test(huge_blocks),
	};
	return cmocka_run_group_tests_name("fork beside large blocks", tests,
	                                   NULL, NULL);
}
