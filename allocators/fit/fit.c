/*
 * fit.c - first, next, best and worst fit: dynamic storage allocation on one
 * contiguous heap.
 *
 * Idea.  The heap is a row of blocks, live ones and holes.  malloc searches the
 * holes for one that is large enough, splits off what is not needed, and the
 * rest stays a hole; free makes the block a hole and merges it with its
 * neighbours.  *Which* hole is the policy, and that is one function:
 * first_fit.c, next_fit.c, best_fit.c, worst_fit.c.
 *
 * Picture: a = malloc(16), b = malloc(48), c = malloc(16), free(b).
 *
 *     ... prologue][32 a 32][64  hole  64][32 c 32][F] wilderness
 *                           ^ next, prev: on the chain
 *     malloc(16) => ...[32 a 32][32 d 32][32 hole 32][32 c 32][F]
 *
 * Words: fit.h.
 *
 * Invariants, verified one by one in inspect.c.
 *     I1  blocks follow each other from the first to the fence exactly; each
 *         has a multiple of 16 bytes, min_block at least
 *     I2  the footer of a block equals its header
 *     I3  a block is free <=> it is in the index, once           (holes.c)
 *     I4  the index is in order                                  (chain.c)
 *     I5  no hole has a free neighbour                           (holes.c)
 *     I6  the rover stands on the chain                          (chain.c)
 *     I7  the fence stands at top, the heap ends at end     (wilderness.c)
 *     I8  every tree node knows the largest hole below it (address_tree.c)
 *
 * Cost.   malloc    O(holes), or O(log holes) with index=tree
 *         free      O(1), or an ordered insertion
 *         metadata  16 bytes a block
 *         waste     first fit never needs more than about M log2(n) bytes
 *                   for M live in blocks up to n, best fit may need M n
 *                   [Robson77]; on real programs both waste little
 *                   [JohnstoneWilson98]
 *
 * Threads.  None: one thread at a time.
 *
 * Sources.  [Knuth97, 2.5] boundary tags, first and best fit, the roving
 * pointer; [Wilson95] everything since.
 *
 * Files, in the order to read them.
 *     fit.c, fit.h               malloc, free, realloc; blocks and the heap
 *     first_fit.c, next_fit.c,   the policies: a search each
 *     best_fit.c, worst_fit.c
 *     holes.c, chain.c           holes come, go and merge; the list of them
 *     wilderness.c               the end of the heap, where it grows
 *     address_tree.c, size_tree.c   index=tree, the same choices in O(log n)
 *     knobs.c, inspect.c         what can be set; walk, check, free lists
 *     explain.c, diagnose.c      a request in words; a caller's mistakes
 *
 * Read next: first_fit.c.
 */
#include "fit.h"

#include <errno.h>
#include <string.h>

#include "../common/misuse.h"
#include "diagnose.h"

/* There is nothing to know about a thread: its handle is the heap. */
static struct fit_heap *heap_of(struct thread_heap *self)
{
	return (struct fit_heap *)self;
}

static struct fit_heap *fit_of(struct heap *heap)
{
	return (struct fit_heap *)heap;
}

/* ---- create and destroy ------------------------------------------------- */

const char *fit_refuse(const struct fit_policy *policy,
                       const struct knob_values *values)
{
	bool by_address = values->of[FIT_ORDER] == ORDER_ADDRESS;
	bool by_size = values->of[FIT_ORDER] == ORDER_SIZE;

	if (values->of[FIT_INDEX] == INDEX_LIST)
		return NULL;
	if (policy->tree == INDEX_CHAIN)
		return "index=tree: next fit goes round the list and has no "
		       "tree";
	if (values->of[FIT_MIN_BLOCK] < TREE_BLOCK_MIN)
		return "index=tree needs min_block=64 at least: a hole must "
		       "hold a tree node";
	if (policy->tree == INDEX_ADDRESS_TREE && !by_address)
		return "index=tree needs order=address: the tree of first fit "
		       "makes the choice of that order only";
	if (!by_address && !by_size)
		return "index=tree needs order=size or order=address: the "
		       "tree gives ties to the lowest address, as those do";
	return NULL;
}

