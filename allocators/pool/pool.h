/*
 * pool.h - objects of one size, and what the files of the pool share.
 *
 * The first half, object_pool, is all that a program with objects of its own
 * needs; pool_allocator puts a heap's knobs and the harness's calls around it.
 */
#ifndef ALLOCATORS_POOL_POOL_H
#define ALLOCATORS_POOL_POOL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "../allocator.h"
#include "../common/bits.h"
#include "../common/heap_stats.h"
#include "../common/page_source.h"

enum {
	POOL_CHUNK_HEADER = 64, /* bytes; slot 0 comes right behind it      */
	POOL_SLOTS_MIN = 8,     /* of a chunk, however large the objects    */
	POOL_OBJECT_MAX = 64 << 10,
};

/* A free object holds the link to the next one, and nothing else. */
struct pool_slot {
	struct pool_slot *next;
};

/* The start of a chunk, which lies at a multiple of its size. */
struct pool_chunk {
	LIST_ENTRY(pool_chunk) link;
	size_t carved;   /* slots that have been an object                   */
	size_t live;     /* of those: allocated now                          */
	bool is_leaving; /* while idle chunks are given back                 */
};

LIST_HEAD(pool_chunks, pool_chunk);

static_assert(sizeof(struct pool_chunk) <= POOL_CHUNK_HEADER, "drawn so");

struct object_pool {
	struct page_source *pages;
	size_t slot_bytes;  /* 0: not known yet                              */
	size_t chunk_bytes; /* a power of two                                */
	size_t slots;       /* of a chunk                                    */

	struct pool_slot *list; /* free objects, the last freed first        */
	size_t listed;          /* objects on it                             */
	size_t live;            /* objects                                   */
	struct pool_chunk *carving; /* the one with uncarved slots, or NULL  */
	struct pool_chunks busy;    /* chunks with a live object             */
	struct pool_chunks idle;    /* those without, the last to be so first */
	size_t busy_chunks, idle_chunks;
	struct heap_stats stats;
};

/* ---- objects.c ---- */

/*
 * An empty pool of objects of `bytes`, 1..POOL_OBJECT_MAX, in chunks of at least
 * chunk_bytes, a power of two.  It takes no memory yet.
 */
void object_pool_open(struct object_pool *pool, struct page_source *pages,
                      size_t bytes, size_t chunk_bytes);

/* Gives all chunks back, live objects included. */
void object_pool_close(struct object_pool *pool);

/* An object, contents indeterminate; or NULL with errno = ENOMEM.  O(1). */
void *object_pool_take(struct object_pool *pool);

/* Takes it back.  O(1). */
void object_pool_put(struct object_pool *pool, void *object);

/*
 * Puts objects on the list until at least `objects` are there, whole chunks at
 * a time.  False with errno = ENOMEM, and then no chunk is idle.
 */
bool object_pool_prepare(struct object_pool *pool, size_t objects);

/*
 * Gives idle chunks back, but for the last `keep` that became idle; returns
 * their bytes.  One pass over the list, if there are any.
 */
size_t object_pool_release(struct object_pool *pool, size_t keep);

/* What the largest power of two is that all objects are multiples of. */
static inline size_t object_pool_align(const struct object_pool *pool)
{
	size_t lowest_bit = pool->slot_bytes & -pool->slot_bytes;

	return lowest_bit < POOL_CHUNK_HEADER ? lowest_bit : POOL_CHUNK_HEADER;
}

static inline struct pool_chunk *chunk_of(const struct object_pool *pool,
                                          const void *object)
{
	return (struct pool_chunk *)round_down((size_t)object,
	                                       pool->chunk_bytes);
}

static inline char *chunk_slot(const struct object_pool *pool,
                               const struct pool_chunk *chunk, size_t index)
{
	return (char *)(size_t)chunk + POOL_CHUNK_HEADER +
	       index * pool->slot_bytes;
}

/* Whether `object` is a slot of `chunk` that has been carved. */
static inline bool is_carved(const struct object_pool *pool,
                             const struct pool_chunk *chunk, const void *object)
{
	size_t offset = (size_t)((const char *)object - (const char *)chunk);

	return offset >= POOL_CHUNK_HEADER &&
	       (offset - POOL_CHUNK_HEADER) % pool->slot_bytes == 0 &&
	       (offset - POOL_CHUNK_HEADER) / pool->slot_bytes < chunk->carved;
}

/* ---- the heap, at the start of a page of its own ---- */

enum { KNOB_OBJECT, KNOB_PREALLOCATE, KNOB_LIMIT, KNOB_CHUNK, KNOB_IDLE };

struct pool_heap {
	struct object_pool pool;
	size_t preallocate, limit; /* objects; limit 0: none                 */
	size_t chunk_bytes;        /* asked for                              */
	size_t idle;               /* chunks that may stay idle              */
	size_t handles;            /* attached now                           */
	char message[160];         /* the last sentence of check()           */
};

static_assert(sizeof(struct pool_heap) <= PAGE_BYTES, "it has one page");

static inline struct pool_heap *pool_heap_of(struct heap *heap)
{
	return (struct pool_heap *)heap;
}

/* Idle chunks that no trim takes: those of the preallocated objects. */
static inline size_t pool_floor(const struct pool_heap *heap)
{
	size_t slots = heap->pool.slots;

	return slots == 0 ? 0 : (heap->preallocate + slots - 1) / slots;
}

/* ---- inspect.c ---- */

void pool_walk(struct heap *heap, extent_visitor *visit, void *ctx);
const char *pool_check(struct heap *heap);
bool pool_serves(struct heap *heap, size_t size, size_t align, char *why,
                 size_t capacity); /* pool.c */
void pool_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx);

/* ---- explain.c ---- */

void pool_explain(struct heap *heap, const struct request *request,
                  char *sentence, size_t capacity);

/* ---- diagnose.c ---- */

/* Stops unless `block` is a live object; the checked build's look. */
void pool_require_live(struct pool_heap *heap, const void *block,
                       const char *call);

#endif
