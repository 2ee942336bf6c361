/*
 * census.h - one walk over a heap, summed up.
 *
 * Every committed byte is requested, internal, metadata, free or slack.  The
 * allocator's walk tells all but the first two apart; the oracle, which knows
 * what each live block was asked for, splits those.  So a census also proves
 * that walk and oracle agree on every live block, and that the sum is exactly
 * what the page source has committed.
 */
#ifndef HARNESS_MEASURE_CENSUS_H
#define HARNESS_MEASURE_CENSUS_H

#include "replayer.h"

/* The five parts of the footprint. */
struct parts {
	uint64_t requested, internal, metadata, free, slack;
};

static inline uint64_t parts_sum(const struct parts *parts)
{
	return parts->requested + parts->internal + parts->metadata +
	       parts->free + parts->slack;
}

enum { CENSUS_TIERS = 16, CENSUS_QUANTILES = 3 };

/* The free blocks of one tier. */
struct census_tier {
	const char *name;
	uint64_t bytes, blocks, largest;
};

/*
 * Whether its blocks stay what they are, of one size class, as long as they are
 * in this tier: caches and slots.  They merge with no neighbour.
 */
bool census_tier_is_bound(const char *name);

struct census {
	struct parts parts;
	struct census_tier all; /* every free block  */
	struct census_tier tiers[CENSUS_TIERS];
	int tier_count;
	/* Free bytes in blocks smaller than the three sizes asked about. */
	uint64_t too_small[CENSUS_QUANTILES];
};

/*
 * One extent of the heap, with its place among all committed bytes (`rank`:
 * committed bytes below it) and, if live, its requested bytes.
 */
struct census_extent {
	uint64_t rank;
	struct extent extent;
	uint64_t requested;
};

typedef void census_visitor(void *ctx, const struct census_extent *extent);

/*
 * Walks the heap of `replayer`.  `sizes` are the request sizes for too_small.
 * Calls `visit` for each extent in address order (NULL: not at all).  False
 * with the replayer's verdict set to BROKEN_HEAP where walk, oracle and source
 * disagree or the walk names more than CENSUS_TIERS tiers; to FAILED without
 * memory.
 *
 * A heap without a walk of its own is taken for one contiguous region in which
 * all that is not live is free, tier "unknown"; that takes O(blocks * log
 * blocks), a walk O(extents).
 */
bool census_take(struct replayer *replayer,
                 const uint64_t sizes[CENSUS_QUANTILES], struct census *census,
                 census_visitor *visit, void *ctx);

/* Whether a census of this allocator's heaps means anything. */
static inline bool census_is_possible(const struct allocator *allocator)
{
	return !allocator->ignores_page_source;
}

#endif
