/*
 * base.c - memory for the allocator's own structures.
 *
 * Handles, arenas, pointer arrays and the nodes of huge blocks cannot lie in
 * chunks, which they describe.  They come from blocks of address space that are
 * used from the bottom up, in sizes of 64 << k; what is given back waits in a
 * list of its size.  Nothing here goes back to the source before the heap does,
 * as in the original [Evans06]: it is as much as was ever needed at a time.
 */
#include <errno.h>

#include "jemalloc.h"

enum { BLOCK_BYTES = 256 << 10, SMALLEST_LOG2 = 6 };

static unsigned size_index(size_t bytes)
{
	return bytes <= 1u << SMALLEST_LOG2 ? 0
	                                    : log2_ceil(bytes) - SMALLEST_LOG2;
}

/* A block of which the first `used` bytes are committed and taken. */
static struct je_base_block *open_block(struct page_source *source, size_t used)
{
	size_t committed = round_up(used, PAGE_BYTES);
	struct je_base_block *block =
		page_source_reserve(source, BLOCK_BYTES, PAGE_BYTES);

	if (block == NULL)
		return NULL;
	if (!page_source_commit(source, block, committed)) {
		page_source_release(source, block, BLOCK_BYTES);
		errno = ENOMEM;
		return NULL;
	}
	*block = (struct je_base_block){NULL, used, committed};
	return block;
}

static void close_block(struct page_source *source, struct je_base_block *block)
{
	page_source_purge(source, block, block->committed);
	page_source_release(source, block, BLOCK_BYTES);
}

struct je_heap *je_base_open(struct page_source *source)
{
	struct je_base_block *block = open_block(
		source, JE_LINE_BYTES + round_up(sizeof(struct je_heap),
	                                         JE_LINE_BYTES));

	if (block == NULL)
		return NULL;
	struct je_heap *heap =
		(struct je_heap *)((char *)block + JE_LINE_BYTES);
	heap->source = source;
	heap->base.blocks = block;
	counter_set(&heap->base.bytes, block->committed);
	counter_set(&heap->base.grows, 1);
	return heap;
}

void je_base_close(struct je_heap *heap)
{
	struct page_source *source = heap->source;
	struct je_base_block *block = heap->base.blocks, *next;

	for (; block != NULL; block = next) {
		next = block->next; /* the last block holds the heap itself */
		close_block(source, block);
	}
}

/* Commits the newest block up to `used`. */
static bool extend(struct je_heap *heap, struct je_base_block *block,
                   size_t used)
{
	size_t wanted = round_up(used, PAGE_BYTES);

	if (wanted > block->committed) {
		if (!page_source_commit(heap->source,
		                        (char *)block + block->committed,
		                        wanted - block->committed))
			return false;
		counter_add(&heap->base.bytes, wanted - block->committed);
		counter_add(&heap->base.grows, 1);
		block->committed = wanted;
	}
	block->used = used;
	return true;
}

static void *carve(struct je_heap *heap, size_t bytes)
{
	struct je_base *base = &heap->base;
	struct je_base_block *block = base->blocks;

	if (block->used + bytes <= BLOCK_BYTES) {
		char *start = (char *)block + block->used;
		return extend(heap, block, block->used + bytes) ? start : NULL;
	}
	block = open_block(heap->source, JE_LINE_BYTES + bytes);
	if (block == NULL)
		return NULL;
	counter_add(&base->bytes, block->committed);
	counter_add(&base->grows, 1);
	block->next = base->blocks;
	base->blocks = block;
	return (char *)block + JE_LINE_BYTES;
}

void *je_base_alloc(struct je_heap *heap, size_t bytes)
{
	struct je_base *base = &heap->base;
	unsigned index = size_index(bytes);

	je_lock(heap, &base->lock);
	void *start = base->free[index];
	if (start != NULL)
		base->free[index] = *(void **)start;
	else
		start = carve(heap, (size_t)1 << (index + SMALLEST_LOG2));
	je_unlock(heap, &base->lock);
	return start;
}

void je_base_free(struct je_heap *heap, void *start, size_t bytes)
{
	struct je_base *base = &heap->base;
	unsigned index = size_index(bytes);

	je_lock(heap, &base->lock);
	*(void **)start = base->free[index];
	base->free[index] = start;
	je_unlock(heap, &base->lock);
}

static_assert(sizeof(struct je_base_block) <= JE_LINE_BYTES, "head of a block");
