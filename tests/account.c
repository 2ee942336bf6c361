/*
 * account.c - the sums of a walk, held against usage().
 */
#include "account.h"

#include <stdio.h>
#include <string.h>

static char text[256]; /* the last sentence */

struct sums {
	struct heap_usage by; /* live, metadata, slack, tiers */
	size_t bytes;
	long live;
	const char *end;      /* of the extent before */
	const char *disorder; /* an extent that starts below that */
};

static bool add_extent(void *ctx, const struct extent *extent)
{
	struct sums *sums = ctx;

	if ((const char *)extent->start < sums->end)
		sums->disorder = extent->start;
	sums->end = (const char *)extent->start + extent->bytes;
	sums->bytes += extent->bytes;
	switch (extent->kind) {
	case EXTENT_LIVE:
		sums->by.live_bytes += extent->bytes;
		sums->live++;
		break;
	case EXTENT_FREE:
		usage_add_tier(&sums->by, extent->tier, extent->bytes);
		break;
	case EXTENT_METADATA:
		sums->by.metadata_bytes += extent->bytes;
		break;
	case EXTENT_SLACK:
		sums->by.slack_bytes += extent->bytes;
		break;
	}
	return true;
}

/* NULL, or that two counts of the same thing differ. */
static const char *compare(const char *what, size_t walked, size_t said)
{
	if (walked == said)
		return NULL;
	snprintf(text, sizeof text,
	         "%s: the walk counts %zu bytes, usage says %zu", what, walked,
	         said);
	return text;
}

static const char *compare_tiers(const struct heap_usage *walked,
                                 const struct heap_usage *said)
{
	const struct heap_usage *all[] = {walked, said};
	const char *wrong = NULL;

	for (int i = 0; i < 2; i++)
		for (unsigned t = 0; wrong == NULL && t < all[i]->tier_count;
		     t++)
			wrong = compare(
				all[i]->tiers[t].tier,
				usage_tier(walked, all[i]->tiers[t].tier),
				usage_tier(said, all[i]->tiers[t].tier));
	return wrong;
}

static const char *compare_usage(struct lab *lab, const struct sums *sums)
{
	const struct heap_usage said = account_usage(lab);
	const char *wrong =
		compare("live", sums->by.live_bytes, said.live_bytes);

	if (wrong == NULL)
		wrong = compare("metadata", sums->by.metadata_bytes,
		                said.metadata_bytes);
	if (wrong == NULL)
		wrong = compare("slack", sums->by.slack_bytes,
		                said.slack_bytes);
	if (wrong == NULL)
		wrong = compare_tiers(&sums->by, &said);
	for (unsigned i = 0; wrong == NULL && i < said.lock_count; i++) {
		if (said.locks[i].waited <= said.locks[i].acquired)
			continue;
		snprintf(text, sizeof text,
		         "lock %s was waited for more often "
		         "than it was taken",
		         said.locks[i].name);
		wrong = text;
	}
	return wrong;
}

static const char *walk_wrong(struct lab *lab, const struct sums *sums,
                              long live)
{
	if (sums->disorder != NULL)
		snprintf(text, sizeof text, "the walk goes back, to %p",
		         (const void *)sums->disorder);
	else if (sums->bytes != lab->pages.committed_bytes)
		snprintf(text, sizeof text,
		         "the walk covers %zu of %zu committed bytes",
		         sums->bytes, lab->pages.committed_bytes);
	else if (live >= 0 && sums->live != live)
		snprintf(text, sizeof text,
		         "the walk meets %ld live blocks of %ld", sums->live,
		         live);
	else
		return NULL;
	return text;
}

const char *account_wrong(struct lab *lab, long live)
{
	struct sums sums = {0};

	if (lab->allocator->walk == NULL)
		return NULL;
	lab->allocator->walk(lab->heap, add_extent, &sums);
	const char *wrong = walk_wrong(lab, &sums, live);
	if (wrong == NULL && lab->allocator->usage != NULL)
		wrong = compare_usage(lab, &sums);
	return wrong;
}

struct heap_usage account_usage(struct lab *lab)
{
	struct heap_usage usage;

	memset(&usage, 0xa5, sizeof usage); /* it has to fill in everything */
	lab->allocator->usage(lab->heap, &usage);
	return usage;
}

size_t account_tier(struct lab *lab, const char *name)
{
	const char *wrong = account_heap_wrong(lab);
	struct heap_usage usage = account_usage(lab);

	if (wrong != NULL)
		fail_msg("%s", wrong);
	return usage_tier(&usage, name);
}

uint64_t account_acquired(struct lab *lab, const char *name)
{
	struct heap_usage usage = account_usage(lab);

	for (unsigned i = 0; i < usage.lock_count; i++)
		if (strcmp(usage.locks[i].name, name) == 0)
			return usage.locks[i].acquired;
	fail_msg("no lock is called %s", name);
	return 0;
}

size_t account_thread_bytes(const struct heap_usage *usage)
{
	return usage_tier(usage, "thread cache") + usage_tier(usage, "tcache");
}

const char *account_heap_wrong(struct lab *lab)
{
	const char *wrong = NULL;

	if (lab->allocator->check != NULL)
		wrong = lab->allocator->check(lab->heap);
	return wrong != NULL ? wrong : account_wrong(lab, -1);
}
