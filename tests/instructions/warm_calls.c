/*
 * warm_calls.c - what tests/e2e_instructions.sh counts: the calls of warm.h to an
 * allocator.
 *
 *     warm_calls tcmalloc:page_map=3     a heap of that allocator
 *     warm_calls nothing                 two functions that return at once: what
 *                                        the loops here cost
 *
 * The handle is an argument, as everywhere in the lab.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocators/allocator.h"
#include "allocators/common/knob.h"
#include "allocators/common/page_source.h"
#include "allocators/registry.h"

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

#define CALL_MALLOC(calls, size) (calls)->malloc((calls)->self, size)
#define CALL_FREE(calls, block)  (calls)->free((calls)->self, block)
#include "warm.h"

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
	measure_all(&calls);
	return EXIT_SUCCESS;
}
