/*
 * size_classes.c - which sizes there are, and how a span is cut into objects.
 *
 * Idea.  A request is rounded up to one of some 90 sizes, so that a freed object
 * serves the next request of its class without a search, and its page alone
 * says how large it is.  Two rows of sizes can be chosen:
 *
 *     eighth   8 16 32 48 ... 128 144 160 ... 256 288 320 ... 512 576 ...
 *              the step is an eighth of the power of two below, at least 16:
 *              12.5 % of a request are lost at most (11.1 % of the block),
 *              before classes are made one, see below
 *     208      8 .. 128 .. 1 K .. 8 K .. 64 K .. 256 K
 *               by 8   by 16  by 128  by 1 K   by 8 K      208 lists
 *
 * A span has the fewest pages of which at most 1/8 is left over behind the last
 * object, and room for a quarter of a batch:
 *
 *     1024 bytes:  8 objects, 1 page, nothing left
 *     1280 bytes:  12 objects, 2 pages, 1024 of 16384 left (one page would
 *                  hold 6, less than a quarter of the batch of 32)
 *     2304 bytes:  7 objects, 2 pages, 256 left (one page: 3, 1280 left)
 *
 * Neighbours in the row of eighths whose spans would hold equally many objects on
 * equally many pages are one class, the larger: the smaller would save nothing.
 *
 *     3584, 3840, 4096: 4 objects on 2 pages  =>  one class, of 4096
 *
 * A request of 3329 then loses 23 % of itself in the block, where it would have lost
 * it to the tail of the span.  Both together stay below a quarter of a request.
 *
 * Words.
 *     batch   objects that move between two tiers at a time: 64 KiB worth of
 *             them, at least 2, at most the knob
 *
 * Cost.     made once for each heap; a look-up is one load from a byte table
 * Sources.  [Ghemawat] both rows, the 1/8 rules, the batch.
 *
 * Read next: thread_cache.c, the tier in front.
 */
#include "size_classes.h"

#include "../common/bits.h"
#include "../allocator.h"

enum {
	BATCH_BYTES = 64 << 10, /* moved at a time, at most [Ghemawat]        */
	WASTE_SHARE = 8,        /* at most 1/8 of a span behind its objects   */
	FULLNESS_LISTS = 8,
};

/* The size behind `size` in a row. */
static size_t next_of_eighths(size_t size)
{
	size_t step = ((size_t)1 << log2_floor(size)) / 8;

	if (size == TINY_BYTES)
		return MALLOC_ALIGN_BYTES;
	if (step < MALLOC_ALIGN_BYTES)
		step = MALLOC_ALIGN_BYTES;
	return size + (step > TCM_PAGE_BYTES ? TCM_PAGE_BYTES : step);
}

static size_t next_of_208(size_t size)
{
	if (size < 128)
		return size + 8;
	if (size < 1 << 10)
		return size + 16;
	if (size < 8 << 10)
		return size + 128;
	return size + (size < 64 << 10 ? 1 << 10 : 8 << 10);
}

static unsigned batch_for(size_t bytes, unsigned batch_max)
{
	size_t batch = BATCH_BYTES / bytes;

	if (batch > batch_max)
		batch = batch_max;
	return (unsigned)(batch < TCM_BATCH_MIN ? TCM_BATCH_MIN : batch);
}

static struct tcm_class class_plan(size_t bytes, unsigned batch_max)
{
	unsigned batch = batch_for(bytes, batch_max);
	size_t span = TCM_PAGE_BYTES;

	while (span < bytes || span % bytes > span / WASTE_SHARE ||
	       span / bytes < batch / 4)
		span += TCM_PAGE_BYTES;
	size_t objects = span / bytes;
	return (struct tcm_class){
		.bytes = (uint32_t)bytes,
		.scale = (uint32_t)((FULLNESS_LISTS << 16) / (objects + 1)),
		.pages = (uint16_t)(span >> TCM_PAGE_LOG2),
		.objects = (uint16_t)objects,
		.batch = (uint16_t)batch,
	};
}

/* Appends a class, in place of the last one where that would save nothing. */
static void add_class(struct tcm_classes *classes, enum tcm_spacing spacing,
                      const struct tcm_class *class)
{
	struct tcm_class *last = &classes->table[classes->count - 1];

	if (spacing == TCM_SPACING_EIGHTH && classes->count > 1 &&
	    last->pages == class->pages && last->objects == class->objects)
		*last = *class;
	else
		classes->table[classes->count++] = *class;
}

static void fill_lookups(struct tcm_classes *classes)
{
	unsigned class = 1;

	for (size_t i = 0; i < TCM_LOOKUP_SMALL; i++) {
		while (classes->table[class].bytes < i * 8)
			class ++;
		classes->of_small[i] = (uint8_t) class;
	}
	class = 1;
	for (size_t i = 0; i < TCM_LOOKUP_LARGE; i++) {
		while (classes->table[class].bytes < i * 128)
			class ++;
		classes->of_large[i] = (uint8_t) class;
	}
}

void tcm_classes_make(struct tcm_classes *classes, enum tcm_spacing spacing,
                      unsigned batch_max, bool aligned)
{
	size_t size = TINY_BYTES;

	classes->count = 1;
	while (size <= TCM_SMALL_MAX) {
		struct tcm_class class = class_plan(size, batch_max);
		if (!aligned || size == TINY_BYTES ||
		    size % MALLOC_ALIGN_BYTES == 0)
			add_class(classes, spacing, &class);
		size = spacing == TCM_SPACING_EIGHTH ? next_of_eighths(size)
		                                     : next_of_208(size);
	}
	fill_lookups(classes);
}