struct heap *fit_create(const struct fit_policy *policy,
                        const struct knob_values *values,
                        struct page_source *pages)
{
	size_t growth = values->of[FIT_GROWTH];

	if (fit_refuse(policy, values) != NULL) {
		errno = EINVAL;
		return NULL;
	}
	struct fit_heap *heap = page_source_grow(pages, growth);
	if (heap == NULL)
		return NULL;
	*heap = (struct fit_heap){
		.policy = policy,
		.pages = pages,
		.order = (enum fit_order)values->of[FIT_ORDER],
		.coalesce = (enum fit_coalesce)values->of[FIT_COALESCE],
		.index = values->of[FIT_INDEX] == INDEX_TREE ? policy->tree
	                                                     : INDEX_CHAIN,
		.wilderness_is_listed =
			values->of[FIT_WILDERNESS] == WILDERNESS_LISTED,
		.min_block = values->of[FIT_MIN_BLOCK],
		.split_min = values->of[FIT_SPLIT_MIN],
		.growth = growth,
		.end = (char *)heap + growth,
	};
	if (heap->split_min < heap->min_block)
		heap->split_min = heap->min_block;
	chain_init(heap);
	RB_INIT(&heap->tree);
	wilderness_open(heap);
	return (struct heap *)heap;
}

void fit_destroy(struct heap *heap)
{
	struct fit_heap *self = fit_of(heap);
	page_source_shrink(self->pages, (size_t)(self->end - (char *)self));
}

struct thread_heap *fit_attach(struct heap *heap)
{
	return (struct thread_heap *)heap;
}

void fit_detach(struct thread_heap *self)
{
	(void)self;
}

/* ---- malloc ------------------------------------------------------------- */

/* Makes the first `bytes` of a hole a live block, or all of it. */
static struct block *take(struct fit_heap *heap, struct block *hole,
                          size_t bytes)
{
	if (hole->tag - bytes < heap->split_min) {
		bytes = hole->tag;
		holes_remove(heap, hole);
		heap->stats.exact_fits++;
	} else {
		holes_cut(heap, hole, bytes);
		heap->stats.splits++;
	}
	block_set(hole, bytes | LIVE);
	return hole;
}

/* The end of a search: the rover stops here, and take() moves it on. */
static struct block *take_found(struct fit_heap *heap, struct block *hole,
                                size_t bytes)
{
	heap->rover = hole;
	return take(heap, hole, bytes);
}

static struct block *allocate(struct fit_heap *heap, size_t bytes);

/* What to do when no hole fits: use the wilderness, sweep, grow. */
__attribute__((noinline)) static struct block *allocate_without_hole(
	struct fit_heap *heap, size_t bytes)
{
	if (bytes <= wilderness_bytes(heap))
		return wilderness_take(heap, bytes);
	if (holes_sweep(heap))
		return allocate(heap, bytes);
	if (!wilderness_grow(heap, bytes))
		return NULL;
	if (heap->wilderness_is_listed)
		return take_found(heap, wilderness_list(heap), bytes);
	return wilderness_take(heap, bytes);
}

static struct block *allocate(struct fit_heap *heap, size_t bytes)
{
	struct found found = heap->policy->search(heap, bytes);

	heap->stats.links += found.links;
	heap->stats.searches++;
	if (found.hole == NULL)
		return allocate_without_hole(heap, bytes);
	return take_found(heap, found.hole, bytes);
}

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *fit_malloc(struct thread_heap *self, size_t size)
{
	struct fit_heap *heap = heap_of(self);

	if (size > PTRDIFF_MAX)
		return no_memory();
	struct block *block = allocate(heap, bytes_for(heap, size));
	return block == NULL ? NULL : block_payload(block);
}

/*
 * A kept wilderness is never written to, so what lies above `touched` is zero;
 * a hole is written to, at least by its links.
 */
void *fit_zero_malloc(struct thread_heap *self, size_t size)
{
	struct fit_heap *heap = heap_of(self);
	char *touched = heap->touched;
	char *payload = fit_malloc(self, size);

	if (payload == NULL)
		return NULL;
	if (!heap->wilderness_is_listed && payload + size > touched)
		size = payload < touched ? (size_t)(touched - payload) : 0;
	return memset(payload, 0, size);
}

