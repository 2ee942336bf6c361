/*
 * attribution.h - shares out the pages of a heap among those whose blocks keep
 * them from being given back.
 *
 * Threads: none.  Cost: O(extents), and O(blocks on it) for each page.
 */
#ifndef HARNESS_BLAME_ATTRIBUTION_H
#define HARNESS_BLAME_ATTRIBUTION_H

#include "../measure/census.h"

/* What one group has. */
struct holding {
	uint64_t blocks;
	uint64_t requested;   /* bytes of those                      */
	uint64_t rounding;    /* usable bytes that were not asked for */
	uint64_t holes;       /* its share of the holes on its pages */
	uint64_t held_long;   /* of all three, by its long-lived blocks */
	uint64_t pages;       /* that have a block of it             */
	uint64_t pages_alone; /* of those, no other group's block    */
	uint64_t age_events;  /* median age of its blocks            */
	uint64_t age_bytes;   /* likewise, in bytes asked for since  */
	uint64_t last_page;   /* that was counted in `pages`, + 1    */
};

static inline uint64_t holding_held(const struct holding *holding)
{
	return holding->requested + holding->rounding + holding->holes;
}

/* A piece of a live block on the page at hand. */
struct piece {
	uint32_t group;
	uint32_t bytes;
	bool is_long;
};

struct attribution {
	struct holding *holdings; /* by group */
	uint64_t page_bytes;      /* a power of two */
	uint64_t metadata;        /* on all pages                          */
	uint64_t free_pages;      /* free bytes on pages without a block   */
	bool out_of_memory;

	/* the page at hand */
	uint64_t page; /* its number + 1; 0: none */
	uint64_t page_holes;
	struct piece *pieces;
	size_t piece_count, piece_room;
};

/* Of a live block. */
struct block_owner {
	uint32_t group;
	bool is_long;
};

/* Extents in address order; `owner` of a live one, else NULL. */
void attribution_add(struct attribution *attribution,
                     const struct census_extent *extent,
                     const struct block_owner *owner);

/* After the last one.  False if there was no memory. */
bool attribution_end(struct attribution *attribution);

#endif
