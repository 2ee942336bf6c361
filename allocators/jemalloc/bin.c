/*
 * bin.c - small runs: regions of one size, and the bin of their class.
 *
 * Idea.  A bin takes regions from its current run, the lowest free one first.
 * When that is full, the lowest of the other runs that have a free region is
 * next, and only without any a new run is made.  Filling from low addresses
 * leaves the high runs to empty, and an empty run gives its pages back at once.
 *
 *     bin 64        current ----------> [header|####.##.....]
 *       runs, by address                   1: free  0: taken, in header.bits
 *              (b)                      a [header|###.########]
 *             /   \                     b [header|.#.#.#......]
 *           (a)   (c)                   c [header|######.#.#..]
 *                                    full [header|############]  in no tree
 *
 * A free into a full run puts it into the tree, or makes it the current one if
 * it lies lower.  So the current run is below all runs of the tree.
 *
 * Where a region belongs.  The map's entry of its page says how many pages back
 * the run starts; a hash of that says on which line the header is; the number of
 * the region is its offset times 2^32 / size, shifted.
 *
 * Invariants, verified in check.c.
 *     I6   a run's `free` is the number of its bits, all below `regions` and
 *          none below `first_word`
 *     I7   a run is current, or in its bin's tree with 0 < free, or full; no
 *          run is empty; the current run is below those of the tree
 *     I8   `run_count` and `used` are those of the arena's runs
 *
 * Cost.     fill    a bit scan for each region
 *           free    a division by multiplying, a bit; O(log runs) where a run
 *                   stops being full
 * Threads.  The bin's lock; the arena's within it where a run is made or goes.
 *           (The original drops the bin's lock for that, and looks again.)
 * Sources.  [Evans06], [Evans11].
 *
 * Read next: pages.c, where runs come from.
 */
#include "jemalloc.h"

static const uint32_t GOLDEN_RATIO = 2654435769; /* of 2^32 */

static int compare(const struct je_run *a, const struct je_run *b)
{
	return (a > b) - (a < b);
}

RB_GENERATE(je_run_tree, je_run, link, compare)

/*
 * The header of the run whose first page is `page`.  The line is a hash of the
 * number [Knuth98, 6.4]: runs often start at multiples of their length, which
 * the lowest bits alone would put on few lines.
 */
static struct je_run *header_at(const struct je_class *class,
                                const struct je_chunk *chunk, uint32_t page)
{
	uint32_t line = page * GOLDEN_RATIO >> 24 & class->colour_mask;

	return (struct je_run *)(je_page_address(chunk, page) +
	                         line * JE_LINE_BYTES);
}

struct je_run *je_run_at(const struct je_heap *heap,
                         const struct je_chunk *chunk, uint32_t page)
{
	uint32_t entry = chunk->map[page];

	return header_at(&heap->classes[entry & ENTRY_BIN], chunk,
	                 page - je_entry_number(entry));
}

/* ---- making and unmaking runs ------------------------------------------- */

static void init_run(const struct je_class *class, unsigned number,
                     struct je_run *run)
{
	run->free = class->regions;
	run->first_word = 0;
	run->bin = (uint8_t)number;
	for (unsigned i = 0; i < class->words; i++)
		run->bits[i] = UINT64_MAX;
	if (class->regions % 64 != 0)
		run->bits[class->words - 1] =
			((uint64_t)1 << class->regions % 64) - 1;
}

static struct je_run *make_run(struct je_arena *arena, unsigned number)
{
	struct je_heap *heap = arena->heap;
	const struct je_class *class = &heap->classes[number];
	struct je_run *run = NULL;
	bool fresh;

	je_lock(heap, &arena->lock);
	char *start = je_pages_take(arena, class->pages, 1, &fresh);
	if (start != NULL) {
		struct je_chunk *chunk = je_chunk_of(heap, start);
		uint32_t page = je_page_of(heap, start);
		for (uint32_t i = 0; i < class->pages; i++)
			chunk->map[page + i] = i << ENTRY_NUMBER_SHIFT |
			                       ENTRY_ALLOCATED | ENTRY_BACKED |
			                       number;
		run = header_at(class, chunk, page);
		init_run(class, number, run);
	}
	je_unlock(heap, &arena->lock);
	if (run != NULL)
		counter_add(&arena->bins[number].run_count, 1);
	return run;
}

static void unmake_run(struct je_arena *arena, struct je_bin *bin,
                       struct je_run *run)
{
	struct je_heap *heap = arena->heap;
	const struct je_class *class = &heap->classes[run->bin];

	counter_add(&bin->run_count, (uint64_t)-1);
	je_lock(heap, &arena->lock);
	je_pages_give(arena, je_chunk_of(heap, run), je_page_of(heap, run),
	              class->pages);
	je_unlock(heap, &arena->lock);
}

/* ---- the tree of runs that are neither full nor current ----------------- */

struct je_run *je_bin_lowest(const struct je_bin *bin, uint64_t *links)
{
	struct je_run *run = RB_ROOT(&bin->runs);

