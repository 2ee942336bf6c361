/*
 * worst_fit.c - the largest hole.
 *
 * Idea.  If remainders are the trouble, make them large: cut every block from
 * the largest hole, so that what is left can still serve others.  It does not
 * work.  All holes are ground down to the same middling size, and a large
 * request finds none.  The policy is here because one learns from it what best
 * fit does right.
 *
 *     chain by address:  32 -> 96 -> 64 -> 200     64 wanted: 200, 4 links
 *     chain by size:     32 -> 64 -> 96 -> 200     64 wanted: 200, 1 link,
 *                        from the far end
 *
 * Cost.     O(holes) a search; O(1) on a chain by size unless sizes are equal;
 *           O(log holes) with index=tree
 * Sources.  [Wilson95, 3.4].
 *
 * Read next: address_tree.c and size_tree.c; then ../buddy/buddy.c.
 */
#include "fit.h"
#include "tree.h"

/* On a chain by size: the lowest of the equal ones at its end. */
static struct found search_from_end(const struct fit_heap *heap, size_t bytes)
{
	struct block *hole = heap->chain.prev;
	struct found worst = {NULL, 0};

	for (; hole != &heap->chain; hole = hole->prev) {
		worst.links++;
		if (hole->tag < bytes ||
		    (worst.hole != NULL && hole->tag < worst.hole->tag))
			break;
		worst.hole = hole;
	}
	return worst;
}

static struct found search(const struct fit_heap *heap, size_t bytes)
{
	struct found worst = {NULL, 0};
	struct block *hole = heap->chain.next;

	if (heap->index == INDEX_SIZE_TREE)
		return size_tree_largest(&heap->tree, bytes);
	if (heap->order == ORDER_SIZE)
		return search_from_end(heap, bytes);
	for (; hole != &heap->chain; hole = hole->next) {
		worst.links++;
		if (hole->tag >= bytes &&
		    (worst.hole == NULL || hole->tag > worst.hole->tag))
			worst.hole = hole;
	}
	return worst;
}

static const struct fit_policy policy = {
	.name = "worst-fit",
	.choice = "the largest",
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

const struct allocator worst_fit_allocator = {
	.name = "worst-fit",
	.summary = "cuts every block from the largest hole",
	.source = "Wilson95",
	.knobs = fit_knobs,
	.refuse = refuse,
	.create = create,
	FIT_OPERATIONS,
};
