/*
 * crew.c - threads at work on one heap.
 *
 * Nothing here may fail the test but on the main thread: a thread that finds
 * something wrong writes a sentence and ends.
 */
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "allocators/common/bits.h"
#include "known.h"

enum {
	MAILBOX = 16,      /* words: gifts that wait for a thread       */
	GIFT_MAX = 4095,   /* bytes, so that a gift is a word           */
	SECONDS_MAX = 120, /* of a shift: a lock that nobody gives back */
	COLLECT_EVERY = 8, /* calls between two looks at the mail       */
};

struct block {
	unsigned char *start; /* NULL: none */
	size_t size;
	unsigned char mark;
};

struct worker {
	struct crew *crew;
	struct thread_heap *self;
	pthread_t thread;
	uint64_t random;
	struct block *blocks;
	char failure[200];

	/* atomic: everybody puts in, the owner takes out */
	_Atomic uint64_t mail[MAILBOX];
};

struct crew {
	struct lab *lab;
	struct crew_plan plan;
	atomic_bool
		is_over; /* the shift: for those without an end of their own */
	bool is_endless;
	long live;            /* blocks, as crew_verify() counts them */
	unsigned outer_alarm; /* seconds that the caller had left, or 0   */
	pthread_t onlooker;
	struct worker workers[CREW_MAX];
};

/* ---- a block in a word: address / 8, mark, size -------------------------- */

static uint64_t pack(const struct block *block)
{
	return (uint64_t)(uintptr_t)block->start >> 3 << 20 |
	       (uint64_t)block->mark << 12 | block->size;
}

static struct block unpack(uint64_t word)
{
	return (struct block){
		.start = (unsigned char *)(uintptr_t)(word >> 20 << 3),
		.size = word & GIFT_MAX,
		.mark = (unsigned char)(word >> 12),
	};
}

/* ---- one call each; false with the worker's failure set ------------------ */

static bool fails(struct worker *worker, const char *what,
                  const struct block *block)
{
	snprintf(worker->failure, sizeof worker->failure,
	         "%s: the block of %zu bytes at %p", what, block->size,
	         (void *)block->start);
	return false;
}

static bool is_marked(const struct block *block, size_t bytes)
{
	const unsigned char *start = block->start;

	return bytes == 0 || (start[0] == block->mark &&
	                      memcmp(start, start + 1, bytes - 1) == 0);
}

static bool verify(struct worker *worker, const struct block *block)
{
	if (!is_marked(block, block->size))
		return fails(worker, "lost its contents", block);
	if (random_between(&worker->random, 0, 15) == 0 &&
	    worker->crew->lab->allocator->usable_size != NULL &&
	    worker->crew->lab->allocator->usable_size(
		    worker->crew->lab->heap, block->start) < block->size)
		return fails(worker, "usable_size is too small", block);
	return true;
}

static bool adopt(struct worker *worker, struct block *block, size_t align)
{
	if (block->start == NULL)
		return fails(worker, "refused", block);
	if (!is_aligned(block->start, align))
		return fails(worker, "not aligned", block);
	block->mark = (unsigned char)random_between(&worker->random, 1, 255);
	memset(block->start, block->mark, block->size);
	return true;
}

/* One in sixteen is of any size, the others are small. */
static size_t draw_size(struct worker *worker)
{
	size_t max = worker->crew->plan.size_max;
	size_t small = max < 200 ? max : 200;

	return random_between(&worker->random, 0, 15) == 0
	               ? random_between(&worker->random, 0, max)
	               : random_between(&worker->random, 0, small);
}

static size_t promised_align(const struct worker *worker, size_t size)
{
	size_t weaker = worker->crew->lab->allocator->weaker_align;

	return weaker != 0 ? weaker : malloc_align(size);
}

static bool allocate(struct worker *worker, struct block *block)
{
	const struct allocator *allocator = worker->crew->lab->allocator;
	size_t size = draw_size(worker), align = promised_align(worker, size);

	block->size = size;
	switch (random_between(&worker->random, 0, 15)) {
	case 0:
		block->start = allocator->zero_malloc(worker->self, size);
		block->mark = 0;
		if (block->start != NULL && !is_marked(block, size))
			return fails(worker, "not zero", block);
		break;
	case 1:
		align = (size_t)16 << random_between(&worker->random, 0, 3);
		align = lab_fit_align(worker->crew->lab, align, size);
		block->start =
			allocator->aligned_malloc(worker->self, align, size);
		break;
	default:
		block->start = allocator->malloc(worker->self, size);
	}
	return adopt(worker, block, align);
}

