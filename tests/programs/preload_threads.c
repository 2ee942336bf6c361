/*
 * preload_threads.c - threads that come, go and fork: `preload_threads WAY`.
 *
 *     churn      2000 short threads, four at a time
 *     atfork     forks in every thread while the others allocate; the children
 *                use and free what they inherited, start a thread and fork; and
 *                fork handlers allocate, registered early and late
 *     fork       forks while others go through every lock of the heap; the
 *                children end by exit(), with a report if that is asked for
 *     keys       frees and allocates in destructors of keys, round after round
 *     stacks     threads with stacks of 16 KiB
 *     errno      the first call of a thread is free, and errno stays
 *     handover   blocks of one thread are freed by others, after its end
 *     interrupt  fork in a signal handler that interrupts malloc
 *
 * Exit status 0, or 1 with a line on what was wrong.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload.h"

enum { THREADS = 4, BLOCKS = 64 };

static unsigned next_random(unsigned *state)
{
	*state = *state * 1103515245u + 12345u;
	return *state >> 8;
}

/* Allocates and frees blocks that know what they must contain. */
static void hammer(unsigned seed, int rounds)
{
	unsigned char *blocks[BLOCKS] = {0};
	size_t sizes[BLOCKS] = {0};
	unsigned state = seed;

	for (int i = 0; i < rounds; i++) {
		unsigned at = next_random(&state) % BLOCKS;
		if (blocks[at] != NULL &&
		    (blocks[at][0] != (unsigned char)at ||
		     blocks[at][sizes[at] - 1] != (unsigned char)at))
			stop("a block has changed");
		free(blocks[at]);
		sizes[at] = 1 + next_random(&state) % 2000;
		if (i % 97 == 0)
			sizes[at] *= 100;
		blocks[at] =
			i % 5 == 0 ? calloc(1, sizes[at]) : malloc(sizes[at]);
		if (blocks[at] == NULL)
			stop("no memory");
		memset(blocks[at], (int)at, sizes[at]);
	}
	for (int at = 0; at < BLOCKS; at++)
		free(blocks[at]);
}

static void *hammer_a_little(void *seed)
{
	hammer((unsigned)(uintptr_t)seed, 100);
	return NULL;
}

static pthread_t start(void *(*run)(void *), void *argument, size_t stack)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	if (stack != 0)
		pthread_attr_setstacksize(&attributes, stack);
	if (pthread_create(&thread, &attributes, run, argument) != 0)
		stop("pthread_create fails");
	pthread_attr_destroy(&attributes);
	return thread;
}

static void run_threads(void *(*run)(void *), size_t stack)
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		threads[i] = start(run, (void *)(i + 1), stack);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void churn(void)
{
	for (int i = 0; i < 500; i++)
		run_threads(hammer_a_little, 0);
}

/* ---- fork -------------------------------------------------------------------- */

static void fork_and_wait(int depth);

static int child_main(char *inherited, int depth)
{
	alarm(60);
	if (strcmp(inherited, "inherited") != 0)
		return 1;
	free(inherited);
	hammer(7, 300);
	pthread_join(start(hammer_a_little, NULL, 0), NULL);
	if (depth > 0)
		fork_and_wait(depth - 1);
	return 0;
}

static void fork_and_wait(int depth)
{
	char *inherited = strdup("inherited");
	pid_t child = fork();

	if (child == 0)
		_exit(child_main(inherited, depth));
	free(inherited);
	expect_success(child);
}

static void *fork_often(void *seed)
{
	for (int i = 0; i < 25; i++) {
		hammer((unsigned)(uintptr_t)seed + (unsigned)i, 200);
		fork_and_wait(i % 5 == 0 ? 3 : 0);
	}
	return NULL;
}

static _Thread_local void *at_fork[3]; /* blocks that the handlers hold */

static void allocate_at_fork(void)
{
	for (int i = 0; i < 3; i++) {
		free(at_fork[i]);
		at_fork[i] = malloc((size_t)100 << (6 * i));
		memset(at_fork[i], 1, 100);
	}
}

/* glibc gives constructors what it gives main(). */
static void register_early(int count, char **arguments)
{
	if (count == 2 && strcmp(arguments[1], "atfork") == 0)
		pthread_atfork(allocate_at_fork, allocate_at_fork,
		               allocate_at_fork);
}

/* Before the constructors of libraries. */
__attribute__((section(".preinit_array"),
               used)) static void (*before)(int, char **) = register_early;

static void fork_with_handlers(void)
{
	pthread_atfork(allocate_at_fork, allocate_at_fork, allocate_at_fork);
	run_threads(fork_often, 0);
}

/* ---- the end of a thread ------------------------------------------------------- */

static pthread_key_t keys[8];

