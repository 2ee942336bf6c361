/*
 * pages.c - a page heap: runs of pages from a buddy over lazily used arenas.
 *
 * Idea.  Slabs and large blocks need runs of whole pages.  A buddy system keeps
 * the free ones: a free block has 2^k pages, starts at a multiple of 2^k, and
 * merges with its buddy, which one XOR finds.  A run need not be a power of
 * two: what is left of the block goes back as smaller blocks.  The order and
 * the links of a block are kept in the page map, outside the pages, so that
 * free pages can be without memory.
 *
 * An arena of 16 pages, the first of them its page map, after
 * a = alloc(3), b = alloc(1), free(a):
 *
 *     page     0     1       2       4       6   7                      16
 *            +-----+-----+-------+-------+-----+-------------------------+
 *            | map |  b  | free  | free  |free | never used, no memory   |
 *            +-----+-----+-------+-------+-----+-------------------------+
 *     order                  1       1      0   ^ top
 *
 *     alloc(3) wants a multiple of 4: a = pages 4..6, and top moves to 7.  The
 *     pages 1..3 are skipped over and become free blocks without memory.
 *     alloc(1) takes the block of order 0 at page 1 and commits it.
 *     free(a) gives back 4..5 and 6: buddy 6..7 of 4..5 is not all free.
 *
 * Words.
 *     block   2^order free pages on free[order]
 *     run     pages that were allocated together, any number of them
 *     backed  a page that is committed; free ones may lose their memory.  A
 *             larger backed block is cut before a smaller one that is not
 *     top     the pages from here on are in no block and have no memory:
 *             carving them is the last choice before a new arena
 *     tail    the free blocks that end at top
 *     chunk   an arena of its own for a run of more than half an arena
 *
 * Invariants, verified in kpages_check().
 *     I1  a free block of order k starts at a multiple of 2^k and ends below
 *         top
 *     I2  no free block has a free buddy of its own order
 *     I3  free[k] holds the free blocks of order k and no others, those whose
 *         first page is backed before the rest; bit k of nonempty says whether
 *         there are any
 *     I4  slabs, large blocks and free blocks tile the pages from first to
 *         top; those in use are backed; used and free_backed count them
 *
 * Cost.     alloc, free  O(log pages of an arena), and O(pages of the run) to
 *                        write its entries; O(arenas) where neither a free
 *                        block nor the arena used last serves
 *           metadata     24 bytes a page, 0.6 %, up to the highest page used
 * Threads.  None: one thread at a time.
 * Sources.  [Knuth97, 2.5] the buddy system; [Bonwick94, 3.2] slabs on pages.
 *
 * Read next: layout.c, how a run of pages becomes a slab.
 */
#include "pages.h"

#include <assert.h>
#include <errno.h>

#include "arena.h"

/* Runs of this order get a chunk, as an arena's own map is in the way. */
static unsigned chunk_order(const struct kpages *pages)
{
	return log2_floor(pages->arena_bytes) - PAGE_LOG2;
}

void kpages_open(struct kpages *pages, struct page_source *source,
                 struct heap_stats *stats, size_t arena_bytes,
                 size_t keep_pages)
{
	*pages = (struct kpages){.source = source,
	                         .stats = stats,
	                         .arena_bytes = arena_bytes,
	                         .keep_pages = keep_pages};
	for (unsigned k = 0; k < PAGE_ORDERS; k++)
		TAILQ_INIT(&pages->free[k]);
	TAILQ_INIT(&pages->arenas);
}

/* ---- free blocks --------------------------------------------------------- */

static void block_push(struct kpages *pages, struct page *page, unsigned order)
{
	page->use = PAGE_FREE;
	page->order = (uint8_t)order;
	if (page->backed)
		TAILQ_INSERT_HEAD(&pages->free[order], page, link);
	else
		TAILQ_INSERT_TAIL(&pages->free[order], page, link);
	pages->nonempty |= (uint32_t)1 << order;
}

static void block_unlink(struct kpages *pages, struct page *page)
{
	unsigned order = page->order;

	TAILQ_REMOVE(&pages->free[order], page, link);
	if (TAILQ_EMPTY(&pages->free[order]))
		pages->nonempty &= ~((uint32_t)1 << order);
	page->use = PAGE_INSIDE;
}

