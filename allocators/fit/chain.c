/*
 * chain.c - the holes on a circular list through the holes themselves.
 *
 * Idea.  A hole's bytes are of no use to the program, so the links live there.
 * The list is a ring that is closed by a sentinel in the descriptor: removal
 * has no special case at either end, and next fit's rover goes round by
 * following links.  (sys/queue.h has lists that end; its ring, CIRCLEQ, has
 * been withdrawn.)
 *
 * Picture, order=address:
 *
 *     sentinel --> hole 0x100 --> hole 0x240 --> hole 0x800 --+
 *        ^                            ^ rover                 |
 *        +----------------------------------------------------+
 *
 * Invariants, verified in inspect.c.
 *     I4  order=address: addresses ascend along the chain; order=size: sizes
 *         do, and addresses among equal sizes
 *     I6  the rover stands on a hole of the chain or on the sentinel
 *
 * Cost.     remove, lifo and fifo insert  O(1)
 *           address and size insert       O(holes), unless a merged neighbour
 *                                         knew the place already
 * Threads.  None.
 * Sources.  [Knuth97, 2.5] for the ring and the roving pointer.
 *
 * Read next: address_tree.c, the same choice in O(log n).
 */
#include "../common/misuse.h"
#include "diagnose.h"
#include "fit.h"

void chain_init(struct fit_heap *heap)
{
	heap->chain.next = &heap->chain;
	heap->chain.prev = &heap->chain;
	heap->rover = &heap->chain;
}

/* [prev][place] => [prev][hole][place] */
static void link_before(struct block *place, struct block *hole)
{
	hole->next = place;
	hole->prev = place->prev;
	hole->prev->next = hole;
	place->prev = hole;
}

/* What the hole comes before in increasing order of addresses. */
static struct found place_by_address(struct fit_heap *heap,
                                     const struct block *hole)
{
	struct found found = {heap->chain.next, 0};

	while (found.hole != &heap->chain) {
		found.links++;
		if (found.hole > hole)
			break;
		found.hole = found.hole->next;
	}
	return found;
}

/* The same in increasing order of size, then of addresses. */
static struct found place_by_size(struct fit_heap *heap,
                                  const struct block *hole)
{
	struct found found = {heap->chain.next, 0};

	while (found.hole != &heap->chain) {
		found.links++;
		if (found.hole->tag > hole->tag ||
		    (found.hole->tag == hole->tag && found.hole > hole))
			break;
		found.hole = found.hole->next;
	}
	return found;
}

static struct found find_place(struct fit_heap *heap, const struct block *hole)
{
	switch (heap->order) {
	case ORDER_ADDRESS:
		return place_by_address(heap, hole);
	case ORDER_SIZE:
		return place_by_size(heap, hole);
	case ORDER_LIFO:
		return (struct found){heap->chain.next, 0};
	case ORDER_FIFO:
		break;
	}
	return (struct found){&heap->chain, 0};
}

uint64_t chain_insert(struct fit_heap *heap, struct block *hole,
                      struct block *place)
{
	struct found found = {place, 0};

	if (heap->order != ORDER_ADDRESS || place == NULL)
		found = find_place(heap, hole);
	link_before(found.hole, hole);
	return found.links;
}

struct block *chain_remove(struct fit_heap *heap, struct block *hole)
{
	if (CHECKED)
		require_linked(heap, hole);
	struct block *next = hole->next;
	next->prev = hole->prev;
	next->prev->next = next;
	if (heap->rover == hole)
		heap->rover = next;
	return next;
}
