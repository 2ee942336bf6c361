/*
 * buddy.h - what the files of the buddy allocator share: blocks, arenas, the
 * order map and the free lists.
 *
 * The heap holds *regions* of the source, linked in address order:
 *
 *     heap     one page: struct buddy_heap
 *     arena    | order map -> ... | struct arena | blocks -> ...        |
 *                                                ^ base, aligned to max_block
 *     chunk    | struct chunk | one large block |
 *                             ^ aligned to max_block
 *
 * A descriptor fills the page before the blocks, so that the address of any
 * block, rounded down to max_block and less one page, is its descriptor.
 */
#ifndef ALLOCATORS_BUDDY_BUDDY_H
#define ALLOCATORS_BUDDY_BUDDY_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "../allocator.h"
#include "../common/bits.h"
#include "../common/heap_stats.h"
#include "../common/page_source.h"

enum {
	ORDER_LIMIT = 30, /* of the largest block: 1 GiB              */
	ORDERS = ORDER_LIMIT + 1,
	PAGE_ORDER = PAGE_LOG2, /* the arena grows by blocks of this order  */
};

/* A byte of the order map. */
enum {
	INSIDE = 0,       /* no block starts at this unit    */
	FREE_FLAG = 0x80, /* added to the order if it is free */
};

/* How a list takes a freed block. */
enum buddy_list_order { LIST_LIFO, LIST_ADDRESS };

/* What a free block holds in its first bytes. */
struct hole {
	struct hole *next, *prev;
};

static_assert(sizeof(struct hole) <= 16, "links fit the smallest block");

enum region_kind { REGION_HEAP, REGION_ARENA, REGION_CHUNK };

/* The start of each descriptor. */
struct region {
	TAILQ_ENTRY(region) by_address;
	enum region_kind kind;
};

TAILQ_HEAD(region_list, region);

struct arena {
	struct region region;
	char *base;           /* of the blocks                            */
	size_t bytes;         /* reserved for them, max_block or less     */
	uint8_t *map;         /* the order map: one byte per unit         */
	size_t top;           /* blocks tile [0, top); a multiple of pages */
	size_t committed;     /* [0, committed) is readable, >= top       */
	size_t map_committed; /* bytes of the map that are readable       */
};

struct chunk {
	struct region region;
	size_t bytes; /* of its one block, a multiple of pages */
};

struct buddy_heap {
	struct region region;
	struct region_list regions; /* by address; its own among them */
	struct page_source *pages;

	unsigned min_order, max_order;
	size_t unmerged_max; /* lists up to this length take blocks as freed */
	enum buddy_list_order list_order;

	struct hole *list[ORDERS]; /* free blocks of each order             */
	size_t length[ORDERS];
	uint64_t nonempty; /* bit k: list[k] is not empty           */

	struct heap_stats stats;
	char message[192]; /* the last sentence of check()          */
};

static_assert(sizeof(struct buddy_heap) <= PAGE_BYTES, "its region is a page");

/*
 * A block by its place: bytes [offset, offset + 2^order) of an arena.  At 16
 * bytes it is handed on in two registers; with a 64-bit offset it would have 24
 * and go through the stack from call to call, which made seven splits and seven
 * merges (malloc and free of 64 bytes in an empty heap) two to three times as
 * slow.
 */
struct block {
	struct arena *arena; /* NULL: no such block */
	uint32_t offset;
	uint32_t order;
};

static_assert(sizeof(struct block) == 16, "two registers");
static_assert(ORDER_LIMIT < 32, "the end of an arena is a 32-bit offset");

/* ---- small words -------------------------------------------------------- */

static inline struct buddy_heap *buddy_of(struct heap *heap)
{
	return (struct buddy_heap *)heap;
}

static inline size_t order_bytes(unsigned order)
{
	return (size_t)1 << order;
}

static inline size_t arena_bytes(const struct buddy_heap *heap)
{
	return order_bytes(heap->max_order);
}

/* The order of the smallest block that serves `size` bytes at `align`. */
static inline unsigned order_for(const struct buddy_heap *heap, size_t align,
                                 size_t size)
{
	size_t bytes = size > align ? size : align;
	unsigned order = log2_ceil(bytes == 0 ? 1 : bytes);

	return order < heap->min_order ? heap->min_order : order;
}

static inline struct block block_of(struct arena *arena, size_t offset,
                                    unsigned order)
{
	return (struct block){arena, (uint32_t)offset, order};
}

static inline char *block_start(struct block block)
{
	return block.arena->base + block.offset;
}

static inline size_t block_end(struct block block)
{
	return block.offset + order_bytes(block.order);
}

/* The descriptor of the arena or chunk that `block` belongs to. */
static inline struct region *region_of(const struct buddy_heap *heap,
                                       const void *block)
{
	uintptr_t base = round_down((uintptr_t)block, arena_bytes(heap));
	return (struct region *)(base - PAGE_BYTES);
}

