/*
 * pool.h - what the files of the pool share.
 *
 * The objects are those of common/object_pool.h, which is all that a program with
 * objects of its own needs; pool_allocator puts a heap's knobs and the harness's
 * calls around it.
 */
#ifndef ALLOCATORS_POOL_POOL_H
#define ALLOCATORS_POOL_POOL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../allocator.h"
#include "../common/object_pool.h"

enum {
	POOL_SLOTS_MIN = 8, /* of a chunk, however large the objects        */
	POOL_OBJECT_MAX = 64 << 10,
};

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
