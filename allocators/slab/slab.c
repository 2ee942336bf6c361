/*
 * slab.c - the slab allocator: caches of constructed objects on runs of pages.
 *
 * Idea.  Programs allocate few kinds of objects, many times each.  A cache per
 * kind cuts pages into slots of exactly that size, keeps the objects
 * constructed while they are free, and gives whole slabs back when they are
 * empty.  This file makes an allocator of the parts:
 *
 *     malloc(100)                        kmem_cache_alloc(conns)     slab.h
 *        | kmalloc.c                        |
 *        v  class_of[7] = "size-128"        v
 *     size-16 .. size-96 [size-128] .. size-8192   "conn"        the chain
 *                           | cache.c       |
 *                           v               v
 *                   slabs: full, partial, empty           layout.c
 *                           |
 *     malloc(9000) -->  page heap: runs of 2^k and other numbers of pages
 *                           | pages.c
 *                           v
 *                       arenas  <-- reserve, commit --  page source    arena.c
 *
 * Words.
 *     object, slot, slab   the block, its place, a run of pages cut into slots
 *     warm                 free, and still constructed
 *     chain                all caches of a heap, the heap's own ones first
 *     large                a request above kmalloc_max: pages of its own
 *
 * Invariants.  I1-I4 pages.c, I5 layout.c, I6-I8 cache.c, I9 kmalloc.c, and
 *     I10  heap, page maps and backed pages are what the source has committed
 *
 * Cost.     malloc, free  O(1) but for new slabs: a table, a bitmap, two lists
 *           metadata      the heap's pages, 24 bytes a page, 48 bytes and a bit
 *                         per slot for a slab; no header on any block
 *           waste         to the next class inside a slot (knob spacing), 1/8
 *                         of a slab outside, and partial slabs of every class
 * Threads.  None: one thread at a time; a thread_heap is the heap.
 * Sources.  [Bonwick94] caches, slabs, colouring; [Gorman04, 8] Linux's lists.
 *
 * Files, in the order to read them.
 *     slab.c, slab.h        the knobs and the contract; caches of one's own
 *     pages.c, arena.c      runs of pages; the address space below them
 *     layout.c, cache.c     how a slab is cut; the life of slabs and objects
 *     kmalloc.c             malloc for any size
 *     walk.c, explain.c     the heap for the harness and for the stepper
 *     check.c, pages_check.c, diagnose.c  the invariants; a caller's mistakes
 *
 * Read next: pages.c.
 */
#include "slab.h"

#include <errno.h>
#include <stdio.h>

#include "../common/knob.h"
#include "kmalloc.h"
#include "walk.h"

enum {
	KNOB_SPACING,
	KNOB_KMALLOC_MAX,
	KNOB_SLAB_MIN,
	KNOB_DESCRIPTORS,
	KNOB_COLOUR,
	KNOB_EMPTY,
	KNOB_PARTIAL,
	KNOB_KEEP,
	KNOB_ARENA,
};

static const char *const spacings[] = {
	[SPACING_DOUBLE] = "double",
	[SPACING_LINUX] = "linux",
	[SPACING_QUARTER] = "quarter",
	[SPACING_EIGHTH] = "eighth",
	NULL,
};

static const char *const places[] = {
	[PLACE_AUTO] = "auto",
	[PLACE_ON] = "on",
	[PLACE_OFF] = "off",
	NULL,
};

static const char *const partial_orders[] = {
	[PARTIAL_FIFO] = "fifo",
	[PARTIAL_LIFO] = "lifo",
	NULL,
};

static const struct knob knobs[] = {
	[KNOB_SPACING] = {.name = "spacing",
                          .unit = "",
                          .initial = SPACING_LINUX,
                          .choices = spacings,
                          .summary = "the size caches: one a doubling, with "
                                     "96 and 192, four or eight",
                          .source = "Gorman04"},
	[KNOB_KMALLOC_MAX] = {.name = "kmalloc_max",
                              .unit = "bytes",
                              .initial = 8 << 10,
                              .min = 256,
                              .max = KMEM_OBJECT_MAX,
                              .power_of_two = true,
                              .summary = "larger requests get whole pages",
                              .source = ""},
	[KNOB_SLAB_MIN] = {.name = "slab_min",
                           .unit = "bytes",
                           .initial = PAGE_BYTES,
                           .min = PAGE_BYTES,
                           .max = SLAB_MIN_MAX,
                           .power_of_two = true,
                           .summary = "smallest slab: larger ones are made "
                                      "less often and empty less often",
                           .source = "Bonwick94"},
	[KNOB_DESCRIPTORS] = {.name = "descriptors",
                              .unit = "",
                              .initial = PLACE_AUTO,
                              .choices = places,
                              .summary = "on their slab, off it, or off it "
                                         "from 1/8 page a slot",
                              .source = "Bonwick94"},
	[KNOB_COLOUR] = {.name = "colour",
                         .unit = "bytes",
                         .initial = 64,
                         .min = 0,
                         .max = PAGE_BYTES,
                         .summary = "step between the offsets of successive "
                                    "slabs; 0 switches colouring off",
                         .source = "Bonwick94"},
	[KNOB_EMPTY] = {.name = "empty",
                        .unit = "slabs",
                        .initial = 1,
                        .min = 0,
                        .max = 1 << 20,
                        .summary = "empty slabs that each cache keeps warm",
                        .source = "Bonwick94"},
	[KNOB_PARTIAL] = {.name = "partial",
                          .unit = "",
                          .initial = PARTIAL_FIFO,
                          .choices = partial_orders,
                          .summary = "a slab that stops being full is used "
                                     "last (time to empty) or first (warm)",
                          .source = "Gorman04"},
	[KNOB_KEEP] = {.name = "keep",
                       .unit = "pages",
                       .initial = 256,
                       .min = 0,
                       .max = 1 << 30,
                       .summary = "free pages that stay committed; beyond, a "
                                  "freed run loses its memory",
                       .source = ""},
	[KNOB_ARENA] = {.name = "arena",
                        .unit = "bytes",
                        .initial = ARENA_BYTES_MIN,
                        .min = ARENA_BYTES_MIN,
                        .max = ARENA_BYTES_MAX,
                        .power_of_two = true,
                        .summary = "reserved at a time; runs above half of it "
                                   "are chunks of their own",
                        .source = ""},
	{0},
};

