/*
 * tcmalloc.h - the heap: three tiers, and what their files share.
 *
 * Lock order, outermost first.  A thread that holds one of these may take those
 * below it, never one above or beside it:
 *
 *     1  caches.lock        the list of handles, budgets
 *     2  central[c].lock    of one class
 *     3  page_heap.lock     spans; taken with no central list's lock held
 *     4  metadata.lock      descriptors
 *     4  page_map.hash.lock with page_map=hash
 *     5  the page source's
 *
 * A fork takes all of 1, 2 (by class), 3 and 4.
 */
#ifndef ALLOCATORS_TCMALLOC_TCMALLOC_H
#define ALLOCATORS_TCMALLOC_TCMALLOC_H

#include "../allocator.h"
#include "../common/heap_usage.h"
#include "../common/knob.h"
#include "../common/misuse.h"
#include "thread_cache.h"

struct tcm_heap {
	struct page_source *source;
	const char *single_thread;
	struct tcm_metadata metadata;
	struct tcm_page_map map;
	struct tcm_page_heap page_heap;
	struct tcm_centrals centrals;
	struct tcm_caches caches;
	char message[256]; /* the last sentence of check()                   */

	/* Last, for its table ends with the last class and the central lists
	 * follow: 2 KiB less than with room for all, mostly a page. */
	struct tcm_classes classes;
};

static inline struct tcm_heap *tcm_heap_of(struct heap *heap)
{
	return (struct tcm_heap *)heap;
}

static inline struct tcm_cache *tcm_cache_of(struct thread_heap *self)
{
	return (struct tcm_cache *)self;
}

/* The size of the objects of a class. */
static inline size_t tcm_class_bytes(const struct tcm_heap *heap,
                                     unsigned class)
{
	return heap->classes.table[class].bytes;
}

/* ---- knobs.c: names, ranges, and the heap made from their values ----------------- */

extern const struct knob tcm_knobs[];

struct heap *tcm_create(const struct knob_values *values,
                        struct page_source *source, const char *single_thread);
void tcm_destroy(struct heap *heap);

/* ---- large.c: blocks of whole pages, and what is seldom asked ---------------------- */

/* Any size; NULL with errno = ENOMEM. */
void *tcm_malloc_any(struct tcm_cache *self, size_t size);
/* A block of whole pages at a multiple of `align` pages. */
void *tcm_malloc_pages(struct tcm_cache *self, size_t size, size_t align);
void *tcm_zero_malloc(struct thread_heap *self, size_t size);
void *tcm_aligned_malloc(struct thread_heap *self, size_t align, size_t size);
void *tcm_realloc(struct thread_heap *self, void *block, size_t size);
size_t tcm_usable_size(struct heap *heap, const void *block);
size_t tcm_trim(struct heap *heap);

/* What realloc would do with a block, for it and for explain. */
enum tcm_resize { TCM_STAYS, TCM_CUTS, TCM_GROWS_OR_MOVES, TCM_MOVES };
enum tcm_resize tcm_resize_way(size_t usable, unsigned class, size_t size);

/* The class for an aligned request, 0 where it needs pages of its own. */
unsigned tcm_aligned_class(const struct tcm_heap *heap, size_t align,
                           size_t size);

/* ---- tcmalloc.c ----------------------------------------------------------------------- */

void *tcm_malloc(struct thread_heap *self, size_t size);
void tcm_free(struct thread_heap *self, void *block);

/* ---- inspection: walk.c, check.c, usage.c, explain.c ------------------------------------ */

void tcm_walk(struct heap *heap, extent_visitor *visit, void *ctx);
void tcm_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx);
const char *tcm_check(struct heap *heap);
void tcm_stats(struct heap *heap, struct heap_stats *out);
void tcm_usage(struct heap *heap, struct heap_usage *out);
void tcm_explain(struct heap *heap, const struct request *request,
                 char *sentence, size_t capacity);

/* ---- diagnose.c: the checked build's look at a block ------------------------------------ */

/* Stops unless `block` is a live block of the heap, as far as can be told. */
void tcm_misuse_check(struct tcm_cache *self, const void *block,
                      const char *call);

/* ---- fork.c --------------------------------------------------------------------------------- */

void tcm_fork_prepare(struct heap *heap);
void tcm_fork_parent(struct heap *heap);
void tcm_fork_child(struct heap *heap, struct thread_heap *self);

#endif
