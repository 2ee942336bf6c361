/*
 * live_set.c - tables, age lists and the heap of due times.
 *
 * Invariants, asserted where they matter.
 *     I1  members[block.place] == block for every live block of a pool
 *     I2  the list from oldest to newest has `count` blocks, serials rising
 *     I3  no due time in the heap is earlier than its parent's
 */
#include "live_set.h"

#include <assert.h>
#include <stdlib.h>

bool live_set_init(struct live_set *set, uint32_t pools)
{
	*set = (struct live_set){.pool_count = pools};
	set->pools = calloc(pools, sizeof *set->pools);
	if (set->pools == NULL)
		return false;
	for (uint32_t i = 0; i < pools; i++)
		set->pools[i].oldest = set->pools[i].newest = NO_BLOCK;
	return true;
}

void live_set_free(struct live_set *set)
{
	for (uint32_t i = 0; i < set->pool_count; i++)
		free(set->pools[i].members);
	free(set->pools);
	free(set->blocks);
	free(set->vacant);
	free(set->dues);
	*set = (struct live_set){0};
}

/* --- blocks and pools --------------------------------------------------- */

static bool grow_blocks(struct live_set *set)
{
	uint32_t capacity = set->block_capacity * 2 + 64;

	if (set->block_capacity > UINT32_MAX / 4)
		return false;
	struct live_block *blocks =
		realloc(set->blocks, capacity * sizeof *blocks);
	if (blocks == NULL)
		return false;
	set->blocks = blocks;
	uint32_t *vacant = realloc(set->vacant, capacity * sizeof *vacant);
	if (vacant == NULL)
		return false;
	set->vacant = vacant;
	set->block_capacity = capacity;
	return true;
}

static bool grow_members(struct live_pool *pool)
{
	uint32_t capacity = pool->capacity * 2 + 64;
	uint32_t *members = realloc(pool->members, capacity * sizeof *members);

	if (members == NULL)
		return false;
	pool->members = members;
	pool->capacity = capacity;
	return true;
}

static uint32_t take_number(struct live_set *set)
{
	if (set->vacant_count > 0)
		return set->vacant[--set->vacant_count];
	if (set->block_count == set->block_capacity && !grow_blocks(set))
		return NO_BLOCK;
	return set->block_count++;
}

uint32_t live_set_add(struct live_set *set, uint32_t pool_index, uint64_t size,
                      uint32_t thread, uint32_t tag)
{
	struct live_pool *pool = &set->pools[pool_index];

	if (pool->count == pool->capacity && !grow_members(pool))
		return NO_BLOCK;
	uint32_t number = take_number(set);
	if (number == NO_BLOCK)
		return NO_BLOCK;
	set->blocks[number] = (struct live_block){.serial = set->born++,
	                                          .size = size,
	                                          .older = pool->newest,
	                                          .newer = NO_BLOCK,
	                                          .place = pool->count,
	                                          .pool = pool_index,
	                                          .thread = thread,
	                                          .tag = tag,
	                                          .is_live = true};
	if (pool->newest == NO_BLOCK)
		pool->oldest = number;
	else
		set->blocks[pool->newest].newer = number;
	pool->newest = number;
	pool->members[pool->count++] = number;
	pool->bytes += size;
	return number;
}

/* [older] <-> [block] <-> [newer]  =>  [older] <-> [newer] */
static void unlink_block(struct live_set *set, const struct live_block *block)
{
	struct live_pool *pool = &set->pools[block->pool];

	if (block->older == NO_BLOCK)
		pool->oldest = block->newer;
	else
		set->blocks[block->older].newer = block->newer;
	if (block->newer == NO_BLOCK)
		pool->newest = block->older;
	else
		set->blocks[block->newer].older = block->older;
}

void live_set_remove(struct live_set *set, uint32_t number)
{
	struct live_block *block = &set->blocks[number];
	struct live_pool *pool = &set->pools[block->pool];

	assert(block->is_live && pool->members[block->place] == number && "I1");
	unlink_block(set, block);
	uint32_t last = pool->members[--pool->count];
	pool->members[block->place] = last;
	set->blocks[last].place = block->place;
	pool->bytes -= block->size;
	block->is_live = false;
	set->vacant[set->vacant_count++] = number;
}

void live_set_resize(struct live_set *set, uint32_t number, uint64_t size)
{
	struct live_block *block = &set->blocks[number];
	struct live_pool *pool = &set->pools[block->pool];

	pool->bytes = pool->bytes - block->size + size;
	block->size = size;
}

uint32_t live_set_pick(const struct live_set *set, uint32_t pool_index,
                       enum order order, struct random *random)
{
	const struct live_pool *pool = &set->pools[pool_index];

	assert(pool->count > 0);
	if (order == ORDER_LIFO)
		return pool->newest;
	if (order == ORDER_FIFO)
		return pool->oldest;
	return pool->members[random_below(random, pool->count)];
}

/* --- due times ---------------------------------------------------------- */

static bool due_before(const struct due *a, const struct due *b)
{
	return a->time != b->time ? a->time < b->time : a->serial < b->serial;
}

static bool grow_dues(struct live_set *set)
{
	size_t capacity = set->due_capacity * 2 + 64;
	struct due *dues = realloc(set->dues, capacity * sizeof *dues);

	if (dues == NULL)
		return false;
	set->dues = dues;
	set->due_capacity = capacity;
	return true;
}

bool live_set_schedule(struct live_set *set, uint32_t block, uint64_t time)
{
	struct due due = {time, set->blocks[block].serial, block};

	if (set->due_count == set->due_capacity && !grow_dues(set))
		return false;
	size_t i = set->due_count++;
	while (i > 0 && due_before(&due, &set->dues[(i - 1) / 2])) {
		set->dues[i] = set->dues[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	set->dues[i] = due;
	return true;
}

/* Takes the top off: the last entry sinks from there to its place. */
static void due_pop(struct live_set *set)
{
	struct due last = set->dues[--set->due_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < set->due_count) {
		if (child + 1 < set->due_count &&
		    due_before(&set->dues[child + 1], &set->dues[child]))
			child++;
		if (!due_before(&set->dues[child], &last))
			break;
		set->dues[i] = set->dues[child];
		i = child;
	}
	set->dues[i] = last;
}

uint32_t live_set_due(struct live_set *set, uint64_t now)
{
	while (set->due_count > 0 && set->dues[0].time <= now) {
		struct due due = set->dues[0];
		const struct live_block *block = &set->blocks[due.block];
		due_pop(set);
		if (block->is_live && block->serial == due.serial)
			return due.block;
	}
	return NO_BLOCK;
}
