/*
 * free_list.c - the free blocks of a heap, one doubly linked list per order.
 *
 * The links lie in the free blocks themselves.  A merge takes its buddy from
 * the middle of a list, which is why the lists are linked both ways: the XOR
 * gives the address, the links do the rest, and nothing is searched.
 *
 *     nonempty  ...0 1 0 1      list[7] -> 0x..80 <-> 0x..300
 *                    7   5      list[5] -> 0x..20
 *
 * Two orders of a list are offered.  lifo puts a freed block in front, O(1).
 * address keeps the list sorted and so gives the lowest block: the insertion
 * follows links, which are counted.  (The halves that malloc splits off go on
 * lists that were empty, so only free and a realloc that shrinks pay.)
 */
#include "buddy.h"

#include "../common/misuse.h"

/* The last hole below `hole`, NULL if there is none. */
static struct hole *last_below(struct buddy_heap *heap, unsigned order,
                               const struct hole *hole)
{
	struct hole *below = NULL;
	uint64_t links = 0;

	for (struct hole *at = heap->list[order]; at != NULL; at = at->next) {
		links++;
		if (at > hole)
			break;
		below = at;
	}
	heap->stats.links += links;
	heap->stats.searches++;
	return below;
}

static void link_after(struct buddy_heap *heap, unsigned order,
                       struct hole *before, struct hole *hole)
{
	struct hole **link =
		before == NULL ? &heap->list[order] : &before->next;

	*hole = (struct hole){.next = *link, .prev = before};
	if (hole->next != NULL)
		hole->next->prev = hole;
	*link = hole;
}

void buddy_list_insert(struct buddy_heap *heap, struct block block)
{
	struct hole *hole = (struct hole *)block_start(block);
	struct hole *before = NULL;
	unsigned order = block.order;

	if (heap->list_order == LIST_ADDRESS && heap->list[order] != NULL)
		before = last_below(heap, order, hole);
	link_after(heap, order, before, hole);
	heap->length[order]++;
	heap->nonempty |= (uint64_t)1 << order;
	*map_byte(heap, block.arena, block.offset) =
		(uint8_t)(FREE_FLAG | order);
}

void buddy_list_remove(struct buddy_heap *heap, struct block block)
{
	struct hole *hole = (struct hole *)block_start(block);
	unsigned order = block.order;

	assert(block_is_free(heap, block) && "I3");
	if (CHECKED)
		buddy_require_sound_links(heap, hole, order);
	if (hole->prev == NULL)
		heap->list[order] = hole->next;
	else
		hole->prev->next = hole->next;
	if (hole->next != NULL)
		hole->next->prev = hole->prev;
	if (--heap->length[order] == 0)
		heap->nonempty &= ~((uint64_t)1 << order);
	*map_byte(heap, block.arena, block.offset) = INSIDE;
}
