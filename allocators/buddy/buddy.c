/*
 * buddy.c - the binary buddy allocator.
 *
 * Idea.  Every block has 2^k bytes and starts at a multiple of 2^k.  A block
 * that is too large is split into two halves, *buddies*, whose offsets differ
 * in bit k only.  So free() finds the one block it may merge with by a single
 * XOR: no boundary tags, no search.  What it costs is rounding: each request
 * takes the next power of two.
 *
 * Picture.  The first 256 bytes of an arena, units of 32 bytes, after
 * a = malloc(20), b = malloc(60):
 *
 *     offset   0       32      64              128                     256
 *              +-------+-------+---------------+-----------------------+
 *     blocks   | a  32 | . 32  |     b  64     |        . 128          | ...
 *     map      |   5   |  5F   |   6       0   |  7F    0     0     0  |
 *              +-------+-------+---------------+-----------------------+
 *     free(a): the buddy of  0 at order 5 is 0^32 = 32: free  -> [0, 64)
 *              the buddy of  0 at order 6 is 0^64 = 64: live b -> stop
 *
 * Words.
 *     order       k, of a block of 2^k bytes
 *     unit        min_block bytes, the smallest block
 *     order map   one byte a unit, outside the blocks: the order of the block
 *                 that starts there, with F if it is free; 0 inside a block
 *     split       cut a block into its buddies; the upper one becomes free
 *     merge       join a free block with its free buddy (elsewhere: coalesce)
 *     arena       max_block bytes of address space, aligned to their size
 *     top         where the blocks of an arena end.  What lies above is the
 *                 wilderness: one free block for each order that fits, known by
 *                 arithmetic alone, so none of it has to be committed
 *     chunk       a mapping of its own for a request above max_block
 *
 * A request takes the smallest free block below a top that is large enough;
 * only if there is none does an arena grow, by a page or the block, if larger.
 * [Knuth97] has no top: there the smallest of *all* blocks is split, even if a
 * larger hole lies below it.  Growing last keeps the footprint lower.
 *
 * merge=lazy leaves a freed block unmerged while the list of its order,
 * the block included, has at most `threshold` blocks; one more, and the freed
 * block is merged as far as it goes.  The next malloc of this order then finds
 * the block whole: neither merge nor split.  An unmerged pair of buddies is only
 * ever made by a free onto a list that is that short, hence I2.  ([BarkleyLee89]
 * bound each list by the live blocks of its order instead of by a constant.)
 *
 * Invariants, verified in inspect.c:buddy_check.
 *     I1  a block of order k starts at a multiple of 2^k
 *     I2  no free block has a free buddy of its own order; with merge=lazy, at
 *         most threshold / 2 pairs of each order do
 *     I3  the map says a block is free <=> it is on the list of its order
 *     I4  bit k of nonempty is set     <=> list k is not empty
 *     I5  blocks tile [0, top) of each arena; the map is 0 wherever none starts
 *     I6  with merge=eager no free block of a page or more ends at top: it
 *         belongs to the wilderness
 *     I7  the committed parts of all regions add up to the source's bytes
 *     I8  with order=address every list ascends
 *
 * Cost.   malloc, free   at most max_order - min_order splits or merges;
 *                        growing looks at every region in turn
 *         rounding       under half of a block; 1/ln 2 - 1 = 44 % of what was
 *                        asked for on average over scale [Knuth97, 2.5]
 *         metadata       1 byte a unit of the committed part
 *         holes          with at most M units live in blocks of 1 to 2^L, some
 *                        programs need M(1 + L/2) units [Robson74] and none
 *                        more than M(1 + L): tests/test_theory_buddy.c
 *
 * Memory  goes back on trim() only, and from chunks at once.  Giving the top
 *         back in free() would cost two system calls whenever a program frees
 *         and allocates around it; the threshold against that is a subject of
 *         its own (see the production designs).
 * Threads.  None: one thread at a time.
 * Sources.  [Knowlton65] idea; [Knuth97, 2.5 algorithms R and S] procedure;
 *           [BarkleyLee89] laziness.
 *
 * Files, in the order to read them.
 *     buddy.c      the algorithm: split, merge, the calls of the contract
 *     buddy.h      what a block, an arena and the order map are
 *     free_list.c  one list per order
 *     arena.c      address space and memory: arenas, large chunks, trim's part
 *     resize.c     realloc in place
 *     inspect.c    walk, check, free lists for the stepper
 *     explain.c    a dry run of one request, in words
 *     diagnose.c   the checked build's sentences
 *
 * Read next: slab/slab.c, which keeps the O(1) free and loses the rounding.
 */
