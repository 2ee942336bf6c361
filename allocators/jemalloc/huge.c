/*
 * huge.c - blocks too large for a chunk: address space of their own.
 *
 * Idea.  A huge block starts where a chunk could: at a multiple of the chunk
 * size.  That is how free tells it: every other block lies behind a chunk's
 * header.  Its length is in a node of a red-black tree by address; the node is
 * metadata.
 *
 *     4 MiB        8 MiB        12 MiB       16 MiB       20 MiB
 *     |chunk       |huge 5 MiB ......|       |huge 4.5 MiB ...|
 *                  ^                         ^
 *     heap->huge:  (8 MiB, 5 MiB) <-------- (16 MiB, 4.5 MiB)
 *
 * Growing asks the source first for the addresses behind, then to move the pages
 * to other addresses (mremap), which copies nothing:
 *
 *     |huge 5 MiB ......|free   |chunk   =>  |huge 7 MiB ...........|chunk
 *     |huge 5 MiB ......|free   |chunk   =>  ... |huge 9 MiB, elsewhere ...|
 *
 * Invariant, verified in check.c.
 *     I10  huge blocks are aligned to chunks, in whole pages, and their sum is
 *          huge_bytes
 *
 * Cost.     each call is one of the kernel's; O(log huge blocks)
 * Threads.  Any; tree and pages change together under one lock, so that a fork
 *           finds no page that is in no tree.  (The calls to the source would
 *           wait for each other there anyway.)
 * Sources.  [Evans06]; there, huge blocks are whole chunks long.
 *
 * Read next: resize.c.
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

/* Pages and their node, entered; NULL with errno = ENOMEM. */
static char *open_locked(struct je_heap *heap, size_t bytes, size_t align)
{
	char *start = page_source_map(heap->source, bytes, align);

	if (start == NULL)
		return NULL;
	struct je_huge *huge = je_base_alloc(heap, sizeof *huge);
	if (huge == NULL) {
		page_source_unmap(heap->source, start, bytes);
		errno = ENOMEM;
		return NULL;
	}
	*huge = (struct je_huge){.start = start, .bytes = bytes};
	add_locked(heap, huge);
	counter_add(&heap->huge_grows, 1);
	return start;
}

static char *open_huge(struct je_heap *heap, size_t bytes, size_t align)
{
	je_lock(heap, &heap->huge_lock);
	char *start = open_locked(heap, bytes, align);
	je_unlock(heap, &heap->huge_lock);
	return start;
}

void *je_huge_alloc(struct je_handle *self, size_t align, size_t size)
{
	struct je_heap *heap = self->heap;
	struct je_arena *arena = self->arena;

	if (align < heap->config.chunk_bytes)
		align = heap->config.chunk_bytes;
	if (size > PTRDIFF_MAX - align) {
		errno = ENOMEM;
		return NULL;
	}
	size_t bytes = size == 0 ? PAGE_BYTES : round_up(size, PAGE_BYTES);
	char *start = open_huge(heap, bytes, align);
	if (start != NULL || counter_read(&arena->backed_pages) == 0)
		return start;
	je_lock(heap, &arena->lock); /* refused: what is available here goes */
	je_purge_all(arena);
	je_unlock(heap, &arena->lock);
	return open_huge(heap, bytes, align);
}

void je_huge_free(struct je_heap *heap, void *block)
{
	je_lock(heap, &heap->huge_lock);
	struct je_huge *huge = find_locked(heap, block);
	remove_locked(heap, huge);
	counter_add(&heap->huge_shrinks, 1);
	page_source_unmap(heap->source, huge->start, huge->bytes);
	je_base_free(heap, huge, sizeof *huge);
	je_unlock(heap, &heap->huge_lock);
}

/* The node leaves the tree meanwhile: its place there is its address. */
void *je_huge_resize(struct je_heap *heap, void *block, size_t size)
{
	size_t bytes = round_up(size, PAGE_BYTES);

	je_lock(heap, &heap->huge_lock);
	struct je_huge *huge = find_locked(heap, block);
	size_t old = huge->bytes;
	remove_locked(heap, huge);
	void *start = page_source_resize(heap->source, block, old, bytes,
	                                 heap->config.chunk_bytes);
	if (start != NULL) {
		huge->start = start;
		huge->bytes = bytes;
	}
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
