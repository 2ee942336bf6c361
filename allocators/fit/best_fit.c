/*
 * best_fit.c - the smallest hole that is large enough.
 *
 * Idea.  Leave as little as possible: a hole that fits well is used up, and
 * the large holes stay whole for large requests.  The remainders are small and
 * rarely of use, but there are few of them.
 *
 *     chain by size:     32 -> 64 -> 96 -> 200     64 wanted: 64, 2 links
 *     chain by address:  32 -> 96 -> 64 -> 200     64 wanted: 64, 3 links,
 *                        as it fits exactly; else the whole chain is passed
 *
 * In order of size the first hole that fits is the best one; the price is the
 * search for the place of every block that is freed.
 *
 * Cost.     O(holes) a search; O(log holes) with index=tree
 * Sources.  [Knuth97, 2.5]; [Wilson95, 3.4] on why it does so well.
 *
 * Read next: worst_fit.c, the opposite.
 */
#include "fit.h"
#include "tree.h"

static struct found search(const struct fit_heap *heap, size_t bytes)
{
	struct found best = {NULL, 0};
	struct block *hole = heap->chain.next;

	if (heap->index == INDEX_SIZE_TREE)
		return size_tree_smallest(&heap->tree, bytes);
	for (; hole != &heap->chain; hole = hole->next) {
		best.links++;
		if (hole->tag < bytes ||
		    (best.hole != NULL && hole->tag >= best.hole->tag))
			continue;
		best.hole = hole;
		if (hole->tag == bytes || heap->order == ORDER_SIZE)
			break; /* none can be better */
	}
	return best;
}

static const struct fit_policy policy = {
	.name = "best-fit",
	.choice = "the smallest",
	.tree = INDEX_SIZE_TREE,
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

const struct allocator best_fit_allocator = {
	.name = "best-fit",
	.summary = "takes the smallest hole that is large enough",
	.source = "Knuth97",
	.knobs = fit_knobs_size,
	.refuse = refuse,
	.create = create,
	FIT_OPERATIONS,
};
