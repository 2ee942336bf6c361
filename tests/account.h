/*
 * account.h - a heap's bytes counted twice: by the walk, and by usage().
 *
 * Sentences instead of failures, so that a child process and a thread can ask,
 * where cmocka must not be told.
 */
#ifndef TESTS_ACCOUNT_H
#define TESTS_ACCOUNT_H

#include "allocators/common/heap_usage.h"
#include "lab.h"

/*
 * NULL if the walk tiles what is committed and usage() says the same of every
 * kind and tier; else a sentence, which lives until the next call.  `live` is
 * the number of live blocks, or -1.  At quiescence.  Without a walk or usage()
 * there is less to compare.
 */
const char *account_wrong(struct lab *lab, long live);

/* The same, after check(). */
const char *account_heap_wrong(struct lab *lab);

/* usage(), for allocators that have it. */
struct heap_usage account_usage(struct lab *lab);

/* Free bytes of a tier.  Fails the test if account_heap_wrong() has something to say. */
size_t account_tier(struct lab *lab, const char *name);

/* How often the locks of a name were taken.  Fails the test if there is none. */
uint64_t account_acquired(struct lab *lab, const char *name);

/* Free bytes in tiers that belong to one handle each. */
size_t account_thread_bytes(const struct heap_usage *usage);

#endif
