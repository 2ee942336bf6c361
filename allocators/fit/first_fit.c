/*
 * first_fit.c - the first hole that is large enough.
 *
 * Idea.  Go along the chain from its start and stop at the first hole that
 * fits.  In address order this packs the heap towards its lower end: small
 * remainders gather there, large holes survive higher up, and the search has
 * to pass the small ones every time.
 *
 *     chain: 32 -> 96 -> 64 -> 200      64 bytes wanted: 96, 2 links
 *
 * Cost.     O(holes) a search; O(log holes) with index=tree
 * Sources.  [Knuth97, 2.5 algorithm A], which takes the upper end of the hole;
 *           here it is the lower end, as most allocators do since.
 *
 * Read next: next_fit.c, which does not start at the start.
 */
#include "fit.h"
#include "tree.h"

static struct found search(const struct fit_heap *heap, size_t bytes)
{
	struct block *hole = heap->chain.next;
	uint64_t links = 0;

	if (heap->index == INDEX_ADDRESS_TREE)
		return address_tree_first(&heap->tree, bytes);
	for (; hole != &heap->chain; hole = hole->next) {
		links++;
		if (hole->tag >= bytes)
			return (struct found){hole, links};
	}
	return (struct found){NULL, links};
}

static const struct fit_policy policy = {
	.name = "first-fit",
	.choice = "the first",
	.tree = INDEX_ADDRESS_TREE,
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

const struct allocator first_fit_allocator = {
	.name = "first-fit",
	.summary = "takes the first hole on the list that is large enough",
	.source = "Knuth97",
	.knobs = fit_knobs,
	.refuse = refuse,
	.create = create,
	FIT_OPERATIONS,
};
