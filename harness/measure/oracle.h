/*
 * oracle.h - knows what every live block must be, and notices when it is not.
 *
 * The oracle keeps all live blocks in a tree by address.  A new block must be
 * aligned, as large as it was asked for, and must not overlap a neighbour in
 * the tree.  Then the oracle fills it with a pattern of its own and expects to
 * find that again at realloc and free.
 */
#ifndef HARNESS_MEASURE_ORACLE_H
#define HARNESS_MEASURE_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <bsd/sys/tree.h>

#include "../../allocators/allocator.h"
#include "../verdict.h"

/* How much of each block carries the pattern. */
enum oracle_depth {
	ORACLE_PLACES, /* nothing is written: only places and sizes are known  */
	ORACLE_EDGES, /* the first and last 64 bytes and a word in each page  */
	ORACLE_ALL,   /* every usable byte                                    */
};

struct oracle_block {
	RB_ENTRY(oracle_block) link;
	char *start;
	size_t requested;
	size_t usable;
	uint64_t pattern; /* repeated from `start` on         */
	uint64_t born;    /* the event that made it; 0: empty */
};

RB_HEAD(oracle_tree, oracle_block);
RB_PROTOTYPE(oracle_tree, oracle_block, link, oracle_compare)

struct oracle {
	const struct allocator *allocator;
	struct heap *heap;
	const struct trace *trace;
	enum oracle_depth depth;
	struct oracle_tree tree;
	struct oracle_block *blocks; /* one per slot */
	size_t requested_bytes;      /* of all live blocks */
	size_t usable_bytes;
	uint64_t live;
};

/* False without memory for one oracle_block per slot. */
bool oracle_open(struct oracle *oracle, const struct allocator *allocator,
                 struct heap *heap, const struct trace *trace,
                 enum oracle_depth depth);
void oracle_close(struct oracle *oracle);

/*
 * The allocator answered trace->ops[event - 1] with `block`, not NULL.  False
 * with the verdict set if that cannot be right.  O(log live) + the pattern.
 */
bool oracle_allocated(struct oracle *oracle, uint64_t event, void *block,
                      struct verdict *verdict);
bool oracle_reallocated(struct oracle *oracle, uint64_t event, void *block,
                        struct verdict *verdict);

/* The block of this slot is about to be freed; call before free(). */
bool oracle_freeing(struct oracle *oracle, uint64_t event, uint32_t slot,
                    struct verdict *verdict);

/* Verifies the contents of every live block. */
bool oracle_verify_all(struct oracle *oracle, uint64_t event,
                       struct verdict *verdict);

#endif
