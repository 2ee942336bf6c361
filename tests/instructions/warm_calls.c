/*
 * warm_calls.c - what tests/e2e_instructions.sh counts: mallocs and frees that a
 * thread's cache answers.
 *
 *     warm_calls tcmalloc:page_map=3     a heap of that allocator
 *     warm_calls nothing                 two functions that return at once: what
 *                                        the loops here cost
 *
 * The handle is an argument, as everywhere in the lab.  Each size has two
 * functions of its own, mallocs_64() and frees_64(), which callgrind tells
 * apart by their names.  Few blocks at a time: more would not be warm in every
 * cache (ptmalloc keeps seven).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/allocator.h"
#include "allocators/common/knob.h"
#include "allocators/common/page_source.h"
#include "allocators/registry.h"

enum { WARM_UP = 500, ROUNDS = 250, BLOCKS = 4 };

static void *nothing_malloc(struct thread_heap *self, size_t size)
{
	(void)self;
	(void)size;
	return NULL;
}

static void nothing_free(struct thread_heap *self, void *block)
{
	(void)self;
	(void)block;
}

struct calls {
	void *(*malloc)(struct thread_heap *self, size_t size);
	void (*free)(struct thread_heap *self, void *block);
	struct thread_heap *self;
};

/* What is counted, for one size. */
#define MEASURED(size)                                                         \
	__attribute__((noinline)) void mallocs_##size(                         \
		const struct calls *calls, void *volatile *blocks)             \
	{                                                                      \
		for (int i = 0; i < BLOCKS; i++)                               \
			blocks[i] = calls->malloc(calls->self, size);          \
	}                                                                      \
	__attribute__((noinline)) void frees_##size(const struct calls *calls, \
	                                            void *volatile *blocks)    \
	{                                                                      \
		for (int i = 0; i < BLOCKS; i++)                               \
			calls->free(calls->self, blocks[i]);                   \
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
	void *volatile stays = calls->malloc(calls->self, size);
	void *blocks[BLOCKS];

	(void)stays;
	for (int round = 0; round < WARM_UP; round++) {
		for (int i = 0; i < BLOCKS; i++)
			blocks[i] = calls->malloc(calls->self, size);
		for (int i = 0; i < BLOCKS; i++)
			calls->free(calls->self, blocks[i]);
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

/* Fills in the calls of a heap; false, with a sentence, where there is none. */
static bool open_heap(const char *text, struct page_source *pages,
                      struct calls *calls)
{
	const struct page_source_options os = {.kind = PAGE_SOURCE_OS};
	struct knob_values values;
	char name[64], error[400];

	snprintf(name, sizeof name, "%.*s", (int)strcspn(text, ":"), text);
	const struct allocator *allocator = allocator_find(name);
	if (allocator == NULL)
		return fprintf(stderr, "no allocator %s\n", name) < 0;
	const char *knobs = strchr(text, ':');
	knob_defaults(allocator->knobs, &values);
	if (!knob_parse(allocator->knobs, knobs == NULL ? "" : knobs + 1,
	                &values, error, sizeof error))
		return fprintf(stderr, "%s: %s\n", name, error) < 0;
	struct heap *heap = NULL;
	if (page_source_open(pages, &os))
		heap = allocator->create(&values, pages, &ONE_THREAD);
	if (heap == NULL)
		return fprintf(stderr, "%s: no heap\n", name) < 0;
	calls->self = allocator->attach(heap);
	calls->malloc = allocator->malloc;
	calls->free = allocator->free;
	return calls->self != NULL;
}

int main(int count, char **arguments)
{
	struct calls calls = {nothing_malloc, nothing_free, NULL};
	static struct page_source pages;

	if (count != 2)
		return EXIT_FAILURE;
	if (strcmp(arguments[1], "nothing") != 0 &&
	    !open_heap(arguments[1], &pages, &calls))
		return EXIT_FAILURE;
	measure_8(&calls);
	measure_64(&calls);
	measure_200(&calls);
	measure_1024(&calls);
	return EXIT_SUCCESS;
}
