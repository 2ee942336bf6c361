/*
 * live_set.h - the blocks that a generated program holds: by pool, by age, by
 * the time at which they die.
 *
 * Three structures over one table of blocks, so that every order of death costs
 * O(1) a block, and death by lifetime O(log blocks):
 *
 *     pool "main"   oldest -> [a] <-> [c] <-> [d] <- newest    lifo, fifo
 *                   members: d a c                             random
 *     due times     heap: (t=7, c) (t=9, a)                    lifetime
 *
 * A block's number is its place in the table.  Numbers are used again, so the
 * table is as large as the most blocks ever live.
 *
 * Threads: none.
 */
#ifndef HARNESS_GENERATE_LIVE_SET_H
#define HARNESS_GENERATE_LIVE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "random.h"
#include "spec.h"

static const uint32_t NO_BLOCK = UINT32_MAX;

struct live_block {
	uint64_t serial; /* how many were born before it          */
	uint64_t size;
	uint32_t older, newer; /* in the pool, or NO_BLOCK              */
	uint32_t place;        /* among the members of the pool         */
	uint32_t pool;
	uint32_t thread; /* that allocated it                     */
	uint32_t tag;    /* the caller's */
	bool is_live;
};

struct live_pool {
	uint32_t oldest, newest; /* NO_BLOCK if empty */
	uint32_t *members;
	uint32_t count, capacity;
	uint64_t bytes;
};

/* A death to come.  Stale if the block with that serial is gone already. */
struct due {
	uint64_t time, serial;
	uint32_t block;
};

struct live_set {
	struct live_block *blocks;
	uint32_t block_count, block_capacity;
	uint32_t *vacant; /* numbers to use again; room for all blocks */
	uint32_t vacant_count;
	uint64_t born;
	struct live_pool *pools;
	uint32_t pool_count;
	struct due *dues; /* a binary heap, the earliest on top */
	size_t due_count, due_capacity;
};

/* False without memory. */
bool live_set_init(struct live_set *set, uint32_t pools);
void live_set_free(struct live_set *set);

/* A new block in `pool`; NO_BLOCK without memory.  Pointers to blocks die. */
uint32_t live_set_add(struct live_set *set, uint32_t pool, uint64_t size,
                      uint32_t thread, uint32_t tag);

/* Takes a live block out; its contents stay readable until the next add. */
void live_set_remove(struct live_set *set, uint32_t block);

void live_set_resize(struct live_set *set, uint32_t block, uint64_t size);

/* Who dies next in a pool that is not empty; ORDER_RANDOM, _LIFO or _FIFO. */
uint32_t live_set_pick(const struct live_set *set, uint32_t pool,
                       enum order order, struct random *random);

/* Notes that a block shall die at `time`; false without memory. */
bool live_set_schedule(struct live_set *set, uint32_t block, uint64_t time);

/*
 * The block that is due first, at `now` or before, or NO_BLOCK.  It stays live
 * until removed.  Equal times: the older block first.
 */
uint32_t live_set_due(struct live_set *set, uint64_t now);

#endif
