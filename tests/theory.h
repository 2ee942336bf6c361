/*
 * theory.h - programs with a known worst or mean outcome, for any allocator.
 *
 * Theory counts in units.  Here a block of k units has k * unit bytes of heap,
 * tags included, so that the exact numbers of the books come out: the request
 * for it is k * unit minus what the allocator adds.  Addresses are counted from
 * the first block ever made; `high` is the highest end of a block so far.
 *
 *     struct theory theory;
 *     theory_open(&theory, "first-fit", 64);
 *     size_t units = theory_robson(&theory, 4096, 4);
 *     theory_close(&theory);
 */
#ifndef TESTS_THEORY_H
#define TESTS_THEORY_H

#include "lab.h"

enum { THEORY_BLOCKS = 1 << 14 }; /* most blocks live at a time */

struct theory_block {
	void *memory; /* NULL: none */
	size_t units;
};

struct theory {
	struct lab *lab;
	size_t unit;     /* bytes                                           */
	size_t overhead; /* bytes that the allocator adds to a request      */
	char *origin;    /* the first block                                 */
	size_t high;     /* units                                           */
	size_t live;     /* units                                           */
	size_t blocks;   /* used length of block[]                          */
	struct theory_block block[THEORY_BLOCKS];
	uint64_t random;
};

/* Learns the overhead from two blocks in a heap of their own. */
void theory_open(struct theory *theory, const char *allocator, size_t unit);

/* Frees what is live, and closes the heap. */
void theory_close(struct theory *theory);

/* Allocates `units` into block[i], which must be empty; updates `high`. */
void theory_alloc(struct theory *theory, size_t i, size_t units);
void theory_free(struct theory *theory, size_t i);

/* Where a block starts, in units from the first block. */
size_t theory_address(const struct theory *theory, const void *memory);

/* A number in [0, below), the same sequence in every run. */
uint64_t theory_draw(struct theory *theory, uint64_t below);

/*
 * E1.  Robson's adversary, which looks at the addresses: never more than `most`
 * units live, sizes 1, 2, 4 ... 2^log2_ratio.  Returns `high`.  [Robson74]
 */
size_t theory_robson(struct theory *theory, size_t most, unsigned log2_ratio);

/* E2.  The form of it that is blind to addresses: a plain trace. */
size_t theory_robson_blind(struct theory *theory, size_t most,
                           unsigned log2_ratio);

/*
 * E5.  Next fit's bad case: `rounds` times a block of size - 1 units, one of 1
 * unit that stays, and the first is freed.
 */
size_t theory_rover(struct theory *theory, size_t rounds, size_t size);

/*
 * E6.  The fifty-percent rule: a steady state of N blocks, one freed and one
 * allocated in each step.  `draw` gives the size of a block in units; `victim`
 * the index of the block that is freed in a step.
 */
enum { THEORY_STEADY = 1000 }; /* N */

typedef size_t theory_size(struct theory *theory);
typedef size_t theory_victim(struct theory *theory, uint64_t step);

/* Means over the second half of the steps. */
struct theory_steady {
	double holes;  /* as a share of N; one at an end of the heap is half */
	double half_p; /* half the share of requests that fit not exactly     */
};
struct theory_steady theory_steady(struct theory *theory, theory_size *draw,
                                   theory_victim *victim, uint64_t steps);

theory_victim theory_any;    /* lifetimes without memory */
theory_victim theory_oldest; /* constant lifetimes       */

/* Knuth's sizes [Knuth97, 2.5]. */
theory_size theory_s1, theory_s2, theory_s3;

/* Holes in the heap now, by the walk. */
uint64_t theory_count_holes(struct theory *theory);

#endif
