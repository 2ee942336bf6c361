/*
 * heap.c - a heap from create to destroy: its arenas, its handles, its sums.
 *
 * Idea.  Threads are given to arenas in turn, and keep theirs.  An arena is made
 * when it is its turn for the first time; one that all its threads have left comes
 * first again, so that threads that come and go do not spread over all of them.
 *
 *     arenas     |   0   |   1   |   2   |   3   .  .  .  7   |
 *     threads    |   a   |       |   c   |    not made yet    |
 *                            ^ b has left: the next thread's; the one after gets 3
 *
 * Cost.     attach  O(arenas), once in a thread's life
 * Threads.  The head of jemalloc.h has the order of the locks.
 * Sources.  [Evans06] round-robin.
 *
 * Read next: base.c.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "jemalloc.h"

enum { ARENAS_PER_CPU = 4, ARENAS_MAX = 256 };

/* ---- create and destroy ------------------------------------------------- */

static unsigned arenas_of(unsigned wanted)
{
	long cpus = wanted == 0 ? sysconf(_SC_NPROCESSORS_ONLN) : 0;

	if (wanted > 0)
		return wanted;
	if (cpus < 1)
		cpus = 1;
	return cpus > ARENAS_MAX / ARENAS_PER_CPU
	               ? ARENAS_MAX
	               : (unsigned)cpus * ARENAS_PER_CPU;
}

/* Where the parts of a chunk's header lie, and what is left for blocks. */
static void lay_out_chunks(struct je_heap *heap)
{
	size_t pages = heap->config.chunk_bytes >> PAGE_LOG2;
	size_t map = sizeof(struct je_chunk) + pages * sizeof(uint32_t);
	size_t nodes = pages * sizeof(struct je_avail);

	heap->chunk_mask = heap->config.chunk_bytes - 1;
	heap->chunk_pages = (uint32_t)pages;
	heap->nodes_offset = (uint32_t)round_up(map, JE_LINE_BYTES);
	heap->header_pages =
		(uint32_t)(round_up(heap->nodes_offset + nodes, PAGE_BYTES) >>
	                   PAGE_LOG2);
	heap->large_max_pages = heap->chunk_pages - heap->header_pages;
}

struct heap *je_create(const struct je_config *config,
                       struct page_source *source, const char *single_thread)
{
	struct je_heap *heap = je_base_open(source);

	if (heap == NULL)
		return NULL;
	heap->single_thread = single_thread;
	heap->config = *config;
	heap->config.arenas = arenas_of(config->arenas);
	lay_out_chunks(heap);
	je_classes_init(heap);
	je_decay_init(heap);
	TAILQ_INIT(&heap->handles);
	RB_INIT(&heap->huge);
	size_t bytes = heap->config.arenas * sizeof *heap->arenas;
	heap->arenas = je_base_alloc(heap, bytes);
	if (heap->arenas == NULL) {
		je_base_close(heap);
		errno = ENOMEM;
		return NULL;
	}
	for (unsigned i = 0; i < heap->config.arenas; i++)
		atomic_init(&heap->arenas[i], NULL);
	return (struct heap *)heap;
}

void je_destroy(struct heap *opaque)
{
	struct je_heap *heap = je_heap_of(opaque);
	struct je_huge *huge;

	for (unsigned i = 0; i < heap->config.arenas; i++)
		if (je_arena_at(heap, i) != NULL)
			je_chunk_close_all(je_arena_at(heap, i));
	RB_FOREACH (huge, je_huge_tree, &heap->huge)
		page_source_unmap(heap->source, huge->start, huge->bytes);
	je_base_close(heap);
}

/* ---- attach and detach -------------------------------------------------- */

static struct je_arena *make_arena(struct je_heap *heap)
{
	size_t bytes = sizeof(struct je_arena) +
	               heap->small_classes * sizeof(struct je_bin);
	struct je_arena *arena = je_base_alloc(heap, bytes);

	if (arena == NULL)
		return NULL;
	memset(arena, 0, bytes); /* empty trees, free locks */
	arena->heap = heap;
	arena->decay.step_start = page_source_now(heap->source);
	return arena;
}

/* An arena that its threads have left, or NULL. */
static struct je_arena *deserted_locked(const struct je_heap *heap)
{
	for (unsigned i = 0; i < heap->config.arenas; i++) {
		struct je_arena *arena = je_arena_at(heap, i);
		if (arena != NULL && arena->threads == 0)
			return arena;
	}
	return NULL;
}

/* The arena for one thread more; NULL with errno = ENOMEM. */
static struct je_arena *next_arena_locked(struct je_heap *heap)
{
	struct je_arena *arena = deserted_locked(heap);
	unsigned number = heap->next_arena;

	if (arena != NULL)
		return arena;
	arena = je_arena_at(heap, number);
	if (arena == NULL) {
		arena = make_arena(heap);
		if (arena == NULL)
			return NULL;
		/* Meets the acquire in je_arena_at. */
		atomic_store_explicit(&heap->arenas[number], arena,
		                      memory_order_release);
	}
	heap->next_arena = (number + 1) % heap->config.arenas;
	return arena;
}

