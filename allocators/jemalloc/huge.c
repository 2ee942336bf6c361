/*
 * huge.c - blocks too large for a chunk: address space of their own.
 *
 * A huge block starts where a chunk could: at a multiple of the chunk size.
 * That is how free tells it: every other block lies behind a chunk's header.
 * Its length is in a node of a red-black tree by address; the node is metadata.
 *
 * Growing asks the source first for the addresses behind, then to move the pages
 * to other addresses (mremap), which copies nothing.
 *
 * Invariant, verified in check.c.
 *     I10  huge blocks are aligned to chunks, in whole pages, and their sum is
 *          huge_bytes
 *
 * Cost.     each call is one of the kernel's; O(log huge blocks)
 * Threads.  Any; the tree under its lock, the kernel's work outside of it.
 * Sources.  [Evans06]; there, huge blocks are whole chunks long.
 *
 * Read next: heap.c.
 */
#include <errno.h>

#include "jemalloc.h"

static int compare(const struct je_huge *a, const struct je_huge *b)
{
	return (a->start > b->start) - (a->start < b->start);
}

RB_GENERATE(je_huge_tree, je_huge, link, compare)

static void add_locked(struct je_heap *heap, struct je_huge *huge)
{
	RB_INSERT(je_huge_tree, &heap->huge, huge);
	counter_add(&heap->huge_bytes, huge->bytes);
}

static void remove_locked(struct je_heap *heap, struct je_huge *huge)
{
	RB_REMOVE(je_huge_tree, &heap->huge, huge);
	counter_add(&heap->huge_bytes, (uint64_t)0 - huge->bytes);
}

static struct je_huge *find_locked(struct je_heap *heap, const void *block)
{
	struct je_huge key = {.start = (char *)block};

	return RB_FIND(je_huge_tree, &heap->huge, &key);
}

/* Pages from the source; where it refuses, what is available here goes first. */
static void *map_pages(struct je_handle *self, size_t bytes, size_t align)
{
	struct je_heap *heap = self->heap;
	struct je_arena *arena = self->arena;
	void *start = page_source_map(heap->source, bytes, align);

	if (start != NULL || counter_read(&arena->backed_pages) == 0)
		return start;
	je_lock(heap, &arena->lock);
	je_purge_all(arena);
	je_unlock(heap, &arena->lock);
	return page_source_map(heap->source, bytes, align);
}

void *je_huge_alloc(struct je_handle *self, size_t align, size_t size)
{
	struct je_heap *heap = self->heap;

	if (align < heap->config.chunk_bytes)
		align = heap->config.chunk_bytes;
	if (size > PTRDIFF_MAX - align) {
		errno = ENOMEM;
		return NULL;
	}
	size_t bytes = size == 0 ? PAGE_BYTES : round_up(size, PAGE_BYTES);
	void *start = map_pages(self, bytes, align);
	if (start == NULL)
		return NULL;
	struct je_huge *huge = je_base_alloc(heap, sizeof *huge);
	if (huge == NULL) {
		page_source_unmap(heap->source, start, bytes);
		errno = ENOMEM;
		return NULL;
	}
	*huge = (struct je_huge){.start = start, .bytes = bytes};
	je_lock(heap, &heap->huge_lock);
	add_locked(heap, huge);
	counter_add(&heap->huge_grows, 1);
	je_unlock(heap, &heap->huge_lock);
	return start;
}

void je_huge_free(struct je_heap *heap, void *block)
{
	je_lock(heap, &heap->huge_lock);
	struct je_huge *huge = find_locked(heap, block);
	remove_locked(heap, huge);
	counter_add(&heap->huge_shrinks, 1);
	je_unlock(heap, &heap->huge_lock);
	page_source_unmap(heap->source, huge->start, huge->bytes);
	je_base_free(heap, huge, sizeof *huge);
}

/*
 * The node leaves the tree while its pages may move, so that another thread's
 * block at the old addresses cannot meet it there.
 */
void *je_huge_resize(struct je_heap *heap, void *block, size_t size)
{
	size_t bytes = round_up(size, PAGE_BYTES);

	je_lock(heap, &heap->huge_lock);
	struct je_huge *huge = find_locked(heap, block);
	remove_locked(heap, huge);
	je_unlock(heap, &heap->huge_lock);

	size_t old = huge->bytes;
	void *start = page_source_resize(heap->source, block, old, bytes,
	                                 heap->config.chunk_bytes);
	if (start != NULL) {
		huge->start = start;
		huge->bytes = bytes;
	}
	je_lock(heap, &heap->huge_lock);
	add_locked(heap, huge);
	if (start != NULL && bytes != old)
		counter_add(bytes > old ? &heap->huge_grows
		                        : &heap->huge_shrinks,
		            1);
	je_unlock(heap, &heap->huge_lock);
	return start;
}

size_t je_huge_bytes(struct je_heap *heap, const void *block)
{
	je_lock(heap, &heap->huge_lock);
	const struct je_huge *huge = find_locked(heap, block);
	size_t bytes = huge == NULL ? 0 : huge->bytes;
	je_unlock(heap, &heap->huge_lock);
	return bytes;
}

const struct je_huge *je_huge_around(struct je_heap *heap, const void *address)
{
	const struct je_huge *around = NULL;

	je_lock(heap, &heap->huge_lock);
	struct je_huge *at = RB_ROOT(&heap->huge);
	while (at != NULL && around == NULL) {
		if ((const char *)address < at->start)
			at = RB_LEFT(at, link);
		else if ((const char *)address >= at->start + at->bytes)
			at = RB_RIGHT(at, link);
		else
			around = at;
	}
	je_unlock(heap, &heap->huge_lock);
	return around;
}
