/*
 * jemalloc.c - arenas of chunks of runs of regions, behind a cache for a thread.
 *
 * Idea.  Threads that share a free list wait for each other, so there are more
 * arenas than CPUs and each thread has one; and the arena is not asked for every
 * block, for a cache in front serves malloc and free without a lock.  A block
 * goes back to the arena it came from, found by clearing bits of its address.
 * Within an arena the lowest free address is always taken first, so that the high
 * ones drain and their pages go back.
 *
 *     malloc(100) --class_of--> bin 112 of this thread's cache      cache.c
 *                                  | empty: a batch
 *                                  v
 *     arena 0   bin 112:  run [hdr|##.#...]  then the lowest of     bin.c
 *     arena 1                               [hdr|#.###..] ...
 *     ...                          | all full: a run of pages
 *                                  v
 *               available runs by size, address                     pages.c
 *                                  | none: a chunk
 *                                  v
 *     chunk 4 MiB  |head, page map|run|run|large block|available|   chunk.c
 *
 *     malloc(10000)    3 pages, cached to cache_max                 large.c
 *     malloc(5000000)  huge: address space of its own               huge.c
 *     free(p)      chunk = p & ~mask; page map: the bin; push       below
 *
 * Words.
 *     region, run     the block of a small class, pages cut into such
 *     chunk           4 MiB of address space, aligned to that
 *     available       pages in no live run: dirty, clean or uncommitted
 *     arena           bins, available runs and chunks under locks of their own
 *     spare           the one wholly available chunk that an arena keeps
 *     cached          freed, and in a thread's bin: the arena thinks it is used
 *
 * Invariants.  I1-I4 chunk.c, I5 pages.c, I6-I8 bin.c, I9 cache.c, I10 huge.c,
 *     I11  heap, headers, runs and available pages are what the source has
 *          committed
 *
 * Cost.     malloc, free   18 and 20 instructions from and to the cache
 *           metadata       1 to 3 % of a run; 1.1 % of a chunk; 2 KiB a thread,
 *                          4 KiB an arena, and the pointers of what is cached
 *           waste          to the next class, a fifth at most; to the next page
 *                          above 7168; in caches; and a run with one live region
 *                          holds all its pages
 * Threads.  Any number; lock order in jemalloc.h.
 * Sources.  [Evans06], [Evans11], [Evans14].
 *
 * Files, in the order to read them.
 *     jemalloc.c, jemalloc.h     the knobs, the contract, the fast paths
 *     arena.h                    what an arena is made of
 *     size_class.c               the sizes, and how a run is cut
 *     cache.c                    the thread's cache: refill, flush, collection
 *     bin.c                      small runs
 *     pages.c, chunk.c, large.c  pages, what lies under them, blocks of pages
 *     purge.c, huge.c            giving pages back; blocks of chunks
 *     resize.c, heap.c, base.c   realloc; create to fork; metadata
 *     walk.c, explain.c, check.c, diagnose.c   looking at it
 *
 * Read next: size_class.c.
 */
#include "jemalloc.h"

#include <errno.h>
#include <string.h>

#include "../common/unattached.h"

enum {
	KNOB_ARENAS,
	KNOB_CHUNK,
	KNOB_CLASSES,
	KNOB_SLOTS,
	KNOB_CACHE_MAX,
	KNOB_GC,
	KNOB_PURGE,
	KNOB_DIRTY,
	KNOB_DECAY,
	KNOB_AHEAD,
	KNOB_HEADROOM,
	KNOB_STAGGER,
};

static const char *const spacings[] = {
	[SPACING_QUARTER] = "quarter",
	[SPACING_2006] = "2006",
	NULL,
};

static const char *const purges[] = {
	[PURGE_RATIO] = "ratio",
	[PURGE_DECAY] = "decay",
	[PURGE_NEVER] = "never",
	NULL,
};

