/*
 * resize.c - realloc: where the block is, if it can, else with room to grow.
 *
 * Idea.  Each kind of block has its own way to stay:
 *
 *     small    stays while the size is of the same class
 *     large    shorter: its last pages become available; longer: takes the
 *              available pages behind it
 *     huge     the source resizes it, in place or by moving pages
 *
 * A large block often grows where it is, for best fit leaves the long runs behind
 * the blocks that were carved from them.  With the knob `headroom` a large or
 * huge block that grows asks for some percent more than it needs, and for what it
 * needs where that is not to be had: fewer steps, more memory.
 *
 * Cost.     in place O(1), large O(log available runs); else a copy, but for huge
 * Threads.  Any: the block is the caller's; locks are taken where pages change.
 * Sources.  [Evans06], [Evans11]; the headroom is ours.
 *
 * Read next: heap.c.
 */
#include <errno.h>
#include <string.h>

#include "jemalloc.h"

size_t je_usable_size(struct heap *heap, const void *block)
{
	struct je_heap *self = je_heap_of(heap);

	if (je_is_huge(self, block))
		return je_huge_bytes(self, block);
	uint32_t entry = je_chunk_of(self, block)->map[je_page_of(self, block)];
	if (entry & ENTRY_LARGE)
		return (size_t)je_entry_number(entry) << PAGE_LOG2;
	return self->classes[entry & ENTRY_BIN].size;
}

/* A block of `size` bytes with the contents of `block`, which is freed. */
static void *move(struct je_handle *self, void *block, size_t usable,
                  size_t size, size_t wish)
{
	struct thread_heap *thread = (struct thread_heap *)self;
	void *moved = je_malloc(thread, wish);

	if (moved == NULL && wish > size)
		moved = je_malloc(thread, size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, block, usable < size ? usable : size);
	counter_add(&self->moves, 1);
	je_free(thread, block);
	return moved;
}

static size_t with_headroom(const struct je_heap *heap, size_t size)
{
	return size + size / 100 * heap->config.headroom;
}

static void *resize_small(struct je_handle *self, void *block, size_t usable,
                          size_t size)
{
	const struct je_heap *heap = self->heap;

	if (size <= JE_TABLE_MAX &&
	    je_bin_for(heap, size) == je_bin_for(heap, usable))
		return block;
	return move(self, block, usable, size, size);
}

static void *resize_large(struct je_handle *self, void *block, size_t usable,
                          size_t size)
{
	struct je_heap *heap = self->heap;
	size_t most = (size_t)heap->large_max_pages << PAGE_LOG2;
	size_t wish = with_headroom(heap, size);

	if (je_is_small(heap, size) && size <= usable)
		return move(self, block, usable, size, size);
	if (size <= usable) {
		uint32_t pages = je_pages_for(size);
		if (pages < usable >> PAGE_LOG2)
			je_large_resize(heap, block, pages);
		return block;
	}
	if ((wish <= most &&
	     je_large_resize(heap, block, je_pages_for(wish))) ||
	    (size <= most && je_large_resize(heap, block, je_pages_for(size))))
		return block;
	return move(self, block, usable, size, wish);
}

static void *resize_huge(struct je_handle *self, void *block, size_t usable,
                         size_t size)
{
	struct je_heap *heap = self->heap;
	size_t wish = with_headroom(heap, size);

	if (size <= (size_t)heap->large_max_pages << PAGE_LOG2)
		return move(self, block, usable, size, size);
	if (size <= usable)
		return je_huge_resize(heap, block, size);
	void *grown = wish > PTRDIFF_MAX / 2
	                      ? NULL
	                      : je_huge_resize(heap, block, wish);
	return grown != NULL ? grown : je_huge_resize(heap, block, size);
}

void *je_realloc(struct thread_heap *thread, void *block, size_t size)
{
	struct je_handle *self = je_handle_of(thread);

	if (block == NULL)
		return je_malloc(thread, size);
	if (size > PTRDIFF_MAX - PAGE_BYTES) {
		errno = ENOMEM;
		return NULL;
	}
	if (CHECKED)
		je_require_live(self, block, "realloc");
	size_t usable = je_usable_size((struct heap *)self->heap, block);
	if (je_is_huge(self->heap, block))
		return resize_huge(self, block, usable, size);
	if (je_is_small(self->heap, usable))
		return resize_small(self, block, usable, size);
	return resize_large(self, block, usable, size);
}
