/*
 * stress.h - what the stress_*.c programs share: numbers that are the same in
 * every run, blocks that know what is in them, a count of calls, threads.
 *
 * Each program takes THREADS and STEPS, makes the same calls whatever malloc it
 * has, looks at its data, and ends with one line: how many calls it has made.
 */
#ifndef TESTS_PROGRAMS_STRESS_H
#define TESTS_PROGRAMS_STRESS_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STRESS_LEAST_BYTES = 16, /* of a block: its tag, twice      */
	STRESS_STRIDE = 512,     /* in large ones a tag each so far */
};

enum { STRESS_THREADS_MAX = 64 };

/* What a thread has to itself. */
struct stress {
	uint64_t random, calls;
};

/* xorshift64* [Vigna16] */
static inline uint64_t stress_draw(struct stress *self, uint64_t below)
{
	uint64_t x = self->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	self->random = x;
	return (x * 0x2545f4914f6cdd1du >> 20) % below;
}

/* Mostly small: 16..2^k bytes, where k = 5 is four times as likely as k = 7. */
static inline size_t stress_size(struct stress *self, unsigned log2_max)
{
	unsigned log2 = 5;

	while (log2 < log2_max && stress_draw(self, 2) == 0)
		log2++;
	return STRESS_LEAST_BYTES +
	       stress_draw(self, ((uint64_t)1 << log2) - STRESS_LEAST_BYTES);
}

static inline void stress_fail(const char *what)
{
	fprintf(stderr, "stress: %s\n", what);
	abort();
}

/*
 * The first word is the size, and one in every stride; those in the way of the
 * last, which is the size, too, are left out.
 */
static inline void stress_fill(void *block, size_t size)
{
	uint64_t tag = size;

	for (size_t at = 0; at + 2 * sizeof tag <= size; at += STRESS_STRIDE)
		memcpy((char *)block + at, &tag, sizeof tag);
	memcpy((char *)block + size - sizeof tag, &tag, sizeof tag);
}

static inline size_t stress_size_of(const void *block)
{
	uint64_t tag;

	memcpy(&tag, block, sizeof tag);
	return tag;
}

/* Everything as it was written, `size` bytes of a block that had `tag`. */
static inline void stress_verify(const void *block, uint64_t tag, size_t size)
{
	for (size_t at = 0; at + 2 * sizeof tag <= size; at += STRESS_STRIDE)
		if (memcmp((const char *)block + at, &tag, sizeof tag) != 0)
			stress_fail("bytes are not as they were written");
}

static inline void *stress_malloc(struct stress *self, size_t size)
{
	void *block = malloc(size);

	if (block == NULL)
		stress_fail("no memory");
	if ((uintptr_t)block % 16 != 0)
		stress_fail("a block at an address that is no multiple of 16");
	stress_fill(block, size);
	self->calls++;
	return block;
}

static inline void stress_free(struct stress *self, void *block)
{
	if (block == NULL)
		return;
	size_t size = stress_size_of(block);
	uint64_t tag = size;
	stress_verify(block, tag, size);
	if (memcmp((char *)block + size - sizeof tag, &tag, sizeof tag) != 0)
		stress_fail("the end is not as it was written");
	free(block);
	self->calls++;
}

/* THREADS and STEPS from the command line. */
struct stress_arguments {
	unsigned threads;
	uint64_t steps;
};

static inline struct stress_arguments stress_arguments(int argc, char **argv)
{
	const struct stress_arguments arguments = {
		.threads = argc > 1 ? (unsigned)atoi(argv[1]) : 0,
		.steps = argc > 2 ? strtoull(argv[2], NULL, 10) : 0};

	if (arguments.threads == 0 || arguments.threads > STRESS_THREADS_MAX) {
		fprintf(stderr, "usage: %s THREADS STEPS, 1 to %d threads\n",
		        argv[0], STRESS_THREADS_MAX);
		exit(2);
	}
	return arguments;
}

static inline pthread_t stress_start(void *(*work)(void *), void *ctx)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, ctx) != 0)
		stress_fail("no thread");
	return thread;
}

static inline int stress_end(uint64_t calls)
{
	return printf("%lu calls\n", calls) < 0;
}

/* A thread that works for itself alone. */
struct stress_worker {
	struct stress stress;
	uint64_t steps;
};

/* All of main() where `work` is such a thread: ctx is its stress_worker. */
static inline int stress_run(int argc, char **argv, void *(*work)(void *))
{
	const struct stress_arguments arguments = stress_arguments(argc, argv);
	struct stress_worker workers[STRESS_THREADS_MAX];
	pthread_t threads[STRESS_THREADS_MAX];
	uint64_t calls = 0;

	for (unsigned i = 0; i < arguments.threads; i++) {
		workers[i] = (struct stress_worker){.stress.random = i + 1,
		                                    .steps = arguments.steps};
		threads[i] = stress_start(work, &workers[i]);
	}
	for (unsigned i = 0; i < arguments.threads; i++) {
		pthread_join(threads[i], NULL);
		calls += workers[i].stress.calls;
	}
	return stress_end(calls);
}

#endif