static size_t handle_bytes(const struct je_heap *heap)
{
	return sizeof(struct je_handle) +
	       (heap->no_bin + 1) * sizeof(struct je_cache_bin);
}

static void init_handle(struct je_heap *heap, struct je_handle *self)
{
	memset(self, 0, handle_bytes(heap)); /* bins without arrays */
	self->heap = heap;
	self->chunk_mask = heap->chunk_mask;
	self->table_end = JE_TABLE_MAX + 1;
	self->class_of = heap->class_of;
	self->ticks = heap->config.gc == 0 ? INT64_MAX : heap->config.gc;
	memset(self->fill_shift, 1, sizeof self->fill_shift);
}

struct thread_heap *je_attach(struct heap *opaque)
{
	struct je_heap *heap = je_heap_of(opaque);
	struct je_handle *self = je_base_alloc(heap, handle_bytes(heap));

	if (self == NULL)
		return NULL;
	init_handle(heap, self);
	je_lock(heap, &heap->handles_lock);
	self->arena = next_arena_locked(heap);
	if (self->arena != NULL) {
		self->arena->threads++;
		TAILQ_INSERT_TAIL(&heap->handles, self, link);
	}
	je_unlock(heap, &heap->handles_lock);
	if (self->arena == NULL) {
		je_base_free(heap, self, handle_bytes(heap));
		errno = ENOMEM;
		return NULL;
	}
	return (struct thread_heap *)self;
}

void je_detach(struct thread_heap *thread)
{
	struct je_handle *self = je_handle_of(thread);
	struct je_heap *heap = self->heap;

	je_cache_flush_all(self);
	je_cache_close(self);
	je_lock(heap, &heap->handles_lock);
	TAILQ_REMOVE(&heap->handles, self, link);
	self->arena->threads--;
	heap->moves += counter_read(&self->moves);
	heap->refills += counter_read(&self->refills);
	heap->flushes += counter_read(&self->flushes);
	je_unlock(heap, &heap->handles_lock);
	je_base_free(heap, self, handle_bytes(heap));
}

/* ---- trim --------------------------------------------------------------- */

static uint64_t given_bytes(const struct je_heap *heap)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < heap->config.arenas; i++)
		if (je_arena_at(heap, i) != NULL)
			bytes += counter_read(
				&je_arena_at(heap, i)->given_bytes);
	return bytes;
}

/* While there is one OS thread, the caches of all handles are at hand. */
static void flush_all_handles(struct je_heap *heap)
{
	struct je_handle *handle;

	je_lock(heap, &heap->handles_lock);
	TAILQ_FOREACH (handle, &heap->handles, link)
		if (!handle->abandoned)
			je_cache_flush_all(handle);
	je_unlock(heap, &heap->handles_lock);
}

size_t je_trim(struct heap *opaque)
{
	struct je_heap *heap = je_heap_of(opaque);
	uint64_t before = given_bytes(heap);

	if (*heap->single_thread)
		flush_all_handles(heap);
	for (unsigned i = 0; i < heap->config.arenas; i++) {
		struct je_arena *arena = je_arena_at(heap, i);
		if (arena == NULL)
			continue;
		je_lock(heap, &arena->lock);
		je_purge_all(arena);
		je_unlock(heap, &arena->lock);
	}
	return given_bytes(heap) - before;
}

/* ---- stats and usage ---------------------------------------------------- */

static void add_arena_stats(const struct je_heap *heap,
                            const struct je_arena *arena,
                            struct heap_stats *out)
{
	out->links += counter_read(&arena->links);
	out->searches += counter_read(&arena->searches);
	out->exact_fits += counter_read(&arena->exact_fits);
	out->splits += counter_read(&arena->splits);
	out->merges += counter_read(&arena->merges);
	out->grows += counter_read(&arena->grows);
	out->shrinks += counter_read(&arena->shrinks);
	for (unsigned i = 0; i < heap->small_classes; i++) {
		out->links += counter_read(&arena->bins[i].links);
		out->searches += counter_read(&arena->bins[i].searches);
	}
}

void je_stats(struct heap *opaque, struct heap_stats *out)
{
	struct je_heap *heap = je_heap_of(opaque);
	const struct je_handle *handle;

	*out = (struct heap_stats){0};
	lock_look(&heap->handles_lock);
	out->moves = heap->moves;
	TAILQ_FOREACH (handle, &heap->handles, link)
		out->moves += counter_read(&handle->moves);
	lock_look_away(&heap->handles_lock);
	out->grows += counter_read(&heap->huge_grows) +
	              counter_read(&heap->base.grows);
	out->shrinks += counter_read(&heap->huge_shrinks);
	for (unsigned i = 0; i < heap->config.arenas; i++)
		if (je_arena_at(heap, i) != NULL)
			add_arena_stats(heap, je_arena_at(heap, i), out);
}