/* The free buddy of a block, or NULL. */
static struct page *free_buddy(struct arena *arena, size_t number,
                               unsigned order)
{
	size_t buddy = number ^ ((size_t)1 << order);

	if (buddy + ((size_t)1 << order) > arena->top)
		return NULL; /* the map may end here */
	struct page *page = &arena->page[buddy];
	return page->use == PAGE_FREE && page->order == order ? page : NULL;
}

/* Puts a block that is on no list onto one, after merging it (I2). */
static void block_free(struct kpages *pages, struct arena *arena, size_t number,
                       unsigned order)
{
	struct page *buddy;

	while ((buddy = free_buddy(arena, number, order)) != NULL) {
		block_unlink(pages, buddy);
		number &= ~((size_t)1 << order); /* [buddy][this] -> [both] */
		order++;
		pages->stats->merges++;
	}
	block_push(pages, &arena->page[number], order);
}

/*
 * Frees the pages [from, end) as the fewest aligned blocks; returns how many
 * they are.  For the rest of a block whose first pages were taken these are the
 * buddies that halving it again and again would have left.
 */
static unsigned run_free(struct kpages *pages, struct arena *arena, size_t from,
                         size_t end)
{
	unsigned blocks = 0;

	while (from < end) {
		unsigned order = log2_floor(end - from);
		unsigned aligned = (unsigned)__builtin_ctzl(from);
		if (aligned < order)
			order = aligned;
		block_free(pages, arena, from, order);
		from += (size_t)1 << order;
		blocks++;
	}
	return blocks;
}

/*
 * The list to take a block of `order` at least from: the smallest order with a
 * block that has memory, else the smallest of all; PAGE_ORDERS if there is none.
 */
static unsigned order_to_cut(const struct kpages *pages, unsigned order)
{
	uint32_t at_least = pages->nonempty >> order << order;

	for (uint32_t rest = at_least; rest != 0; rest &= rest - 1) {
		unsigned k = (unsigned)__builtin_ctz(rest);
		if (TAILQ_FIRST(&pages->free[k])->backed)
			return k;
	}
	return at_least == 0 ? PAGE_ORDERS : (unsigned)__builtin_ctz(at_least);
}

/*
 * Commits the run [number, number + count), on no list, and counts it as used;
 * false with errno = ENOMEM.
 */
static bool run_use(struct kpages *pages, struct arena *arena, size_t number,
                    size_t count)
{
	long before = kpages_back(pages, arena, number, number + count);

	if (before < 0)
		return false;
	pages->free_backed -= (size_t)before;
	arena->page[number].fresh = before == 0;
	arena->used += count;
	return true;
}

/* Takes a run from the start of the first block of order `found`. */
static struct page *block_take(struct kpages *pages, size_t count,
                               unsigned found)
{
	struct page *page = TAILQ_FIRST(&pages->free[found]);
	struct arena *arena = arena_of_page(pages, page);
	size_t number = page_number(arena, page);
	size_t end = number + ((size_t)1 << found);

	block_unlink(pages, page);
	if (!run_use(pages, arena, number, count)) {
		run_free(pages, arena, number, end);
		return NULL;
	}
	/* [------ 2^found ------] -> [count][buddies] */
	unsigned cuts = run_free(pages, arena, number + count, end);
	pages->stats->splits += cuts;
	pages->stats->exact_fits += cuts == 0;
	return page;
}

/* Moves the top down to `from`, over free blocks: their memory is purged. */
static void lower_top(struct kpages *pages, struct arena *arena, size_t from)
{
	for (size_t number = from; number < arena->top;) {
		struct page *page = &arena->page[number];
		number += (size_t)1 << page->order;
		block_unlink(pages, page);
	}
	pages->free_backed -= kpages_unback(pages, arena, from, arena->top);
	arena->top = from;
}

/* Gives an arena back, free blocks and map. */
static void arena_release(struct kpages *pages, struct arena *arena)
{
	lower_top(pages, arena, arena->first);
	kpages_arena_unmap(pages, arena);
}

/* After a refusal: a new arena that nothing lives in must not stay. */
static void release_if_unused(struct kpages *pages, struct arena *arena)
{
	if (arena->used == 0)
		arena_release(pages, arena);
	errno = ENOMEM;
}