#include "buddy.h"

#include <errno.h>
#include <string.h>

#include "../common/knob.h"
#include "../common/misuse.h"

enum { KNOB_MIN_BLOCK, KNOB_MAX_BLOCK, KNOB_MERGE, KNOB_THRESHOLD, KNOB_ORDER };

enum { MERGE_EAGER, MERGE_LAZY };

static const char *const merge_names[] = {"eager", "lazy", NULL};
static const char *const order_names[] = {
	[LIST_LIFO] = "lifo",
	[LIST_ADDRESS] = "address",
	NULL,
};

static const struct knob knobs[] = {
	[KNOB_MIN_BLOCK] = {.name = "min_block",
                            .unit = "bytes",
                            .initial = 32,
                            .min = sizeof(struct hole),
                            .max = PAGE_BYTES,
                            .power_of_two = true,
                            .summary = "smallest block: less of it, more map",
                            .source = ""},
	[KNOB_MAX_BLOCK] = {.name = "max_block",
                            .unit = "bytes",
                            .initial = (uint64_t)64 << 20,
                            .min = (uint64_t)1 << 20,
                            .max = (uint64_t)1 << ORDER_LIMIT,
                            .power_of_two = true,
                            .summary = "largest block, and an arena's size",
                            .source = ""},
	[KNOB_MERGE] = {.name = "merge",
                        .unit = "",
                        .initial = MERGE_EAGER,
                        .choices = merge_names,
                        .summary = "on every free, or when a list is long",
                        .source = "BarkleyLee89"},
	[KNOB_THRESHOLD] = {.name = "threshold",
                            .unit = "blocks",
                            .initial = 32,
                            .min = 0,
                            .max = (uint64_t)1 << 30,
                            .summary = "merge=lazy: longest list left unmerged",
                            .source = "BarkleyLee89"},
	[KNOB_ORDER] = {.name = "order",
                        .unit = "",
                        .initial = LIST_LIFO,
                        .choices = order_names,
                        .summary = "which block of a list is taken first",
                        .source = ""},
	{0},
};

/* There is nothing to know about a thread: its handle is the heap. */
static struct buddy_heap *heap_of(struct thread_heap *self)
{
	return (struct buddy_heap *)self;
}

static struct heap *buddy_create(const struct knob_values *values,
                                 struct page_source *pages,
                                 const char *single_thread)
{
	struct buddy_heap *heap = buddy_heap_open(pages);

	(void)single_thread; /* one OS thread at a time: no locks */
	if (heap == NULL)
		return NULL;
	heap->min_order = log2_floor(values->of[KNOB_MIN_BLOCK]);
	heap->max_order = log2_floor(values->of[KNOB_MAX_BLOCK]);
	if (values->of[KNOB_MERGE] == MERGE_LAZY)
		heap->unmerged_max = values->of[KNOB_THRESHOLD];
	heap->list_order = (enum buddy_list_order)values->of[KNOB_ORDER];
	return (struct heap *)heap;
}

static void buddy_destroy(struct heap *heap)
{
	buddy_heap_close(buddy_of(heap));
}

static struct thread_heap *buddy_attach(struct heap *heap)
{
	return (struct thread_heap *)heap;
}

static void buddy_detach(struct thread_heap *self)
{
	(void)self;
}

/* ---- the wilderness ----------------------------------------------------- */

/* Finds the free block of a page or more that ends at top. */
static bool free_block_below_top(const struct buddy_heap *heap,
                                 struct arena *arena, struct block *block)
{
	for (unsigned k = PAGE_ORDER; k <= heap->max_order; k++) {
		if (arena->top % order_bytes(k) != 0 ||
		    arena->top < order_bytes(k))
			return false;
		*block = block_of(arena, arena->top - order_bytes(k), k);
		if (block_is_free(heap, *block))
			return true;
	}
	return false;
}

/* Gives the free blocks that end at top to the wilderness (I6). */
static void lower_top(struct buddy_heap *heap, struct arena *arena)
{
	struct block last;

	while (free_block_below_top(heap, arena, &last)) {
		buddy_list_remove(heap, last);
		arena->top = last.offset;
		heap->stats.merges++;
	}
}

/* ---- merge -------------------------------------------------------------- */

/*
 * Merges `block`, which is on no list, with free buddies as far as it goes;
 * returns what has become of it.
 */
