/*
 * size_class.c - which sizes there are, and how a run of each is cut.
 *
 * Idea.  A request is rounded up to a size class.  Two rows of classes:
 *
 *     quarter   8  16 32 48 64 80 96 112 128  160 192 224 256  320 ... 3584
 *               5120 6144 7168
 *               steps of 16 to 128, then four classes in each doubling: what is
 *               rounded up is at most a fifth of the block
 *     2006      8  16 32 48 ... 512  1024 2048
 *               tiny; multiples of the quantum of 16; halves and quarters of a
 *               page ("sub-page"): exact where programs allocate most, coarse
 *               above 512 [Evans06]
 *
 * Whole pages serve the rest, and any request that they serve with less: 4096 is
 * a page, and no class.  (The 2006 design had tiny classes of 2 and 4 bytes too;
 * the contract aligns the smallest request to 8.  In jemalloc 3 the small classes
 * end at 3584, so that 4097 bytes take 8192; later ones go on, as here.)
 *
 * A run of a class has as many pages as it takes for header and tail to be at
 * most 1/32 of it, or, where no run of up to 16 pages gets there, to be the
 * smallest share.  Regions lie at the end of the run, so that a region of 2^k
 * bytes is aligned to 2^k; the header has the room in front of them:
 *
 *     |<------------- pages ----------------------------------------->|
 *     | .. | header, bitmap | .. | region 0 | region 1 | ... | last   |
 *     '------- region0 ----------'
 *
 * Headers all at offset 0 of a page would compete for one set of the CPU's
 * cache.  So a header starts at one of 2^k lines, chosen by a hash of the number
 * of the run's first page; as many as the room in front allows, and the knob
 * `stagger` makes room for more at the price of regions.
 *
 * Cost.     je_classes_init  once in a heap; then class_of[(size + 7) / 8]
 * Sources.  [Evans06], [Evans11] classes and runs.
 *
 * Read next: cache.c.
 */
#include "jemalloc.h"

enum {
	WASTE_SHARE = 32,
	RUNS_IN_CHUNK = 8,
	CACHE_LARGE_SLOTS = 20,
	COLOURS_MAX = 32
};

/* The class behind `size` in the quarter row. */
static size_t next_quarter(size_t size)
{
	if (size < 128)
		return size + 16;
	return size + ((size_t)1 << log2_floor(size) >> 2);
}

static size_t next_2006(size_t size)
{
	return size < 512 ? size + 16 : size * 2;
}

static size_t header_bytes_for(size_t regions)
{
	return sizeof(struct je_run) + (regions + 63) / 64 * 8;
}

/* The most regions of `size` that fit into `bytes` beside their header. */
static size_t regions_in(size_t bytes, size_t size, size_t reserve)
{
	size_t regions = (bytes - reserve) / size;

	if (regions > JE_REGIONS_MAX)
		regions = JE_REGIONS_MAX;
	while (regions * size + header_bytes_for(regions) + reserve > bytes)
		regions--;
	return regions;
}

/* Lays out a run of `pages` pages; returns what is no region, in bytes. */
static size_t lay_out(struct je_class *class, size_t size, size_t pages,
                      size_t reserve)
{
	size_t bytes = pages << PAGE_LOG2;
	size_t regions = regions_in(bytes, size, reserve);
	size_t header = header_bytes_for(regions);
	size_t front = bytes - regions * size;
	size_t colours = (front - header) / JE_LINE_BYTES + 1;

	if (colours > COLOURS_MAX)
		colours = COLOURS_MAX;
	*class = (struct je_class){
		.size = (uint32_t)size,
		.reciprocal =
			(uint32_t)((((uint64_t)1 << 32) + size - 1) / size),
		.region0 = (uint32_t)front,
		.regions = (uint16_t)regions,
		.header_bytes = (uint16_t)header,
		.pages = (uint8_t)pages,
		.words = (uint8_t)((regions + 63) / 64),
		.colour_mask = (uint8_t)((1u << log2_floor(colours)) - 1),
	};
	return front;
}

static void choose_run(struct je_class *class, const struct je_heap *heap,
                       size_t size)
{
	size_t reserve = heap->config.stagger * JE_LINE_BYTES;
	size_t most = heap->chunk_pages / RUNS_IN_CHUNK;
	struct je_class candidate;
	size_t least = SIZE_MAX; /* waste, in bytes of 2^16 of a run */

	for (size_t pages = 1; pages <= most && pages <= JE_RUN_PAGES_MAX;
	     pages++) {
		size_t waste = lay_out(&candidate, size, pages, reserve);
		if ((waste << 16) / pages < least) {
			least = (waste << 16) / pages;
			*class = candidate;
		}
		if (waste * WASTE_SHARE <= pages << PAGE_LOG2)
			return;
	}
}

/* Blocks of one bin that a cache may hold: two runs of them, at least 20. */
static uint16_t slots_for(const struct je_heap *heap, unsigned bin)
{
	size_t slots = CACHE_LARGE_SLOTS;

	if (bin < heap->small_classes && slots < 2 * heap->classes[bin].regions)
		slots = 2u * heap->classes[bin].regions;
	return (uint16_t)(slots < heap->config.slots ? slots
	                                             : heap->config.slots);
}

unsigned je_small_class(const struct je_heap *heap, size_t align, size_t size)
{
	unsigned class = 0;

	while (class < heap->small_classes &&
	       (heap->classes[class].size < size ||
	        heap->classes[class].size % align != 0))
		class ++;
	if (class < heap->small_classes && align < PAGE_BYTES &&
	    heap->classes[class].size < round_up(size, PAGE_BYTES))
		return class;
	return heap->small_classes;
}

static void fill_table(struct je_heap *heap)
{
	for (size_t i = 0; i <= JE_TABLE_MAX / 8; i++) {
		unsigned class = je_small_class(heap, 1, i == 0 ? 1 : i * 8);
		if (class == heap->small_classes)
			class = je_large_bin(heap, je_pages_for(i * 8));
		heap->class_of[i] = (uint8_t) class;
	}
}

/* Whether a region takes less of its run than whole pages would. */
static bool saves_memory(const struct je_class *class)
{
	size_t bytes = (size_t) class->pages << PAGE_LOG2;

	return bytes / class->regions < round_up(class->size, PAGE_BYTES);
}

void je_classes_init(struct je_heap *heap)
{
	bool is_2006 = heap->config.spacing == SPACING_2006;
	size_t max = is_2006 ? 2048 : 7168, size = 8;
	size_t cached = heap->config.cache_max >> PAGE_LOG2;
	unsigned count = 0;

	for (; size <= max; size = size == 8 ? 16
	                           : is_2006 ? next_2006(size)
	                                     : next_quarter(size)) {
		choose_run(&heap->classes[count], heap, size);
		count += saves_memory(&heap->classes[count]);
	}
	heap->small_classes = count;
	if (cached > heap->large_max_pages)
		cached = heap->large_max_pages;
	heap->no_bin = count + (unsigned)cached;
	for (unsigned bin = 0; bin < heap->no_bin; bin++)
		heap->slots[bin] = slots_for(heap, bin);
	fill_table(heap);
}
