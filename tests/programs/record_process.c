/*
 * record_process.c - ways to begin and end: `record_process WAY [COUNT]`.
 *
 * Each way first allocates COUNT blocks of 4001 bytes (default 100).
 *     exit _exit abort kill segv   ends like that
 *     fork clone              a child (of fork(), of the bare system call)
 *                             allocates COUNT blocks of 4002 bytes and ends;
 *                             then the parent allocates COUNT of 4003
 *     spawn                   the same with a child of posix_spawn
 *     inherit                 a forked child frees a block of its parent's
 *     exec                    becomes another program image, which allocates
 *                             3 * COUNT blocks of 4004 bytes
 *     sleep                   says "ready" and waits for a signal
 *     threads                 COUNT threads, one after the other, each with
 *                             one block of 4005 bytes
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile char *volatile nowhere;

static void allocate(long count, size_t size)
{
	void **blocks = calloc((size_t)count, sizeof *blocks);

	for (long i = 0; i < count; i++)
		blocks[i] = malloc(size);
	for (long i = 0; i < count; i++)
		free(blocks[i]);
	free(blocks);
}

static int run_child(pid_t child, long count)
{
	int status = 0;

	if (child == 0) {
		allocate(count, 4002);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	allocate(count, 4003);
	return status;
}

static int run_heir(void)
{
	void *block = malloc(4006);
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		free(block);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	free(block);
	return status;
}

static int run_spawned(char *self, char *count)
{
	char *argv[] = {self, "4002", count, NULL};
	pid_t child;

	if (posix_spawn(&child, self, NULL, NULL, argv, environ) != 0)
		return 1;
	return run_child(child, strtol(count, NULL, 10));
}

static void *one_block(void *nothing)
{
	free(malloc(4005));
	return nothing;
}

static int run_threads(long count)
{
	pthread_t thread;

	for (long i = 0; i < count; i++)
		if (pthread_create(&thread, NULL, one_block, NULL) != 0 ||
		    pthread_join(thread, NULL) != 0)
			return 1;
	return 0;
}

static int say_ready_and_sleep(void)
{
	if (write(STDOUT_FILENO, "ready\n", 6) < 0)
		return 1;
	for (;;)
		pause();
}

static int run(char *self, const char *way, char *count_text)
{
	long count = strtol(count_text, NULL, 10);

	if (strtol(way, NULL, 10) > 0) { /* the other end of spawn and exec */
		allocate(count, strtoul(way, NULL, 10));
		return 0;
	}
	allocate(count, 4001);
	if (strcmp(way, "_exit") == 0)
		_exit(0);
	if (strcmp(way, "abort") == 0)
		abort();
	if (strcmp(way, "segv") == 0)
		*nowhere = 1;
	if (strcmp(way, "kill") == 0)
		raise(SIGKILL);
	if (strcmp(way, "fork") == 0)
		return run_child(fork(), count);
	if (strcmp(way, "clone") == 0)
		return run_child(
			(pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0),
			count);
	if (strcmp(way, "spawn") == 0)
		return run_spawned(self, count_text);
	if (strcmp(way, "inherit") == 0)
		return run_heir();
	if (strcmp(way, "exec") == 0) {
		char more[32];
		snprintf(more, sizeof more, "%ld", 3 * count);
		return execl(self, self, "4004", more, (char *)NULL);
	}
	if (strcmp(way, "sleep") == 0)
		return say_ready_and_sleep();
	if (strcmp(way, "threads") == 0)
		return run_threads(count);
	return strcmp(way, "exit") != 0;
}

int main(int argc, char **argv)
{
	static char hundred[] = "100";

	if (argc < 2)
		return 2;
	return run(argv[0], argv[1], argc > 2 ? argv[2] : hundred);
}