/* ---- pages above a top --------------------------------------------------- */

/*
 * Where the tail of an arena begins; at top if there is none.  A run of 300
 * pages is cut from a block of 512, but freed below top it is blocks of 256,
 * 32, 8 and 4, which cannot serve the next such run.  The tail, taken together
 * with the pages above top, can.
 */
static size_t tail_start(const struct arena *arena)
{
	size_t tail = arena->top;
	unsigned order = 0;

	while ((size_t)1 << order <= tail - arena->first) {
		size_t number = tail - ((size_t)1 << order);
		const struct page *page = &arena->page[number];
		if (page->use == PAGE_FREE && page->order == order) {
			tail = number; /* [block][tail] -> [--- tail ---] */
			order = 0;
		} else {
			order++;
		}
	}
	return tail;
}

/* Where a run begins that is carved above `from`: at a multiple of 2^order. */
static size_t place_above(size_t from, unsigned order)
{
	return round_up(from, (size_t)1 << order);
}

static bool has_room(const struct arena *arena, size_t from, size_t count,
                     unsigned order)
{
	return place_above(from, order) + count <= arena->pages;
}

/* An arena and a top of it: the present one, or where its tail starts. */
struct room {
	struct arena *arena; /* NULL: no arena has room */
	size_t top;
};

/* Above which top to carve: that of the arena used last, else the lowest. */
static struct room find_room(const struct kpages *pages, size_t count,
                             unsigned order)
{
	struct arena *arena = pages->open;

	if (arena != NULL && has_room(arena, arena->top, count, order))
		return (struct room){arena, arena->top};
	TAILQ_FOREACH (arena, &pages->arenas, by_address)
		if (!arena->is_chunk &&
		    has_room(arena, arena->top, count, order))
			return (struct room){arena, arena->top};
	TAILQ_FOREACH (arena, &pages->arenas, by_address)
		if (!arena->is_chunk &&
		    has_room(arena, tail_start(arena), count, order))
			return (struct room){arena, tail_start(arena)};
	return (struct room){NULL, 0};
}

/* Moves the top up to `end`, on pages that the map describes. */
static void raise_top(struct arena *arena, size_t end)
{
	for (size_t i = arena->top; i < end; i++)
		arena->page[i].use = PAGE_INSIDE;
	arena->top = end;
}

/* Carves `count` pages above a top; those skipped to align them are free. */
static struct page *carve_top(struct kpages *pages, size_t count,
                              unsigned order)
{
	struct room room = find_room(pages, count, order);
	struct arena *arena = room.arena;
	size_t run = count > (size_t)1 << order ? count : (size_t)1 << order;

	if (arena != NULL)
		lower_top(pages, arena, room.top);
	else if ((arena = kpages_arena_new(pages, run)) == NULL)
		return NULL;
	size_t skipped = arena->top;
	size_t number = place_above(skipped, order);
	if (!kpages_arena_extend_map(pages, arena, number + count) ||
	    !run_use(pages, arena, number, count)) {
		kpages_arena_cut_map(pages, arena);
		release_if_unused(pages, arena);
		return NULL;
	}
	pages->open = arena;
	raise_top(arena, number + count);
	run_free(pages, arena, skipped, number);
	return &arena->page[number];
}

/* ---- allocate and free --------------------------------------------------- */

struct page *kpages_alloc(struct kpages *pages, size_t count, size_t align)
{
	assert(count > 0 && is_power_of_two(align));
	unsigned order = log2_ceil(count > align ? count : align);

	if (order >= chunk_order(pages))
		return kpages_chunk_map(pages, count, align);
	unsigned found = order_to_cut(pages, order);
	if (found < PAGE_ORDERS)
		return block_take(pages, count, found);
	return carve_top(pages, count, order);
}

void kpages_cut(struct kpages *pages, struct page *page, size_t count,
                size_t kept)
{
	struct arena *arena = arena_of_page(pages, page);
	size_t from = page_number(arena, page) + kept;
	size_t end = from + count - kept;

	if (arena->is_chunk) {
		kpages_chunk_cut(pages, arena, count - kept);
		return;
	}
	for (size_t i = from; i < end; i++)
		arena->page[i].use = PAGE_INSIDE;
	arena->used -= end - from;
	if (pages->free_backed + (end - from) > pages->keep_pages)
		kpages_unback(pages, arena, from, end);
	else
		pages->free_backed += end - from;
	run_free(pages, arena, from, end);
}

