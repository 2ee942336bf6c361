/*
 * record_hammer.c - threads that fight for the same addresses and know how often
 * they called: `record_hammer THREADS ROUNDS`.
 *
 * Every thread t runs ROUNDS rounds: it allocates a block of 1001 + t bytes,
 * swaps it with what lies in one of a few mailboxes that all threads share, and
 * frees what it got, most often another thread's block; and it grows a block of
 * 2001 + t bytes by realloc to 3001 + t, then asks realloc for more than there
 * is.  All sizes of one kind share a size class of any allocator, so
 * that a freed address is soon handed to another thread.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS_MAX = 64, MAILBOXES = 4 };

static _Atomic(void *) mailboxes[MAILBOXES];
static long rounds;

static void one_round(size_t thread, long round)
{
	void *block = malloc(1001 + thread);
	free(atomic_exchange(&mailboxes[round % MAILBOXES], block));

	void *grown = malloc(2001 + thread);
	grown = realloc(grown, 3001 + thread);
	if (grown == NULL || realloc(grown, PTRDIFF_MAX) != NULL)
		abort();
	free(grown);
}

static void *work(void *thread)
{
	for (long round = 0; round < rounds; round++)
		one_round((size_t)thread, round);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	size_t count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;

	if (count == 0 || count > THREADS_MAX)
		return 2;
	rounds = strtol(argv[2], NULL, 10);
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
			return 1;
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < MAILBOXES; i++)
		free(mailboxes[i]);
	return 0;
}