static bool resize(struct worker *worker, struct block *block)
{
	const struct allocator *allocator = worker->crew->lab->allocator;
	size_t size = draw_size(worker) + 1, kept = block->size;

	if (size > worker->crew->plan.size_max)
		size = worker->crew->plan.size_max;
	if (size < kept)
		kept = size;
	block->start = allocator->realloc(worker->self, block->start, size);
	block->size = size;
	if (block->start != NULL && !is_marked(block, kept))
		return fails(worker, "lost its contents in realloc", block);
	return adopt(worker, block, promised_align(worker, size));
}

static void release(struct worker *worker, struct block *block)
{
	worker->crew->lab->allocator->free(worker->self, block->start);
	block->start = NULL;
}

/* ---- gifts --------------------------------------------------------------- */

/* Leaves the block to another thread; false if its mailbox is full. */
static bool give(struct worker *worker, struct block *block)
{
	struct crew *crew = worker->crew;
	size_t to = random_between(&worker->random, 0, crew->plan.threads - 1);
	size_t place = random_between(&worker->random, 0, MAILBOX - 1);
	uint64_t empty = 0;

	if (block->size > GIFT_MAX || &crew->workers[to] == worker)
		return false;
	/* Release: the receiver's acquire sees the block as we leave it. */
	if (!atomic_compare_exchange_strong_explicit(
		    &crew->workers[to].mail[place], &empty, pack(block),
		    memory_order_release, memory_order_relaxed))
		return false;
	block->start = NULL;
	return true;
}

/* Frees what others have left. */
static bool collect(struct worker *worker)
{
	for (int i = 0; i < MAILBOX; i++) {
		/* Acquire: meets the release in give(). */
		uint64_t word = atomic_exchange_explicit(&worker->mail[i], 0,
		                                         memory_order_acquire);
		struct block block = unpack(word);
		if (word == 0)
			continue;
		if (!verify(worker, &block))
			return false;
		release(worker, &block);
	}
	return true;
}

/* ---- a shift ------------------------------------------------------------- */

static bool attach(struct worker *worker)
{
	struct lab *lab = worker->crew->lab;

	worker->self = lab->allocator->attach(lab->heap);
	if (worker->self == NULL)
		snprintf(worker->failure, sizeof worker->failure,
		         "attach was refused");
	return worker->self != NULL;
}

static void detach(struct worker *worker)
{
	worker->crew->lab->allocator->detach(worker->self);
	worker->self = NULL;
}

static bool call_once(struct worker *worker)
{
	const struct crew_plan *plan = &worker->crew->plan;
	struct block *block = &worker->blocks[random_between(&worker->random, 0,
	                                                     plan->live - 1)];
	size_t chance = random_between(&worker->random, 0, 99);

	if (block->start == NULL)
		return allocate(worker, block);
	if (!verify(worker, block))
		return false;
	if (chance < 10)
		return resize(worker, block);
	if (random_between(&worker->random, 1, 100) > plan->gifts_percent ||
	    !give(worker, block))
		release(worker, block);
	return true;
}

static bool is_done(const struct crew *crew, size_t call)
{
	return crew->is_endless ? atomic_load_explicit(&crew->is_over,
	                                               memory_order_relaxed)
	                        : call == crew->plan.calls;
}

static void *work(void *ctx)
{
	struct worker *worker = ctx;
	struct crew *crew = worker->crew;
	size_t attach_every = crew->plan.attach_every;

	if (!attach(worker))
		return NULL;
	for (size_t call = 0; !is_done(crew, call); call++) {
		if (call >= crew->plan.calls)
			usleep(100); /* an endless shift slows down */
		if (call % COLLECT_EVERY == 0 && !collect(worker))
			break;
		if (!call_once(worker))
			break;
		if (attach_every != 0 && call % attach_every == 0) {
			detach(worker);
			if (!attach(worker))
				return NULL;
		}
	}
	detach(worker);
	return NULL;
}

