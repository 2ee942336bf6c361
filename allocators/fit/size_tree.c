/*
 * size_tree.c - the holes in a tree by size, equal sizes by address.
 *
 * Idea.  Best fit wants the smallest hole of at least n bytes, worst fit the
 * largest hole, and both the lowest of equals.  In a tree ordered by (bytes,
 * address) the first is the lower bound of (n, 0).  The second is the lower
 * bound of (largest, 0), where the largest is at the right end.
 *
 * Picture: the lower bound of (80, 0).  Down from 64: too small, right; 96 is
 * enough, remember it, left; 80 at 300 is enough, remember it, left: nothing.
 *
 *                  64 @ 700
 *              ___/        \___
 *        48 @ 100          96 @ 400
 *                         /
 *                   80 @ 300
 *
 * Invariant, verified in inspect.c.
 *     I4  (bytes, address) ascends from left to right
 *
 * Cost.     search, insert, remove  O(log holes)
 * Threads.  None.
 * Sources.  [Knuth98, 6.2.3] balanced trees; the balancing is libbsd's.
 *
 * Read next: ../buddy/buddy.c, which needs no search at all.
 */
#include "fit.h"
#include "tree.h"

static int compare(const struct block *a, const struct block *b)
{
	size_t bytes_a = block_bytes(a), bytes_b = block_bytes(b);

	if (bytes_a != bytes_b)
		return bytes_a < bytes_b ? -1 : 1;
	return (a > b) - (a < b);
}

RB_GENERATE_INTERNAL(hole_tree, block, node, compare, TREE_FUNCTION)

struct found size_tree_smallest(const struct hole_tree *tree, size_t bytes)
{
	struct found found = {NULL, 0};
	struct block *hole = RB_ROOT(tree);

	while (hole != NULL) {
		found.links++;
		if (hole->tag >= bytes) {
			found.hole = hole;
			hole = RB_LEFT(hole, node);
		} else {
			hole = RB_RIGHT(hole, node);
		}
	}
	return found;
}

struct found size_tree_largest(const struct hole_tree *tree, size_t bytes)
{
	struct block *largest = RB_ROOT(tree);
	uint64_t links = largest != NULL;

	if (largest == NULL)
		return (struct found){NULL, 0};
	for (; RB_RIGHT(largest, node) != NULL; links++)
		largest = RB_RIGHT(largest, node);
	if (largest->tag < bytes)
		return (struct found){NULL, links};
	struct found lowest = size_tree_smallest(tree, largest->tag);
	lowest.links += links;
	return lowest;
}

uint64_t size_tree_insert(struct hole_tree *tree, struct block *hole)
{
	struct block **link = &RB_ROOT(tree), *parent = NULL;
	uint64_t links = 0;

	while (*link != NULL) {
		parent = *link;
		links++;
		link = compare(hole, parent) < 0 ? &RB_LEFT(parent, node)
		                                 : &RB_RIGHT(parent, node);
	}
	RB_SET(hole, parent, node);
	*link = hole;
	hole_tree_RB_INSERT_COLOR(tree, hole);
	return links;
}

void size_tree_remove(struct hole_tree *tree, struct block *hole)
{
	hole_tree_RB_REMOVE(tree, hole);
}
