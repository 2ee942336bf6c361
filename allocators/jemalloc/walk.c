/*
 * walk.c - the heap laid out: extents in address order, free structures in the
 * order in which a request meets them.
 */
#include <stdio.h>

#include "../common/scratch.h"
#include "jemalloc.h"

static const char BASE[] = "base", CHUNK[] = "chunk", HUGE[] = "huge";
static const char THREAD_CACHE[] = "thread cache", RUN[] = "run";

struct walk {
	struct je_heap *heap;
	extent_visitor *visit;
	void *ctx;
	struct block_set cached; /* blocks in thread caches */
	struct block_set ranges; /* chunks, huge blocks and base blocks */
};

/* ---- what is where ------------------------------------------------------ */

static size_t count_cached(const struct je_heap *heap)
{
	const struct je_handle *handle;
	size_t count = 0;

	TAILQ_FOREACH (handle, &heap->handles, link)
		for (unsigned i = 0; i < heap->no_bin && !handle->abandoned;
		     i++)
			count += (size_t)(je_bin_top(&handle->bins[i]) -
			                  je_bin_base(&handle->bins[i]));
	return count;
}

static void gather_cached(struct walk *walk)
{
	const struct je_handle *handle;

	TAILQ_FOREACH (handle, &walk->heap->handles, link)
		for (unsigned i = 0;
		     i < walk->heap->no_bin && !handle->abandoned; i++)
			for (void **at = je_bin_base(&handle->bins[i]);
			     at < je_bin_top(&handle->bins[i]); at++)
				block_set_add(&walk->cached, *at, THREAD_CACHE);
	block_set_sort(&walk->cached);
}

/* Calls `add` for each range of addresses that the heap holds. */
static void each_range(struct walk *walk,
                       void (*add)(struct walk *walk, const void *start,
                                   const char *what))
{
	struct je_heap *heap = walk->heap;
	struct je_base_block *block = heap->base.blocks;
	struct je_chunk *chunk;
	struct je_huge *huge;

	for (; block != NULL; block = block->next)
		add(walk, block, BASE);
	RB_FOREACH (huge, je_huge_tree, &heap->huge)
		add(walk, huge->start, HUGE);
	for (unsigned i = 0; i < heap->config.arenas; i++)
		if (je_arena_at(heap, i) != NULL)
			RB_FOREACH (chunk, je_chunk_tree,
			            &je_arena_at(heap, i)->chunks)
				add(walk, chunk, CHUNK);
}

static void count_range(struct walk *walk, const void *start, const char *what)
{
	(void)start;
	(void)what;
	walk->ranges.count++;
}

static void add_range(struct walk *walk, const void *start, const char *what)
{
	block_set_add(&walk->ranges, start, what);
}

static bool open_walk(struct walk *walk)
{
	struct je_heap *heap = walk->heap;

	if (!block_set_open(&walk->cached, count_cached(heap)))
		return false;
	gather_cached(walk);
	walk->ranges.count = 0;
	each_range(walk, count_range);
	if (!block_set_open(&walk->ranges, walk->ranges.count)) {
		block_set_close(&walk->cached);
		return false;
	}
	each_range(walk, add_range);
	block_set_sort(&walk->ranges);
	return true;
}

static void close_walk(struct walk *walk)
{
	block_set_close(&walk->ranges);
	block_set_close(&walk->cached);
}

/* ---- extents ------------------------------------------------------------ */

/* Hands out one extent, unless it is empty; false once the visitor stops. */
static bool give(const struct walk *walk, const void *start, size_t bytes,
                 enum extent_kind kind, const char *tier)
{
	struct extent extent = {(void *)start, bytes, kind, tier};

	return bytes == 0 || walk->visit(walk->ctx, &extent);
}

/* A block that its arena counts as used: live, or in a thread's cache. */
static bool give_block(const struct walk *walk, const void *block, size_t bytes)
{
	const char *tier = block_set_tier(&walk->cached, block);

	return give(walk, block, bytes,
	            tier == NULL ? EXTENT_LIVE : EXTENT_FREE,
	            tier == NULL ? "" : tier);
}

