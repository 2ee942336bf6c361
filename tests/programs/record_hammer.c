/*
 * record_hammer.c - threads that fight for the same addresses and know how often
 * they called: `record_hammer THREADS ROUNDS COUNTS [segv|kill]`.
 *
 * Every thread t runs ROUNDS rounds: it allocates a block of 1001 + t bytes,
 * swaps it with what lies in one of a few mailboxes that all threads share, and
 * frees what it got, most often another thread's block; it grows a block of
 * 2001 + t bytes by realloc to 3001 + t, then asks realloc for more than there
 * is; and it has a calloc of 4001 + t and an aligned block of 5001 + t bytes.
 * All sizes of one kind share a size class of any allocator, so that a freed
 * address is soon handed to another thread.  What was called is counted in the
 * file COUNTS.  With a fourth word the threads never stop: once they have made
 * ROUNDS rounds together the process dies of a bad store, or of SIGKILL.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hammer_counts.h"

enum { MAILBOXES = 4 };

static _Atomic(void *) mailboxes[MAILBOXES];
static struct hammer_counts *counts;
static long rounds;

static void let_go(size_t thread, void *block)
{
	free(block);
	counts->of[thread][HAMMER_FREE] += block != NULL;
}

static void pass_on(size_t thread, long round)
{
	void *block = malloc(1001 + thread);

	counts->of[thread][HAMMER_MALLOC]++;
	let_go(thread, atomic_exchange(&mailboxes[round % MAILBOXES], block));
}

static void grow(size_t thread)
{
	void *block = malloc(2001 + thread);

	counts->of[thread][HAMMER_MALLOC]++;
	block = realloc(block, 3001 + thread);
	counts->of[thread][HAMMER_REALLOC]++;
	if (block == NULL || realloc(block, PTRDIFF_MAX) != NULL)
		abort();
	let_go(thread, block);
}

static void *work(void *context)
{
	size_t thread = (size_t)context;

	for (long round = 0; round < rounds; round++) {
		void *block;
		pass_on(thread, round);
		grow(thread);
		block = calloc(1, 4001 + thread);
		counts->of[thread][HAMMER_CALLOC]++;
		let_go(thread, block);
		block = aligned_alloc(64, 5001 + thread);
		counts->of[thread][HAMMER_ALIGNED]++;
		let_go(thread, block);
	}
	return NULL;
}

static int map_counts(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (file < 0 || ftruncate(file, sizeof *counts) != 0)
		return 1;
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED,
	              file, 0);
	close(file);
	return counts == MAP_FAILED;
}

static void wait_for_rounds(size_t threads, uint64_t wanted)
{
	for (uint64_t made = 0; made < wanted;) {
		made = 0;
		for (size_t i = 0; i < threads; i++)
			made += counts->of[i][HAMMER_CALLOC];
		usleep(1000);
	}
}

static volatile char *volatile nowhere;

static void die(const char *way)
{
	if (strcmp(way, "kill") == 0)
		raise(SIGKILL);
	*nowhere = 1;
}

int main(int argc, char **argv)
{
	pthread_t threads[HAMMER_THREADS_MAX];
	size_t count = argc >= 4 ? strtoul(argv[1], NULL, 10) : 0;

	if (count == 0 || count > HAMMER_THREADS_MAX || map_counts(argv[3]))
		return 2;
	rounds = argc > 4 ? INT32_MAX : strtol(argv[2], NULL, 10);
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
			return 1;
	if (argc > 4) {
		wait_for_rounds(count, strtoul(argv[2], NULL, 10));
		die(argv[4]);
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < MAILBOXES; i++)
		let_go(HAMMER_THREADS_MAX, mailboxes[i]);
	return 0;
}
