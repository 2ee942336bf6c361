/*
 * preload_corners.c - threads without a handle: `preload_corners WAY`.
 *
 *     first      each call of malloc's family as the first one of a thread
 *     last       the same in the last round of key destructors, when the
 *                thread's handle is gone
 *     storm      forks in two threads while others come, go, and free after
 *                their handles are gone
 *     idle       threads that never call: the C library frees what was theirs
 *     signal     main gets SIGUSR2 and sleeps on: the report that was asked for
 *                is written by a call of another thread
 *
 * Exit status 0, or 1 with a line on what was wrong.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload.h"

static volatile size_t opaque; /* the compiler must not know sizes */

#define CLAIM(claim)                                                           \
	do {                                                                   \
		if (!(claim))                                                  \
			stop(#claim);                                          \
	} while (0)

/* ---- calls, each alone in its thread -------------------------------------- */

static const size_t sizes[] = {0,     1,      8,      100,     1024,    5000,
                               40000, 200000, 400000, 3000000, 70000000};

enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void *made[SIZES]; /* by another thread, with the size's number */

static void free_filled(void *block, size_t size)
{
	CLAIM(block != NULL && malloc_usable_size(block) >= size);
	memset(block, 7, malloc_usable_size(block));
	free(block);
}

static void call_malloc(size_t number)
{
	free_filled(malloc(sizes[number]), sizes[number]);
}

static void call_calloc(size_t number)
{
	unsigned char *block = calloc(1, sizes[number]);

	CLAIM(block != NULL);
	for (size_t i = 0; i < sizes[number]; i += 61)
		CLAIM(block[i] == 0);
	free_filled(block, sizes[number]);
}

static void call_realloc(size_t number)
{
	free_filled(realloc(NULL, sizes[number]), sizes[number]);
}

static void call_memalign(size_t number)
{
	void *block = memalign((size_t)8 << number, sizes[number]);

	CLAIM((uintptr_t)block % ((size_t)8 << number) == 0);
	free_filled(block, sizes[number]);
}

static void call_free(size_t number)
{
	errno = 4242;
	free(made[number]);
	CLAIM(errno == 4242);
	made[number] = NULL;
}

static void call_shrink(size_t number)
{
	made[number] = realloc(made[number], 1 + sizes[number] / 2);
	CLAIM(made[number] != NULL);
}

static void call_grow(size_t number)
{
	made[number] = realloc(made[number], 1 + sizes[number] * 2);
	CLAIM(made[number] != NULL);
	free_filled(made[number], 1 + sizes[number] * 2);
	made[number] = NULL;
}

static void call_realloc_to_none(size_t number)
{
	CLAIM(realloc(made[number], opaque) == NULL);
	made[number] = NULL;
}

static void call_usable_size(size_t number)
{
	CLAIM(malloc_usable_size(made[number]) >= sizes[number]);
}

static void call_free_null(size_t number)
{
	errno = (int)number;
	free(NULL);
	CLAIM(errno == (int)number);
}

static void call_too_much(size_t number)
{
	size_t huge = (size_t)PTRDIFF_MAX + 1 + opaque + number;

	errno = 0;
	CLAIM(malloc(huge) == NULL && errno == ENOMEM);
}

static void call_realloc_too_much(size_t number)
{
	size_t huge = SIZE_MAX - opaque - number;

	errno = 0;
	CLAIM(realloc(made[number], huge) == NULL && errno == ENOMEM);
}

static void call_overflow(size_t number)
{
	errno = 0;
	CLAIM(calloc(SIZE_MAX / 2 - opaque, number + 3) == NULL &&
	      errno == ENOMEM);
}

static void call_trim(size_t number)
{
	malloc_trim(number);
}

static void call_mallinfo(size_t number)
{
	CLAIM(mallinfo2().arena + mallinfo2().hblkhd + number > 0);
}

static void call_fork(size_t number)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		call_malloc(number);
		call_free(number);
		_exit(0);
	}
	CLAIM(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void (*const calls[])(size_t number) = {
	call_malloc,      call_calloc,    call_realloc,
	call_memalign,    call_free,      call_shrink,
	call_grow,        call_free_null, call_realloc_to_none,
	call_usable_size, call_too_much,  call_realloc_too_much,
	call_overflow,    call_trim,      call_mallinfo,
	call_fork,
};

enum { CALLS = sizeof calls / sizeof calls[0] };

struct task {
	void (*call)(size_t number);
	size_t number;
	int rounds;
};

static pthread_key_t key;

static void *call_it(void *argument)
{
	struct task *task = argument;

	task->call(task->number);
	return NULL;
}

/* glibc has so many rounds. */
static void call_in_last_round(void *argument)
{
	struct task *task = argument;

	if (++task->rounds < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(key, task);
	else
		task->call(task->number);
}

/* The thread has a handle before, or has none ever. */
static void *set_key(void *argument)
{
	struct task *task = argument;

	pthread_setspecific(key, argument);
	if (task->number % 2 == 0)
		free(malloc(10 + opaque));
	return NULL;
}

static void try_all(void *(*run)(void *))
{
	for (size_t call = 0; call < CALLS; call++) {
		for (size_t i = 0; i < SIZES; i++) {
			struct task task = {calls[call], i, 0};
			pthread_t thread;
			made[i] = malloc(sizes[i]);
			memset(made[i], 1, sizes[i]);
			CLAIM(pthread_create(&thread, NULL, run, &task) == 0);
			pthread_join(thread, NULL);
			free(made[i]);
		}
	}
}

static void call_first(void)
{
	try_all(call_it);
}

static void call_last(void)
{
	pthread_key_create(&key, call_in_last_round);
	try_all(set_key);
}

/* ---- storm ------------------------------------------------------------------ */

static atomic_bool is_over;

static void *come_and_go(void *argument)
{
	struct task task = {call_calloc, 2 * (size_t)(uintptr_t)argument % 8,
	                    0};
	pthread_t thread;

	while (!is_over) {
		task.rounds = 0;
		CLAIM(pthread_create(&thread, NULL, set_key, &task) == 0);
		CLAIM(pthread_join(thread, NULL) == 0);
	}
	return NULL;
}

static void be_child(void)
{
	struct task task = {call_calloc, 4, 0};
	pthread_t thread;

	alarm(60);
	CLAIM(pthread_create(&thread, NULL, set_key, &task) == 0);
	pthread_join(thread, NULL);
	call_fork(3);
	_exit(0);
}

static void *fork_on(void *argument)
{
	for (int i = 0; i < 150; i++) {
		int status = 0;
		pid_t child = fork();
		if (child == 0)
			be_child();
		CLAIM(child > 0 && waitpid(child, &status, 0) == child);
		CLAIM(status == 0);
	}
	return argument;
}

static void fork_in_storm(void)
{
	pthread_t threads[6];

	pthread_key_create(&key, call_in_last_round);
	for (uintptr_t i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, i < 2 ? fork_on : come_and_go,
		               (void *)i);
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		is_over = i >= 1;
	}
}

/* ---- idle ------------------------------------------------------------------- */

enum { BATCHES = 50, BATCH = 40, STACK_BYTES = 4 << 20 };

static pthread_barrier_t gate;

static void *do_nothing(void *argument)
{
	pthread_barrier_wait(&gate);
	return argument;
}

/*
 * More stacks than glibc keeps for the next threads, 40 MiB: a thread that ends
 * frees those of others that have ended, and what was theirs.
 */
static void be_idle(void)
{
	pthread_attr_t attributes;
	pthread_t threads[BATCH];

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_barrier_init(&gate, NULL, BATCH + 1);
	for (int batch = 0; batch < BATCHES; batch++) {
		for (int i = 0; i < BATCH; i++)
			CLAIM(pthread_create(&threads[i], &attributes,
			                     do_nothing, NULL) == 0);
		pthread_barrier_wait(&gate);
	}
	usleep(10000);
}

/* ---- signal ------------------------------------------------------------------- */

static pthread_t main_thread;

/* Until the file is there that the environment names: nothing but these calls. */
static void *call_until_reported(void *argument)
{
	const char *path = getenv("ALLOCLAB_STATS");
	int tries = 10000;

	CLAIM(path != NULL && access(path, F_OK) != 0);
	free(malloc(10 + opaque));
	CLAIM(pthread_kill(main_thread, SIGUSR2) == 0);
	while (tries-- > 0 && access(path, F_OK) != 0) {
		free(malloc(10 + opaque));
		usleep(1000);
	}
	CLAIM(tries > 0);
	return argument;
}

static void sleep_when_asked(void)
{
	pthread_t thread;

	main_thread = pthread_self();
	pthread_create(&thread, NULL, call_until_reported, NULL);
	pthread_join(thread, NULL);
}

int main(int count, char **arguments)
{
	static const struct way ways[] = {
		{"first", call_first},        {"last", call_last},
		{"storm", fork_in_storm},     {"idle", be_idle},
		{"signal", sleep_when_asked},
	};

	return run_way(count, arguments, ways, sizeof ways / sizeof ways[0]);
}