/* Blocks in the caches are counted as used by the arenas: live, so far. */
static void add_bins(const struct je_heap *heap, const struct je_arena *arena,
                     struct heap_usage *out)
{
	for (unsigned i = 0; i < heap->small_classes; i++) {
		const struct je_class *class = &heap->classes[i];
		uint64_t runs = counter_read(&arena->bins[i].run_count);
		uint64_t used = counter_read(&arena->bins[i].used);

		out->live_bytes += used * class->size;
		usage_add_tier(out, "run",
		               (runs * class->regions - used) * class->size);
		out->metadata_bytes += runs * class->header_bytes;
		out->slack_bytes +=
			runs * (class->region0 - class->header_bytes);
		usage_add_lock(out, "bin", &arena->bins[i].lock);
	}
}

static void add_arena(const struct je_heap *heap, const struct je_arena *arena,
                      struct heap_usage *out)
{
	uint64_t spare = counter_read(&arena->spare_pages);
	uint64_t dirty = counter_read(&arena->dirty_pages);
	uint64_t backed = counter_read(&arena->backed_pages);
	uint64_t spare_dirty = counter_read(&arena->spare_dirty_pages);

	add_bins(heap, arena, out);
	out->live_bytes += counter_read(&arena->large_pages) << PAGE_LOG2;
	out->metadata_bytes += counter_read(&arena->header_bytes);
	usage_add_tier(out, "dirty pages", (dirty - spare_dirty) << PAGE_LOG2);
	usage_add_tier(out, "clean pages",
	               (backed - dirty - (spare - spare_dirty)) << PAGE_LOG2);
	usage_add_tier(out, "spare chunk", spare << PAGE_LOG2);
	usage_add_lock(out, "arena", &arena->lock);
}

/* Seen on its way to a longer array, a bin would count as anything: none. */
static size_t cached_blocks(const struct je_heap *heap,
                            const struct je_handle *handle, unsigned number)
{
	const struct je_cache_bin *bin = &handle->bins[number];
	size_t count = (size_t)(je_bin_top(bin) - je_bin_base(bin));

	return count <= heap->slots[number] ? count : 0;
}

static size_t cached_bytes(const struct je_heap *heap,
                           const struct je_handle *handle)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < heap->no_bin; i++)
		bytes += cached_blocks(heap, handle, i) * je_bin_bytes(heap, i);
	return bytes;
}

void je_usage(struct heap *opaque, struct heap_usage *out)
{
	struct je_heap *heap = je_heap_of(opaque);
	const struct je_handle *handle;
	size_t cached = 0;

	*out = (struct heap_usage){0};
	lock_look(&heap->handles_lock);
	out->refills = heap->refills;
	out->flushes = heap->flushes;
	TAILQ_FOREACH (handle, &heap->handles, link) {
		out->refills += counter_read(&handle->refills);
		out->flushes += counter_read(&handle->flushes);
		if (!handle->abandoned)
			cached += cached_bytes(heap, handle);
		out->abandoned += handle->abandoned;
		out->handles += !handle->abandoned;
	}
	lock_look_away(&heap->handles_lock);
	usage_add_tier(out, "thread cache", cached);
	for (unsigned i = 0; i < heap->config.arenas; i++)
		if (je_arena_at(heap, i) != NULL)
			add_arena(heap, je_arena_at(heap, i), out);
	out->live_bytes += counter_read(&heap->huge_bytes) - cached;
	out->metadata_bytes += counter_read(&heap->base.bytes);
	usage_add_lock(out, "handles", &heap->handles_lock);
	usage_add_lock(out, "huge", &heap->huge_lock);
	usage_add_lock(out, "base", &heap->base.lock);
}

/* ---- fork --------------------------------------------------------------- */

/*
 * Does `act` to every lock of the heap but that of the handles, in lock order.
 * The caller holds that one: no arena may be made meanwhile.
 */
static void each_lock(struct je_heap *heap, void (*act)(struct lock *lock))
{
	for (unsigned i = 0; i < heap->config.arenas; i++)
		for (unsigned bin = 0; bin < heap->small_classes; bin++)
			if (je_arena_at(heap, i) != NULL)
				act(&je_arena_at(heap, i)->bins[bin].lock);
	for (unsigned i = 0; i < heap->config.arenas; i++)
		if (je_arena_at(heap, i) != NULL)
			act(&je_arena_at(heap, i)->lock);
	act(&heap->huge_lock);
	act(&heap->base.lock);
}

void je_fork_prepare(struct heap *heap)
{
	lock_fork_take(&je_heap_of(heap)->handles_lock);
	each_lock(je_heap_of(heap), lock_fork_take);
}

void je_fork_parent(struct heap *heap)
{
	each_lock(je_heap_of(heap), lock_fork_drop);
	lock_fork_drop(&je_heap_of(heap)->handles_lock);
}

void je_fork_child(struct heap *opaque, struct thread_heap *self)
{
	struct je_heap *heap = je_heap_of(opaque);
	struct je_handle *handle;

	TAILQ_FOREACH (handle, &heap->handles, link) {
		if (handle == je_handle_of(self) || handle->abandoned)
			continue;
		handle->abandoned = true;
		handle->arena->threads--;
	}
	je_fork_parent(opaque);
}
