/*
 * oracle.h - knows what every live block must be, and notices when it is not.
 *
 * The oracle keeps a shadow of the address space (shadow.h).  A new block must
 * be aligned, as large as it was asked for, and must not cover a byte of another
 * live block.  Then the oracle fills it with a pattern of its own and expects to
 * find that again at realloc and free.
 *
 * Threads: an oracle belongs to one thread.  Replay on real threads gives each a
 * `view`: blocks and sums of its own, and the shadow of all.  Then a block must
 * leave the shadow before the allocator can hand its memory to another thread:
 * hence the calls before free and realloc.
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
	uint32_t slots;
	size_t requested_bytes; /* of all live blocks */
	size_t usable_bytes;
	uint64_t live;
};

/* False without memory for one oracle_block per slot, or for the shadow. */
bool oracle_open(struct oracle *oracle, const struct allocator *allocator,
                 struct heap *heap, const struct trace *trace,
                 enum oracle_depth depth);
void oracle_close(struct oracle *oracle);

/*
 * A view of an oracle for another thread, whose operations name `slots` slots of
 * its own.  False without memory; to be closed before the oracle it came from.
 */
bool oracle_open_view(struct oracle *view, const struct oracle *oracle,
                      uint32_t slots);
void oracle_close_view(struct oracle *view);

/* A block goes from one view to another: out of one slot, into one. */
struct oracle_block oracle_give(struct oracle *view, uint32_t slot);
void oracle_take(struct oracle *view, uint32_t slot,
                 const struct oracle_block *block);

/*
 * The allocator answered `op`, the trace's event number `event`, with `block`,
 * not NULL.  False with the verdict set if that cannot be right.
 * O(size / 512) + the pattern.
 */
bool oracle_allocated(struct oracle *oracle, const struct trace_op *op,
                      uint64_t event, void *block, struct verdict *verdict);

/* The same for realloc, in two steps: the first one before the call. */
void oracle_reallocating(struct oracle *oracle, uint32_t slot);
/* It returned NULL, and the block is still there. */
void oracle_not_reallocated(struct oracle *oracle, uint32_t slot);
bool oracle_reallocated(struct oracle *oracle, const struct trace_op *op,
                        uint64_t event, void *block, struct verdict *verdict);

/* The block of this slot is about to be freed; call before free(). */
bool oracle_freeing(struct oracle *oracle, uint64_t event, uint32_t slot,
                    struct verdict *verdict);

/* A live block of this oracle that shares bytes with another, or NULL. */
struct oracle_block *oracle_find_overlap(const struct oracle *oracle,
                                         const struct oracle_block *block);

/*
 * Sets the verdict: the block that came at `event` overlaps the live `other`, whose
 * history up to the event `known` is told.
 */
bool oracle_say_overlap(const struct oracle *oracle,
                        const struct oracle_block *block,
                        const struct oracle_block *other, uint64_t event,
                        uint64_t known, struct verdict *verdict);

/* The live block that starts at this address, or NULL. */
struct oracle_block *oracle_find(const struct oracle *oracle,
                                 const void *start);

/* The live blocks in address order, malloc'ed; NULL without memory. */
struct oracle_block **oracle_sorted(const struct oracle *oracle);

/* Verifies the contents of every live block.  O(slots + the pattern). */
bool oracle_verify_all(struct oracle *oracle, uint64_t event,
                       struct verdict *verdict);

#endif