static const struct knob knobs[] = {
	[KNOB_ARENAS] = {.name = "arenas",
                         .unit = "arenas",
                         .initial = 8,
                         .min = 0,
                         .max = 256,
                         .summary =
                                 "threads are given to them in turn; 0: four "
                                 "for each CPU (the default is two CPUs')",
                         .source = "Evans06"},
	[KNOB_CHUNK] = {.name = "chunk",
                        .unit = "bytes",
                        .initial = 4 << 20,
                        .min = 64 << 10,
                        .max = 64 << 20,
                        .power_of_two = true,
                        .summary = "reserved at a time; larger blocks are huge "
                                   "(2M in the first design)",
                        .source = "Evans14"},
	[KNOB_CLASSES] = {.name = "classes",
                          .unit = "",
                          .initial = SPACING_QUARTER,
                          .choices = spacings,
                          .summary = "four in a doubling, or 16-byte steps to "
                                     "512, then 1024 and 2048",
                          .source = "Evans06"},
	[KNOB_SLOTS] = {.name = "cache_slots",
                        .unit = "blocks",
                        .initial = 200,
                        .min = 0,
                        .max = 2000,
                        .summary = "of one size in a thread's cache at most; 0 "
                                   "switches it off",
                        .source = "Evans14"},
	[KNOB_CACHE_MAX] = {.name = "cache_max",
                            .unit = "bytes",
                            .initial = 32 << 10,
                            .min = JE_TABLE_MAX,
                            .max = JE_LARGE_CLASSES_MAX * PAGE_BYTES,
                            .power_of_two = true,
                            .summary = "largest block in a thread's cache",
                            .source = "Evans14"},
	[KNOB_GC] = {.name = "gc",
                     .unit = "frees",
                     .initial = 256,
                     .min = 0,
                     .max = 1 << 30,
                     .summary =
                             "after so many, one size of a thread's cache is "
                             "looked at for idle blocks; 0: never",
                     .source = "Evans11"},
	[KNOB_PURGE] = {.name = "purge",
                        .unit = "",
                        .initial = PURGE_RATIO,
                        .choices = purges,
                        .summary =
                                "what limits dirty pages: a share of the live "
                                "ones, their age, nothing",
                        .source = "Evans16"},
	[KNOB_DIRTY] = {.name = "lg_dirty_mult",
                        .unit = "log2",
                        .initial = 3,
                        .min = 0,
                        .max = 32,
                        .summary = "ratio: dirty pages up to live >> this, and "
                                   "up to a chunk",
                        .source = "Evans14"},
	[KNOB_DECAY] = {.name = "decay",
                        .unit = "clock units",
                        .initial = 10000000000,
                        .min = 1,
                        .max = (uint64_t)1 << 50,
                        .summary =
                                "decay: age at which all dirty pages are gone "
                                "(ns, or operations in a replay)",
                        .source = "Evans16"},
	[KNOB_AHEAD] = {.name = "ahead",
                        .unit = "pages",
                        .initial = 64,
                        .min = 0,
                        .max = 4096,
                        .summary = "committed beyond a new run at most, and a "
                                   "16th of the live pages",
                        .source = ""},
	[KNOB_HEADROOM] = {.name = "headroom",
                           .unit = "percent",
                           .initial = 0,
                           .min = 0,
                           .max = 100,
                           .summary = "more for a block above the small sizes "
                                      "that realloc lengthens",
                           .source = ""},
	[KNOB_STAGGER] = {.name = "stagger",
                          .unit = "lines",
                          .initial = 0,
                          .min = 0,
                          .max = 8,
                          .summary = "room in each run for its header to start "
                                     "elsewhere than the next run's",
                          .source = ""},
	{0},
};

static struct heap *create(const struct knob_values *values,
                           struct page_source *source,
                           const char *single_thread)
{
	const struct je_config config = {
		.arenas = (unsigned)values->of[KNOB_ARENAS],
		.chunk_bytes = values->of[KNOB_CHUNK],
		.spacing = (enum je_spacing)values->of[KNOB_CLASSES],
		.slots = (unsigned)values->of[KNOB_SLOTS],
		.cache_max = values->of[KNOB_CACHE_MAX],
		.gc = (unsigned)values->of[KNOB_GC],
		.purge = (enum je_purge)values->of[KNOB_PURGE],
		.dirty_log2 = (unsigned)values->of[KNOB_DIRTY],
		.decay = values->of[KNOB_DECAY],
		.ahead_pages = (unsigned)values->of[KNOB_AHEAD],
		.headroom = (unsigned)values->of[KNOB_HEADROOM],
		.stagger = (unsigned)values->of[KNOB_STAGGER],
	};

	return je_create(&config, source, single_thread);
}

/* ---- malloc ------------------------------------------------------------- */

/* From a bin of the cache: an empty one and one at its mark are the same here. */
static inline void *bin_pop(struct je_handle *self, struct je_cache_bin *bin)
{
	void **top = je_bin_top(bin);

	if (je_unlikely(top == bin->low))
		return je_cache_miss(self, bin);
	je_bin_set_top(bin, top - 1);
	return top[-1];
}

/* Whole pages at a multiple of `align` pages, past the cache. */
static void *alloc_pages(struct je_handle *self, size_t size, size_t align,
                         bool *fresh)
{
	const struct je_heap *heap = self->heap;
	size_t most = (size_t)heap->large_max_pages << PAGE_LOG2;

	if (size <= most &&
	    je_pages_for(size) + align - 1 <= heap->large_max_pages)
		return je_large_alloc(self->arena, je_pages_for(size),
		                      (uint32_t)align, fresh);
	*fresh = true;
	return je_huge_alloc(self, align << PAGE_LOG2, size);
}

