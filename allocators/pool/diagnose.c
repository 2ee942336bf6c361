/*
 * diagnose.c - the checked build's look at a block before it is freed.
 */
#include "../common/misuse.h"
#include "pool.h"

static const struct pool_chunk *find_chunk(const struct object_pool *pool,
                                           const void *block)
{
	const struct pool_chunk *wanted = chunk_of(pool, block), *chunk;

	LIST_FOREACH (chunk, &pool->busy, link)
		if (chunk == wanted)
			return chunk;
	LIST_FOREACH (chunk, &pool->idle, link)
		if (chunk == wanted)
			return chunk;
	return NULL;
}

void pool_require_live(struct pool_heap *heap, const void *block,
                       const char *call)
{
	const struct object_pool *pool = &heap->pool;
	const struct pool_chunk *chunk =
		pool->slot_bytes == 0 ? NULL : find_chunk(pool, block);

	if (chunk == NULL)
		misuse("pool", block, "%s of a pointer outside all chunks",
		       call);
	if (!is_carved(pool, chunk, block))
		misuse("pool", block, "%s: no object starts here", call);
	for (const struct pool_slot *slot = pool->list; slot != NULL;
	     slot = slot->next)
		if ((const void *)slot == block)
			misuse("pool", block,
			       "%s: double free: the object is on the list",
			       call);
}
