/*
 * census.c - one pass over the walk, each live block held against the oracle.
 */
#include "census.h"

#include <stdlib.h>
#include <string.h>

struct tallier {
	struct replayer *replayer;
	struct census *census;
	const uint64_t *sizes;
	char *end; /* of the extent before            */
	uint64_t rank, live;
	census_visitor *visit;
	void *ctx;
};

bool census_tier_is_bound(const char *name)
{
	static const char *const bound[] = {
		"slot",     "empty slab",   "cache",          "thread cache",
		"fast bin", "central list", "transfer cache", "run",
	};

	for (size_t i = 0; i < sizeof bound / sizeof *bound; i++)
		if (strcmp(bound[i], name) == 0)
			return true;
	return false;
}

static bool disagree(struct tallier *tallier, const char *what,
                     const struct extent *extent)
{
	return verdict_set(&tallier->replayer->verdict, VERDICT_BROKEN_HEAP,
	                   tallier->replayer->event,
	                   "the walk %s: %zu bytes at %p", what, extent->bytes,
	                   extent->start);
}

static bool count_free(struct tallier *tallier, const struct extent *extent)
{
	struct census *census = tallier->census;
	struct census_tier *tier = census->tiers;
	struct census_tier *end = census->tiers + census->tier_count;

	while (tier < end && strcmp(tier->name, extent->tier) != 0)
		tier++;
	if (tier == end && census->tier_count == CENSUS_TIERS)
		return disagree(tallier, "names too many tiers", extent);
	if (tier == end) {
		*tier = (struct census_tier){.name = extent->tier};
		census->tier_count++;
	}
	struct census_tier *both[] = {&census->all, tier};
	for (int i = 0; i < 2; i++) {
		both[i]->bytes += extent->bytes;
		both[i]->blocks++;
		if (extent->bytes > both[i]->largest)
			both[i]->largest = extent->bytes;
	}
	for (int i = 0; i < CENSUS_QUANTILES; i++)
		if (extent->bytes < tallier->sizes[i])
			census->too_small[i] += extent->bytes;
	census->parts.free += extent->bytes;
	return true;
}

/* Matches a live extent with the oracle's block; its requested bytes. */
static bool count_live(struct tallier *tallier, const struct extent *extent,
                       uint64_t *requested)
{
	const struct oracle_block *block =
		oracle_find(&tallier->replayer->oracle, extent->start);

	if (block == NULL)
		return disagree(tallier, "shows a live block that is not",
		                extent);
	if (extent->bytes != block->usable)
		return disagree(tallier, "gives a live block another size",
		                extent);
	tallier->live++;
	*requested = block->requested;
	tallier->census->parts.requested += block->requested;
	tallier->census->parts.internal += block->usable - block->requested;
	return true;
}

static bool count_extent(void *ctx, const struct extent *extent)
{
	struct tallier *tallier = ctx;
	struct parts *parts = &tallier->census->parts;
	uint64_t requested = 0;

	if ((char *)extent->start < tallier->end || extent->bytes == 0)
		return disagree(tallier, "goes backwards", extent);
	switch (extent->kind) {
	case EXTENT_LIVE:
		if (!count_live(tallier, extent, &requested))
			return false;
		break;
	case EXTENT_FREE:
		if (!count_free(tallier, extent))
			return false;
		break;
	case EXTENT_METADATA:
		parts->metadata += extent->bytes;
		break;
	case EXTENT_SLACK:
		parts->slack += extent->bytes;
		break;
	}
	if (tallier->visit != NULL) {
		const struct census_extent seen = {tallier->rank, *extent,
		                                   requested};
		tallier->visit(tallier->ctx, &seen);
	}
	tallier->rank += extent->bytes;
	tallier->end = (char *)extent->start + extent->bytes;
	return true;
}

/* One live block and the gap before it. */
static bool count_next(struct tallier *tallier, char *at,
                       const struct oracle_block *block)
{
	struct extent live = {block->start, block->usable, EXTENT_LIVE, ""};

	if (block->start < at ||
	    block->start + block->usable > tallier->replayer->pages.brk)
		return disagree(tallier, "has a block outside", &live);
	struct extent gap = {at, (size_t)(block->start - at), EXTENT_FREE,
	                     "unknown"};
	return (gap.bytes == 0 || count_extent(tallier, &gap)) &&
	       (live.bytes == 0 || count_extent(tallier, &live));
}

/*
 * The walk of a heap that has none: live blocks, and free in between.  False
 * with the verdict set where blocks lie outside, or without memory.
 */
static bool walk_region(struct tallier *tallier)
{
	const struct page_source *pages = &tallier->replayer->pages;
	const struct oracle *oracle = &tallier->replayer->oracle;
	struct oracle_block **blocks = oracle_sorted(oracle);
	char *at = pages->region;
	bool good = true;

	if (blocks == NULL)
		return verdict_set(&tallier->replayer->verdict, VERDICT_FAILED,
		                   tallier->replayer->event,
		                   "no memory for the list of blocks");
	for (uint64_t i = 0; good && i < oracle->live; i++) {
		good = count_next(tallier, at, blocks[i]);
		at = blocks[i]->start + blocks[i]->usable;
	}
	free(blocks);
	struct extent rest = {at, (size_t)(pages->brk - at), EXTENT_FREE,
	                      "unknown"};
	return good && (rest.bytes == 0 || count_extent(tallier, &rest));
}

bool census_take(struct replayer *replayer,
                 const uint64_t sizes[CENSUS_QUANTILES], struct census *census,
                 census_visitor *visit, void *ctx)
{
	struct tallier tallier = {
		.replayer = replayer,
		.census = census,
		.sizes = sizes,
		.visit = visit,
		.ctx = ctx,
	};

	*census = (struct census){.all = {.name = "all"}};
	if (replayer->allocator->walk != NULL)
		replayer->allocator->walk(replayer->heap, count_extent,
		                          &tallier);
	else
		walk_region(&tallier);
	if (replayer->verdict.kind != VERDICT_OK)
		return false;
	if (tallier.live != replayer->oracle.live &&
	    replayer->allocator->walk != NULL)
		return verdict_set(&replayer->verdict, VERDICT_BROKEN_HEAP,
		                   replayer->event,
		                   "the walk shows %lu of %lu live blocks",
		                   tallier.live, replayer->oracle.live);
	if (parts_sum(&census->parts) != replayer->pages.committed_bytes)
		return verdict_set(
			&replayer->verdict, VERDICT_BROKEN_HEAP,
			replayer->event,
			"the walk covers %llu bytes, %zu are committed",
			(unsigned long long)parts_sum(&census->parts),
			replayer->pages.committed_bytes);
	return true;
}
