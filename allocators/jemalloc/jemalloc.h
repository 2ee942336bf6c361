/*
 * jemalloc.h - what the files of the jemalloc-style allocator share.
 *
 *     thread_heap = struct je_handle       owner only: bins of cached blocks
 *        |  refill, flush                  cache.c
 *        v
 *     struct je_arena                      a few for all threads
 *        |-- struct je_bin per class       bin.c: current run, non-full runs
 *        |      `-- struct je_run          head of a run: bitmap of regions
 *        |-- available runs, by size       pages.c
 *        `-- struct je_chunk               chunk.c: page map, then the pages
 *     struct je_huge                       huge.c: a tree of its own
 *     struct je_base                       base.c: memory for all of the above
 *
 * Lock order.  A lock may be taken while those to its left are held:
 *
 *     handles < bin < arena < huge < base < (the page source's)
 *
 * and never two of one kind but in fork_prepare.
 */
#ifndef ALLOCATORS_JEMALLOC_JEMALLOC_H
#define ALLOCATORS_JEMALLOC_JEMALLOC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <bsd/sys/tree.h>

#include "../allocator.h"
#include "../common/heap_stats.h"
#include "../common/heap_usage.h"
#include "../common/knob.h"
#include "../common/misuse.h"
#include "arena.h"

/* Slow paths of malloc and free: they would bring a stack frame with them. */
#define je_noinline __attribute__((noinline))

#define je_likely(claim)   __builtin_expect(!!(claim), 1)
#define je_unlikely(claim) __builtin_expect(!!(claim), 0)

/* ---- the cache of a thread: cache.c ------------------------------------- */

/*
 * Blocks of one class, the last freed on top:
 *
 *     base           low              top            limit
 *      | cold blocks  | blocks in use  |  room         |
 *      +--------------+----------------+---------------+
 *
 * malloc takes from the top until it meets `low`, free puts until `limit`.
 * Others read `top` and `base` for usage, so these are atomic, and relaxed:
 * plain moves to the machine.
 */
struct je_cache_bin {
	_Atomic(void **) top;
	void **low;
	void **limit;
	_Atomic(void **) base;
};

struct je_handle {
	/* owner only: what malloc and free read */
	size_t chunk_mask;
	size_t table_end; /* requests below it: by class_of; 0: no heap */
	const uint8_t *class_of;
	int64_t ticks; /* frees until the next bin is looked at */

	struct je_heap *heap;
	struct je_arena *arena;
	unsigned next_gc; /* the bin that is looked at next */
	struct counter refills, flushes, moves; /* read by stats */
	uint8_t fill_shift[JE_BINS_MAX]; /* a refill is capacity >> this */

	/* under the handles lock */
	TAILQ_ENTRY(je_handle) link;
	bool abandoned; /* its thread was lost in a fork */

	_Alignas(JE_LINE_BYTES) struct je_cache_bin bins[];
};

static_assert(sizeof(struct je_cache_bin) == 32, "one shift");

static inline void **je_bin_top(const struct je_cache_bin *bin)
{
	return atomic_load_explicit(&bin->top, memory_order_relaxed);
}

static inline void je_bin_set_top(struct je_cache_bin *bin, void **top)
{
	atomic_store_explicit(&bin->top, top, memory_order_relaxed);
}

static inline void **je_bin_base(const struct je_cache_bin *bin)
{
	return atomic_load_explicit(&bin->base, memory_order_relaxed);
}

/* ---- huge blocks, metadata, the heap ------------------------------------ */

struct je_huge {
	RB_ENTRY(je_huge) link; /* heap->huge, by address */
	char *start;            /* a multiple of the chunk size */
	size_t bytes;           /* whole pages */
};

RB_HEAD(je_huge_tree, je_huge);

struct je_base_block {
	struct je_base_block *next;
	size_t used, committed; /* bytes from the block's start */
};

struct je_base {
	struct lock lock;
	/* under the lock */
	struct je_base_block *blocks; /* the newest one first */
	void *free[JE_BASE_SIZES];    /* linked through their first word */
	struct counter bytes;         /* committed */
	struct counter grows;
};

TAILQ_HEAD(je_handle_list, je_handle);

struct je_heap {
	/* constant after create */
	struct page_source *source;
	const char *single_thread;
	struct je_config config;
	size_t chunk_mask; /* chunk_bytes - 1 */
	uint32_t chunk_pages;
	uint32_t header_pages; /* of a chunk, at most: where its runs start */
	uint32_t nodes_offset; /* of the available runs, in a chunk */
	uint32_t large_max_pages;
	unsigned small_classes; /* bins below are of small runs */
	unsigned no_bin;        /* the bin of what is not cached, always full */
	struct je_class classes[JE_SMALL_CLASSES_MAX];
	uint16_t slots[JE_BINS_MAX]; /* of a cache's bin, at most */
	uint32_t decay_share
		[JE_DECAY_STEPS]; /* of 2^16, the newest step first */
	uint8_t class_of[JE_TABLE_MAX / 8 + 1]; /* the bin, small or large */

	struct lock handles_lock;
	/* under the handles lock */
	struct je_handle_list handles;
	unsigned next_arena;
	uint64_t moves, refills, flushes; /* of handles that are gone */

	/* atomic: NULL until the first thread is given to it, then fixed */
	_Atomic(struct je_arena *) *arenas;

	struct lock huge_lock;
	/* under the huge lock */
	struct je_huge_tree huge;
	struct counter huge_bytes, huge_grows, huge_shrinks;

	struct je_base base;
	char message[160]; /* the last sentence of check() */
};

