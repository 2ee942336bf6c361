/*
 * heap_usage.h - what a heap's bytes are, without a walk, and who had to wait.
 *
 * Added up from the counters of every tier.  At quiescence the bytes are exact:
 * live, free by tier, metadata and slack are then the sums of a walk, and
 * together the source's committed bytes.
 */
#ifndef ALLOCATORS_COMMON_HEAP_USAGE_H
#define ALLOCATORS_COMMON_HEAP_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "lock.h"

enum { USAGE_TIERS_MAX = 12, USAGE_LOCKS_MAX = 8 };

struct heap_usage {
	size_t live_bytes; /* usable bytes of live blocks */
	size_t metadata_bytes;
	size_t slack_bytes;

	/* Free bytes by tier, as the walk names them: "thread cache"... */
	struct {
		const char *tier;
		size_t bytes;
	} tiers[USAGE_TIERS_MAX];
	unsigned tier_count;

	/* By kind of lock ("central list", "page heap"...), since create(). */
	struct {
		const char *name;
		uint64_t acquired, waited;
	} locks[USAGE_LOCKS_MAX];
	unsigned lock_count;

	/* Traffic between thread caches and the tiers behind, since create(). */
	uint64_t refills; /* caches filled from a shared tier                 */
	uint64_t flushes; /* caches emptied, partly or all, into one          */

	uint64_t handles;   /* attached now                                   */
	uint64_t abandoned; /* lost in a fork: their caches are never read    */
};

/* Adds bytes to a tier; the first bytes of a tier make its entry. */
void usage_add_tier(struct heap_usage *usage, const char *tier, size_t bytes);

/* Adds one lock's counters to those of its kind. */
void usage_add_lock(struct heap_usage *usage, const char *name,
                    const struct lock *lock);

/* The free bytes of a tier; 0 if it has none. */
size_t usage_tier(const struct heap_usage *usage, const char *tier);

#endif
