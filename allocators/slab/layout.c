/*
 * layout.c - how a run of pages is cut into slots.
 *
 * Idea.  Slots of one size leave a rest in most runs of pages.  A larger run
 * has the same rest for more slots, so the run is doubled until what is lost,
 * the rest and the descriptor, is at most 1/8 of it.  The rest is not idle: it
 * shifts the first slot, by another multiple of a cache line in each slab, so
 * that the same field of many objects does not always fall into the same lines
 * of the processor's cache (colouring).
 *
 * The slabs of 4096 bytes for objects of 384, descriptor on the slab, step 64:
 *
 *     0 colour  slot 0    slot 1         slot 9   spare  descriptor  4096
 *     +--------+---------+---------+- - -+---------+----+--------------+
 *     |   0    |   384   |   384   |     |   384   |192 |      64      |
 *     |  64    |   384   |   384   |     |   384   |128 |      64      |
 *     | 128    |   384   |   ...
 *     +--------+---------+---------+- - -+---------+----+--------------+
 *     10 * 384 = 3840;  4096 - 3840 - 64 = 192 to spare: 4 colours
 *     waste 192 + 64 = 256 <= 512 = 4096 / 8
 *
 * The descriptor lies at the end, so that slot 0 can start with the page and be
 * aligned as the page is.
 *
 * Words.
 *     slot        an object's place: its size rounded up to its alignment
 *     descriptor  struct slab with its bitmap; on the slab it lies at the end
 *     spare       bytes for colouring; what is left behind the slots is slack
 *     off slab    the descriptor comes from a cache of descriptors, for slots
 *                 of 1/8 page or more: two objects of half a page fit into a
 *                 page only if nothing else has to
 *
 * Invariants, verified in slab_check().
 *     I5  the waste of a slab is at most 1/8 of it, in every cache
 *
 * Cost.     O(log slab) once per cache
 * Threads.  Pure functions.
 * Sources.  [Bonwick94, 3.2 and 4.1] layout, waste and colouring.
 *
 * Read next: cache.c, the life of slabs and objects.
 */
#include <assert.h>

#include "cache.h"

static size_t words_for(size_t slots)
{
	return (slots + 63) / 64;
}

static size_t descriptor_bytes_for(size_t slots)
{
	return round_up(sizeof(struct slab) +
	                        words_for(slots) * sizeof(uint64_t),
	                MALLOC_ALIGN_BYTES);
}

/* The most slots that fit together with the descriptor that they need. */
static size_t slots_on_slab(size_t slab_bytes, size_t slot_bytes)
{
	size_t slots = slab_bytes / slot_bytes;

	while (slots > 0 &&
	       slots * slot_bytes + descriptor_bytes_for(slots) > slab_bytes)
		slots--;
	return slots;
}

static void fill_slab(struct slab_layout *layout, size_t slab_bytes)
{
	layout->slab_bytes = slab_bytes;
	layout->slots = layout->off_slab
	                        ? slab_bytes / layout->slot_bytes
	                        : slots_on_slab(slab_bytes, layout->slot_bytes);
	layout->words = words_for(layout->slots);
	layout->descriptor_bytes = descriptor_bytes_for(layout->slots);
}

size_t slab_layout_waste(const struct slab_layout *layout)
{
	size_t rest = layout->slab_bytes - layout->slots * layout->slot_bytes;

	return layout->off_slab ? rest + layout->descriptor_bytes : rest;
}

static bool waste_is_small(const struct slab_layout *layout)
{
	return layout->slots > 0 &&
	       slab_layout_waste(layout) <=
	               layout->slab_bytes / SLAB_WASTE_SHARE;
}

/* Bytes by which slot 0 may be shifted. */
static size_t spare_bytes(const struct slab_layout *layout)
{
	size_t rest = layout->slab_bytes - layout->slots * layout->slot_bytes;

	return layout->off_slab ? rest : rest - layout->descriptor_bytes;
}

struct slab_layout slab_layout_plan(const struct slab_config *config,
                                    enum slab_place place, size_t size,
                                    size_t align)
{
	struct slab_layout layout = {
		.slot_bytes = round_up(size, align),
		.colours = 1,
		.colour_step = round_up(config->colour_bytes, align),
	};
	layout.off_slab = place == PLACE_OFF ||
	                  (place == PLACE_AUTO &&
	                   layout.slot_bytes >= PAGE_BYTES / SLAB_WASTE_SHARE);
	fill_slab(&layout, config->slab_min_bytes);
	while (!waste_is_small(&layout)) {
		fill_slab(&layout, 2 * layout.slab_bytes);
		assert(layout.slab_bytes <= SLAB_BYTES_MAX && "I5");
	}
	if (layout.colour_step > 0)
		layout.colours = spare_bytes(&layout) / layout.colour_step + 1;
	return layout;
}