static struct slab_config config_of(const struct knob_values *values)
{
	return (struct slab_config){
		.place = (enum slab_place)values->of[KNOB_DESCRIPTORS],
		.slab_min_bytes = values->of[KNOB_SLAB_MIN],
		.colour_bytes = values->of[KNOB_COLOUR],
		.empty_limit = values->of[KNOB_EMPTY],
		.partial_order = (enum partial_order)values->of[KNOB_PARTIAL],
		.kmalloc_max = values->of[KNOB_KMALLOC_MAX],
	};
}

/*
 * The caches that no cache can provide: of cache descriptors, and of slab
 * descriptors in sizes of 64 to 1024 bytes.  Their own slabs carry their
 * descriptors on them, so that none needs another one.
 */
static void open_internal_caches(struct slab_heap *heap)
{
	char name[32];

	slab_cache_init(
		heap, &heap->cache_cache,
		&(struct kmem_cache_spec){.name = "kmem_cache",
	                                  .size = sizeof(struct kmem_cache)},
		PLACE_ON);
	heap->cache_cache.internal = true;
	for (unsigned i = 0; i < DESCRIPTOR_CACHES; i++) {
		size_t size = (size_t)64 << i;
		snprintf(name, sizeof name, "slab-%zu", size);
		slab_cache_init(
			heap, &heap->descriptor_cache[i],
			&(struct kmem_cache_spec){.name = name, .size = size},
			PLACE_ON);
		heap->descriptor_cache[i].internal = true;
	}
}

static void slab_destroy_heap(struct heap *heap)
{
	struct slab_heap *self = slab_heap_of(heap);
	struct page_source *source = self->source;

	kpages_close(&self->pages);
	page_source_unmap(source, self, self->bytes);
}

static struct heap *slab_create_heap(const struct knob_values *values,
                                     struct page_source *source,
                                     const char *single_thread)
{
	struct slab_config config = config_of(values);
	size_t bytes = round_up(sizeof(struct slab_heap) +
	                                kmalloc_table_bytes(config.kmalloc_max),
	                        PAGE_BYTES);
	struct slab_heap *heap = page_source_map(source, bytes, PAGE_BYTES);

	(void)single_thread; /* one OS thread at a time: no locks */
	if (heap == NULL)
		return NULL;
	heap->source = source;
	heap->bytes = bytes;
	heap->config = config;
	TAILQ_INIT(&heap->chain);
	kpages_open(&heap->pages, source, &heap->stats, values->of[KNOB_ARENA],
	            values->of[KNOB_KEEP]);
	open_internal_caches(heap);
	if (!kmalloc_open(heap,
	                  (enum kmalloc_spacing)values->of[KNOB_SPACING])) {
		slab_destroy_heap((struct heap *)heap);
		errno = ENOMEM;
		return NULL;
	}
	return (struct heap *)heap;
}

/* There is nothing to know about a thread: its handle is the heap. */
static struct slab_heap *heap_of(struct thread_heap *self)
{
	return (struct slab_heap *)self;
}

static struct thread_heap *slab_attach(struct heap *heap)
{
	return (struct thread_heap *)heap;
}

static void slab_detach(struct thread_heap *self)
{
	(void)self;
}

static void *slab_malloc(struct thread_heap *self, size_t size)
{
	return kmalloc(heap_of(self), size);
}

static void *slab_zero_malloc(struct thread_heap *self, size_t size)
{
	return kzalloc(heap_of(self), size);
}

static void *slab_aligned_malloc(struct thread_heap *self, size_t align,
                                 size_t size)
{
	return kmalloc_aligned(heap_of(self), align, size);
}

static void *slab_realloc(struct thread_heap *self, void *block, size_t size)
{
	return krealloc(heap_of(self), block, size);
}

static void slab_free(struct thread_heap *self, void *block)
{
	kfree(heap_of(self), block);
}

static size_t slab_usable_size(struct heap *heap, const void *block)
{
	return ksize(slab_heap_of(heap), block);
}

static size_t slab_trim(struct heap *heap)
{
	return slab_heap_relieve(slab_heap_of(heap));
}

static void slab_stats(struct heap *heap, struct heap_stats *out)
{
	*out = slab_heap_of(heap)->stats;
}

const struct allocator slab_allocator = {
	.name = "slab",
	.summary = "caches of constructed objects, cut from runs of pages",
	.source = "Bonwick94",
	.knobs = knobs,
	.create = slab_create_heap,
	.destroy = slab_destroy_heap,
	.attach = slab_attach,
	.detach = slab_detach,
	.malloc = slab_malloc,
	.zero_malloc = slab_zero_malloc,
	.aligned_malloc = slab_aligned_malloc,
	.realloc = slab_realloc,
	.free = slab_free,
	.usable_size = slab_usable_size,
	.trim = slab_trim,
	.stats = slab_stats,
	.walk = slab_walk,
	.check = slab_check,
	.free_lists = slab_free_lists,
	.explain = slab_explain,
};
