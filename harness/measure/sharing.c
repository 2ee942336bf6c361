/*
 * sharing.c - who has blocks in which line.
 *
 * Idea.  A hash table of (line, thread) pairs with a count of blocks, probed one
 * place after the other and hashed by line alone: so all threads of a line stand
 * in one run of the table, and a single pass over it finds the own entry and
 * counts the others.
 *
 *     hash(L) --> | L, 0: 2 blocks | M, 1: 1 | L, 1: 1 block | empty |
 *                   L has two threads: it is shared
 *
 * Invariants.
 *     I1  between the place that a line hashes to and each of its entries no
 *         place is empty
 *     I2  lines = lines with an entry, shared_lines = with two or more
 *
 * Cost.     O(1) a block, 16 bytes a line in use.
 * Threads.  None.
 * Sources.  [Knuth98, 6.4, algorithm R] for deletion by moving up.
 */
#include "sharing.h"

#include <stdlib.h>

enum { SMALLEST_TABLE = 1024 };

static size_t home(const struct sharing *sharing, uintptr_t line)
{
	uint64_t mixed = line * 0x9E3779B97F4A7C15u;

	return (size_t)(mixed >> 32) & (sharing->size - 1);
}

static size_t after(const struct sharing *sharing, size_t place)
{
	return (place + 1) & (sharing->size - 1);
}

/*
 * The place of a line's entry for a thread, or the empty one behind the run;
 * `others` counts the line's entries of other threads.
 */
static size_t look(const struct sharing *sharing, uintptr_t line,
                   uint32_t thread, unsigned *others)
{
	size_t place = home(sharing, line), found = SIZE_MAX;

	*others = 0;
	for (; sharing->table[place].blocks != 0;
	     place = after(sharing, place)) {
		if (sharing->table[place].line != line)
			continue;
		if (sharing->table[place].thread == thread)
			found = place;
		else
			++*others;
	}
	return found == SIZE_MAX ? place : found;
}

/* At most half full: a run is short. */
static bool make_room(struct sharing *sharing)
{
	struct sharing grown = *sharing;
	unsigned others;

	if (2 * (sharing->used + 1) <= sharing->size)
		return true;
	grown.size = sharing->size == 0 ? SMALLEST_TABLE : 2 * sharing->size;
	grown.table = calloc(grown.size, sizeof *grown.table);
	if (grown.table == NULL)
		return false;
	for (size_t i = 0; i < sharing->size; i++) {
		const struct line_use *use = &sharing->table[i];
		if (use->blocks != 0)
			grown.table[look(&grown, use->line, use->thread,
			                 &others)] = *use;
	}
	free(sharing->table);
	*sharing = grown;
	return true;
}

static bool enter(struct sharing *sharing, uintptr_t line, uint32_t thread)
{
	unsigned others;

	if (!make_room(sharing))
		return false;
	struct line_use *use =
		&sharing->table[look(sharing, line, thread, &others)];
	if (use->blocks++ > 0)
		return true;
	use->line = line;
	use->thread = thread;
	sharing->used++;
	sharing->lines += others == 0;
	sharing->shared_lines += others == 1;
	return true;
}

/* Empties a place and moves up what probes past it (I1). */
static void erase(struct sharing *sharing, size_t gap)
{
	struct line_use *table = sharing->table;

	for (size_t i = after(sharing, gap); table[i].blocks != 0;
	     i = after(sharing, i)) {
		size_t mask = sharing->size - 1;
		size_t from_home = (i - home(sharing, table[i].line)) & mask;
		if (from_home >= ((i - gap) & mask)) {
			table[gap] = table[i];
			gap = i;
		}
	}
	table[gap] = (struct line_use){0};
	sharing->used--;
}

static void leave(struct sharing *sharing, uintptr_t line, uint32_t thread)
{
	unsigned others;
	size_t place = look(sharing, line, thread, &others);

	if (--sharing->table[place].blocks > 0)
		return;
	erase(sharing, place);
	sharing->lines -= others == 0;
	sharing->shared_lines -= others == 1;
}

static uintptr_t first_line(const struct sharing_block *block)
{
	return block->start / LINE_BYTES;
}

/* A block of no bytes has an address all the same. */
static uintptr_t last_line(const struct sharing_block *block)
{
	size_t bytes = block->bytes == 0 ? 1 : block->bytes;

	return (block->start + bytes - 1) / LINE_BYTES;
}

bool sharing_open(struct sharing *sharing, uint32_t slots)
{
	*sharing = (struct sharing){0};
	sharing->blocks = calloc((size_t)slots + 1, sizeof *sharing->blocks);
	return sharing->blocks != NULL;
}

void sharing_close(struct sharing *sharing)
{
	free(sharing->table);
	free(sharing->blocks);
	*sharing = (struct sharing){0};
}

bool sharing_add(struct sharing *sharing, uint32_t slot,
                 struct sharing_block block, uint64_t event)
{
	uintptr_t first = first_line(&block), last = last_line(&block);

	sharing->blocks[slot] = block;
	if (!enter(sharing, first, block.thread) ||
	    (last != first && !enter(sharing, last, block.thread)))
		return false;
	if (sharing->shared_lines > sharing->peak_shared_lines) {
		sharing->peak_shared_lines = sharing->shared_lines;
		sharing->peak_lines = sharing->lines;
		sharing->peak_event = event;
	}
	return true;
}

void sharing_remove(struct sharing *sharing, uint32_t slot)
{
	const struct sharing_block *block = &sharing->blocks[slot];
	uintptr_t first = first_line(block), last = last_line(block);

	leave(sharing, first, block->thread);
	if (last != first)
		leave(sharing, last, block->thread);
}
