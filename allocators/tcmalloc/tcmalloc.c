/*
 * tcmalloc.c - thread-caching malloc: three tiers, each for a larger unit and
 * more threads.
 *
 * Idea.  A lock that every malloc takes is a queue for all threads.  So each
 * thread has lists of free objects of its own; what it has too many of, or too few,
 * moves in batches to and from lists that all share; and those get their memory
 * as runs of pages from one heap below:
 *
 *     malloc(100), free(p)
 *        | size -> class            p -> page map -> class
 *        v                          v
 *     thread cache   [class 1] [class 2] ... [112: |oooooo|...]     no lock
 *        ^ batches of up to 32                      thread_cache.c, budget.c
 *        v
 *     central list   [112: transfer cache |batch|batch|..           lock of the
 *        ^ spans           spans |o.oo..o.| |.o......|]             class
 *        v                 transfer_cache.c, central_list.c
 *     page heap      free spans of 1, 2 ... 128 pages; a tree       one lock
 *        ^ 1 MiB           page_heap.c, free_spans.c, growth.c
 *        v
 *     page source
 *
 *     page map       page of an address -> class and span           none: page_map.c
 *
 * A free block remembers nothing and a live one has no header.  Free finds the
 * class of a block by its page, and keeps the block itself untouched: it may
 * lie in the cache of the processor that used it last.
 *
 * Words.
 *     page    8 KiB here
 *     span    a run of pages: one large block, or objects of one class
 *     object  a small block, live or not
 *     batch   objects that move between two tiers at a time
 *
 * Invariants.  I1 metadata.c, I2 page_map.c, I3 page_hash.c, I4 growth.c, I5-I6
 *     page_heap.c, I7-I8 central_list.c, I9 transfer_cache.c, I10-I11
 *     thread_cache.c, I12 budget.c, and
 *     I13  metadata, page map and committed pages are what the source has
 *          committed
 *
 * Cost.     malloc 17 instructions, free 23 with the default page map, while the
 *           list is neither at its low-water mark nor full; no header
 *           waste: above 128 bytes, in the block and in the tail of the span,
 *           a quarter of a request at most; what threads and transfer caches
 *           keep: their budgets
 * Threads.  Any number, each with a handle; the lock order is in tcmalloc.h.
 *           Any thread may keep any free object: none belongs to a thread.
 * Sources.  [Ghemawat] the design; [Hunter21], [Zhou24] what became of it.
 *
 * Files, in the order to read them.
 *     tcmalloc.c, .h         the fast paths; the heap and its locks
 *     size_classes.c         which sizes there are
 *     thread_cache.c, budget.c         slow start; what a thread may keep
 *     central_list.c, transfer_cache.c objects in spans; batches
 *     page_heap.c, free_spans.c, growth.c  pages
 *     page_map.c, page_hash.c          from address to span
 *     metadata.c             memory for descriptors, ../common/object_pool.c
 *     large.c, fork.c        the other calls
 *     knobs.c, usage.c, walk.c, check.c, explain.c, diagnose.c
 *
 * Read next: size_classes.c.
 */
#include "../common/unattached.h"
#include "tcmalloc.h"

/* What the fast paths read of a handle of no heap. */
static_assert(offsetof(struct tcm_cache, bin) + sizeof(struct tcm_bin) <=
                      UNATTACHED_BYTES,
              "its first bin lies in the zeros");

/* The list is at its low-water mark; or there is no list and no heap. */
static TCM_NOINLINE void *malloc_at_low(struct tcm_cache *self, size_t size,
                                        struct tcm_bin *bin)
{
	if (self->heap == NULL)
		return unattached_malloc(size);
	return tcm_cache_at_low(self, bin);
}

/* A size that the handle's table does not have. */
static TCM_NOINLINE void *malloc_any(struct tcm_cache *self, size_t size)
{
	if (self->heap == NULL)
		return unattached_malloc(size);
	return tcm_malloc_any(self, size);
}

/*
 * The fast paths.  They count nothing, and their slow ways are tail calls, so
 * that they need no stack frame.  Where two pointers meet, the list is at its
 * low-water mark (perhaps empty), or full.
 */
void *tcm_malloc(struct thread_heap *handle, size_t size)
{
	struct tcm_cache *self = tcm_cache_of(handle);

	if (size > TCM_LOOKUP_MAX)
		return malloc_any(self, size);
	struct tcm_bin *bin = &self->bin[self->class_of[(size + 7) / 8]];
	void **top = tcm_bin_top(bin);
	if (top == bin->low)
		return malloc_at_low(self, size, bin);
	tcm_bin_set_top(bin, top - 1);
	return top[-1];
}

/* Frees a block whose page has this entry.  The list of class 0 is full. */
static inline void free_mapped(struct tcm_cache *self, void *block,
                               uint64_t entry)
{
	struct tcm_bin *bin = &self->bin[tcm_entry_class(entry)];
	void **top = tcm_bin_top(bin);

	if (top == bin->limit) {
		tcm_cache_at_limit(self, bin, block);
	} else {
		*top = block;
		tcm_bin_set_top(bin, top + 1);
	}
}

static TCM_NOINLINE void free_by_any_map(struct tcm_cache *self, void *block)
{
	free_mapped(self, block, tcm_page_map_get(&self->heap->map, block));
}

/* The page map is not the default, or there is no heap. */
static TCM_NOINLINE void free_by_map(struct tcm_cache *self, void *block)
{
	if (self->map_kind == TCM_MAP_3)
		free_mapped(self, block, tcm_map3_get(self->map_root, block));
	else if (self->heap == NULL)
		unattached_free(block);
	else
		free_by_any_map(self, block);
}

void tcm_free(struct thread_heap *handle, void *block)
{
	struct tcm_cache *self = tcm_cache_of(handle);

	if (block == NULL)
		return;
	if (CHECKED && self->heap != NULL)
		tcm_misuse_check(self, block, "free");
	if (self->map_kind == TCM_MAP_2)
		free_mapped(self, block, tcm_map2_get(self->map_root, block));
	else
		free_by_map(self, block);
}

static struct thread_heap *tcm_attach(struct heap *heap)
{
	return (struct thread_heap *)tcm_cache_attach(tcm_heap_of(heap));
}

static void tcm_detach(struct thread_heap *self)
{
	tcm_cache_detach(tcm_cache_of(self));
}

const struct allocator tcmalloc_allocator = {
	.name = "tcmalloc",
	.summary = "thread caches, central lists, a heap of spans (gperftools)",
	.source = "Ghemawat",
	.knobs = tcm_knobs,
	.has_locks = true,
	.knows_unattached = true,
	.create = tcm_create,
	.destroy = tcm_destroy,
	.attach = tcm_attach,
	.detach = tcm_detach,
	.malloc = tcm_malloc,
	.zero_malloc = tcm_zero_malloc,
	.aligned_malloc = tcm_aligned_malloc,
	.realloc = tcm_realloc,
	.free = tcm_free,
	.usable_size = tcm_usable_size,
	.trim = tcm_trim,
	.stats = tcm_stats,
	.usage = tcm_usage,
	.fork_prepare = tcm_fork_prepare,
	.fork_parent = tcm_fork_parent,
	.fork_child = tcm_fork_child,
	.walk = tcm_walk,
	.check = tcm_check,
	.free_lists = tcm_free_lists,
	.explain = tcm_explain,
};