static void *look_on(void *ctx)
{
	struct crew *crew = ctx;
	const struct allocator *allocator = crew->lab->allocator;
	struct heap_usage usage;
	struct heap_stats stats;

	while (!atomic_load_explicit(&crew->is_over, memory_order_relaxed)) {
		allocator->stats(crew->lab->heap, &stats);
		if (allocator->usage != NULL)
			allocator->usage(crew->lab->heap, &usage);
		if (allocator->trim != NULL)
			allocator->trim(crew->lab->heap);
		usleep(100);
	}
	return NULL;
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *ctx)
{
	assert_int_equal(pthread_create(thread, NULL, run, ctx), 0);
}

static void open_shift(struct crew *crew, bool is_endless)
{
	crew->outer_alarm = alarm(SECONDS_MAX);
	if (crew->outer_alarm != 0)
		alarm(crew->outer_alarm);
	crew->is_endless = is_endless;
	atomic_store(&crew->is_over, false);
	if (crew->plan.looks_on)
		start_thread(&crew->onlooker, look_on, crew);
	for (unsigned i = 0; i < crew->plan.threads; i++)
		start_thread(&crew->workers[i].thread, work, &crew->workers[i]);
}

static void close_shift(struct crew *crew)
{
	for (unsigned i = 0; i < crew->plan.threads; i++)
		pthread_join(crew->workers[i].thread, NULL);
	atomic_store(&crew->is_over, true);
	if (crew->plan.looks_on)
		pthread_join(crew->onlooker, NULL);
	alarm(crew->outer_alarm);
	for (unsigned i = 0; i < crew->plan.threads; i++)
		if (crew->workers[i].failure[0] != '\0')
			fail_msg("thread %u of %u: %s", i, crew->plan.threads,
			         crew->workers[i].failure);
}

void crew_work(struct crew *crew)
{
	open_shift(crew, false);
	close_shift(crew);
}

void crew_begin(struct crew *crew)
{
	open_shift(crew, true);
}

void crew_stop(struct crew *crew)
{
	atomic_store(&crew->is_over, true);
	close_shift(crew);
}

/* ---- start, verify, end -------------------------------------------------- */

struct crew *crew_start(struct lab *lab, const struct crew_plan *plan)
{
	struct crew *crew = calloc(1, sizeof *crew);

	assert_non_null(crew);
	assert_in_range(plan->threads, 1, CREW_MAX);
	crew->lab = lab;
	crew->plan = *plan;
	crew->plan.size_max = lab_fit_size(lab, plan->size_max);
	for (unsigned i = 0; i < plan->threads; i++) {
		crew->workers[i].crew = crew;
		crew->workers[i].random = i;
		crew->workers[i].blocks =
			calloc(plan->live, sizeof(struct block));
		assert_non_null(crew->workers[i].blocks);
	}
	lab_share(lab);
	return crew;
}

/* Calls `act` for every block there is. */
static void for_each_block(struct crew *crew,
                           void (*act)(struct crew *, const struct block *))
{
	for (unsigned i = 0; i < crew->plan.threads; i++) {
		struct worker *worker = &crew->workers[i];
		for (size_t j = 0; j < crew->plan.live; j++)
			if (worker->blocks[j].start != NULL)
				act(crew, &worker->blocks[j]);
		for (int j = 0; j < MAILBOX; j++) {
			struct block block = unpack(worker->mail[j]);
			if (block.start != NULL)
				act(crew, &block);
		}
	}
}

static void count_block(struct crew *crew, const struct block *block)
{
	if (!is_marked(block, block->size))
		fail_msg("the block of %zu bytes at %p lost its contents",
		         block->size, (void *)block->start);
	crew->live++;
}

static void free_block(struct crew *crew, const struct block *block)
{
	crew->lab->allocator->free(crew->lab->thread, block->start);
}

void crew_verify(struct crew *crew)
{
	crew->live = 0;
	for_each_block(crew, count_block);
	lab_check(crew->lab);
	const char *wrong = account_wrong(crew->lab, crew->live);
	if (wrong != NULL)
		fail_msg("%s", wrong);
}

void crew_end(struct crew *crew)
{
	crew_verify(crew);
	for_each_block(crew, free_block);
	lab_check(crew->lab);
	const char *wrong = account_wrong(crew->lab, 0);
	if (wrong != NULL)
		fail_msg("%s", wrong);
	for (unsigned i = 0; i < crew->plan.threads; i++)
		free(crew->workers[i].blocks);
	free(crew);
}
