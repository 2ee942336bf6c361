/*
 * object_pool.c - a list through free objects, and the chunks that they lie in.
 *
 * Idea.  All objects have one size, so any free one serves any request: a list
 * needs no order and a search no second look.  The link of a free object lies in
 * the object itself, which costs nothing, for nobody else uses it now.
 *
 * A pool of 48-byte objects with a, c live and b freed:
 *
 *     chunk, at a multiple of its size
 *     +--------+----+----+----+----------------------------+------+
 *     | header | a  | b  | c  | not carved yet             | tail |
 *     | 64 B   |    | |  |    |                            |      |
 *     +--------+----+-|--+----+----------------------------+------+
 *          list -----^'-> NULL                              < 48 B
 *
 * An object's chunk is its address with the low bits cleared; there a count of
 * live objects says when the whole chunk could go back.
 *
 * Giving back.  The free objects of an idle chunk are scattered over the list,
 * which is linked one way only.  So nothing is taken out one by one: a pass over
 * the list drops all objects of idle chunks.  Whose pool it is says when:
 * pool/pool.c waits until those are at least half of the list, so that each object
 * that is dropped has paid for two looks, and put() stays O(1) on average;
 * tcmalloc does it at a trim.  A list linked both ways would do without, and each
 * take would write to a second object, mostly a cache miss.
 *
 * Undoing.  A caller that takes several objects and then fails gives them back
 * the last one first.  The last slot that was carved is uncarved, and a chunk that
 * has no carved slot any more goes back: so nothing is left behind, and no list
 * has to be searched for it.
 *
 * Invariants, verified in object_pool_check.c.
 *     I1  the list holds carved slots, each once
 *     I2  a chunk's live objects are its carved slots that are not on the list
 *     I3  busy chunks have a live object, idle ones none; all are counted
 *     I4  only `carving` has slots that are not carved
 *
 * Cost.     take, put  O(1), and touch the object and its chunk's header
 *           waste      a header and a tail per chunk; free objects of chunks
 *                      that one live object holds
 * Threads.  One at a time: the owner has a lock, or a single thread.
 * Sources.  [Knuth97, 2.2.3] has the list of available nodes, with the pool
 *           behind it that is carved only when the list is empty.
 *
 * Read next: ../pool/pool.c and ../tcmalloc/metadata.c, who use it; or
 * ../slab/cache.c, where the free list is a bitmap per chunk.
 */
#include "object_pool.h"

#include <errno.h>

void object_pool_open(struct object_pool *pool, struct page_source *pages,
                      size_t slot_bytes, size_t chunk_bytes)
{
	*pool = (struct object_pool){
		.pages = pages,
		.slot_bytes = slot_bytes,
		.chunk_bytes = chunk_bytes,
		.slots = (chunk_bytes - POOL_CHUNK_HEADER) / slot_bytes,
	};
	assert(chunk_bytes > POOL_CHUNK_HEADER && pool->slots > 0);
	assert(slot_bytes % sizeof(struct pool_slot) == 0);
}

static void close_chunks(struct object_pool *pool, struct pool_chunks *chunks)
{
	while (!LIST_EMPTY(chunks)) {
		struct pool_chunk *chunk = LIST_FIRST(chunks);
		LIST_REMOVE(chunk, link);
		page_source_unmap(pool->pages, chunk, pool->chunk_bytes);
	}
}

void object_pool_close(struct object_pool *pool)
{
	close_chunks(pool, &pool->busy);
	close_chunks(pool, &pool->idle);
}

/* ---- chunks -------------------------------------------------------------- */

/* An idle chunk without a carved slot; NULL with errno = ENOMEM. */
static struct pool_chunk *map_chunk(struct object_pool *pool)
{
	struct pool_chunk *chunk = page_source_map(
		pool->pages, pool->chunk_bytes, pool->chunk_bytes);

	if (chunk == NULL)
		return NULL;
	*chunk = (struct pool_chunk){.carved = 0};
	LIST_INSERT_HEAD(&pool->idle, chunk, link);
	pool->idle_chunks++;
	pool->stats.grows++;
	return chunk;
}

/* An idle chunk whose objects are on no list any more. */
static void unmap_chunk(struct object_pool *pool, struct pool_chunk *chunk)
{
	LIST_REMOVE(chunk, link);
	pool->idle_chunks--;
	if (chunk == pool->carving)
		pool->carving = NULL;
	page_source_unmap(pool->pages, chunk, pool->chunk_bytes);
}

