/*
 * object_pool.h - objects of one size on one list, for whoever has many of them:
 * the allocator `pool`, and the descriptors of tcmalloc.
 *
 * The algorithm and its picture: object_pool.c.
 */
#ifndef ALLOCATORS_COMMON_OBJECT_POOL_H
#define ALLOCATORS_COMMON_OBJECT_POOL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "bits.h"
#include "heap_stats.h"
#include "page_source.h"

enum { POOL_CHUNK_HEADER = 64 }; /* bytes; slot 0 comes right behind it     */

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

/*
 * An empty pool of objects of slot_bytes, a multiple of what they are to be
 * aligned to, and of 8; in chunks of chunk_bytes, a power of two that has room
 * for a header and an object at least.  It takes no memory yet.
 */
void object_pool_open(struct object_pool *pool, struct page_source *pages,
                      size_t slot_bytes, size_t chunk_bytes);

/* Gives all chunks back, live objects included. */
void object_pool_close(struct object_pool *pool);

/* An object, contents indeterminate; or NULL with errno = ENOMEM.  O(1). */
void *object_pool_take(struct object_pool *pool);

/* Takes it back.  O(1). */
void object_pool_put(struct object_pool *pool, void *object);

/*
 * put() for a caller that has failed after all: objects undone in the reverse
 * order leave no chunk that was not there before.  O(1).
 */
void object_pool_undo(struct object_pool *pool, void *object);

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

/*
 * Verifies I1 to I4 (object_pool.c): NULL, or a sentence that says which of them
 * is broken, with `where` the object or chunk in question.  Costs a pass over all
 * slots, and scratch memory; without that, what can be verified in place.
 */
const char *object_pool_check(const struct object_pool *pool,
                              const void **where);

/* What all chunks are together: committed bytes. */
static inline size_t object_pool_bytes(const struct object_pool *pool)
{
	return (pool->busy_chunks + pool->idle_chunks) * pool->chunk_bytes;
}

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

#endif
