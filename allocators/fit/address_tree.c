/*
 * address_tree.c - the holes in a tree by address that knows where room is.
 *
 * Idea.  First fit wants the lowest hole of at least n bytes.  A search tree by
 * address alone would have to try hole after hole; but when each node also
 * knows the largest hole in its subtree, one look at a child tells whether the
 * answer can be below it, and the search goes straight down.
 *
 * Picture: address:bytes, largest in the subtree below it.  The lowest hole of
 * at least 90 bytes: left of 500 there is one of 96 (go left); left of 300
 * there is none (48 < 90), nor is 300 itself enough; so go right: 400.
 *
 *                       500:64
 *                         96
 *                  ______/  \______
 *             300:64                700:80
 *               96                    80
 *            __/  \__
 *       100:48      400:96
 *         48          96
 *
 * The balancing is libbsd's red-black tree, whose RB_AUGMENT hook recomputes
 * the nodes that a rotation turns.  It does not climb to the root when a node
 * comes or goes; the functions here do.
 *
 * Invariants, verified in inspect.c.
 *     I4  addresses ascend from left to right
 *     I8  largest = max(own bytes, largest of both children)
 *
 * Cost.     search, insert, remove  O(log holes)
 *           a hole                  64 bytes at least: three links, the
 *                                   colour and `largest` between two tags
 * Threads.  None.
 * Sources.  [Cormen09, 14.2] augmenting; [Stephenson83] made first fit fast
 *           with a tree that keeps the same two facts in another shape.
 *
 * Read next: size_tree.c.
 */
#include "fit.h"
#include "tree.h"

static size_t largest_of(const struct block *hole)
{
	return hole == NULL ? 0 : hole->largest;
}

/* The largest hole of a subtree, from its root and both children. */
static size_t largest_below(const struct block *hole)
{
	size_t largest = block_bytes(hole);

	if (largest_of(RB_LEFT(hole, node)) > largest)
		largest = largest_of(RB_LEFT(hole, node));
	if (largest_of(RB_RIGHT(hole, node)) > largest)
		largest = largest_of(RB_RIGHT(hole, node));
	return largest;
}

static void refresh(struct block *hole)
{
	hole->largest = largest_below(hole);
}

static int compare(const struct block *a, const struct block *b)
{
	return (a > b) - (a < b);
}

#undef RB_AUGMENT
#define RB_AUGMENT(hole) refresh(hole)
RB_GENERATE_INTERNAL(hole_tree, block, node, compare, TREE_FUNCTION)

struct found address_tree_first(const struct hole_tree *tree, size_t bytes)
{
	struct found found = {NULL, 0};
	struct block *hole = RB_ROOT(tree);

	if (largest_of(hole) < bytes)
		return (struct found){NULL, hole != NULL};
	while (found.hole == NULL) { /* hole->largest >= bytes */
		found.links++;
		if (largest_of(RB_LEFT(hole, node)) >= bytes)
			hole = RB_LEFT(hole, node);
		else if (hole->tag >= bytes)
			found.hole = hole;
		else
			hole = RB_RIGHT(hole, node);
	}
	return found;
}

uint64_t address_tree_insert(struct hole_tree *tree, struct block *hole)
{
	struct block **link = &RB_ROOT(tree), *parent = NULL;
	uint64_t links = 0;

	while (*link != NULL) {
		parent = *link;
		links++;
		if (parent->largest < hole->tag)
			parent->largest = hole->tag;
		link = hole < parent ? &RB_LEFT(parent, node)
		                     : &RB_RIGHT(parent, node);
	}
	RB_SET(hole, parent, node);
	hole->largest = hole->tag;
	*link = hole;
	hole_tree_RB_INSERT_COLOR(tree, hole);
	return links;
}

/*
 * A node with two children is replaced by its successor, and then RB_REMOVE
 * itself climbs from where the successor was; otherwise all nodes above the
 * removed one are left to us, wherever rotations put them since.
 */
void address_tree_remove(struct hole_tree *tree, struct block *hole)
{
	struct block *above = RB_PARENT(hole, node);

	hole_tree_RB_REMOVE(tree, hole);
	for (; above != NULL; above = RB_PARENT(above, node))
		refresh(above);
}

bool address_tree_knows_largest(const struct block *hole)
{
	return hole->largest == largest_below(hole);
}
