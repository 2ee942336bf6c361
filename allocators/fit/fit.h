/*
 * fit.h - one heap of blocks with boundary tags, shared by first, next, best
 * and worst fit.
 *
 * The four policies differ in one function, the search: which hole serves a
 * request?  Everything else is here and in the files named below, and each
 * policy's own file (first_fit.c and its three siblings) holds its search.
 *
 *     a live block of k bytes                a hole of k bytes
 *     +--------+--------------+--------+    +--------+------------+--------+
 *     | k|LIVE |   payload    | k|LIVE |    |   k    | links ...  |   k    |
 *     +--------+--------------+--------+    +--------+------------+--------+
 *     '-header-'              '-footer-'
 *      8 bytes    k-16 bytes    8 bytes
 *
 * Words.
 *     block       header, payload and footer; a multiple of 16 bytes
 *     tag         the 8 bytes at both ends: the block's size, and LIVE or not
 *     hole        a free block below the wilderness
 *     chain       all holes, linked through their payloads (chain.c)
 *     wilderness  the committed bytes above the last block, never on the chain
 *     fence       the live tag without a block that ends the heap at `top`
 */
#ifndef ALLOCATORS_FIT_FIT_H
#define ALLOCATORS_FIT_FIT_H

#include <assert.h>
#include <stdint.h>

#include <bsd/sys/tree.h>

#include "../allocator.h"
#include "../common/bits.h"
#include "../common/heap_stats.h"
#include "../common/knob.h"
#include "../common/page_source.h"

/* ---- knobs (knobs.c) ---------------------------------------------------- */

enum fit_knob {
	FIT_ORDER,
	FIT_COALESCE,
	FIT_SPLIT_MIN,
	FIT_GROWTH,
	FIT_WILDERNESS,
	FIT_MIN_BLOCK,
	FIT_INDEX,
};

/* In the order of the names in knobs.c. */
enum fit_order { ORDER_ADDRESS, ORDER_LIFO, ORDER_FIFO, ORDER_SIZE };
enum fit_coalesce { COALESCE_IMMEDIATE, COALESCE_DEFERRED, COALESCE_NEVER };
enum fit_wilderness { WILDERNESS_KEPT, WILDERNESS_LISTED };
enum fit_index_knob { INDEX_LIST, INDEX_TREE };

extern const struct knob fit_knobs[];      /* order=address by default */
extern const struct knob fit_knobs_size[]; /* order=size by default    */

/* ---- blocks ------------------------------------------------------------- */

enum {
	TAG_BYTES = 8,
	TAGS_BYTES = 2 * TAG_BYTES,
	LIVE = 0x1, /* in a tag; sizes are multiples of 16 */
	SEEN = 0x2, /* in a footer, while check() runs     */
};

/* A block, at its header.  The links mean something in a hole only. */
struct block {
	size_t tag;
	union {
		struct { /* index=list */
			struct block *next, *prev;
		};
		struct { /* index=tree */
			RB_ENTRY(block) node;
			size_t largest; /* hole in this subtree, in bytes */
		};
	};
};

enum {
	LIST_BLOCK_MIN = 32, /* header, two links, footer */
	TREE_BLOCK_MIN = 64, /* header, a tree node, footer, rounded to 16 */
};
static_assert(TAG_BYTES + 2 * sizeof(void *) + TAG_BYTES == LIST_BLOCK_MIN,
              "a hole on the chain");
static_assert(sizeof(struct block) + TAG_BYTES <= TREE_BLOCK_MIN,
              "a hole in a tree");

static inline bool block_is_free(const struct block *block)
{
	return (block->tag & LIVE) == 0;
}

static inline size_t block_bytes(const struct block *block)
{
	return round_down(block->tag, MALLOC_ALIGN_BYTES);
}

static inline size_t *block_footer(const struct block *block)
{
	return (size_t *)((char *)block + block_bytes(block) - TAG_BYTES);
}

/* The block that starts `bytes` above this one. */
static inline struct block *block_at(const struct block *block, size_t bytes)
{
	return (struct block *)((char *)block + bytes);
}

/* The next block in memory, or the fence. */
static inline struct block *block_after(const struct block *block)
{
	return block_at(block, block_bytes(block));
}

/* The tag just below a block: the footer of the block before it. */
static inline size_t tag_before(const struct block *block)
{
	return *(const size_t *)((const char *)block - TAG_BYTES);
}

/* The hole that ends where this block starts, or NULL. */
static inline struct block *hole_before(const struct block *block)
{
	size_t tag = tag_before(block);
	return tag & LIVE ? NULL : (struct block *)((char *)block - tag);
}

