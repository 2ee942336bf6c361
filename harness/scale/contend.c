/*
 * contend.c - writers, each in a block of its own.
 */
#include "contend.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../../allocators/common/page_source.h"
#include "../../allocators/locked/locked.h"
#include "../clock/now.h"
#include "../threads/placement.h"

struct writer {
	_Alignas(TOUCH_PAGE_BYTES) const struct allocator *allocator;
	struct thread_heap *self;
	void *own; /* without an allocator: the block of this thread */
	pthread_barrier_t *barrier;
	unsigned number;
	uint64_t rounds, done, start_ns, end_ns;
	pthread_t thread;
	uint64_t place; /* the null allocator's block, on a page of its own */
};

static void write_block(void *block)
{
	volatile uint64_t *word = block;

	for (int i = 0; i < CONTEND_WRITES; i++)
		*word = *word + 1;
}

static void *write_on(void *argument)
{
	struct writer *writer = argument;
	const struct allocator *allocator = writer->allocator;

	placement_spread(writer->number);
	pthread_barrier_wait(writer->barrier);
	writer->start_ns = now_ns();
	for (; writer->done < writer->rounds; writer->done++) {
		void *block = writer->own;
		if (allocator != NULL)
			block = allocator->malloc(writer->self, CONTEND_BYTES);
		if (block == NULL)
			break; /* with_heap sees that rounds are missing */
		write_block(block);
		if (allocator != NULL)
			allocator->free(writer->self, block);
	}
	writer->end_ns = now_ns();
	return NULL;
}

/* The caller is the first of the writers. */
static bool run_writers(struct writer *writers, unsigned threads)
{
	pthread_barrier_t barrier;

	if (pthread_barrier_init(&barrier, NULL, threads) != 0)
		return false;
	for (unsigned i = 0; i < threads; i++) {
		writers[i].barrier = &barrier;
		writers[i].number = i;
	}
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&writers[i].thread, NULL, write_on,
		                   &writers[i]) != 0)
			return false; /* the process ends, and they with it */
	write_on(&writers[0]);
	for (unsigned i = 1; i < threads; i++)
		pthread_join(writers[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
	return true;
}

static void sum_up(const struct writer *writers, unsigned threads,
                   struct threads_figures *figures)
{
	uint64_t start = UINT64_MAX, end = 0;

	for (unsigned i = 0; i < threads; i++) {
		start = writers[i].start_ns < start ? writers[i].start_ns
		                                    : start;
		end = writers[i].end_ns > end ? writers[i].end_ns : end;
		figures->calls += 2 * writers[i].rounds;
	}
	figures->threads = threads;
	figures->wall_ns = end - start;
}

static bool fail(struct verdict *verdict, const char *what)
{
	return verdict_set(verdict, VERDICT_FAILED, 0, "%s: %s", what,
	                   strerror(errno));
}

static bool attach_all(const struct allocator *allocator, struct heap *heap,
                       struct writer *writers, unsigned threads,
                       struct verdict *verdict)
{
	for (unsigned i = 0; i < threads; i++) {
		writers[i].allocator = allocator;
		writers[i].self = allocator->attach(heap);
		if (writers[i].self == NULL)
			return fail(verdict, "attach");
	}
	return true;
}

/* A thread that was refused a block has stopped before its last round. */
static bool have_ended(const struct writer *writers, unsigned threads,
                       struct verdict *verdict)
{
	for (unsigned i = 0; i < threads; i++)
		if (writers[i].done < writers[i].rounds)
			return verdict_set(verdict, VERDICT_OUT_OF_MEMORY, 0,
			                   "malloc(%d) returned NULL",
			                   CONTEND_BYTES);
	return true;
}

static bool with_heap(const struct allocator *allocator,
                      const struct knob_values *values, struct writer *writers,
                      unsigned threads, size_t limit_bytes,
                      struct threads_figures *figures, struct verdict *verdict)
{
	const struct page_source_options options = {.kind = PAGE_SOURCE_OS,
	                                            .limit_bytes = limit_bytes};
	const struct allocator *shared = locked_over(allocator);
	const char *single = threads == 1 ? &ONE_THREAD : &MANY_THREADS;
	struct page_source pages;

	if (shared == NULL || !page_source_open(&pages, &options))
		return fail(verdict, allocator->name);
	struct heap *heap = shared->create(values, &pages, single);
	if (heap == NULL)
		return fail(verdict, "create");
	if (!attach_all(shared, heap, writers, threads, verdict))
		return false;
	if (!run_writers(writers, threads))
		return fail(verdict, "a thread");
	lock_table_add(&figures->locks, shared, heap);
	figures->peak_footprint_bytes = pages.peak_committed_bytes;
	for (unsigned i = 0; i < threads; i++)
		shared->detach(writers[i].self);
	shared->destroy(heap);
	page_source_close(&pages);
	return have_ended(writers, threads, verdict);
}

struct verdict contend_time(const struct allocator *allocator,
                            const struct knob_values *values, unsigned threads,
                            uint64_t rounds, size_t limit_bytes,
                            struct threads_figures *figures)
{
	size_t bytes = threads * sizeof(struct writer);
	struct writer *writers = aligned_alloc(_Alignof(struct writer), bytes);
	struct verdict verdict = {0};

	*figures = (struct threads_figures){0};
	if (writers == NULL) {
		fail(&verdict, "the threads");
		return verdict;
	}
	memset((void *)writers, 0, bytes);
	for (unsigned i = 0; i < threads; i++) {
		writers[i].rounds = rounds;
		writers[i].own = &writers[i].place;
	}
	bool good = allocator == NULL
	                    ? run_writers(writers, threads)
	                    : with_heap(allocator, values, writers, threads,
	                                limit_bytes, figures, &verdict);
	if (good)
		sum_up(writers, threads, figures);
	else if (verdict.kind == VERDICT_OK)
		fail(&verdict, "the threads");
	free(writers);
	return verdict;
}
