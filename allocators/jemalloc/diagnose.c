/*
 * diagnose.c - the checked build's look at a block before it is used.
 *
 * From the address to the chunk, to the page's entry, to the run, to the region:
 * each step is made only if the one before was sound, so that a wild pointer gets
 * a sentence and not a crash.  A block that is in a cache has been freed: the
 * own cache is searched, and all others while one OS thread drives them.  (A
 * double free that slips through is found when the block is flushed: bin.c.)
 */
#include "jemalloc.h"

static bool bin_holds(const struct je_cache_bin *bin, const void *block)
{
	for (void **at = je_bin_base(bin); at < je_bin_top(bin); at++)
		if (*at == block)
			return true;
	return false;
}

static void require_not_cached(const struct je_handle *self, unsigned bin,
                               const void *block, const char *call)
{
	const struct je_heap *heap = self->heap;
	const struct je_handle *other;
	bool is_cached = bin_holds(&self->bins[bin], block);

	if (*heap->single_thread)
		TAILQ_FOREACH (other, &heap->handles, link)
			is_cached = is_cached ||
			            (!other->abandoned &&
			             bin_holds(&other->bins[bin], block));
	if (is_cached)
		misuse("jemalloc", block,
		       "%s of a free block (double free?): it is in a thread's "
		       "cache",
		       call);
}

/* The bits of a run change beside us, under the bin's lock. */
static bool is_free_region(struct je_heap *heap, struct je_bin *bin,
                           const struct je_run *run, size_t region)
{
	je_lock(heap, &bin->lock);
	bool is_free = je_region_is_free(run, region);
	je_unlock(heap, &bin->lock);
	return is_free;
}

static void require_region(struct je_heap *heap, const struct je_chunk *chunk,
                           const void *block, const char *call)
{
	const struct je_run *run =
		je_run_at(heap, chunk, je_page_of(heap, block));
	const struct je_class *class = &heap->classes[run->bin];
	const char *region0 = je_run_start(run) + class->region0;

	if ((const char *)block < region0)
		misuse("jemalloc", block,
		       "%s of a foreign pointer: it is in the header of a run",
		       call);
	size_t offset = (size_t)((const char *)block - region0);
	size_t region = offset / class->size;
	if (offset % class->size != 0)
		misuse("jemalloc", block,
		       "%s of an interior pointer: the region of %u bytes "
		       "starts at %p",
		       call, class->size,
		       (const void *)(region0 + region * class->size));
	if (is_free_region(heap, &chunk->arena->bins[run->bin], run, region))
		misuse("jemalloc", block,
		       "%s of a free block (double free?): region %zu of its "
		       "run is free",
		       call, region);
}

static void require_large(const struct je_chunk *chunk, uint32_t page,
                          const void *block, const char *call)
{
	if ((chunk->map[page] & ENTRY_FIRST) && is_aligned(block, PAGE_BYTES))
		return;
	while (!(chunk->map[page] & ENTRY_FIRST))
		page--;
	misuse("jemalloc", block,
	       "%s of an interior pointer: the block starts at %p", call,
	       (void *)je_page_address(chunk, page));
}

static void require_huge(struct je_heap *heap, const void *block,
                         const char *call)
{
	const struct je_huge *huge = je_huge_around(heap, block);

	if (huge == NULL)
		misuse("jemalloc", block,
		       "%s of a foreign pointer: it is in no chunk of this "
		       "heap, and no huge block",
		       call);
	if (huge->start != block)
		misuse("jemalloc", block,
		       "%s of an interior pointer: the block starts at %p",
		       call, (void *)huge->start);
}

void je_require_live(struct je_handle *self, const void *block,
                     const char *call)
{
	struct je_heap *heap = self->heap;
	const struct je_chunk *chunk = je_chunk_find(heap, block);
	uint32_t page = je_page_of(heap, block);

	if (chunk == NULL) {
		require_huge(heap, block, call);
		return;
	}
	if (page < heap->header_pages)
		misuse("jemalloc", block,
		       "%s of a foreign pointer: it is in the header of a chunk",
		       call);
	uint32_t entry = chunk->map[page];
	if (!(entry & ENTRY_ALLOCATED))
		misuse("jemalloc", block,
		       "%s of a free block (double free?): its page is "
		       "available",
		       call);
	if (entry & ENTRY_LARGE)
		require_large(chunk, page, block, call);
	else
		require_region(heap, chunk, block, call);
	require_not_cached(self, entry & ENTRY_BIN, block, call);
}
