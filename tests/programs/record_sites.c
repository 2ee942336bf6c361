/*
 * record_sites.c - blocks whose call sites are known by their sizes: leaf()
 * allocates, called by left() with 8001 bytes and by right() with 8002, ROUNDS
 * times each, in two threads; then 8003 bytes become 8004 in grow().
 */
#include <pthread.h>
#include <stdlib.h>

enum { ROUNDS = 100 };

__attribute__((noinline, noclone)) void *leaf(size_t size)
{
	char *block = malloc(size);

	block[0] = 1; /* no tail call: leaf() stays on the stack */
	return block;
}

__attribute__((noinline, noclone)) void left(void)
{
	free(leaf(8001));
}

__attribute__((noinline, noclone)) void right(void)
{
	free(leaf(8002));
}

__attribute__((noinline, noclone)) void *grow(void *block)
{
	char *grown = realloc(block, 8004);

	grown[0] = 1;
	return grown;
}

static void *work(void *nothing)
{
	for (int i = 0; i < ROUNDS; i++) {
		left();
		right();
	}
	return nothing;
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, NULL) != 0)
		return 1;
	work(NULL);
	pthread_join(thread, NULL);
	free(grow(leaf(8003)));
	return 0;
}