static bool walk_run(const struct walk *walk, const struct je_chunk *chunk,
                     uint32_t page)
{
	const struct je_run *run = je_run_at(walk->heap, chunk, page);
	const struct je_class *class = &walk->heap->classes[run->bin];
	const char *start = je_run_start(run), *header = (const char *)run;
	const char *header_end = header + class->header_bytes;
	const char *region0 = start + class->region0;

	if (!give(walk, start, (size_t)(header - start), EXTENT_SLACK, "") ||
	    !give(walk, header, class->header_bytes, EXTENT_METADATA, "") ||
	    !give(walk, header_end, (size_t)(region0 - header_end),
	          EXTENT_SLACK, ""))
		return false;
	for (size_t i = 0; i < class->regions; i++) {
		const char *region = region0 + i * class->size;
		if (je_region_is_free(run, i)
		            ? !give(walk, region, class->size, EXTENT_FREE, RUN)
		            : !give_block(walk, region, class->size))
			return false;
	}
	return true;
}

/* The committed stretches of an available run, by state. */
static bool walk_available(const struct walk *walk,
                           const struct je_chunk *chunk, uint32_t page,
                           uint32_t end)
{
	const uint32_t states = ENTRY_BACKED | ENTRY_DIRTY;
	bool is_spare = chunk == chunk->arena->spare;

	for (uint32_t to; page < end; page = to) {
		uint32_t state = chunk->map[page] & states;
		for (to = page + 1; to < end; to++)
			if ((chunk->map[to] & states) != state)
				break;
		if (state != 0 &&
		    !give(walk, je_page_address(chunk, page),
		          (size_t)(to - page) << PAGE_LOG2, EXTENT_FREE,
		          is_spare              ? "spare chunk"
		          : state & ENTRY_DIRTY ? "dirty pages"
		                                : "clean pages"))
			return false;
	}
	return true;
}

/* Visits the run that starts at a page; returns its pages, 0 to stop. */
static uint32_t walk_pages(const struct walk *walk,
                           const struct je_chunk *chunk, uint32_t page)
{
	uint32_t entry = chunk->map[page], pages = je_entry_number(entry);
	bool more;

	if (!(entry & ENTRY_ALLOCATED)) {
		more = walk_available(walk, chunk, page, page + pages);
	} else if (entry & ENTRY_LARGE) {
		more = give_block(walk, je_page_address(chunk, page),
		                  (size_t)pages << PAGE_LOG2);
	} else {
		pages = walk->heap->classes[entry & ENTRY_BIN].pages;
		more = walk_run(walk, chunk, page);
	}
	return more ? pages : 0;
}

static bool walk_chunk(const struct walk *walk, const struct je_chunk *chunk)
{
	const struct je_heap *heap = walk->heap;

	if (!give(walk, chunk, chunk->header_bytes, EXTENT_METADATA, ""))
		return false;
	for (uint32_t page = heap->header_pages, pages;
	     page < heap->chunk_pages; page += pages)
		if ((pages = walk_pages(walk, chunk, page)) == 0)
			return false;
	return true;
}

static bool walk_range(const struct walk *walk,
                       const struct cached_block *range)
{
	if (range->tier == CHUNK)
		return walk_chunk(walk, range->block);
	if (range->tier == HUGE)
		return give(walk, range->block,
		            je_huge_around(walk->heap, range->block)->bytes,
		            EXTENT_LIVE, "");
	const struct je_base_block *block = range->block;
	return give(walk, block, block->committed, EXTENT_METADATA, "");
}

void je_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct walk walk = {
		.heap = je_heap_of(heap), .visit = visit, .ctx = ctx};

	if (!open_walk(&walk))
		return;
	for (size_t i = 0; i < walk.ranges.count; i++)
		if (!walk_range(&walk, &walk.ranges.entries[i]))
			break;
	close_walk(&walk);
}

/* ---- free structures ---------------------------------------------------- */

