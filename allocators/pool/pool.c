/*
 * pool.c - a heap for objects of one size.
 *
 * Idea.  A program that allocates one kind of object, and many of it, needs
 * neither search nor size classes nor headers: a list of free objects is all,
 * of which malloc takes the first and to which free puts one more.  The price is
 * that everything else is refused.  How the list and its chunks work:
 * ../common/object_pool.c.
 *
 * What a heap does with them:
 *
 *     create       preallocate --> objects on the list from the start
 *     malloc       list, else the next slot of a chunk, else a new chunk,
 *                  else, at the limit, NULL
 *     free         the list; and where too much lies idle, idle chunks go back
 *     trim         all idle chunks but those of the preallocated objects
 *
 * Words.
 *     object   what is handed out; the knob says its size, or, if that is 0, the
 *              first request does
 *     slot     an object's place: its size, rounded up to its alignment
 *     chunk    slots that come from the source, and go back, together
 *     idle     a chunk without a live object
 *
 * When chunks go back.  Not at once, for the next malloc may want them: as many
 * stay as the knob `idle` says.  And not before the rest of them are half of the
 * list at least, so that the pass over the list pays for itself.
 *
 * Invariants I1 to I4: ../common/object_pool.c; and, verified in inspect.c:
 *     I5  the chunks and the heap's page are all that is committed
 *
 * Cost.     malloc, free  O(1), free on average
 *           waste         what objects are smaller than their slot
 * Threads.  None: one thread at a time.
 * Sources.  [Knuth97, 2.2.3]; [Berger02] on what such custom allocators are
 *           worth.
 *
 * Read next: ../common/object_pool.c.
 */
#include "pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../common/heap_usage.h"
#include "../common/knob.h"
#include "../common/misuse.h"

static const struct knob knobs[] = {
	[KNOB_OBJECT] = {.name = "object",
                         .unit = "bytes",
                         .initial = 0,
                         .min = 0,
                         .max = POOL_OBJECT_MAX,
                         .summary = "of an object; 0: the first request says",
                         .source = "Knuth97"},
	[KNOB_PREALLOCATE] = {.name = "preallocate",
                              .unit = "objects",
                              .initial = 0,
                              .min = 0,
                              .max = 1 << 12,
                              .summary = "on the list from the start, for good",
                              .source = ""},
	[KNOB_LIMIT] = {.name = "limit",
                        .unit = "objects",
                        .initial = 0,
                        .min = 0,
                        .max = (uint64_t)1 << 32,
                        .summary = "live at a time, at most; 0: no limit",
                        .source = ""},
	[KNOB_CHUNK] = {.name = "chunk",
                        .unit = "bytes",
                        .initial = 16 << 10,
                        .min = PAGE_BYTES,
                        .max = 1 << 20,
                        .power_of_two = true,
                        .summary = "asked from the source, at least 8 objects",
                        .source = ""},
	[KNOB_IDLE] = {.name = "idle",
                       .unit = "chunks",
                       .initial = 1,
                       .min = 0,
                       .max = 1 << 20,
                       .summary = "kept without a live object in them",
                       .source = ""},
	{0},
};

/* There is nothing to know about a thread: its handle is the heap. */
static struct pool_heap *heap_of(struct thread_heap *self)
{
	return (struct pool_heap *)self;
}

/* ---- the heap ------------------------------------------------------------ */

/* No chunk was to be had: the next request says again how large objects are. */
static void forget_size(struct pool_heap *heap)
{
	struct object_pool *pool = &heap->pool;

	*pool = (struct object_pool){.pages = pool->pages,
	                             .stats = pool->stats};
}

