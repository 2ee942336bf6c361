/*
 * strip.h - the heap as a strip of cells, the way one draws it by hand:
 *
 *     heap  |a 112             |. 48      |b 64        |~ 3504            |
 *           ^0x50               0xd0       0x108        0x150
 *
 *     a 112    block a and its usable bytes      # 8    headers, other metadata
 *     . 48     a free block                      / 16   bytes of no use to anyone
 *     ~ 3504   the wilderness at the end         ^      what the event is about
 *     . 64 *9  nine free blocks side by side, each of 64 bytes
 *
 * A strip that fits into one line is drawn to scale, more or less: the largest
 * cell counts no more than all others together.  A longer one takes several
 * lines, and where those are too many only the cells around the focus are drawn.
 */
#ifndef HARNESS_STEP_STRIP_H
#define HARNESS_STEP_STRIP_H

#include <stdint.h>

#include "../../allocators/allocator.h"
#include "board.h"

enum { STRIP_NAME_BYTES = 12 };

struct strip_cell {
	const char *start; /* NULL: stands for `count` cells left out  */
	uint64_t bytes;    /* of each                                  */
	uint64_t count;    /* extents side by side; 1 but in long runs */
	char sign;         /* of what is not a live block: ". ~ # /" */
	char name[STRIP_NAME_BYTES]; /* of a live block                   */
};

struct strip {
	struct strip_cell *cells; /* in address order */
	size_t count, capacity;
	const char *focus;      /* an address in the cell to mark, or NULL */
	bool without_addresses; /* they mean nothing here */
	bool out_of_memory;
};

/* Appends a cell for an extent; `name` is that of a live block, else NULL. */
void strip_add(struct strip *strip, const struct extent *extent,
               const char *name);

/* Draws the strip behind `label`.  O(cells). */
void strip_draw(struct strip *strip, const struct board *board,
                const char *label);

void strip_free(struct strip *strip);

#endif