/* Cuts a live block after `bytes`, if what is left makes a hole. */
static void cut_tail(struct fit_heap *heap, struct block *block, size_t bytes)
{
	size_t left = block_bytes(block) - bytes;

	if (left < heap->split_min)
		return;
	block_set(block, bytes | LIVE);
	block_set(block_at(block, bytes), left);
	heap->stats.splits++;
	holes_release(heap, block_at(block, bytes));
}

/* [------ block ------] => [hole][aligned block]; the hole is released. */
static struct block *cut_head(struct fit_heap *heap, struct block *block,
                              size_t align)
{
	size_t lead = lead_bytes(heap, block, align);

	if (lead == 0)
		return block;
	struct block *aligned = block_at(block, lead);
	block_set(aligned, (block_bytes(block) - lead) | LIVE);
	block_set(block, lead);
	heap->stats.splits++;
	holes_release(heap, block);
	return aligned;
}

void *fit_aligned_malloc(struct thread_heap *self, size_t align, size_t size)
{
	struct fit_heap *heap = heap_of(self);

	if (align <= MALLOC_ALIGN_BYTES)
		return fit_malloc(self, size);
	if (size > PTRDIFF_MAX - align)
		return no_memory();
	size_t bytes = bytes_for(heap, size);
	struct block *block = allocate(heap, aligned_bytes(heap, bytes, align));
	if (block == NULL)
		return NULL;
	block = cut_head(heap, block, align);
	cut_tail(heap, block, bytes);
	return block_payload(block);
}

/* ---- free and realloc --------------------------------------------------- */

void fit_free(struct thread_heap *self, void *payload)
{
	struct fit_heap *heap = heap_of(self);

	if (payload == NULL)
		return;
	if (CHECKED)
		require_live(heap, payload, "free");
	holes_release(heap, payload_block(payload));
}

bool fit_grows_in_place(const struct fit_heap *heap, const struct block *block,
                        size_t bytes)
{
	const struct block *after = block_after(block);
	size_t missing = bytes - block_bytes(block);

	if (after == fence(heap))
		return missing <= wilderness_bytes(heap);
	return block_is_free(after) && missing <= after->tag;
}

/* [block][hole or wilderness] => [--- block ---][rest] */
static void grow_in_place(struct fit_heap *heap, struct block *block,
                          size_t bytes)
{
	struct block *after = block_after(block);
	size_t missing = bytes - block_bytes(block);

	after = after == fence(heap) ? wilderness_take(heap, missing)
	                             : take(heap, after, missing);
	block_set(block, (block_bytes(block) + block_bytes(after)) | LIVE);
}

void *fit_realloc(struct thread_heap *self, void *payload, size_t size)
{
	struct fit_heap *heap = heap_of(self);

	if (payload == NULL)
		return fit_malloc(self, size);
	if (CHECKED)
		require_live(heap, payload, "realloc");
	if (size > PTRDIFF_MAX)
		return no_memory();
	struct block *block = payload_block(payload);
	size_t bytes = bytes_for(heap, size);

	if (bytes <= block_bytes(block)) {
		cut_tail(heap, block, bytes);
		return payload;
	}
	if (fit_grows_in_place(heap, block, bytes)) {
		grow_in_place(heap, block, bytes);
		return payload;
	}
	struct block *moved = allocate(heap, bytes);
	if (moved == NULL)
		return NULL;
	memcpy(block_payload(moved), payload, block_bytes(block) - TAGS_BYTES);
	heap->stats.moves++;
	holes_release(heap, block);
	return block_payload(moved);
}

/* ---- the rest of the contract ------------------------------------------- */

size_t fit_usable_size(struct heap *heap, const void *payload)
{
	if (CHECKED)
		require_live(fit_of(heap), payload, "usable_size");
	return block_bytes(payload_block(payload)) - TAGS_BYTES;
}

size_t fit_trim(struct heap *heap)
{
	return wilderness_trim(fit_of(heap));
}

void fit_stats(struct heap *heap, struct heap_stats *out)
{
	*out = fit_of(heap)->stats;
}
