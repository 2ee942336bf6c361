/*
 * inspect.c - the pool looked at: walk, free list, check.
 *
 * The list runs through the chunks in no order.  The walk gathers its objects in
 * a block set, and the chunks in another one, sorts both by address and goes
 * through them side by side.
 */
#include <stdio.h>

#include "../common/scratch.h"
#include "pool.h"

/* ---- walk ---------------------------------------------------------------- */

struct walk {
	const struct pool_heap *heap;
	struct block_set listed;  /* objects on the list */
	struct block_set regions; /* chunks, and the heap's page */
	extent_visitor *visit;
	void *ctx;
};

static const char TIER_LISTED[] = "free list";
static const char TIER_UNCARVED[] = "uncarved";

static void gather_chunks(struct block_set *set,
                          const struct pool_chunks *chunks)
{
	const struct pool_chunk *chunk;

	LIST_FOREACH (chunk, chunks, link)
		block_set_add(set, chunk, "chunk");
}

static void gather(struct walk *walk)
{
	const struct object_pool *pool = &walk->heap->pool;

	for (const struct pool_slot *slot = pool->list; slot != NULL;
	     slot = slot->next)
		block_set_add(&walk->listed, slot, TIER_LISTED);
	block_set_add(&walk->regions, walk->heap, "heap");
	gather_chunks(&walk->regions, &pool->busy);
	gather_chunks(&walk->regions, &pool->idle);
	block_set_sort(&walk->listed);
	block_set_sort(&walk->regions);
}

static bool open_walk(struct walk *walk)
{
	const struct object_pool *pool = &walk->heap->pool;
	size_t regions = pool->busy_chunks + pool->idle_chunks + 1;

	if (!block_set_open(&walk->listed, pool->listed))
		return false;
	if (!block_set_open(&walk->regions, regions)) {
		block_set_close(&walk->listed);
		return false;
	}
	gather(walk);
	return true;
}

static void close_walk(struct walk *walk)
{
	block_set_close(&walk->listed);
	block_set_close(&walk->regions);
}

/* Hands out one extent, unless it is empty; false once the visitor stops. */
static bool give(const struct walk *walk, const void *start, size_t bytes,
                 enum extent_kind kind, const char *tier)
{
	const struct extent extent = {(void *)(size_t)start, bytes, kind, tier};

	return bytes == 0 || walk->visit(walk->ctx, &extent);
}

static bool walk_slots(const struct walk *walk, const struct pool_chunk *chunk)
{
	const struct object_pool *pool = &walk->heap->pool;

	for (size_t i = 0; i < chunk->carved; i++) {
		const char *slot = chunk_slot(pool, chunk, i);
		const char *tier = block_set_tier(&walk->listed, slot);
		if (!give(walk, slot, pool->slot_bytes,
		          tier == NULL ? EXTENT_LIVE : EXTENT_FREE,
		          tier == NULL ? "" : tier))
			return false;
	}
	return true;
}

static bool walk_chunk(const struct walk *walk, const struct pool_chunk *chunk)
{
	const struct object_pool *pool = &walk->heap->pool;
	const char *uncarved = chunk_slot(pool, chunk, chunk->carved);
	const char *tail = chunk_slot(pool, chunk, pool->slots);
	const char *end = (const char *)chunk + pool->chunk_bytes;

	return give(walk, chunk, POOL_CHUNK_HEADER, EXTENT_METADATA, "") &&
	       walk_slots(walk, chunk) &&
	       give(walk, uncarved, (size_t)(tail - uncarved), EXTENT_FREE,
	            TIER_UNCARVED) &&
	       give(walk, tail, (size_t)(end - tail), EXTENT_SLACK, "");
}

void pool_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct walk walk = {
		.heap = pool_heap_of(heap), .visit = visit, .ctx = ctx};
	bool more = true;

	if (!open_walk(&walk))
		return;
	for (size_t i = 0; more && i < walk.regions.count; i++) {
		const void *region = walk.regions.entries[i].block;
		more = region == walk.heap ? give(&walk, region, PAGE_BYTES,
		                                  EXTENT_METADATA, "")
		                           : walk_chunk(&walk, region);
	}
	close_walk(&walk);
}

void pool_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx)
{
	const struct object_pool *pool = &pool_heap_of(heap)->pool;

	for (const struct pool_slot *slot = pool->list; slot != NULL;
	     slot = slot->next) {
		const struct free_block block = {
			TIER_LISTED, (void *)(size_t)slot, pool->slot_bytes};
		if (!visit(ctx, &block))
			return;
	}
	const struct pool_chunk *chunk = pool->carving;
	if (chunk == NULL)
		return;
	const char *start = chunk_slot(pool, chunk, chunk->carved);
	const struct free_block rest = {TIER_UNCARVED, (void *)(size_t)start,
	                                (pool->slots - chunk->carved) *
	                                        pool->slot_bytes};
	visit(ctx, &rest);
}

/* ---- check --------------------------------------------------------------- */

static const char *broken(struct pool_heap *heap, const char *sentence,
                          const void *where)
{
	snprintf(heap->message, sizeof heap->message, "pool %s at %p", sentence,
	         where);
	return heap->message;
}

const char *pool_check(struct heap *heap)
{
	struct pool_heap *self = pool_heap_of(heap);
	const void *where = NULL;
	const char *sentence;

	if (self->pool.pages->committed_bytes !=
	    PAGE_BYTES + object_pool_bytes(&self->pool))
		return broken(self, "I5: other memory is committed", self);
	sentence = object_pool_check(&self->pool, &where);
	return sentence == NULL ? NULL : broken(self, sentence, where);
}