static void end_key(void *value)
{
	char *block = value;

	hammer(3, 50);
	if (block[0]++ < 3)
		for (int i = 0; i < 8; i++)
			if (pthread_getspecific(keys[i]) == NULL) {
				pthread_setspecific(keys[i], block);
				return;
			}
	free(block);
}

static void *set_keys(void *argument)
{
	for (int i = 0; i < 8; i++)
		pthread_setspecific(keys[i], calloc(1, 500));
	return argument;
}

static void make_keys(void)
{
	for (int i = 0; i < 8; i++)
		pthread_key_create(&keys[i], end_key);
}

static void end_with_keys(void)
{
	make_keys();
	for (int i = 0; i < 50; i++)
		run_threads(set_keys, 0);
}

static void *make_blocks(void *argument)
{
	void **blocks = malloc(BLOCKS * sizeof *blocks);

	(void)argument;
	for (size_t i = 0; i < BLOCKS; i++)
		blocks[i] = memset(malloc(i * i * i), (int)i, i * i * i);
	return blocks;
}

static void *free_blocks(void *argument)
{
	unsigned char **blocks = argument;

	for (size_t i = 0; i < BLOCKS; i++) {
		if (i > 0 && blocks[i][i * i * i - 1] != i)
			stop("a block of another thread has changed");
		free(blocks[i]);
	}
	free(blocks);
	return NULL;
}

static void hand_over(void)
{
	for (int i = 0; i < 200; i++) {
		void *blocks;
		pthread_join(start(make_blocks, NULL, 0), &blocks);
		pthread_join(start(free_blocks, blocks, 0), NULL);
	}
}

/* ---- fork in the midst of things -------------------------------------------------- */

static atomic_bool is_over;

/* Sizes of every tier, held a while and freed again. */
static void hammer_all_tiers(unsigned seed)
{
	enum { HELD = 100 };
	void *held[HELD];
	unsigned state = seed;

	for (int i = 0; i < HELD; i++) {
		size_t size = (size_t)16 << next_random(&state) % 17;
		held[i] = malloc(size);
		memset(held[i], 1, size < 4096 ? size : 4096);
	}
	for (int i = 0; i < HELD; i++)
		free(held[i]);
}

static void *hammer_until_over(void *seed)
{
	unsigned i = (unsigned)(uintptr_t)seed;

	while (!is_over)
		hammer_all_tiers(i++);
	return NULL;
}

/* Threads that end use the handle that is shared; then the child forks, too. */
static void be_child(void)
{
	alarm(60);
	hammer_all_tiers(1);
	run_threads(set_keys, 0);
	pid_t child = fork();
	if (child == 0) {
		hammer_all_tiers(2);
		run_threads(set_keys, 0);
		exit(0);
	}
	expect_success(child);
	exit(0);
}

static void fork_in_the_midst(void)
{
	pthread_t threads[3];

	make_keys();
	run_threads(set_keys, 0);
	for (uintptr_t i = 0; i < 3; i++)
		threads[i] = start(hammer_until_over, (void *)i, 0);
	for (int i = 0; i < 30; i++) {
		pid_t child = fork();
		if (child == 0)
			be_child();
		expect_success(child);
	}
	is_over = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

static void *free_first(void *block)
{
	errno = 4242;
	free(block);
	if (errno != 4242)
		stop("free has changed errno");
	return NULL;
}

static void keep_errno(void)
{
	for (size_t size = 1; size < 1000000; size *= 3)
		pthread_join(start(free_first, malloc(size), 0), NULL);
}

static void use_small_stacks(void)
{
	for (int i = 0; i < 20; i++)
		run_threads(hammer_a_little, (size_t)PTHREAD_STACK_MIN);
}

/* ---- fork in a handler ---------------------------------------------------------- */

static volatile sig_atomic_t forks;

static void fork_now(int signal)
{
	int saved_errno = errno, status;
	pid_t child = fork();

	(void)signal;
	if (child == 0)
		_exit(0);
	waitpid(child, &status, 0);
	forks++;
	errno = saved_errno;
}

static void fork_in_handler(void)
{
	const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0}, {0}};

	signal(SIGALRM, fork_now);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; forks < 100; i++)
		hammer((unsigned)i, 1000);
	setitimer(ITIMER_REAL, &never, NULL);
}

int main(int count, char **arguments)
{
	static const struct way ways[] = {
		{"churn", churn},
		{"atfork", fork_with_handlers},
		{"fork", fork_in_the_midst},
		{"keys", end_with_keys},
		{"errno", keep_errno},
		{"stacks", use_small_stacks},
		{"handover", hand_over},
		{"interrupt", fork_in_handler},
	};

	return run_way(count, arguments, ways, sizeof ways / sizeof ways[0]);
}
