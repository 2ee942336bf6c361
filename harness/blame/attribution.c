/*
 * attribution.c - who holds which page, to the byte.
 *
 * Idea.  A page can go back to the system when no live block is on it.  So the
 * blocks on a page hold all of it: themselves, and the holes between them.  The
 * holes are shared out among them by their live bytes on the page.
 *
 * Picture.  A page of 4096 bytes, groups A and B:
 *
 *     | A 96 | hole 1000 | B 32 | hole 2500 | A 160 | header 308 |
 *
 *     live 288, holes 3500:   A holds 256 + 3500 * 256/288 = 3367
 *                             B holds  32 + 3500 *  32/288 =  421
 *                                      288 + 3500          = 3788
 *
 * Words.
 *     live      the usable bytes of a live block: requested and rounding
 *     holes     bytes that are neither live nor metadata, on a page with a block
 *     held      live + its share of the holes
 *     alone     a page on which no other group has a block
 *
 * Invariants.
 *     I1  on each page the shares of the holes add up to the holes, exactly: a
 *         share is the difference of two floors of a running sum
 *     I2  sum of held = footprint - metadata - free bytes on pages without a
 *         live block
 *
 * Read next: blame.c.
 */
#include "attribution.h"

#include <assert.h>
#include <stdlib.h>

static void count_pages(struct attribution *attribution)
{
	const struct piece *pieces = attribution->pieces;
	bool alone = true;

	for (size_t i = 1; i < attribution->piece_count; i++)
		alone = alone && pieces[i].group == pieces[0].group;
	for (size_t i = 0; i < attribution->piece_count; i++) {
		struct holding *holding =
			&attribution->holdings[pieces[i].group];
		if (holding->last_page == attribution->page)
			continue;
		holding->last_page = attribution->page;
		holding->pages++;
		holding->pages_alone += alone;
	}
}

/* Shares out the holes of the page at hand and forgets it. */
static void end_page(struct attribution *attribution)
{
	uint64_t holes = attribution->page_holes, live = 0, before = 0;

	for (size_t i = 0; i < attribution->piece_count; i++)
		live += attribution->pieces[i].bytes;
	if (live == 0)
		attribution->free_pages += holes;
	for (size_t i = 0; i < attribution->piece_count; i++) {
		const struct piece *piece = &attribution->pieces[i];
		struct holding *holding = &attribution->holdings[piece->group];
		uint64_t after = before + piece->bytes;
		uint64_t share = holes * after / live - holes * before / live;
		holding->holes += share;
		if (piece->is_long)
			holding->held_long += piece->bytes + share;
		before = after;
	}
	count_pages(attribution);
	attribution->piece_count = 0;
	attribution->page_holes = 0;
	attribution->page = 0;
}

static void add_piece(struct attribution *attribution, struct piece piece)
{
	if (attribution->piece_count == attribution->piece_room) {
		size_t room = attribution->piece_room * 2 + 64;
		struct piece *grown =
			realloc(attribution->pieces, room * sizeof *grown);
		if (grown == NULL) {
			attribution->out_of_memory = true;
			return;
		}
		attribution->pieces = grown;
		attribution->piece_room = room;
	}
	attribution->pieces[attribution->piece_count++] = piece;
}

/* Part of an extent, all of it on one page. */
static void add_part(struct attribution *attribution, uint64_t page,
                     uint64_t bytes, enum extent_kind kind,
                     const struct block_owner *owner)
{
	if (attribution->page != page + 1)
		end_page(attribution);
	attribution->page = page + 1;
	switch (kind) {
	case EXTENT_LIVE:
		add_piece(attribution,
		          (struct piece){owner->group, (uint32_t)bytes,
		                         owner->is_long});
		break;
	case EXTENT_FREE:
	case EXTENT_SLACK:
		attribution->page_holes += bytes;
		break;
	case EXTENT_METADATA:
		attribution->metadata += bytes;
		break;
	}
}

/* Whole pages of one extent: nothing is shared there. */
static void add_pages(struct attribution *attribution, uint64_t pages,
                      enum extent_kind kind, const struct block_owner *owner)
{
	uint64_t bytes = pages * attribution->page_bytes;

	if (kind == EXTENT_METADATA)
		attribution->metadata += bytes;
	else if (kind != EXTENT_LIVE)
		attribution->free_pages += bytes;
	if (kind != EXTENT_LIVE)
		return;
	struct holding *holding = &attribution->holdings[owner->group];
	holding->pages += pages;
	holding->pages_alone += pages;
	holding->held_long += owner->is_long ? bytes : 0;
}

void attribution_add(struct attribution *attribution,
                     const struct census_extent *extent,
                     const struct block_owner *owner)
{
	uint64_t size = attribution->page_bytes;
	uint64_t at = (uint64_t)(uintptr_t)extent->extent.start;
	uint64_t end = at + extent->extent.bytes;
	enum extent_kind kind = extent->extent.kind;

	assert((kind == EXTENT_LIVE) == (owner != NULL));
	if (kind == EXTENT_LIVE) {
		struct holding *holding = &attribution->holdings[owner->group];
		holding->blocks++;
		holding->requested += extent->requested;
		holding->rounding += extent->extent.bytes - extent->requested;
	}
	while (at < end) {
		uint64_t pages = at % size == 0 ? (end - at) / size : 0;
		uint64_t page_end = at - at % size + size;
		uint64_t part_end = page_end < end ? page_end : end;
		if (pages > 0) {
			end_page(attribution);
			add_pages(attribution, pages, kind, owner);
			at += pages * size;
			continue;
		}
		add_part(attribution, at / size, part_end - at, kind, owner);
		at = part_end;
	}
}

bool attribution_end(struct attribution *attribution)
{
	end_page(attribution);
	free(attribution->pieces);
	attribution->pieces = NULL;
	return !attribution->out_of_memory;
}
