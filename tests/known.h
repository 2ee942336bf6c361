/*
 * known.h - a heap whose every live block and byte is known to the test.
 *
 * All calls of the allocator go through here, so that each is held against the
 * contract at once: alignment, usable size, errno, the contents of every block,
 * the alternatives "a block" or "NULL, ENOMEM and the heap as it was".  Every
 * usable byte of a block is written with a pattern of its own; overlapping
 * blocks destroy each other's pattern and are found when one is looked at.
 */
#ifndef TESTS_KNOWN_H
#define TESTS_KNOWN_H

#include "lab.h"

struct known_block {
	unsigned char *start;
	size_t size;   /* as requested                                  */
	uint64_t seed; /* of the pattern in its usable bytes            */
};

struct known {
	struct lab *lab;
	struct thread_heap
		*self; /* the handle that makes the calls           */
	struct known_block *blocks;
	size_t count, capacity;
	uint64_t
		seeds; /* patterns given out                                  */
	uint64_t
		trail; /* a hash of every address in order: equal <=> same    */
	uint64_t
		refused; /* calls that were answered with NULL                */
	bool may_refuse; /* if not set, NULL fails the test                   */
};

/* Starts with the lab's handle and no block; known_end() frees the blocks. */
void known_start(struct known *known, struct lab *lab);
void known_end(struct known *known);

/*
 * Each makes one call (of a size that is served: lab_fit_size()), checks its answer, writes the pattern of the new block
 * and adds it as the last of known->blocks.  False if the call was refused.
 */
bool known_malloc(struct known *known, size_t size);
bool known_zero(struct known *known, size_t size);
bool known_aligned(struct known *known, size_t align, size_t size);

/* The block keeps its place in known->blocks. */
bool known_realloc(struct known *known, size_t index, size_t size);

/* Verifies the block, frees it; the last block takes its place. */
void known_free(struct known *known, size_t index);
void known_free_all(struct known *known);

/* Verifies the contents of all blocks, check(), and the walk. */
void known_verify(const struct known *known);

/* The last block added. */
struct known_block *known_last(struct known *known);

/* ---- the heap as it is now ---------------------------------------------- */

struct picture {
	struct extent *extents;
	size_t count, capacity;
	struct heap_stats stats;
	size_t committed_bytes, reserved_bytes;
};

/* Without a walk (`system`) it holds no extents, so that all are the same. */
void picture_take(struct picture *picture, struct lab *lab);
void picture_drop(struct picture *picture);

/* Fails the test unless nothing at all, counters included, has changed. */
void picture_require_same(const struct picture *before, struct lab *lab);

/*
 * What a refused call may leave behind: the live blocks as before, nothing
 * more committed, and the rest of the walk as before too, unless the counters
 * say that free blocks were merged or pages given back in the attempt.  A free
 * block may have been moved to another tier.
 */
void picture_require_intact(const struct picture *before, struct lab *lab);

/* ---- random numbers, the same in every run: splitmix64 [Steele14] ------- */

uint64_t random_next(uint64_t *state);
/* Uniform in [low, high]. */
size_t random_between(uint64_t *state, size_t low, size_t high);

#endif
