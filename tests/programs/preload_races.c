/*
 * preload_races.c - eight threads, and all that a preloaded library does between
 * them, at once:
 *
 *     two     hand blocks on: what one made another frees
 *     four    start short threads, whose first calls differ, and whose key's
 *             destructor frees and allocates when their handle is gone
 *     two     fork; the children use and free what they inherited
 *
 * Main looks at the heap all the while; with ALLOCLAB_STATS_SIGNAL=1 it sends
 * SIGUSR2, so that others do.
 *
 * Runs under each library, and linked with the library's own code under
 * ThreadSanitizer (e2e_preload_tsan.sh), which bounds what it may do: the children
 * start no threads, nothing happens in a thread's last round of destructors.
 *
 * Exit status 0, or 1 with a line on what was wrong.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"

enum {
	THREADS = 8,
	SLOTS = 64,
	FORKS = 60,
	SIZE_MAX_LOG2 = 15,
	LATE_ROUND = 3
};

/* A block knows its size, and has its number in its last byte. */
struct block {
	size_t size;
	unsigned char rest[];
};

static struct block *_Atomic slots[SLOTS];
static atomic_int forking = 2; /* threads that are not through yet */
static pthread_key_t key;

static unsigned next_random(unsigned *state)
{
	*state = *state * 1103515245u + 12345u;
	return *state >> 8;
}

/* ---- blocks --------------------------------------------------------------- */

/* By one of the calls that make a block. */
static void *make(unsigned way, size_t size)
{
	switch (way % 4) {
	case 0:
		return calloc(1, size);
	case 1:
		return memalign(64, size);
	case 2:
		return realloc(malloc(size / 2), size);
	default:
		return malloc(size);
	}
}

static unsigned char mark_of(const struct block *block)
{
	return (unsigned char)(block->size * 31 + 7);
}

static struct block *make_block(unsigned *state)
{
	unsigned log2 = 5 + next_random(state) % (SIZE_MAX_LOG2 - 5);
	size_t size = ((size_t)1 << log2) + next_random(state) % 16;
	struct block *block = make(next_random(state), size);

	if (block == NULL)
		stop("no memory");
	block->size = size;
	((unsigned char *)block)[size - 1] = mark_of(block);
	return block;
}

static void free_block(struct block *block)
{
	if (block == NULL)
		return;
	if (((unsigned char *)block)[block->size - 1] != mark_of(block) ||
	    malloc_usable_size(block) < block->size)
		stop("a block has changed");
	free(block);
}

/* Puts blocks where others find them, and frees those of others. */
static void exchange(unsigned seed, int rounds)
{
	unsigned state = seed;

	for (int i = 0; i < rounds; i++) {
		struct block *block = make_block(&state);
		free_block(atomic_exchange(&slots[next_random(&state) % SLOTS],
		                           block));
	}
}

/* ---- short lives ------------------------------------------------------------ */

struct life {
	unsigned seed;
	int rounds; /* of destructors */
};

static void end_late(void *value)
{
	struct life *life = value;

	if (++life->rounds < LATE_ROUND)
		pthread_setspecific(key, life);
	else
		exchange(life->seed, 3);
}

/* The first calls: up to three frees, or what makes a block. */
static void *live_shortly(void *argument)
{
	struct life *life = argument;
	unsigned state = life->seed;

	for (unsigned i = 0; i < state % 4; i++)
		free_block(atomic_exchange(&slots[i], NULL));
	exchange(state, 5);
	pthread_setspecific(key, life);
	return NULL;
}

static void *come_and_go(void *argument)
{
	unsigned state = (unsigned)(uintptr_t)argument;
	pthread_t thread;

	while (forking > 0) {
		struct life life = {next_random(&state), 0};
		if (pthread_create(&thread, NULL, live_shortly, &life) != 0)
			stop("pthread_create fails");
		pthread_join(thread, NULL);
	}
	return NULL;
}

/* ---- the others --------------------------------------------------------------- */

static void *hand_on(void *argument)
{
	unsigned state = (unsigned)(uintptr_t)argument;

	while (forking > 0)
		exchange(next_random(&state), 20);
	return NULL;
}

static void be_child(unsigned seed)
{
	alarm(60);
	exchange(seed, SLOTS);
	pid_t child = fork();
	if (child == 0) {
		exchange(seed + 1, SLOTS);
		_exit(0);
	}
	expect_success(child);
	_exit(0);
}

static void *fork_on(void *argument)
{
	for (unsigned i = 0; i < FORKS; i++) {
		pid_t child = fork();
		if (child == 0)
			be_child(i);
		expect_success(child);
		exchange(i, 20);
	}
	forking--;
	return argument;
}

static void look_on(void)
{
	if (mallinfo2().arena == 0)
		stop("there is no heap");
	if (getenv("ALLOCLAB_STATS_SIGNAL") != NULL)
		kill(getpid(), SIGUSR2);
	usleep(1000);
}

int main(void)
{
	static void *(*const runs[THREADS])(void *) = {
		hand_on,     hand_on,     come_and_go, come_and_go,
		come_and_go, come_and_go, fork_on,     fork_on,
	};
	pthread_t threads[THREADS];

	pthread_key_create(&key, end_late);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, runs[i], (void *)i) != 0)
			stop("pthread_create fails");
	while (forking > 0)
		look_on();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < SLOTS; i++)
		free_block(slots[i]);
	return 0;
}
