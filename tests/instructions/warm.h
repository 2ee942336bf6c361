/*
 * warm.h - the calls that warm_calls.c and warm_program.c have counted: mallocs
 * and frees that a thread's cache answers.
 *
 * Who includes this defines `struct calls` before, and
 *
 *     CALL_MALLOC(calls, size)    one malloc by a const struct calls *
 *     CALL_FREE(calls, block)
 *
 * which are macros, for callgrind shares an inlined function out between files.
 * Each size has two functions of its own, mallocs_64() and frees_64(), which
 * callgrind tells apart by their names.  Few blocks at a time: more would not be
 * warm in every cache (ptmalloc keeps seven).
 */
#ifndef TESTS_INSTRUCTIONS_WARM_H
#define TESTS_INSTRUCTIONS_WARM_H

enum { WARM_UP = 500, ROUNDS = 250, BLOCKS = 4 };

/* What is counted, for one size. */
#define MEASURED(size)                                                         \
	__attribute__((noinline)) void mallocs_##size(                         \
		const struct calls *calls, void *volatile *blocks)             \
	{                                                                      \
		for (int i = 0; i < BLOCKS; i++)                               \
			blocks[i] = CALL_MALLOC(calls, size);                  \
	}                                                                      \
	__attribute__((noinline)) void frees_##size(const struct calls *calls, \
	                                            void *volatile *blocks)    \
	{                                                                      \
		for (int i = 0; i < BLOCKS; i++)                               \
			CALL_FREE(calls, blocks[i]);                           \
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

/*
 * The caches grow to what they will hold, and the lists behind them fill; one
 * block stays live, so that no slab or chunk is empty at times.
 */
static void warm_up(const struct calls *calls, size_t size)
{
	void *volatile stays = CALL_MALLOC(calls, size);
	void *blocks[BLOCKS];

	(void)stays;
	for (int round = 0; round < WARM_UP; round++) {
		for (int i = 0; i < BLOCKS; i++)
			blocks[i] = CALL_MALLOC(calls, size);
		for (int i = 0; i < BLOCKS; i++)
			CALL_FREE(calls, blocks[i]);
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

static void measure_all(const struct calls *calls)
{
	measure_8(calls);
	measure_64(calls);
	measure_200(calls);
	measure_1024(calls);
}

#endif
