/*
 * chunk.h - a chunk and its boundary tags.
 *
 * A chunk is a piece of an arena, live or free.  Its neighbours are found from
 * it alone: the next one by its size, the one before by `prev_bytes`.
 *
 *                       live                            free
 *     chunk  -> +------------------+          +------------------+
 *               | prev_bytes       |          | prev_bytes       |
 *               +------------------+          +------------------+
 *               | bytes    |U|M|P| |          | bytes    |U|M|P| |   head
 *     block  -> +------------------+          +------------------+
 *               |                  |          | next    } link   |
 *               | the program's    |          | prev    }        |
 *               | bytes            |          | next    } by_size|  large bins
 *               |                  |          | prev    }        |  only
 *     next   -> +- - - - - - - - - +          +------------------+
 *     chunk     | also its         |          | prev_bytes: bytes|
 *               +------------------+          +------------------+
 *               | bytes      | | |1|          | bytes      | | |0|
 *
 * `prev_bytes` belongs to the chunk before: while that one is live they are its
 * last 8 usable bytes, and only when it is free do they say how long it is.  Bit
 * P tells which.  So a live chunk costs 8 bytes, not 16.  [Lea] [glibc]
 *
 *     bit  1  P   the chunk before is in use
 *          2  M   the chunk is a mapping of its own           (mapped.c)
 *          4  A   its arena is not the main one               (heaps.c)
 *          8  U   free, on the unsorted list; ours, so that a walk can tell
 *
 * "In use" means not free for merging: live, in a thread cache, or in a fast
 * bin.  For the harness a chunk's stretch begins behind prev_bytes, at its head,
 * and ends 8 bytes into the next chunk: such stretches tile the heap.
 *
 * Read next: bins.c.
 */
#ifndef ALLOCATORS_PTMALLOC_CHUNK_H
#define ALLOCATORS_PTMALLOC_CHUNK_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "../common/bits.h"

/* ---- circular lists with a sentinel -------------------------------------- */

struct ring {
	struct ring *next, *prev;
};

static inline void ring_init(struct ring *ring)
{
	ring->next = ring->prev = ring;
}

static inline bool ring_is_empty(const struct ring *ring)
{
	return ring->next == ring;
}

/* Puts `link` between `at` and what comes before it. */
static inline void ring_insert_before(struct ring *link, struct ring *at)
{
	link->next = at;
	link->prev = at->prev;
	at->prev->next = link;
	at->prev = link;
}

static inline void ring_insert_after(struct ring *link, struct ring *at)
{
	ring_insert_before(link, at->next);
}

static inline void ring_remove(struct ring *link)
{
	link->next->prev = link->prev;
	link->prev->next = link->next;
}

/* ---- chunks --------------------------------------------------------------- */

enum {
	PREV_IN_USE = 0x1,
	IS_MAPPED = 0x2,
	NOT_MAIN = 0x4,
	IS_UNSORTED = 0x8,
	FLAGS = 0xf,

	TAG_BYTES = 8,        /* what a live chunk costs                     */
	HEAD_BYTES = 16,      /* from a chunk to its block                   */
	CHUNK_ALIGN = 16,     /* of chunks, blocks and sizes                 */
	CHUNK_MIN_BYTES = 32, /* both tags and two links                     */
	LARGE_MIN_BYTES = 1024, /* smaller chunks have a bin for each size   */
};

struct chunk {
	size_t prev_bytes;   /* the chunk before is free: its bytes          */
	_Atomic size_t head; /* bytes and flags: see chunk_head()            */
	struct ring link;    /* free: on the unsorted list or in a bin       */
	struct ring by_size; /* first of its size in a large bin; next is
	                        NULL in all others                           */
};

static_assert(offsetof(struct chunk, head) == TAG_BYTES, "picture");
static_assert(offsetof(struct chunk, link) == HEAD_BYTES, "picture");
static_assert(offsetof(struct chunk, by_size) == CHUNK_MIN_BYTES,
              "the smallest chunk holds all but the second pair of links");
static_assert((FLAGS & CHUNK_ALIGN) == 0 && FLAGS + 1 == CHUNK_ALIGN,
              "flags lie below the size");

/*
 * Written under the arena's lock, for bit P belongs to the chunk before; read by
 * the owner of the block without it, for the size cannot change.  So it is
 * atomic, relaxed: plain moves to the machine.
 */
static inline size_t chunk_head(const struct chunk *chunk)
{
	return atomic_load_explicit(&chunk->head, memory_order_relaxed);
}

static inline void chunk_set_head(struct chunk *chunk, size_t head)
{
	atomic_store_explicit(&chunk->head, head, memory_order_relaxed);
}

static inline void chunk_mark(struct chunk *chunk, size_t flags)
{
	chunk_set_head(chunk, chunk_head(chunk) | flags);
}

static inline void chunk_unmark(struct chunk *chunk, size_t flags)
{
	chunk_set_head(chunk, chunk_head(chunk) & ~flags);
}

static inline size_t chunk_bytes(const struct chunk *chunk)
{
	return chunk_head(chunk) & ~(size_t)FLAGS;
}

static inline void *chunk_block(const struct chunk *chunk)
{
	return (char *)chunk + HEAD_BYTES;
}

static inline struct chunk *block_chunk(const void *block)
{
	return (struct chunk *)((char *)block - HEAD_BYTES);
}

static inline struct chunk *ring_chunk(const struct ring *link)
{
	return block_chunk(link);
}

static inline struct chunk *by_size_chunk(const struct ring *by_size)
{
	return (struct chunk *)((char *)by_size -
	                        offsetof(struct chunk, by_size));
}

/* What lies `bytes` above a chunk. */
static inline struct chunk *chunk_at(const struct chunk *chunk, size_t bytes)
{
	return (struct chunk *)((char *)chunk + bytes);
}

static inline struct chunk *chunk_after(const struct chunk *chunk)
{
	return chunk_at(chunk, chunk_bytes(chunk));
}

/* The chunk before, which must be free. */
static inline struct chunk *chunk_before(const struct chunk *chunk)
{
	return (struct chunk *)((char *)chunk - chunk->prev_bytes);
}

static inline bool chunk_prev_in_use(const struct chunk *chunk)
{
	return chunk_head(chunk) & PREV_IN_USE;
}

static inline bool chunk_is_mapped(const struct chunk *chunk)
{
	return chunk_head(chunk) & IS_MAPPED;
}

/* Whether a chunk below its arena's top is in use; the next chunk knows. */
static inline bool chunk_in_use(const struct chunk *chunk)
{
	return chunk_prev_in_use(chunk_after(chunk));
}

/* Makes a chunk, whose arena's bit is `not_main`, free: both tags. */
static inline void chunk_set_free(struct chunk *chunk, size_t bytes,
                                  size_t not_main)
{
	chunk_set_head(chunk, bytes | not_main | PREV_IN_USE | IS_UNSORTED);
	chunk_at(chunk, bytes)->prev_bytes = bytes;
}

/* The usable bytes of a live chunk. */
static inline size_t chunk_usable(const struct chunk *chunk)
{
	return chunk_bytes(chunk) -
	       (chunk_is_mapped(chunk) ? HEAD_BYTES : TAG_BYTES);
}

/* The bytes of the chunk for a request; size <= PTRDIFF_MAX. */
static inline size_t chunk_bytes_for(size_t size)
{
	size_t bytes = round_up(size + TAG_BYTES, CHUNK_ALIGN);
	return bytes < CHUNK_MIN_BYTES ? CHUNK_MIN_BYTES : bytes;
}

#endif
