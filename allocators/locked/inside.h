/*
 * inside.h - the parts of a heap behind a lock, for locked.c and inspect.c.
 */
#ifndef ALLOCATORS_LOCKED_INSIDE_H
#define ALLOCATORS_LOCKED_INSIDE_H

#include <assert.h>
#include <stdint.h>
#include <sys/queue.h>

#include "../common/heap_stats.h"
#include "../common/heap_usage.h"
#include "../common/lock.h"
#include "../common/page_source.h"
#include "locked.h"

/* A logical thread. */
struct handle {
	struct locked_heap *heap;
	struct thread_heap *inner; /* NULL while it is unused */
	LIST_ENTRY(handle) link;   /* under the lock          */
};

LIST_HEAD(handle_list, handle);

/* The start of every page of ours, in address order. */
struct page {
	struct page *above;
};

struct locked_heap {
	const struct allocator *allocator; /* the inner one's */
	struct heap *inner;
	struct page_source *pages;
	const char *single_thread;
	struct lock lock;

	/* under the lock */
	struct handle_list attached, unused;
	struct page *lowest;
	uint64_t handles, abandoned;
	size_t own_bytes;  /* of all our pages                      */
	char message[128]; /* the last sentence of locked_check()   */
};

static_assert(sizeof(struct page) + sizeof(struct locked_heap) +
                              16 * sizeof(struct handle) <=
                      PAGE_BYTES,
              "most programs need one page");

static inline struct locked_heap *locked_of(struct heap *heap)
{
	return (struct locked_heap *)heap;
}

static inline struct handle *handle_of(struct thread_heap *self)
{
	return (struct handle *)self;
}

/* The heap's descriptor lies on the first page that was mapped. */
static inline struct handle *first_handle(struct locked_heap *heap,
                                          struct page *page)
{
	bool is_first = (char *)page == (char *)heap - sizeof *page;

	return is_first ? (struct handle *)(heap + 1)
	                : (struct handle *)(page + 1);
}

static inline struct handle *end_of_handles(struct locked_heap *heap,
                                            struct page *page)
{
	struct handle *first = first_handle(heap, page);
	size_t bytes = PAGE_BYTES - (size_t)((char *)first - (char *)page);

	return first + bytes / sizeof *first;
}

/* ---- inspect.c, at quiescence --------------------------------------------- */

void locked_walk(struct heap *heap, extent_visitor *visit, void *ctx);
const char *locked_check(struct heap *heap);
void locked_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx);
void locked_explain(struct heap *heap, const struct request *request,
                    char *sentence, size_t capacity);

#endif