static inline void block_set(struct block *block, size_t tag)
{
	block->tag = tag;
	*block_footer(block) = tag;
}

static inline void *block_payload(struct block *block)
{
	return (char *)block + TAG_BYTES;
}

static inline struct block *payload_block(const void *payload)
{
	return (struct block *)((char *)payload - TAG_BYTES);
}

/* ---- the heap ----------------------------------------------------------- */

struct fit_heap;

/* What a search returns: the hole, or NULL, and the links it followed. */
struct found {
	struct block *hole;
	uint64_t links;
};

/* Where the holes are kept. */
enum fit_index { INDEX_CHAIN, INDEX_ADDRESS_TREE, INDEX_SIZE_TREE };

/* What makes first fit first fit. */
struct fit_policy {
	const char *name;
	const char *choice;  /* for sentences: "the first"                    */
	enum fit_index tree; /* for index=tree; INDEX_CHAIN: there is none   */
	bool roves;          /* searches begin at the rover                  */

	/* Chooses a hole of at least `bytes`.  Changes nothing. */
	struct found (*search)(const struct fit_heap *heap, size_t bytes);
};

RB_HEAD(hole_tree, block);

/*
 * The descriptor, at the start of the first page.  The prologue, a live tag
 * before the first block, stops merging downwards.
 *
 *     +------------+---------+-------+---- ... --+-------+------------+
 *     | descriptor | prologue| block | block     | fence | wilderness |
 *     +------------+---------+-------+---- ... --+-------+------------+
 *     heap                   first               top                  end
 */
struct fit_heap {
	const struct fit_policy *policy;
	struct page_source *pages;

	/* knobs */
	enum fit_order order;
	enum fit_coalesce coalesce;
	enum fit_index index;
	bool wilderness_is_listed;
	bool unswept; /* deferred: blocks were freed since the last sweep    */
	size_t min_block;
	size_t split_min; /* a smaller remainder stays in its block          */
	size_t growth;

	/* holes */
	struct block chain;  /* sentinel: before the first, after the last   */
	struct block *rover; /* next fit: where the next search starts       */
	struct hole_tree tree;

	/* space */
	struct block *first;
	char *top;     /* end of the last block; the fence stands here       */
	char *end;     /* end of the committed bytes                         */
	char *touched; /* kept: bytes above it are zero, as they came        */

	struct heap_stats stats;
	char message[152]; /* the last sentence of check() */
};
static_assert(sizeof(struct fit_heap) % MALLOC_ALIGN_BYTES == 0,
              "the prologue and the first header fill 16 bytes");

static inline size_t *prologue(const struct fit_heap *heap)
{
	return (size_t *)heap->first - 1;
}

static inline struct block *fence(const struct fit_heap *heap)
{
	return (struct block *)heap->top;
}

/* ---- chain.c: holes on a circular list ---------------------------------- */

void chain_init(struct fit_heap *heap);

/*
 * Links a hole where the order wants it, in address order before `place`, if
 * the caller knows it, which saves the walk.  Returns the links followed.
 */
uint64_t chain_insert(struct fit_heap *heap, struct block *hole,
                      struct block *place);

/* Takes a hole out, O(1), and the rover a step on.  Returns what followed. */
struct block *chain_remove(struct fit_heap *heap, struct block *hole);

/* The next hole on the chain, the first after the sentinel; NULL at its end. */
static inline struct block *chain_next(const struct fit_heap *heap,
                                       const struct block *hole)
{
	return hole->next == &heap->chain ? NULL : hole->next;
}

/* ---- holes.c: holes come, go and merge, whatever the index -------------- */

/* `place` as for chain_insert(); NULL where it is not known. */
void holes_insert(struct fit_heap *heap, struct block *hole,
                  struct block *place);

/* Returns what followed the hole on the chain; NULL if a tree had it. */
struct block *holes_remove(struct fit_heap *heap, struct block *hole);

/* Takes the first `bytes` off a hole; returns the rest, which stays one. */
struct block *holes_cut(struct fit_heap *heap, struct block *hole,
                        size_t bytes);

/*
 * Makes a block, whose bytes nobody uses any more, a hole: merges it with what
 * lies beside it as `coalesce` says, and enters it in the index.
 */
void holes_release(struct fit_heap *heap, struct block *block);

/* The same for new memory at the end: only coalesce=never does not merge. */
struct block *holes_append(struct fit_heap *heap, struct block *block);

/* Deferred coalescing: merges all neighbours; whether there were any. */
bool holes_sweep(struct fit_heap *heap);