static struct block merge_up(struct buddy_heap *heap, struct block block)
{
	while (block.order < heap->max_order) {
		struct block buddy = block_buddy(block);
		if (!block_is_free(heap, buddy))
			break;
		buddy_list_remove(heap, buddy);
		if (buddy.offset < block.offset)
			block.offset = buddy.offset; /* [buddy][block] => */
		block.order++;                       /* [--- block ---]   */
		heap->stats.merges++;
	}
	assert(block.offset % order_bytes(block.order) == 0 && "I1");
	return block;
}

/* Makes a block that is on no list, and that no map byte names, free. */
static void release(struct buddy_heap *heap, struct block block)
{
	struct arena *arena = block.arena;

	block = merge_up(heap, block);
	if (block.order < PAGE_ORDER || block_end(block) != arena->top) {
		buddy_list_insert(heap, block);
		return;
	}
	arena->top = block.offset;
	heap->stats.merges++;
	lower_top(heap, arena);
}

/* Merges the free buddies on one list; O(its length). */
static void merge_list(struct buddy_heap *heap, unsigned order)
{
	struct hole *next;

	for (struct hole *at = heap->list[order]; at != NULL; at = next) {
		struct block block = block_at(heap, at);
		struct block buddy = block_buddy(block);
		next = at->next;
		if (!block_is_free(heap, buddy))
			continue;
		if ((char *)next == block_start(buddy))
			next = next->next; /* the buddy will be gone */
		buddy_list_remove(heap, block);
		buddy_list_insert(heap, merge_up(heap, block));
	}
}

/* Merges all that merge=lazy has left; true if there was anything. */
static bool merge_all(struct buddy_heap *heap)
{
	uint64_t merges = heap->stats.merges;
	struct region *at;

	if (heap->unmerged_max == 0)
		return false;
	for (unsigned k = heap->min_order; k < heap->max_order; k++)
		merge_list(heap, k);
	TAILQ_FOREACH (at, &heap->regions, by_address)
		if (at->kind == REGION_ARENA)
			lower_top(heap, (struct arena *)at);
	return heap->stats.merges > merges;
}

/* ---- malloc ------------------------------------------------------------- */

struct block buddy_find_free(const struct buddy_heap *heap, unsigned order)
{
	uint64_t enough = heap->nonempty >> order << order;

	if (enough == 0)
		return block_of(NULL, 0, order);
	return block_at(heap, heap->list[__builtin_ctzl(enough)]);
}

struct block buddy_find_wilderness(const struct buddy_heap *heap,
                                   unsigned order)
{
	struct region *at;

	if (order < PAGE_ORDER)
		order = PAGE_ORDER;
	TAILQ_FOREACH (at, &heap->regions, by_address) {
		struct arena *arena = (struct arena *)at;
		if (at->kind != REGION_ARENA)
			continue;
		size_t offset = round_up(arena->top, order_bytes(order));
		if (offset + order_bytes(order) <= arena->bytes)
			return block_of(arena, offset, order);
	}
	return block_of(NULL, 0, order);
}

/*
 * Moves top up to the end of `block`, which lies above it.  The blocks between,
 * each as large as its start allows, become free.  False: ENOMEM.
 *
 *     top                                        top
 *     |....................  =>  |. 4096|. 8192|block|....
 */
static bool raise_top(struct buddy_heap *heap, struct block block)
{
	struct arena *arena = block.arena;
	size_t from = arena->top;

	if (!buddy_arena_commit(heap, arena, block_end(block)))
		return false;
	arena->top = block_end(block);
	while (from < block.offset) {
		unsigned order = (unsigned)__builtin_ctzl(from);
		release(heap, block_of(arena, from, order));
		from += order_bytes(order);
	}
	return true;
}

/* Takes a block from the wilderness, of a new arena if need be. */
static bool grow(struct buddy_heap *heap, unsigned order, struct block *block)
{
	*block = buddy_find_wilderness(heap, order);
	if (block->arena != NULL)
		return raise_top(heap, *block);
	struct arena *arena = buddy_arena_open(heap, block->order);
	if (arena == NULL)
		return false;
	*block = block_of(arena, 0, block->order);
	if (raise_top(heap, *block))
		return true;
	buddy_arena_close(heap, arena);
	return false;
}

/* Takes a block of at least `order` out of the free ones; false: ENOMEM. */
static bool take(struct buddy_heap *heap, unsigned order, struct block *block)
{
	*block = buddy_find_free(heap, order);
	if (block->arena == NULL)
		return grow(heap, order, block);
	buddy_list_remove(heap, *block);
	if (block->order == order)
		heap->stats.exact_fits++;
	return true;
}

