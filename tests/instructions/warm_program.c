/*
 * warm_program.c - warm_calls.c for a program that calls malloc and free, as
 * tests/e2e_instructions.sh counts them under a preloaded library.
 *
 *     warm_program malloc      the malloc and free of the process
 *     warm_program nothing     two functions that return at once
 */
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 500, ROUNDS = 250, BLOCKS = 4 };

static void *nothing_malloc(size_t size)
{
	(void)size;
	return NULL;
}

static void nothing_free(void *block)
{
	(void)block;
}

struct calls {
	void *(*malloc)(size_t size);
	void (*free)(void *block);
};

/* What is counted, for one size. */
#define MEASURED(size)                                                         \
	__attribute__((noinline)) void mallocs_##size(                         \
		const struct calls *calls, void *volatile *blocks)             \
	{                                                                      \
		for (int i = 0; i < BLOCKS; i++)                               \
			blocks[i] = calls->malloc(size);                       \
	}                                                                      \
	__attribute__((noinline)) void frees_##size(const struct calls *calls, \
	                                            void *volatile *blocks)    \
	{                                                                      \
		for (int i = 0; i < BLOCKS; i++)                               \
			calls->free(blocks[i]);                                \
	}                                                                      \
	static void measure_##size(const struct calls *calls)                  \
	{                                                                      \
		void *volatile blocks[BLOCKS];                                 \
		warm_up(calls, size);                                          \
		for (int i = 0; i < ROUNDS; i++) {                             \
			mallocs_##size(calls, blocks);                         \
			frees_##size(calls, blocks);                           \
		}                                                              \
	}

/* One block stays live, so that no slab or chunk is empty at times. */
static void warm_up(const struct calls *calls, size_t size)
{
	void *volatile stays = calls->malloc(size);
	void *blocks[BLOCKS];

	(void)stays;
	for (int round = 0; round < WARM_UP; round++) {
		for (int i = 0; i < BLOCKS; i++)
			blocks[i] = calls->malloc(size);
		for (int i = 0; i < BLOCKS; i++)
			calls->free(blocks[i]);
	}
}

void mallocs_8(const struct calls *calls, void *volatile *blocks);
void mallocs_64(const struct calls *calls, void *volatile *blocks);
void mallocs_200(const struct calls *calls, void *volatile *blocks);
void mallocs_1024(const struct calls *calls, void *volatile *blocks);
void frees_8(const struct calls *calls, void *volatile *blocks);
void frees_64(const struct calls *calls, void *volatile *blocks);
void frees_200(const struct calls *calls, void *volatile *blocks);
void frees_1024(const struct calls *calls, void *volatile *blocks);

MEASURED(8)
MEASURED(64)
MEASURED(200)
MEASURED(1024)

int main(int count, char **arguments)
{
	struct calls calls = {malloc, free};

	if (count == 2 && strcmp(arguments[1], "nothing") == 0)
		calls = (struct calls){nothing_malloc, nothing_free};
	measure_8(&calls);
	measure_64(&calls);
	measure_200(&calls);
	measure_1024(&calls);
	return EXIT_SUCCESS;
}