/* ---- wilderness.c: the end of the heap ---------------------------------- */

/* Bytes that can be taken without asking the source. */
static inline size_t wilderness_bytes(const struct fit_heap *heap)
{
	return (size_t)(heap->end - heap->top) - TAG_BYTES;
}

/* What a request for a block of `bytes`, that no hole fits, asks the source. */
size_t wilderness_growth(const struct fit_heap *heap, size_t bytes);

/* Lays out an empty heap from the descriptor to `end`. */
void wilderness_open(struct fit_heap *heap);

/* Takes a live block from the wilderness, which must have that much. */
struct block *wilderness_take(struct fit_heap *heap, size_t bytes);

/* Lets the wilderness begin at `block`, the last one. */
void wilderness_swallow(struct fit_heap *heap, struct block *block);

/*
 * Asks the source for what a block of `bytes` lacks at the end of the heap;
 * false with ENOMEM.
 */
bool wilderness_grow(struct fit_heap *heap, size_t bytes);

/* wilderness=listed: makes it a hole, together with one before it. */
struct block *wilderness_list(struct fit_heap *heap);

/* Gives whole pages back to the source; returns their bytes. */
size_t wilderness_trim(struct fit_heap *heap);

/* ---- fit.c: the contract ------------------------------------------------ */

/* Bytes of the block for a request; size <= PTRDIFF_MAX. */
static inline size_t bytes_for(const struct fit_heap *heap, size_t size)
{
	size_t bytes = round_up(size + TAGS_BYTES, MALLOC_ALIGN_BYTES);
	return bytes < heap->min_block ? heap->min_block : bytes;
}

/*
 * Bytes that a block must have so that one of `bytes` at `align` can be cut out
 * of it wherever it lies, with a hole before it or nothing.
 */
static inline size_t aligned_bytes(const struct fit_heap *heap, size_t bytes,
                                   size_t align)
{
	return bytes + align + heap->min_block;
}

/* How much of such a block lies before the aligned one: 0, or a whole hole. */
static inline size_t lead_bytes(const struct fit_heap *heap,
                                const struct block *block, size_t align)
{
	size_t start = (size_t)block + TAG_BYTES;
	size_t lead = round_up(start, align) - start;

	if (lead > 0 && lead < heap->min_block)
		lead = round_up(start + heap->min_block, align) - start;
	return lead;
}

/* Whether realloc to a block of `bytes`, more than it has, need not move it. */
bool fit_grows_in_place(const struct fit_heap *heap, const struct block *block,
                        size_t bytes);

struct heap *fit_create(const struct fit_policy *policy,
                        const struct knob_values *values,
                        struct page_source *pages);
const char *fit_refuse(const struct fit_policy *policy,
                       const struct knob_values *values);
void fit_destroy(struct heap *heap);
struct thread_heap *fit_attach(struct heap *heap);
void fit_detach(struct thread_heap *self);
void *fit_malloc(struct thread_heap *self, size_t size);
void *fit_zero_malloc(struct thread_heap *self, size_t size);
void *fit_aligned_malloc(struct thread_heap *self, size_t align, size_t size);
void *fit_realloc(struct thread_heap *self, void *payload, size_t size);
void fit_free(struct thread_heap *self, void *payload);
size_t fit_usable_size(struct heap *heap, const void *payload);
size_t fit_trim(struct heap *heap);
void fit_stats(struct heap *heap, struct heap_stats *out);

/* ---- inspect.c and explain.c: what the heap looks like ------------------- */

/* The holes in the order of the index; NULL after the last. */
struct block *holes_first(const struct fit_heap *heap);
struct block *holes_next(const struct fit_heap *heap, struct block *hole);

void fit_walk(struct heap *heap, extent_visitor *visit, void *ctx);
const char *fit_check(struct heap *heap);
void fit_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx);
void fit_explain(struct heap *heap, const struct request *request,
                 char *sentence, size_t capacity);

/* All members of `struct allocator` in which the policies do not differ. */
#define FIT_OPERATIONS                                                         \
	.destroy = fit_destroy, .attach = fit_attach, .detach = fit_detach,    \
	.malloc = fit_malloc, .zero_malloc = fit_zero_malloc,                  \
	.aligned_malloc = fit_aligned_malloc, .realloc = fit_realloc,          \
	.free = fit_free, .usable_size = fit_usable_size, .trim = fit_trim,    \
	.stats = fit_stats, .walk = fit_walk, .check = fit_check,              \
	.free_lists = fit_free_lists, .explain = fit_explain

#endif
