/*
 * next_fit.c - the next hole that is large enough, from where we were.
 *
 * Idea.  First fit passes the same small remainders at the start of the chain
 * in every search.  So do not start there: let a rover stay where the last
 * search ended and go round from it.  Searches become short, but the blocks of
 * one time now spread over the whole heap, and large holes are used up
 * wherever the rover meets them.
 *
 *     chain: 32 -> 96 -> 64 -> 200 -> (32)      64 bytes wanted: 64, 1 link
 *                        ^ rover
 *
 * The rover stands on what the last search left of its hole.  When a hole goes
 * (used whole, or grown over by realloc) the rover moves to the next; when its
 * hole merges with a neighbour it stands on the merged one.  chain.c and
 * holes.c see to that (I6).
 *
 * Cost.     O(holes) a search at worst, few on average; the worst memory use
 *           of the four
 * Sources.  [Knuth97, 2.5 exercise 6]; [Bays77] measured what it costs.
 *
 * Read next: best_fit.c, which looks for the least waste.
 */
#include "fit.h"

static struct found search(const struct fit_heap *heap, size_t bytes)
{
	struct block *hole = heap->rover;
	uint64_t links = 0;

	do {
		if (hole != &heap->chain) {
			links++;
			if (hole->tag >= bytes)
				return (struct found){hole, links};
		}
		hole = hole->next;
	} while (hole != heap->rover);
	return (struct found){NULL, links};
}

static const struct fit_policy policy = {
	.name = "next-fit",
	.choice = "the next from the rover",
	.tree = INDEX_CHAIN,
	.roves = true,
	.search = search,
};

static const char *refuse(const struct knob_values *values)
{
	return fit_refuse(&policy, values);
}

static struct heap *create(const struct knob_values *values,
                           struct page_source *pages, const char *single_thread)
{
	(void)single_thread; /* one OS thread at a time: no locks */
	return fit_create(&policy, values, pages);
}

const struct allocator next_fit_allocator = {
	.name = "next-fit",
	.summary = "first fit that goes on where the last search ended",
	.source = "Knuth97",
	.knobs = fit_knobs,
	.refuse = refuse,
	.create = create,
	FIT_OPERATIONS,
};