static void make_busy(struct object_pool *pool, struct pool_chunk *chunk)
{
	LIST_REMOVE(chunk, link);
	LIST_INSERT_HEAD(&pool->busy, chunk, link);
	pool->idle_chunks--;
	pool->busy_chunks++;
}

static void make_idle(struct object_pool *pool, struct pool_chunk *chunk)
{
	LIST_REMOVE(chunk, link);
	LIST_INSERT_HEAD(&pool->idle, chunk, link);
	pool->busy_chunks--;
	pool->idle_chunks++;
}

/* ---- take and put -------------------------------------------------------- */

static void push(struct object_pool *pool, void *object)
{
	struct pool_slot *slot = object;

	slot->next = pool->list;
	pool->list = slot;
	pool->listed++;
}

/* The next slot that was never an object; NULL with errno = ENOMEM. */
static void *carve(struct object_pool *pool)
{
	if (pool->carving == NULL)
		pool->carving = map_chunk(pool);
	struct pool_chunk *chunk = pool->carving;
	if (chunk == NULL)
		return NULL;
	void *object = chunk_slot(pool, chunk, chunk->carved++);
	if (chunk->carved == pool->slots)
		pool->carving = NULL;
	return object;
}

void *object_pool_take(struct object_pool *pool)
{
	struct pool_slot *slot = pool->list;

	if (slot != NULL) {
		pool->list = slot->next;
		pool->listed--;
	} else {
		slot = carve(pool);
		if (slot == NULL)
			return NULL;
	}
	struct pool_chunk *chunk = chunk_of(pool, slot);
	if (chunk->live++ == 0)
		make_busy(pool, chunk);
	pool->live++;
	return slot;
}

void object_pool_put(struct object_pool *pool, void *object)
{
	struct pool_chunk *chunk = chunk_of(pool, object);

	push(pool, object);
	if (--chunk->live == 0)
		make_idle(pool, chunk);
	pool->live--;
}

void object_pool_undo(struct object_pool *pool, void *object)
{
	struct pool_chunk *chunk = chunk_of(pool, object);
	bool is_last = chunk_slot(pool, chunk, chunk->carved - 1) == object;

	if (!is_last || (pool->carving != NULL && pool->carving != chunk)) {
		object_pool_put(pool, object);
		return;
	}
	chunk->carved--;
	pool->carving = chunk;
	if (--chunk->live == 0)
		make_idle(pool, chunk);
	pool->live--;
	if (chunk->carved == 0)
		unmap_chunk(pool, chunk);
}

bool object_pool_prepare(struct object_pool *pool, size_t objects)
{
	while (pool->listed < objects) {
		struct pool_chunk *chunk = map_chunk(pool);
		if (chunk == NULL) {
			object_pool_release(pool, 0);
			errno = ENOMEM;
			return false;
		}
		/* The list begins with the lowest address. */
		for (chunk->carved = pool->slots; chunk->carved > 0;)
			push(pool, chunk_slot(pool, chunk, --chunk->carved));
		chunk->carved = pool->slots;
	}
	return true;
}

/* ---- giving back --------------------------------------------------------- */

/* Marks the idle chunks behind the first `keep`; whether there are any. */
static bool mark_leaving(struct object_pool *pool, size_t keep)
{
	struct pool_chunk *chunk;
	bool any = false;

	LIST_FOREACH (chunk, &pool->idle, link) {
		chunk->is_leaving = keep == 0;
		any |= chunk->is_leaving;
		keep -= keep > 0;
	}
	return any;
}

/* Drops the objects of leaving chunks; the others keep their order. */
static void sweep_list(struct object_pool *pool)
{
	struct pool_slot **link = &pool->list;

	pool->stats.searches++;
	pool->stats.links += pool->listed;
	while (*link != NULL) {
		if (chunk_of(pool, *link)->is_leaving) {
			*link = (*link)->next;
			pool->listed--;
		} else {
			link = &(*link)->next;
		}
	}
}

size_t object_pool_release(struct object_pool *pool, size_t keep)
{
	struct pool_chunk *chunk = LIST_FIRST(&pool->idle), *next;
	size_t before = pool->idle_chunks;

	if (!mark_leaving(pool, keep))
		return 0;
	sweep_list(pool);
	for (; chunk != NULL; chunk = next) {
		next = LIST_NEXT(chunk, link);
		if (chunk->is_leaving)
			unmap_chunk(pool, chunk);
	}
	pool->stats.shrinks++;
	return (before - pool->idle_chunks) * pool->chunk_bytes;
}