/* Fixes the size; false without memory for what is to be preallocated. */
static bool fix_size(struct pool_heap *heap, size_t bytes)
{
	struct object_pool *pool = &heap->pool;
	struct heap_stats stats = pool->stats;
	size_t slot = round_up(bytes, malloc_align(bytes));
	size_t chunk_bytes = heap->chunk_bytes;

	while (chunk_bytes < POOL_CHUNK_HEADER + POOL_SLOTS_MIN * slot)
		chunk_bytes *= 2;
	object_pool_open(pool, pool->pages, slot, chunk_bytes);
	pool->stats = stats;
	if (object_pool_prepare(pool, heap->preallocate))
		return true;
	forget_size(heap);
	return false;
}

static const char *pool_refuse(const struct knob_values *values)
{
	uint64_t limit = values->of[KNOB_LIMIT];

	return limit != 0 && values->of[KNOB_PREALLOCATE] > limit
	               ? "preallocate is above limit"
	               : NULL;
}

static struct heap *pool_create(const struct knob_values *values,
                                struct page_source *pages,
                                const char *single_thread)
{
	struct pool_heap *heap = page_source_map(pages, PAGE_BYTES, PAGE_BYTES);
	size_t bytes = values->of[KNOB_OBJECT];

	(void)single_thread; /* one OS thread at a time: no locks */
	if (heap == NULL)
		return NULL;
	*heap = (struct pool_heap){
		.pool.pages = pages,
		.preallocate = values->of[KNOB_PREALLOCATE],
		.limit = values->of[KNOB_LIMIT],
		.chunk_bytes = values->of[KNOB_CHUNK],
		.idle = values->of[KNOB_IDLE],
	};
	if (bytes != 0 && !fix_size(heap, bytes)) {
		page_source_unmap(pages, heap, PAGE_BYTES);
		return NULL;
	}
	return (struct heap *)heap;
}

static void pool_destroy(struct heap *heap)
{
	struct pool_heap *self = pool_heap_of(heap);
	struct page_source *pages = self->pool.pages;

	object_pool_close(&self->pool);
	page_source_unmap(pages, self, PAGE_BYTES);
}

static struct thread_heap *pool_attach(struct heap *heap)
{
	pool_heap_of(heap)->handles++;
	return (struct thread_heap *)heap;
}

static void pool_detach(struct thread_heap *self)
{
	heap_of(self)->handles--;
}

/* ---- what is served ------------------------------------------------------ */

/* Before the first request has fixed the size, any is possible. */
static size_t largest_object(const struct pool_heap *heap)
{
	return heap->pool.slot_bytes != 0 ? heap->pool.slot_bytes
	                                  : POOL_OBJECT_MAX;
}

static size_t largest_align(const struct pool_heap *heap)
{
	return heap->pool.slot_bytes != 0 ? object_pool_align(&heap->pool)
	                                  : MALLOC_ALIGN_BYTES;
}

bool pool_serves(struct heap *heap, size_t size, size_t align, char *why,
                 size_t capacity)
{
	const struct pool_heap *self = pool_heap_of(heap);

	if (size > largest_object(self))
		snprintf(why, capacity,
		         "pool serves requests of at most %zu bytes: %zu",
		         largest_object(self), size);
	else if (align > largest_align(self))
		snprintf(why, capacity,
		         "pool has objects at multiples of %zu bytes: %zu",
		         largest_align(self), align);
	else
		return true;
	return false;
}

/* ---- blocks -------------------------------------------------------------- */

static void *refuse_with(int error)
{
	errno = error;
	return NULL;
}

static void *pool_malloc(struct thread_heap *self, size_t size)
{
	struct pool_heap *heap = heap_of(self);
	bool is_first = heap->pool.slot_bytes == 0;

	if (size > largest_object(heap))
		return refuse_with(EINVAL);
	if (is_first && !fix_size(heap, size == 0 ? 1 : size))
		return NULL;
	if (heap->limit != 0 && heap->pool.live == heap->limit)
		return refuse_with(ENOMEM);
	void *object = object_pool_take(&heap->pool);
	if (object == NULL && is_first)
		forget_size(heap);
	return object;
}

static void *pool_zero_malloc(struct thread_heap *self, size_t size)
{
	void *block = pool_malloc(self, size);

	return block == NULL ? NULL : memset(block, 0, size);
}

