/*
 * oracle.h - knows what every live block must be, and notices when it is not.
 *
 * The oracle keeps a shadow of the address space (shadow.h).  A new block must
 * be aligned, as large as it was asked for, and must not cover a byte of another
 * live block.  Then the oracle fills it with a pattern of its own and expects to
 * find that again at realloc and free.
 */
#ifndef HARNESS_MEASURE_ORACLE_H
#define HARNESS_MEASURE_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../allocators/allocator.h"
#include "../verdict.h"
#include "shadow.h"

/* How much of each block carries the pattern. */
enum oracle_depth {
	ORACLE_PLACES, /* nothing is written: only places and sizes are known  */
	ORACLE_EDGES, /* the first and last 64 bytes and a word in each page  */
	ORACLE_ALL,   /* every usable byte                                    */
};

struct oracle_block {
	char *start;
	size_t requested;
	size_t usable;
	uint64_t pattern; /* repeated from `start` on         */
	uint64_t born;    /* the event that made it; 0: empty */
};

struct oracle {
	const struct allocator *allocator;
	struct heap *heap;
	const struct trace *trace;
	enum oracle_depth depth;
	struct shadow shadow;
	struct oracle_block *blocks; /* one per slot */
	size_t requested_bytes;      /* of all live blocks */
	size_t usable_bytes;
	uint64_t live;
};

/* False without memory for one oracle_block per slot, or for the shadow. */
bool oracle_open(struct oracle *oracle, const struct allocator *allocator,
                 struct heap *heap, const struct trace *trace,
                 enum oracle_depth depth);
void oracle_close(struct oracle *oracle);

/*
 * The allocator answered trace->ops[event - 1] with `block`, not NULL.  False
 * with the verdict set if that cannot be right.  O(size / 512) + the pattern.
 */
bool oracle_allocated(struct oracle *oracle, uint64_t event, void *block,
                      struct verdict *verdict);
bool oracle_reallocated(struct oracle *oracle, uint64_t event, void *block,
                        struct verdict *verdict);

/* The block of this slot is about to be freed; call before free(). */
bool oracle_freeing(struct oracle *oracle, uint64_t event, uint32_t slot,
                    struct verdict *verdict);

/* The live block that starts at this address, or NULL. */
struct oracle_block *oracle_find(const struct oracle *oracle,
                                 const void *start);

/* The live blocks in address order, malloc'ed; NULL without memory. */
struct oracle_block **oracle_sorted(const struct oracle *oracle);

/* Verifies the contents of every live block.  O(slots + the pattern). */
bool oracle_verify_all(struct oracle *oracle, uint64_t event,
                       struct verdict *verdict);

#endif