void *buddy_split(struct buddy_heap *heap, struct block block, unsigned order)
{
	while (block.order > order) {
		block.order--; /* [--- block ---] => [block][upper] */
		release(heap, block_buddy(block)); /* perhaps it ends at top */
		heap->stats.splits++;
	}
	*map_byte(heap, block.arena, block.offset) = (uint8_t)order;
	return block_start(block);
}

static void *buddy_aligned_malloc(struct thread_heap *self, size_t align,
                                  size_t size)
{
	struct buddy_heap *heap = heap_of(self);
	struct block block;

	if (size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	if (size > arena_bytes(heap) || align > arena_bytes(heap))
		return buddy_chunk_open(heap, align, size);
	unsigned order = order_for(heap, align, size);
	if (!take(heap, order, &block) &&
	    !(merge_all(heap) && take(heap, order, &block)))
		return NULL;
	return buddy_split(heap, block, order);
}

static void *buddy_malloc(struct thread_heap *self, size_t size)
{
	return buddy_aligned_malloc(self, MALLOC_ALIGN_BYTES, size);
}

static void *buddy_zero_malloc(struct thread_heap *self, size_t size)
{
	void *block = buddy_malloc(self, size);

	if (block != NULL && size <= arena_bytes(heap_of(self)))
		memset(block, 0, size); /* a chunk is fresh */
	return block;
}

/* ---- free --------------------------------------------------------------- */

static void buddy_free(struct thread_heap *self, void *start)
{
	struct buddy_heap *heap = heap_of(self);

	if (start == NULL)
		return;
	if (CHECKED)
		buddy_require_live(heap, start);
	struct region *region = region_of(heap, start);
	if (region->kind == REGION_CHUNK) {
		buddy_chunk_close(heap, (struct chunk *)region);
		return;
	}
	struct block block = block_at(heap, start);
	*map_byte(heap, block.arena, block.offset) = INSIDE;
	if (heap->length[block.order] < heap->unmerged_max)
		buddy_list_insert(heap, block);
	else
		release(heap, block);
}

/* ---- the rest of the contract ------------------------------------------- */

static size_t buddy_usable_size(struct heap *heap, const void *start)
{
	struct region *region = region_of(buddy_of(heap), start);

	if (region->kind == REGION_CHUNK)
		return ((struct chunk *)region)->bytes;
	return order_bytes(block_at(buddy_of(heap), start).order);
}

static void *buddy_realloc(struct thread_heap *self, void *block, size_t size)
{
	struct buddy_heap *heap = heap_of(self);

	if (block == NULL)
		return buddy_malloc(self, size);
	if (CHECKED)
		buddy_require_live(heap, block);
	if (buddy_resize(heap, block, size))
		return block;
	void *moved = buddy_malloc(self, size);
	if (moved == NULL)
		return NULL;
	size_t usable = buddy_usable_size((struct heap *)heap, block);
	memcpy(moved, block, size < usable ? size : usable);
	heap->stats.moves++;
	buddy_free(self, block);
	return moved;
}

static size_t buddy_trim(struct heap *heap)
{
	struct buddy_heap *self = buddy_of(heap);
	size_t before = self->pages->committed_bytes;
	struct region *at, *next;

	merge_all(self);
	for (at = TAILQ_FIRST(&self->regions); at != NULL; at = next) {
		next = TAILQ_NEXT(at, by_address);
		if (at->kind == REGION_ARENA)
			buddy_arena_trim(self, (struct arena *)at);
	}
	return before - self->pages->committed_bytes;
}

static void buddy_stats(struct heap *heap, struct heap_stats *out)
{
	*out = buddy_of(heap)->stats;
}

const struct allocator buddy_allocator = {
	.name = "buddy",
	.summary = "powers of two, split in halves and merged by XOR",
	.source = "Knowlton65",
	.knobs = knobs,
	.create = buddy_create,
	.destroy = buddy_destroy,
	.attach = buddy_attach,
	.detach = buddy_detach,
	.malloc = buddy_malloc,
	.zero_malloc = buddy_zero_malloc,
	.aligned_malloc = buddy_aligned_malloc,
	.realloc = buddy_realloc,
	.free = buddy_free,
	.usable_size = buddy_usable_size,
	.trim = buddy_trim,
	.stats = buddy_stats,
	.walk = buddy_walk,
	.check = buddy_check,
	.free_lists = buddy_free_lists,
	.explain = buddy_explain,
};