enum { NAME_BYTES = 32 };

struct lists {
	struct walk walk; /* of available runs: its extents become blocks */
	free_block_visitor *visit;
	void *ctx;
	const char *list;
	/* One name for each list of each bin: a visitor may keep the last. */
	char (*names)[NAME_BYTES];
};

static bool list_block(const struct lists *lists, void *start, size_t bytes)
{
	const struct free_block block = {lists->list, start, bytes};

	return lists->visit(lists->ctx, &block);
}

static bool list_extent(void *ctx, const struct extent *extent)
{
	return list_block(ctx, extent->start, extent->bytes);
}

static bool list_cache(struct lists *lists, const struct je_handle *handle)
{
	struct je_heap *heap = lists->walk.heap;

	for (unsigned i = 0; i < heap->no_bin; i++) {
		const struct je_cache_bin *bin = &handle->bins[i];
		size_t bytes = je_bin_bytes(heap, i);
		lists->list = lists->names[i];
		snprintf(lists->names[i], NAME_BYTES, "cache %zu", bytes);
		for (void **at = je_bin_top(bin); at > je_bin_base(bin); at--)
			if (!list_block(lists, at[-1], bytes))
				return false;
	}
	return true;
}

static bool list_run(const struct lists *lists, const struct je_run *run)
{
	const struct je_class *class = &lists->walk.heap->classes[run->bin];
	char *region0 = je_run_start(run) + class->region0;

	for (size_t i = 0; i < class->regions; i++)
		if (je_region_is_free(run, i) &&
		    !list_block(lists, region0 + i * class->size, class->size))
			return false;
	return true;
}

/* The current run, then the others from the lowest. */
static bool list_bin(struct lists *lists, const struct je_arena *arena,
                     unsigned number)
{
	const struct je_bin *bin = &arena->bins[number];
	struct je_run *run;

	lists->list = lists->names[JE_BINS_MAX + number];
	snprintf(lists->names[JE_BINS_MAX + number], NAME_BYTES, "run %u",
	         lists->walk.heap->classes[number].size);
	if (bin->current != NULL && !list_run(lists, bin->current))
		return false;
	RB_FOREACH (run, je_run_tree, (struct je_run_tree *)&bin->runs)
		if (!list_run(lists, run))
			return false;
	return true;
}

/* From the shortest available run, then the spare chunk. */
static bool list_pages(struct lists *lists, const struct je_arena *arena)
{
	struct je_heap *heap = lists->walk.heap;
	struct je_avail *run = NULL, *next;

	lists->list = "available";
	while ((next = je_pages_after(arena, run)) != NULL) {
		const struct je_chunk *chunk = je_chunk_of(heap, next);
		if (!walk_available(&lists->walk, chunk, next->page,
		                    next->page + next->pages))
			return false;
		run = next;
	}
	lists->list = "spare";
	return arena->spare == NULL ||
	       walk_available(&lists->walk, arena->spare, heap->header_pages,
	                      heap->chunk_pages);
}

static void list_all(struct lists *lists)
{
	struct je_heap *heap = lists->walk.heap;
	const struct je_handle *handle;

	TAILQ_FOREACH (handle, &heap->handles, link)
		if (!handle->abandoned && !list_cache(lists, handle))
			return;
	for (unsigned i = 0; i < heap->config.arenas; i++) {
		const struct je_arena *arena = je_arena_at(heap, i);
		if (arena == NULL)
			continue;
		for (unsigned bin = 0; bin < heap->small_classes; bin++)
			if (!list_bin(lists, arena, bin))
				return;
		if (!list_pages(lists, arena))
			return;
	}
}

void je_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx)
{
	struct lists lists = {.visit = visit, .ctx = ctx};
	struct scratch names;

	lists.walk = (struct walk){
		.heap = je_heap_of(heap), .visit = list_extent, .ctx = &lists};
	lists.names = scratch_open(&names, 2 * JE_BINS_MAX * NAME_BYTES);
	if (lists.names != NULL)
		list_all(&lists);
	scratch_close(&names);
}