void kpages_free(struct kpages *pages, struct page *page, size_t count)
{
	kpages_cut(pages, page, count, 0);
}

/* ---- runs that grow in place --------------------------------------------- */

/*
 * A block that covers the page behind a run starts there, for it cannot reach
 * into the run.  So the free pages behind a run are found block by block.
 */
static size_t free_pages_end(const struct arena *arena, size_t end, size_t goal)
{
	while (end < goal && end < arena->top &&
	       arena->page[end].use == PAGE_FREE)
		end += (size_t)1 << arena->page[end].order;
	return end;
}

bool kpages_can_extend(const struct kpages *pages, const struct page *page,
                       size_t count, size_t wanted)
{
	const struct arena *arena = arena_of_page(pages, page);
	size_t end = page_number(arena, page) + count;
	size_t goal = page_number(arena, page) + wanted;

	if (arena->is_chunk || goal > arena->pages)
		return false;
	end = free_pages_end(arena, end, goal);
	return end >= goal || end == arena->top;
}

bool kpages_extend(struct kpages *pages, struct page *page, size_t count,
                   size_t wanted)
{
	struct arena *arena = arena_of_page(pages, page);
	size_t from = page_number(arena, page) + count;
	size_t goal = page_number(arena, page) + wanted, end = from;

	if (!kpages_can_extend(pages, page, count, wanted))
		return false;
	while (end < goal && end < arena->top) {
		struct page *block = &arena->page[end];
		end += (size_t)1 << block->order;
		block_unlink(pages, block);
	}
	if (!kpages_arena_extend_map(pages, arena, goal) ||
	    !run_use(pages, arena, from, goal - from)) {
		kpages_arena_cut_map(pages, arena);
		run_free(pages, arena, from, end);
		return false;
	}
	if (goal > arena->top)
		raise_top(arena, goal);
	/* [run][blocks] -> [--- run ---][rest] */
	pages->stats->splits += run_free(pages, arena, goal, end);
	return true;
}

/* ---- give back ----------------------------------------------------------- */

/* Purges the free pages of an arena in use. */
static void arena_trim(struct kpages *pages, struct arena *arena)
{
	size_t number = arena->first;

	while (!arena->is_chunk && number < arena->top) {
		const struct page *page = &arena->page[number];
		size_t count = 1;
		if (page->use == PAGE_FREE) {
			count = (size_t)1 << page->order;
			pages->free_backed -= kpages_unback(
				pages, arena, number, number + count);
		}
		number += count;
	}
}

void kpages_trim(struct kpages *pages)
{
	struct arena *arena = TAILQ_FIRST(&pages->arenas), *next;

	for (; arena != NULL; arena = next) {
		next = TAILQ_NEXT(arena, by_address);
		if (arena->used == 0)
			arena_release(pages, arena);
		else
			arena_trim(pages, arena);
	}
}

void kpages_close(struct kpages *pages)
{
	struct arena *arena;

	while ((arena = TAILQ_FIRST(&pages->arenas)) != NULL) {
		if (arena->is_chunk) {
			kpages_chunk_cut(pages, arena, arena->used);
			continue;
		}
		kpages_unback(pages, arena, arena->first, arena->top);
		kpages_arena_unmap(pages, arena);
	}
}

void *kpages_predict(const struct kpages *pages, size_t count, size_t align,
                     size_t *block_pages)
{
	unsigned order = log2_ceil(count > align ? count : align);

	*block_pages = 0;
	if (order >= chunk_order(pages))
		return NULL;
	unsigned found = order_to_cut(pages, order);
	if (found < PAGE_ORDERS) {
		*block_pages = (size_t)1 << found;
		return kpages_address(pages, TAILQ_FIRST(&pages->free[found]));
	}
	struct room room = find_room(pages, count, order);
	if (room.arena == NULL)
		return NULL;
	return page_address(room.arena, place_above(room.top, order));
}
