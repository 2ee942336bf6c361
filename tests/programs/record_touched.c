/*
 * record_touched.c - a program for tests of `alloclab record --touched`: it knows
 * which pages it writes to.  Each size stands for one way.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, MIB = 1 << 20 };

static long sum; /* of what was read */

static void *take(void *block)
{
	if (block == NULL)
		exit(1);
	return block;
}

static void write_pages(char *block, size_t from, size_t pages)
{
	for (size_t i = from; i < from + pages; i++)
		block[i * PAGE] = 1;
}

/* The first byte of 64 of 256 pages. */
static void write_a_beginning(void)
{
	char *block = take(malloc(MIB + 1));

	write_pages(block, 0, 64);
	free(block);
}

/* Reads it all, which was dirty before it was free; then 16 pages in the middle. */
static void write_a_middle(void)
{
	free(memset(take(malloc(MIB + 8)), 1, MIB + 8));
	char *block = take(calloc(1, MIB + 2));

	for (size_t i = 0; i < MIB + 2; i++)
		sum += block[i];
	if (sum != 0)
		exit(2);
	write_pages(block, 100, 16);
	free(block);
}

static void write_all(void)
{
	char *block = take(malloc(MIB + 3));

	memset(block, 1, MIB + 3);
	free(block);
}

static void write_aligned(void)
{
	char *block = take(aligned_alloc(PAGE, MIB));

	write_pages(block, 0, 32);
	free(block);
}

/* All of 100,000 bytes, then 8 pages behind them; the bytes must stay. */
static void resize(void)
{
	char *block = take(malloc(100000));

	memset(block, 7, 100000);
	block = take(realloc(block, MIB + 4));
	for (size_t i = 0; i < 100000; i++)
		if (block[i] != 7)
			exit(3);
	write_pages(block, 100, 8);
	free(block);
}

/* A block of one thread is freed by another. */
static void *free_it(void *block)
{
	write_pages(block, 0, 128);
	free(block);
	return NULL;
}

static void pass_on(void)
{
	pthread_t thread;
	char *block = take(malloc(MIB + 5));

	write_pages(block, 0, 16);
	if (pthread_create(&thread, NULL, free_it, block) != 0)
		exit(4);
	pthread_join(thread, NULL);
}

/* The child writes to its own copy, which is none of the parent's pages. */
static void fork_over(void)
{
	char *block = take(malloc(MIB + 6));

	write_pages(block, 0, 8);
	pid_t child = fork();
	if (child == 0) {
		write_pages(block, 0, 200);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	free(block);
}

int main(void)
{
	write_a_beginning();
	write_a_middle();
	write_all();
	write_aligned();
	resize();
	pass_on();
	fork_over();
	write_pages(take(malloc(MIB + 7)), 0, 48); /* live at the end */
	return 0;
}