static void *pool_aligned_malloc(struct thread_heap *self, size_t align,
                                 size_t size)
{
	struct pool_heap *heap = heap_of(self);

	/* The first request fixes the alignment, too. */
	if (heap->pool.slot_bytes == 0 && size <= TINY_BYTES &&
	    align > TINY_BYTES)
		size = align;
	return align <= largest_align(heap) ? pool_malloc(self, size)
	                                    : refuse_with(EINVAL);
}

/* Whether idle chunks beyond those to keep are worth a pass over the list. */
static bool is_release_due(const struct pool_heap *heap, size_t keep)
{
	const struct object_pool *pool = &heap->pool;

	return pool->idle_chunks > keep &&
	       2 * (pool->idle_chunks - keep) * pool->slots >= pool->listed;
}

static void pool_free(struct thread_heap *self, void *block)
{
	struct pool_heap *heap = heap_of(self);
	size_t floor = pool_floor(heap);
	size_t keep = heap->idle > floor ? heap->idle : floor;

	if (block == NULL)
		return;
	if (CHECKED)
		pool_require_live(heap, block, "free");
	object_pool_put(&heap->pool, block);
	if (is_release_due(heap, keep))
		object_pool_release(&heap->pool, keep);
}

static void *pool_realloc(struct thread_heap *self, void *block, size_t size)
{
	struct pool_heap *heap = heap_of(self);

	if (block == NULL)
		return pool_malloc(self, size);
	if (CHECKED)
		pool_require_live(heap, block, "realloc");
	return size <= heap->pool.slot_bytes ? block : refuse_with(EINVAL);
}

static size_t pool_usable_size(struct heap *heap, const void *block)
{
	(void)block;
	return pool_heap_of(heap)->pool.slot_bytes;
}

static size_t pool_trim(struct heap *heap)
{
	struct pool_heap *self = pool_heap_of(heap);

	return object_pool_release(&self->pool, pool_floor(self));
}

static void pool_stats(struct heap *heap, struct heap_stats *out)
{
	*out = pool_heap_of(heap)->pool.stats;
}

static void pool_usage(struct heap *heap, struct heap_usage *out)
{
	const struct object_pool *pool = &pool_heap_of(heap)->pool;
	size_t chunks = pool->busy_chunks + pool->idle_chunks;
	size_t objects = pool->live + pool->listed;
	size_t tail = pool->chunk_bytes - POOL_CHUNK_HEADER -
	              pool->slots * pool->slot_bytes;

	*out = (struct heap_usage){
		.live_bytes = pool->live * pool->slot_bytes,
		.metadata_bytes = PAGE_BYTES + chunks * POOL_CHUNK_HEADER,
		.handles = pool_heap_of(heap)->handles,
	};
	if (chunks == 0)
		return;
	out->slack_bytes = chunks * tail;
	usage_add_tier(out, "free list", pool->listed * pool->slot_bytes);
	usage_add_tier(out, "uncarved",
	               (chunks * pool->slots - objects) * pool->slot_bytes);
}

const struct allocator pool_allocator = {
	.name = "pool",
	.summary = "objects of one size on one list; refuses all others",
	.source = "Knuth97",
	.knobs = knobs,
	.refuse = pool_refuse,
	.serves = pool_serves,
	.create = pool_create,
	.destroy = pool_destroy,
	.attach = pool_attach,
	.detach = pool_detach,
	.malloc = pool_malloc,
	.zero_malloc = pool_zero_malloc,
	.aligned_malloc = pool_aligned_malloc,
	.realloc = pool_realloc,
	.free = pool_free,
	.usable_size = pool_usable_size,
	.trim = pool_trim,
	.stats = pool_stats,
	.usage = pool_usage,
	.walk = pool_walk,
	.check = pool_check,
	.free_lists = pool_free_lists,
	.explain = pool_explain,
};
