/*
 * object_pool_check.c - the invariants of an object pool verified.
 *
 * The chunks first, for the list is followed into them; then the list against the
 * slots of each chunk.
 */
#include "object_pool.h"
#include "scratch.h"

struct check {
	const struct object_pool *pool;
	struct block_set chunks;
	struct block_set listed; /* objects on the list */
	const void *where;       /* what a broken invariant is about */
};

static const char *broken(struct check *check, const char *sentence,
                          const void *where)
{
	check->where = where;
	return sentence;
}

/* I3: as many chunks as the pool says, with live objects or without. */
static const char *gather_chunks(struct check *check,
                                 const struct pool_chunks *chunks,
                                 size_t expected)
{
	bool is_busy = chunks == &check->pool->busy;
	const struct pool_chunk *chunk;
	size_t count = 0;

	LIST_FOREACH (chunk, chunks, link) {
		if (count++ == expected)
			return broken(check, "I3: chunks are counted wrong",
			              chunk);
		if ((chunk->live > 0) != is_busy)
			return broken(check, "I3: a chunk is on the wrong list",
			              chunk);
		block_set_add(&check->chunks, chunk, "chunk");
	}
	return count == expected
	               ? NULL
	               : broken(check, "I3: chunks are counted wrong", chunks);
}

/* I1, and the list gathered: it may be longer than it says. */
static const char *gather_list(struct check *check)
{
	const struct object_pool *pool = check->pool;
	const struct pool_slot *slot = pool->list;

	for (size_t i = 0; i < pool->listed; i++) {
		const struct pool_chunk *chunk = chunk_of(pool, slot);
		if (block_set_tier(&check->chunks, chunk) == NULL ||
		    !is_carved(pool, chunk, slot))
			return broken(check, "I1: the list holds no slot",
			              slot);
		block_set_add(&check->listed, slot, "list");
		slot = slot->next;
	}
	if (slot != NULL)
		return broken(check, "I1: the list is too long", slot);
	block_set_sort(&check->listed);
	const void *twice = block_set_twice(&check->listed);
	return twice == NULL
	               ? NULL
	               : broken(check, "I1: an object is on the list twice",
	                        twice);
}

static const char *check_chunk(struct check *check,
                               const struct pool_chunk *chunk)
{
	const struct object_pool *pool = check->pool;
	size_t live = 0;

	for (size_t i = 0; i < chunk->carved; i++)
		live += block_set_tier(&check->listed,
		                       chunk_slot(pool, chunk, i)) == NULL;
	if (live != chunk->live)
		return broken(check,
		              "I2: a chunk counts its live objects wrong",
		              chunk);
	if (chunk->carved > pool->slots ||
	    (chunk->carved < pool->slots && chunk != pool->carving))
		return broken(check, "I4: a chunk is not carved to its end",
		              chunk);
	return NULL;
}

static const char *check_all(struct check *check)
{
	const struct object_pool *pool = check->pool;
	const char *sentence =
		gather_chunks(check, &pool->busy, pool->busy_chunks);
	size_t live = 0;

	if (sentence == NULL)
		sentence = gather_chunks(check, &pool->idle, pool->idle_chunks);
	block_set_sort(&check->chunks);
	if (sentence == NULL)
		sentence = gather_list(check);
	for (size_t i = 0; sentence == NULL && i < check->chunks.count; i++) {
		const struct pool_chunk *chunk = check->chunks.entries[i].block;
		sentence = check_chunk(check, chunk);
		live += chunk->live;
	}
	if (sentence == NULL && live != pool->live)
		return broken(check, "I3: live objects are counted wrong",
		              pool);
	return sentence;
}

const char *object_pool_check(const struct object_pool *pool,
                              const void **where)
{
	struct check check = {.pool = pool};
	const char *sentence = NULL;

	if (!block_set_open(&check.chunks,
	                    pool->busy_chunks + pool->idle_chunks))
		return NULL;
	if (block_set_open(&check.listed, pool->listed)) {
		sentence = check_all(&check);
		block_set_close(&check.listed);
	}
	block_set_close(&check.chunks);
	*where = check.where;
	return sentence;
}
