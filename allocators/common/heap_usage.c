/*
 * heap_usage.c - adding up by name.
 */
#include "heap_usage.h"

#include <assert.h>
#include <string.h>

void usage_add_tier(struct heap_usage *usage, const char *tier, size_t bytes)
{
	unsigned i = 0;

	while (i < usage->tier_count && strcmp(usage->tiers[i].tier, tier) != 0)
		i++;
	assert(i < USAGE_TIERS_MAX && "more tiers than a heap can have");
	if (i == usage->tier_count) {
		usage->tiers[i].tier = tier;
		usage->tiers[i].bytes = 0;
		usage->tier_count++;
	}
	usage->tiers[i].bytes += bytes;
}

void usage_add_lock(struct heap_usage *usage, const char *name,
                    const struct lock *lock)
{
	unsigned i = 0;

	while (i < usage->lock_count && strcmp(usage->locks[i].name, name) != 0)
		i++;
	assert(i < USAGE_LOCKS_MAX &&
	       "more kinds of lock than a heap can have");
	if (i == usage->lock_count) {
		usage->locks[i].name = name;
		usage->locks[i].acquired = usage->locks[i].waited = 0;
		usage->lock_count++;
	}
	usage->locks[i].acquired += counter_read(&lock->acquired);
	usage->locks[i].waited += counter_read(&lock->waited);
}

size_t usage_tier(const struct heap_usage *usage, const char *tier)
{
	for (unsigned i = 0; i < usage->tier_count; i++)
		if (strcmp(usage->tiers[i].tier, tier) == 0)
			return usage->tiers[i].bytes;
	return 0;
}