	if (run == NULL)
		return NULL;
	for (++*links; RB_LEFT(run, link) != NULL; ++*links)
		run = RB_LEFT(run, link);
	return run;
}

static void insert(struct je_bin *bin, struct je_run *run)
{
	struct je_run **link = &RB_ROOT(&bin->runs), *parent = NULL;
	uint64_t links = 0;

	while (*link != NULL) {
		parent = *link;
		links++;
		link = run < parent ? &RB_LEFT(parent, link)
		                    : &RB_RIGHT(parent, link);
	}
	RB_SET(run, parent, link);
	*link = run;
	je_run_tree_RB_INSERT_COLOR(&bin->runs, run);
	counter_add(&bin->links, links);
}

/* Moves on from a full current run; false if there is no memory for a new one. */
static bool next_run(struct je_arena *arena, unsigned number)
{
	struct je_bin *bin = &arena->bins[number];
	uint64_t links = 0;
	struct je_run *lowest = je_bin_lowest(bin, &links);

	if (lowest != NULL) {
		RB_REMOVE(je_run_tree, &bin->runs, lowest);
		counter_add(&bin->searches, 1);
		counter_add(&bin->links, links);
	} else {
		lowest = make_run(arena, number);
	}
	if (lowest != NULL)
		bin->current = lowest;
	return lowest != NULL;
}

/* ---- fill --------------------------------------------------------------- */

/* Takes up to `count` regions of one run, the lowest first. */
static size_t take_regions(const struct je_class *class, struct je_run *run,
                           void **out, size_t count)
{
	char *region0 = je_run_start(run) + class->region0;
	unsigned word = run->first_word;
	size_t taken = 0;

	if (count > run->free)
		count = run->free;
	while (taken < count) {
		uint64_t bits = run->bits[word];
		for (; bits != 0 && taken < count; bits &= bits - 1) {
			size_t region =
				word * 64u + (unsigned)__builtin_ctzll(bits);
			out[taken++] = region0 + region * class->size;
		}
		run->bits[word] = bits;
		word += bits == 0;
	}
	run->first_word = (uint16_t)word;
	run->free = (uint16_t)(run->free - count);
	return count;
}

size_t je_bin_fill(struct je_arena *arena, unsigned number, void **out,
                   size_t count)
{
	struct je_heap *heap = arena->heap;
	const struct je_class *class = &heap->classes[number];
	struct je_bin *bin = &arena->bins[number];
	size_t taken = 0;

	je_lock(heap, &bin->lock);
	while (taken < count) {
		if ((bin->current == NULL || bin->current->free == 0) &&
		    !next_run(arena, number))
			break;
		taken += take_regions(class, bin->current, out + taken,
		                      count - taken);
	}
	counter_add(&bin->used, taken);
	je_unlock(heap, &bin->lock);
	return taken;
}

/* ---- free --------------------------------------------------------------- */

/* A run that has a free region again. */
static void join(struct je_bin *bin, struct je_run *run)
{
	struct je_run *current = bin->current;

	if (current == NULL || run > current) {
		insert(bin, run); /* the next refill takes the lowest of all */
		return;
	}
	if (current->free > 0)
		insert(bin, current);
	bin->current = run;
}

/* A run without a live region leaves the bin. */
static void leave(struct je_arena *arena, struct je_bin *bin,
                  struct je_run *run)
{
	if (run == bin->current)
		bin->current = NULL;
	else if (run->free > 1)
		RB_REMOVE(je_run_tree, &bin->runs, run);
	unmake_run(arena, bin, run);
}

static void free_locked(struct je_arena *arena, const struct je_chunk *chunk,
                        unsigned number, void *block)
{
	const struct je_heap *heap = arena->heap;
	const struct je_class *class = &heap->classes[number];
	struct je_bin *bin = &arena->bins[number];
	struct je_run *run = je_run_at(heap, chunk, je_page_of(heap, block));
	size_t region = je_region_of(class, run, block);

	if (CHECKED && je_region_is_free(run, region))
		misuse("jemalloc", block,
		       "double free: the region is free in its run at %p",
		       (void *)run);
	run->bits[region / 64] |= (uint64_t)1 << region % 64;
	if (region / 64 < run->first_word)
		run->first_word = (uint16_t)(region / 64);
	run->free++;
	if (run->free == class->regions)
		leave(arena, bin, run);
	else if (run->free == 1 && run != bin->current)
		join(bin, run);
}

void je_bin_free(struct je_heap *heap, unsigned number, void **blocks,
                 size_t count)
{
	while (count > 0) {
		struct je_arena *arena = je_chunk_of(heap, blocks[0])->arena;
		struct je_bin *bin = &arena->bins[number];
		size_t others = 0;

		je_lock(heap, &bin->lock);
		for (size_t i = 0; i < count; i++) {
			struct je_chunk *chunk = je_chunk_of(heap, blocks[i]);
			if (chunk->arena == arena)
				free_locked(arena, chunk, number, blocks[i]);
			else
				blocks[others++] = blocks[i];
		}
		counter_add(&bin->used, others - count);
		je_unlock(heap, &bin->lock);
		count = others;
	}
}