static inline struct je_heap *je_heap_of(struct heap *heap)
{
	return (struct je_heap *)heap;
}

static inline struct je_handle *je_handle_of(struct thread_heap *self)
{
	return (struct je_handle *)self;
}

static inline void je_lock(const struct je_heap *heap, struct lock *lock)
{
	lock_take(lock, heap->single_thread);
}

static inline void je_unlock(const struct je_heap *heap, struct lock *lock)
{
	lock_drop(lock, heap->single_thread);
}

/* The chunk around a block; what lies at its very start is a huge block. */
static inline struct je_chunk *je_chunk_of(const struct je_heap *heap,
                                           const void *block)
{
	return (struct je_chunk *)((uintptr_t)block & ~heap->chunk_mask);
}

static inline bool je_is_huge(const struct je_heap *heap, const void *block)
{
	return ((uintptr_t)block & heap->chunk_mask) == 0;
}

static inline uint32_t je_page_of(const struct je_heap *heap, const void *block)
{
	return (uint32_t)(((uintptr_t)block & heap->chunk_mask) >> PAGE_LOG2);
}

static inline struct je_avail *je_node(const struct je_heap *heap,
                                       const struct je_chunk *chunk,
                                       uint32_t page)
{
	return (struct je_avail *)((char *)chunk + heap->nodes_offset) +
	       (page - heap->header_pages);
}

/* The arena with this number, NULL while no thread has been given to it. */
static inline struct je_arena *je_arena_at(const struct je_heap *heap,
                                           unsigned number)
{
	return atomic_load_explicit(&heap->arenas[number],
	                            memory_order_acquire);
}

/* The bin of the cache for a request of at most JE_TABLE_MAX bytes. */
static inline unsigned je_bin_for(const struct je_heap *heap, size_t size)
{
	return heap->class_of[(size + 7) / 8];
}

/* Whether a request of this size is served by a small run. */
static inline bool je_is_small(const struct je_heap *heap, size_t size)
{
	return size <= JE_TABLE_MAX &&
	       je_bin_for(heap, size) < heap->small_classes;
}

/* Bytes of a block of the thread cache's bin. */
static inline size_t je_bin_bytes(const struct je_heap *heap, unsigned bin)
{
	return bin < heap->small_classes
	               ? heap->classes[bin].size
	               : (size_t)(bin - heap->small_classes + 1) << PAGE_LOG2;
}

/* ---- cache.c ------------------------------------------------------------ */

/* The bin is at its low-water mark, or empty: malloc's slow path. */
je_noinline void *je_cache_miss(struct je_handle *self,
                                struct je_cache_bin *bin);

/* The bin is full, or has no array: free's slow path. */
je_noinline void je_cache_full(struct je_handle *self, struct je_cache_bin *bin,
                               void *block);

/* Every so many frees: looks at the next bin. */
je_noinline void je_cache_collect(struct je_handle *self);

/* Empties all bins. */
void je_cache_flush_all(struct je_handle *self);

/* Gives the arrays back, of a handle with empty bins. */
void je_cache_close(struct je_handle *self);

/* ---- huge.c ------------------------------------------------------------- */

void *je_huge_alloc(struct je_handle *self, size_t align, size_t size);
void je_huge_free(struct je_heap *heap, void *block);
/* In place, or by moving pages; NULL with errno = ENOMEM. */
void *je_huge_resize(struct je_heap *heap, void *block, size_t size);
/* 0 if no huge block starts here. */
size_t je_huge_bytes(struct je_heap *heap, const void *block);
/* The huge block around an address, or NULL. */
const struct je_huge *je_huge_around(struct je_heap *heap, const void *address);

RB_PROTOTYPE(je_huge_tree, je_huge, link, )

/* ---- base.c ------------------------------------------------------------- */

/* The first block, with the heap in it; NULL with errno = ENOMEM. */
struct je_heap *je_base_open(struct page_source *source);
void je_base_close(struct je_heap *heap);
/* Metadata, 64-byte aligned, contents indeterminate; NULL with ENOMEM. */
void *je_base_alloc(struct je_heap *heap, size_t bytes);
void je_base_free(struct je_heap *heap, void *start, size_t bytes);

/* ---- the heap: heap.c, resize.c ----------------------------------------- */

struct heap *je_create(const struct je_config *config,
                       struct page_source *source, const char *single_thread);
void je_destroy(struct heap *heap);
struct thread_heap *je_attach(struct heap *heap);
void je_detach(struct thread_heap *self);
size_t je_trim(struct heap *heap);
void je_stats(struct heap *heap, struct heap_stats *out);
void je_usage(struct heap *heap, struct heap_usage *out);
void je_fork_prepare(struct heap *heap);
void je_fork_parent(struct heap *heap);
void je_fork_child(struct heap *heap, struct thread_heap *self);

size_t je_usable_size(struct heap *heap, const void *block);
void *je_realloc(struct thread_heap *self, void *block, size_t size);

/* malloc, free: jemalloc.c, for the files above. */
void *je_malloc(struct thread_heap *self, size_t size);
void je_free(struct thread_heap *self, void *block);

/* ---- looking at the heap ------------------------------------------------ */

void je_walk(struct heap *heap, extent_visitor *visit, void *ctx);
void je_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx);
const char *je_check(struct heap *heap);
void je_explain(struct heap *heap, const struct request *request,
                char *sentence, size_t capacity);

/* Stops with a sentence unless `block` is live. */
void je_require_live(struct je_handle *self, const void *block,
                     const char *call);

#endif
