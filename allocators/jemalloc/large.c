/*
 * large.c - blocks of whole pages, below the size of a chunk.
 *
 * Idea.  A large block is a run of its own without a header: its first page's
 * entry in the chunk's map says how long it is, and which bin of a thread cache
 * takes it.  So it begins at a page, and nothing but its bytes lies in it.
 *
 *     map      ... |3, first, bin|large|large|2 ... 2| ...    in the chunk
 *     pages    ... |---- large block, 3 ------|avail. | ...
 *
 *     longer   takes the available pages behind it     [3][avail. 2]  =>  [5]
 *     shorter  gives its last pages back               [3]  =>  [2][avail. 1]
 *
 * Cost.     alloc, free  O(log available runs) and O(pages) for the map; a cache
 *                        that misses brings one block, not a batch
 * Threads.  Any; each function takes the lock of the arenas concerned.
 * Sources.  [Evans06].
 *
 * Read next: purge.c.
 */
#include <string.h>

#include "jemalloc.h"

unsigned je_large_bin(const struct je_heap *heap, size_t pages)
{
	unsigned bin = heap->small_classes + (unsigned)pages - 1;

	return bin < heap->no_bin ? bin : heap->no_bin;
}

/* The entries of a live large block; later pages only say that they are one. */
static void mark(const struct je_heap *heap, struct je_chunk *chunk,
                 uint32_t page, uint32_t pages)
{
	const uint32_t live = ENTRY_ALLOCATED | ENTRY_LARGE | ENTRY_BACKED;

	chunk->map[page] = pages << ENTRY_NUMBER_SHIFT | live | ENTRY_FIRST |
	                   je_large_bin(heap, pages);
	for (uint32_t i = page + 1; i < page + pages; i++)
		chunk->map[i] = live;
}

void *je_large_alloc(struct je_arena *arena, uint32_t pages, uint32_t align,
                     bool *fresh)
{
	struct je_heap *heap = arena->heap;

	je_lock(heap, &arena->lock);
	char *start = je_pages_take(arena, pages, align, fresh);
	if (start != NULL) {
		mark(heap, je_chunk_of(heap, start), je_page_of(heap, start),
		     pages);
		counter_add(&arena->large_pages, pages);
	}
	je_unlock(heap, &arena->lock);
	return start;
}

static void free_locked(struct je_arena *arena, struct je_chunk *chunk,
                        const void *block)
{
	uint32_t page = je_page_of(arena->heap, block);
	uint32_t pages = je_entry_number(chunk->map[page]);

	counter_add(&arena->large_pages, (uint64_t)0 - pages);
	je_pages_give(arena, chunk, page, pages);
}

void je_large_free(struct je_heap *heap, void **blocks, size_t count)
{
	while (count > 0) {
		struct je_arena *arena = je_chunk_of(heap, blocks[0])->arena;
		size_t others = 0;

		je_lock(heap, &arena->lock);
		for (size_t i = 0; i < count; i++) {
			struct je_chunk *chunk = je_chunk_of(heap, blocks[i]);
			if (chunk->arena == arena)
				free_locked(arena, chunk, blocks[i]);
			else
				blocks[others++] = blocks[i];
		}
		je_unlock(heap, &arena->lock);
		count = others;
	}
}

bool je_large_resize(struct je_heap *heap, void *block, uint32_t pages)
{
	struct je_chunk *chunk = je_chunk_of(heap, block);
	struct je_arena *arena = chunk->arena;
	uint32_t page = je_page_of(heap, block);
	bool is_done = true;

	je_lock(heap, &arena->lock);
	uint32_t old = je_entry_number(chunk->map[page]);
	if (pages > old)
		is_done = je_pages_take_behind(arena, chunk, page + old,
		                               page + pages);
	if (is_done) {
		counter_add(&arena->large_pages, (uint64_t)pages - old);
		mark(heap, chunk, page, pages);
	}
	if (pages < old) {
		counter_add(&arena->splits, 1);
		je_pages_give(arena, chunk, page + pages, old - pages);
	}
	je_unlock(heap, &arena->lock);
	return is_done;
}