static je_noinline void *malloc_pages(struct je_handle *self, size_t size)
{
	const struct je_heap *heap = self->heap;
	bool fresh;

	if (heap == NULL)
		return unattached_malloc(size);
	if (size <= heap->config.cache_max) {
		unsigned bin = je_large_bin(heap, je_pages_for(size));
		if (bin != heap->no_bin)
			return bin_pop(self, &self->bins[bin]);
	}
	return alloc_pages(self, size, 1, &fresh);
}

static_assert(offsetof(struct je_handle, bins) <= UNATTACHED_BYTES,
              "what is read of a handle of no heap lies in the zeros");

/* Beyond the table is every size for a handle that has none. */
void *je_malloc(struct thread_heap *thread, size_t size)
{
	struct je_handle *self = je_handle_of(thread);

	if (je_unlikely(size >= self->table_end))
		return malloc_pages(self, size);
	return bin_pop(self, &self->bins[self->class_of[(size + 7) / 8]]);
}

static void *zero_malloc(struct thread_heap *thread, size_t size)
{
	struct je_handle *self = je_handle_of(thread);
	bool fresh = false;
	void *block;

	if (size > JE_TABLE_MAX && size > self->heap->config.cache_max)
		block = alloc_pages(self, size, 1, &fresh);
	else
		block = je_malloc(thread, size);
	if (block != NULL && !fresh)
		memset(block, 0, size);
	return block;
}

/* A class of 2^k times something has regions at multiples of 2^k. */
static void *aligned_malloc(struct thread_heap *thread, size_t align,
                            size_t size)
{
	struct je_handle *self = je_handle_of(thread);
	const struct je_heap *heap = self->heap;
	bool fresh;

	if (align <= TINY_BYTES ||
	    (align <= MALLOC_ALIGN_BYTES && size > TINY_BYTES))
		return je_malloc(thread, size);
	unsigned class = je_small_class(heap, align, size == 0 ? 1 : size);
	if (class < heap->small_classes)
		return bin_pop(self, &self->bins[class]);
	if (align <= PAGE_BYTES)
		return malloc_pages(self, size);
	return alloc_pages(self, size, align >> PAGE_LOG2, &fresh);
}

/* ---- free --------------------------------------------------------------- */

/*
 * At the start of a chunk: a huge block, or NULL; with no heap, where chunks
 * have one byte, anything.
 */
static je_noinline void free_huge(struct je_handle *self, void *block)
{
	if (block == NULL)
		return;
	if (self->heap == NULL) {
		unattached_free(block);
		return;
	}
	if (CHECKED)
		je_require_live(self, block, "free");
	int error = errno;
	je_huge_free(self->heap, block);
	errno = error;
}

/* No question whose block it is: any thread may cache any block. */
void je_free(struct thread_heap *thread, void *block)
{
	struct je_handle *self = je_handle_of(thread);
	size_t offset = (uintptr_t)block & self->chunk_mask;

	if (je_unlikely(offset == 0)) {
		free_huge(self, block);
		return;
	}
	if (CHECKED)
		je_require_live(self, block, "free");
	const struct je_chunk *chunk =
		(const struct je_chunk *)((char *)block - offset);
	struct je_cache_bin *bin =
		&self->bins[chunk->map[offset >> PAGE_LOG2] & ENTRY_BIN];
	void **top = je_bin_top(bin);
	if (je_unlikely(top == bin->limit)) {
		je_cache_full(self, bin, block);
		return;
	}
	*top = block;
	je_bin_set_top(bin, top + 1);
	if (je_unlikely(--self->ticks < 0))
		je_cache_collect(self);
}

const struct allocator jemalloc_allocator = {
	.name = "jemalloc",
	.summary = "thread caches on arenas of chunks, runs and regions",
	.source = "Evans11",
	.knobs = knobs,
	.has_locks = true,
	.knows_unattached = true,
	.create = create,
	.destroy = je_destroy,
	.attach = je_attach,
	.detach = je_detach,
	.malloc = je_malloc,
	.zero_malloc = zero_malloc,
	.aligned_malloc = aligned_malloc,
	.realloc = je_realloc,
	.free = je_free,
	.usable_size = je_usable_size,
	.trim = je_trim,
	.stats = je_stats,
	.usage = je_usage,
	.fork_prepare = je_fork_prepare,
	.fork_parent = je_fork_parent,
	.fork_child = je_fork_child,
	.walk = je_walk,
	.check = je_check,
	.free_lists = je_free_lists,
	.explain = je_explain,
};
