/*
 * fit_lab.h - what the tests of the fit family share.
 *
 * Placement is tested with scripts like those of the blackboard, and with the
 * heap as a string (the wilderness at its end left out):
 *
 *     "a=80 b=16 -a c=40"  =>  "|c 48|. 32|b 16|"
 */
#ifndef TESTS_FIT_LAB_H
#define TESTS_FIT_LAB_H

#include "allocators/fit/fit.h"
#include "lab.h"

/* Holes of 96, 64 and 208 bytes, in this order, at 0, 128 and 224. */
#define THREE_HOLES "a=80 b=16 c=48 d=16 e=192 f=16 -a -c -e "

/*
 * Runs a script, with check() after each step.  Blocks are named a, b, c... in
 * the order in which they are made.
 */
void play(struct lab *lab, const char *script);

/* The heap as a string, without the wilderness. */
const char *blocks(struct lab *lab);

/* Runs a script on a heap of its own and compares the string. */
void expect(const char *allocator, const char *script, const char *heap);

void *resize(struct lab *lab, void *block, size_t size);

/* The heap's inner side. */
struct fit_heap *inside(struct lab *lab);

/* ---- random operations -------------------------------------------------- */

enum { LIVE_MAX = 400 };

struct churn {
	struct lab *lab;
	uint64_t random;
	void *block[LIVE_MAX];
	size_t size[LIVE_MAX];
	long live;
};

/* A number in [0, below). */
uint64_t draw(struct churn *churn, uint64_t below);

/* Mostly small, sometimes pages. */
size_t draw_size(struct churn *churn);

/* One malloc, realloc, free... of a random block; contents are verified. */
void step(struct churn *churn);

/* Every policy with settings that between them use every knob. */
enum { SETTINGS = 21 };
extern const char *const settings[SETTINGS];

#endif
