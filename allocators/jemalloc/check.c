/*
 * check.c - the invariants I1-I11 verified, at quiescence.
 *
 * Chunk by chunk along the page map, counting what is met; then the trees and
 * the counters have to agree with the counts.
 */
#include <stdarg.h>
#include <stdio.h>

#include "../common/scratch.h"
#include "jemalloc.h"

/* What the chunks of one arena hold. */
struct tally {
	size_t live_pages, backed_pages, dirty_pages, large_pages;
	size_t available_runs, header_bytes;
	size_t runs[JE_SMALL_CLASSES_MAX], used[JE_SMALL_CLASSES_MAX];
	size_t open_runs[JE_SMALL_CLASSES_MAX]; /* with a free region */
};

static bool broken(struct je_heap *heap, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool broken(struct je_heap *heap, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(heap->message, sizeof heap->message, format, args);
	va_end(args);
	return false;
}

/* ---- small runs --------------------------------------------------------- */

static bool check_bits(struct je_heap *heap, const struct je_run *run,
                       const struct je_class *class)
{
	size_t free_regions = 0;

	for (unsigned word = 0; word < class->words; word++) {
		free_regions += (unsigned)__builtin_popcountll(run->bits[word]);
		if (word < run->first_word && run->bits[word] != 0)
			return broken(heap,
			              "jemalloc I6: the run at %p has a free "
			              "region below its first word",
			              (const void *)run);
	}
	if (class->regions % 64 != 0 &&
	    run->bits[class->words - 1] >> class->regions % 64 != 0)
		return broken(heap,
		              "jemalloc I6: the run at %p has a free region "
		              "behind its last one",
		              (const void *)run);
	if (free_regions != run->free)
		return broken(heap,
		              "jemalloc I6: the run at %p counts %u free "
		              "regions, its bits %zu",
		              (const void *)run, run->free, free_regions);
	return true;
}

static bool check_run(struct je_heap *heap, const struct je_chunk *chunk,
                      uint32_t page, struct tally *tally)
{
	unsigned number = chunk->map[page] & ENTRY_BIN;
	const struct je_run *run = je_run_at(heap, chunk, page);
	const struct je_class *class = &heap->classes[number];

	if (number >= heap->small_classes || run->bin != number)
		return broken(heap,
		              "jemalloc I1: the map says that the run at %p is "
		              "of bin %u, its header %u",
		              (const void *)run, number, run->bin);
	for (uint32_t i = 0; i < class->pages; i++)
		if (je_run_at(heap, chunk, page + i) != run)
			return broken(heap,
			              "jemalloc I1: page %u of the run at %p "
			              "leads elsewhere",
			              i, (const void *)run);
	if (!check_bits(heap, run, class))
		return false;
	if (run->free == class->regions)
		return broken(heap, "jemalloc I7: the run at %p is empty",
		              (const void *)run);
	tally->runs[number]++;
	tally->used[number] += class->regions - run->free;
	tally->open_runs[number] += run->free > 0;
	return true;
}

static bool check_bin(struct je_heap *heap, struct je_arena *arena,
                      unsigned number, const struct tally *tally)
{
	struct je_bin *bin = &arena->bins[number];
	size_t open_runs = bin->current != NULL && bin->current->free > 0;
	struct je_run *run;

	RB_FOREACH (run, je_run_tree, &bin->runs) {
		if (run->bin != number || run->free == 0)
			return broken(heap,
			              "jemalloc I7: the tree of bin %u holds "
			              "the run at %p with %u free regions",
			              number, (void *)run, run->free);
		if (bin->current != NULL && run <= bin->current)
			return broken(heap,
			              "jemalloc I7: the current run of bin %u "
			              "lies above %p",
			              number, (void *)run);
		open_runs++;
	}
	if (open_runs != tally->open_runs[number])
		return broken(heap,
		              "jemalloc I7: bin %u finds %zu runs with a free "
		              "region, there are %zu",
		              number, open_runs, tally->open_runs[number]);
	if (counter_read(&bin->run_count) != tally->runs[number] ||
	    counter_read(&bin->used) != tally->used[number])
		return broken(heap,
		              "jemalloc I8: bin %u counts %lu runs and %lu "
		              "regions used, there are %zu and %zu",
		              number, counter_read(&bin->run_count),
		              counter_read(&bin->used), tally->runs[number],
		              tally->used[number]);
	return true;
}

/* ---- pages -------------------------------------------------------------- */

static bool check_available(struct je_heap *heap, const struct je_chunk *chunk,
                            uint32_t page, struct tally *tally)
{
	uint32_t pages = je_entry_number(chunk->map[page]);
	uint32_t last = page + pages - 1;

	if (pages == 0 || last >= heap->chunk_pages ||
	    je_entry_number(chunk->map[last]) != pages)
		return broken(heap,
		              "jemalloc I1: the available run at %p does not "
		              "end where it says",
		              (void *)je_page_address(chunk, page));
	if (last + 1 < heap->chunk_pages &&
	    !(chunk->map[last + 1] & ENTRY_ALLOCATED))
		return broken(heap,
		              "jemalloc I2: the available run at %p has an "
		              "available neighbour",
		              (void *)je_page_address(chunk, page));
	for (uint32_t i = page; i <= last; i++) {
		uint32_t entry = chunk->map[i];
		if (entry & ENTRY_ALLOCATED ||
		    (entry & (ENTRY_BACKED | ENTRY_DIRTY)) == ENTRY_DIRTY)
			return broken(heap,
			              "jemalloc I1: the page at %p is in an "
			              "available run, its entry is %x",
			              (void *)je_page_address(chunk, i), entry);
		tally->backed_pages += (entry & ENTRY_BACKED) != 0;
		tally->dirty_pages += (entry & ENTRY_DIRTY) != 0;
	}
	tally->available_runs += chunk != chunk->arena->spare;
	return true;
}

static bool check_large(struct je_heap *heap, const struct je_chunk *chunk,
                        uint32_t page, struct tally *tally)
{
	uint32_t entry = chunk->map[page], pages = je_entry_number(entry);

	if (!(entry & ENTRY_FIRST) || pages == 0 ||
	    page + pages > heap->chunk_pages ||
	    (entry & ENTRY_BIN) != je_large_bin(heap, pages))
		return broken(heap,
		              "jemalloc I1: the large block at %p has the "
		              "entry %x",
		              (void *)je_page_address(chunk, page), entry);
	tally->large_pages += pages;
	return true;
}

/* The run at a page; returns its pages, 0 where something is broken. */
static uint32_t check_pages(struct je_heap *heap, const struct je_chunk *chunk,
                            uint32_t page, struct tally *tally)
{
	uint32_t entry = chunk->map[page], pages = je_entry_number(entry);

	if (!(entry & ENTRY_ALLOCATED))
		return check_available(heap, chunk, page, tally) ? pages : 0;
	if (!(entry & ENTRY_LARGE)) {
		pages = heap->classes[entry & ENTRY_BIN].pages;
		if (!check_run(heap, chunk, page, tally))
			return 0;
	} else if (!check_large(heap, chunk, page, tally)) {
		return 0;
	}
	for (uint32_t i = page; i < page + pages; i++)
		if (!(chunk->map[i] & ENTRY_BACKED)) {
			broken(heap,
			       "jemalloc I3: the live page at %p has no "
			       "memory",
			       (void *)je_page_address(chunk, i));
			return 0;
		}
	tally->live_pages += pages;
	return pages;
}

static bool check_chunk(struct je_heap *heap, const struct je_chunk *chunk,
                        struct tally *all)
{
	struct tally tally = *all;
	size_t live = tally.live_pages, backed = tally.backed_pages;
	size_t dirty = tally.dirty_pages;

	for (uint32_t page = heap->header_pages, pages;
	     page < heap->chunk_pages; page += pages)
		if ((pages = check_pages(heap, chunk, page, &tally)) == 0)
			return false;
	if (tally.live_pages - live != chunk->live_pages ||
	    tally.backed_pages - backed != chunk->backed_pages ||
	    tally.dirty_pages - dirty != chunk->dirty_pages)
		return broken(heap,
		              "jemalloc I3: the chunk at %p counts %u live, %u "
		              "committed, %u dirty pages; there are %zu, %zu, "
		              "%zu",
		              (const void *)chunk, chunk->live_pages,
		              chunk->backed_pages, chunk->dirty_pages,
		              tally.live_pages - live,
		              tally.backed_pages - backed,
		              tally.dirty_pages - dirty);
	bool is_spare = chunk == chunk->arena->spare;
	if ((chunk->live_pages == 0) != is_spare)
		return broken(heap,
		              "jemalloc I4: the chunk at %p has %u live pages "
		              "and is %s spare one",
		              (const void *)chunk, chunk->live_pages,
		              is_spare ? "the" : "not the");
	tally.header_bytes += chunk->header_bytes;
	*all = tally;
	return true;
}

/* ---- arenas ------------------------------------------------------------- */

static bool check_tree(struct je_heap *heap, const struct je_arena *arena,
                       const struct tally *tally)
{
	struct je_avail *before = NULL, *run;
	size_t count = 0;

	for (; (run = je_pages_after(arena, before)) != NULL; before = run) {
		const struct je_chunk *chunk = je_chunk_of(heap, run);
		uint32_t entry = chunk->map[run->page];
		if (run != je_node(heap, chunk, run->page) ||
		    entry & ENTRY_ALLOCATED ||
		    je_entry_number(entry) != run->pages ||
		    (before != NULL && before->pages > run->pages))
			return broken(
				heap,
				"jemalloc I5: the tree holds a run of %u "
				"pages at %p",
				run->pages,
				(void *)je_page_address(chunk, run->page));
		count++;
	}
	if (count != tally->available_runs)
		return broken(heap,
		              "jemalloc I5: the tree holds %zu available runs "
		              "of %zu",
		              count, tally->available_runs);
	return true;
}

static bool check_counts(struct je_heap *heap, const struct je_arena *arena,
                         const struct tally *tally)
{
	if (counter_read(&arena->live_pages) == tally->live_pages &&
	    counter_read(&arena->backed_pages) == tally->backed_pages &&
	    counter_read(&arena->dirty_pages) == tally->dirty_pages &&
	    counter_read(&arena->large_pages) == tally->large_pages &&
	    counter_read(&arena->header_bytes) == tally->header_bytes)
		return true;
	return broken(heap,
	              "jemalloc I3: an arena counts %lu live, %lu committed, "
	              "%lu dirty pages; there are %zu, %zu, %zu",
	              counter_read(&arena->live_pages),
	              counter_read(&arena->backed_pages),
	              counter_read(&arena->dirty_pages), tally->live_pages,
	              tally->backed_pages, tally->dirty_pages);
}

static bool check_arena(struct je_heap *heap, struct je_arena *arena,
                        size_t *bytes)
{
	struct tally tally = {0};
	struct je_chunk *chunk;

	RB_FOREACH (chunk, je_chunk_tree, &arena->chunks)
		if (!check_chunk(heap, chunk, &tally))
			return false;
	for (unsigned i = 0; i < heap->small_classes; i++)
		if (!check_bin(heap, arena, i, &tally))
			return false;
	*bytes += tally.header_bytes +
	          ((tally.live_pages + tally.backed_pages) << PAGE_LOG2);
	return check_tree(heap, arena, &tally) &&
	       check_counts(heap, arena, &tally);
}

/* ---- caches ------------------------------------------------------------- */

static bool is_used_block(const struct je_heap *heap, const void *block,
                          unsigned bin)
{
	const struct je_chunk *chunk = je_chunk_of(heap, block);
	uint32_t page = je_page_of(heap, block), entry = chunk->map[page];

	if (!(entry & ENTRY_ALLOCATED) || (entry & ENTRY_BIN) != bin)
		return false;
	if (entry & ENTRY_LARGE)
		return (entry & ENTRY_FIRST) && is_aligned(block, PAGE_BYTES);
	const struct je_run *run = je_run_at(heap, chunk, page);
	return !je_region_is_free(
		run, je_region_of(&heap->classes[bin], run, block));
}

static bool check_cache_bin(struct je_heap *heap,
                            const struct je_cache_bin *bin, unsigned number,
                            struct block_set *all)
{
	void **base = je_bin_base(bin), **top = je_bin_top(bin);

	if (base > bin->low || bin->low > top || top > bin->limit)
		return broken(heap,
		              "jemalloc I9: bin %u of a cache is out of order",
		              number);
	for (void **at = base; at < top; at++) {
		if (!is_used_block(heap, *at, number))
			return broken(
				heap,
				"jemalloc I9: bin %u of a cache holds %p, "
				"no used block of its size",
				number, *at);
		block_set_add(all, *at, "");
	}
	return true;
}

static size_t count_cached(const struct je_heap *heap)
{
	const struct je_handle *handle;
	size_t count = 0;

	TAILQ_FOREACH (handle, &heap->handles, link)
		for (unsigned i = 0; i < heap->no_bin; i++)
			count += handle->abandoned
			                 ? 0
			                 : (size_t)(handle->bins[i].limit -
			                            je_bin_base(
							    &handle->bins[i]));
	return count;
}

static bool check_caches(struct je_heap *heap)
{
	const struct je_handle *handle;
	struct block_set all;
	bool is_sound = true;

	if (!block_set_open(&all, count_cached(heap)))
		return true;
	TAILQ_FOREACH (handle, &heap->handles, link)
		for (unsigned i = 0; i < heap->no_bin && is_sound; i++)
			is_sound = handle->abandoned ||
			           check_cache_bin(heap, &handle->bins[i], i,
			                           &all);
	block_set_sort(&all);
	const void *twice = is_sound ? block_set_twice(&all) : NULL;
	if (twice != NULL)
		is_sound = broken(
			heap, "jemalloc I9: the block at %p is cached twice",
			twice);
	block_set_close(&all);
	return is_sound;
}

/* ---- the heap ----------------------------------------------------------- */

static bool check_huge(struct je_heap *heap, size_t *bytes)
{
	struct je_huge *huge;
	size_t sum = 0;

	RB_FOREACH (huge, je_huge_tree, &heap->huge) {
		if (!je_is_huge(heap, huge->start) || huge->bytes == 0 ||
		    huge->bytes % PAGE_BYTES != 0)
			return broken(heap,
			              "jemalloc I10: a huge block of %zu bytes "
			              "at %p",
			              huge->bytes, (void *)huge->start);
		sum += huge->bytes;
	}
	if (sum != counter_read(&heap->huge_bytes))
		return broken(heap,
		              "jemalloc I10: %zu huge bytes, %lu are counted",
		              sum, counter_read(&heap->huge_bytes));
	*bytes += sum;
	return true;
}

const char *je_check(struct heap *opaque)
{
	struct je_heap *heap = je_heap_of(opaque);
	size_t bytes = counter_read(&heap->base.bytes);

	for (unsigned i = 0; i < heap->config.arenas; i++)
		if (je_arena_at(heap, i) != NULL &&
		    !check_arena(heap, je_arena_at(heap, i), &bytes))
			return heap->message;
	if (!check_huge(heap, &bytes) || !check_caches(heap))
		return heap->message;
	if (bytes != heap->source->committed_bytes) {
		broken(heap,
		       "jemalloc I11: the heap holds %zu bytes, the source has "
		       "committed %zu",
		       bytes, heap->source->committed_bytes);
		return heap->message;
	}
	return NULL;
}