static inline uint8_t *map_byte(const struct buddy_heap *heap,
                                const struct arena *arena, size_t offset)
{
	return &arena->map[offset >> heap->min_order];
}

/* Whether exactly this block exists and is free. */
static inline bool block_is_free(const struct buddy_heap *heap,
                                 struct block block)
{
	return block.offset < block.arena->top &&
	       *map_byte(heap, block.arena, block.offset) ==
	               (FREE_FLAG | block.order);
}

/* The other half of the block of one order more: the offsets differ in bit k. */
static inline struct block block_buddy(struct block block)
{
	block.offset ^= (uint32_t)1 << block.order;
	return block;
}

/* The block that starts at `start`, which lies in an arena. */
static inline struct block block_at(const struct buddy_heap *heap,
                                    const void *start)
{
	struct arena *arena = (struct arena *)region_of(heap, start);
	size_t offset = (size_t)((const char *)start - arena->base);
	unsigned byte = *map_byte(heap, arena, offset);

	return block_of(arena, offset, byte & ~(unsigned)FREE_FLAG);
}

/* ---- free_list.c -------------------------------------------------------- */

/* Marks the block free and puts it on the list of its order. */
void buddy_list_insert(struct buddy_heap *heap, struct block block);

/* Takes a free block off its list; no block starts there any more. */
void buddy_list_remove(struct buddy_heap *heap, struct block block);

/* ---- arena.c ------------------------------------------------------------ */

/* Maps the page of an empty heap; NULL with errno = ENOMEM. */
struct buddy_heap *buddy_heap_open(struct page_source *pages);

/* Gives every region back, the heap's own last. */
void buddy_heap_close(struct buddy_heap *heap);

/*
 * A new arena for a block of `order` at least, with nothing committed but its
 * descriptor; NULL: ENOMEM.
 */
struct arena *buddy_arena_open(struct buddy_heap *heap, unsigned order);
void buddy_arena_close(struct buddy_heap *heap, struct arena *arena);

/*
 * Makes the blocks below `end`, a multiple of pages, and their part of the map
 * readable.  False with errno = ENOMEM, and then nothing has changed.
 */
bool buddy_arena_commit(struct buddy_heap *heap, struct arena *arena,
                        size_t end);

/* Gives back what is committed above top, or the whole arena if top is 0. */
void buddy_arena_trim(struct buddy_heap *heap, struct arena *arena);

/* A block of its own for a request above max_block; NULL: ENOMEM. */
void *buddy_chunk_open(struct buddy_heap *heap, size_t align, size_t size);
void buddy_chunk_close(struct buddy_heap *heap, struct chunk *chunk);

/* Gives back the pages that `size` bytes do not need. */
void buddy_chunk_shrink(struct buddy_heap *heap, struct chunk *chunk,
                        size_t size);

static inline char *chunk_block(const struct chunk *chunk)
{
	return (char *)chunk + PAGE_BYTES;
}

/* The bytes of the block that a chunk for `size` has; size <= PTRDIFF_MAX. */
static inline size_t chunk_bytes(size_t size)
{
	return round_up(size == 0 ? 1 : size, PAGE_BYTES);
}

/* ---- buddy.c ------------------------------------------------------------ */

/* The free block to split for one of `order`; arena NULL: there is none. */
struct block buddy_find_free(const struct buddy_heap *heap, unsigned order);

/*
 * The lowest place above a top for a block of `order`, a page at least; arena
 * NULL: there is none, and a new arena has to be opened.
 */
struct block buddy_find_wilderness(const struct buddy_heap *heap,
                                   unsigned order);

/*
 * Cuts `block`, live or on no list, down to `order`, the lower half each time;
 * it becomes live.  Returns its start.
 */
void *buddy_split(struct buddy_heap *heap, struct block block, unsigned order);

/* ---- resize.c ----------------------------------------------------------- */

/* Whether the live `block` can become one of `order` where it is. */
bool buddy_can_absorb(const struct buddy_heap *heap, struct block block,
                      unsigned order);

/* Resizes a live block in place; false: it has to move. */
bool buddy_resize(struct buddy_heap *heap, void *block, size_t size);

/* ---- inspect.c ---------------------------------------------------------- */

void buddy_walk(struct heap *heap, extent_visitor *visit, void *ctx);
const char *buddy_check(struct heap *heap);
void buddy_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx);

/* ---- explain.c ---------------------------------------------------------- */

void buddy_explain(struct heap *heap, const struct request *request,
                   char *sentence, size_t capacity);

/* ---- diagnose.c --------------------------------------------------------- */

/* Stops with a sentence unless `block` is a live block of this heap. */
void buddy_require_live(const struct buddy_heap *heap, const void *block);

/* Stops with a sentence unless the links of a free block lead back to it. */
void buddy_require_sound_links(const struct buddy_heap *heap,
                               const struct hole *hole, unsigned order);

#endif
