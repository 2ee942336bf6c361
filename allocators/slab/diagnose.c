/*
 * diagnose.c - the checked build's look at a block before it is used.
 *
 * From the address to the page map, from there to the slab, from there to the
 * slot: each step is made only if the one before was sound, so that a wild
 * pointer gets a sentence and not a crash.
 */
#include "cache.h"

/* The block's page; stops where no page of this heap holds it. */
static const struct page *page_or_stop(struct slab_heap *heap,
                                       const void *block, const char *call)
{
	struct arena *arena = kpages_arena_around(&heap->pages, block);

	if (arena == NULL)
		misuse("slab", block,
		       "%s of a foreign pointer: it is in no arena of this "
		       "heap",
		       call);
	size_t number =
		(size_t)((const char *)block - (char *)arena) >> PAGE_LOG2;
	if (number < arena->first || number >= arena->top)
		misuse("slab", block,
		       "%s of a foreign pointer: no block is there", call);
	if (arena->is_chunk && number > arena->first)
		misuse("slab", block,
		       "%s of an interior pointer: the block starts at %p",
		       call,
		       (void *)((char *)arena + (arena->first << PAGE_LOG2)));
	return &arena->page[number];
}

/* The page is the first of no block: says what it is part of, and stops. */
static _Noreturn void stop_inside(struct slab_heap *heap, const void *block,
                                  const char *call)
{
	const struct page *page = kpages_page_of(&heap->pages, block);
	struct arena *arena = kpages_arena_of(&heap->pages, block);
	size_t number = (size_t)(page - arena->page);

	if (kpages_free_block_around(arena, number) != NULL)
		misuse("slab", block,
		       "%s of a free block (double free?): its page is in the "
		       "page heap",
		       call);
	while (page->use == PAGE_INSIDE)
		page--;
	misuse("slab", block,
	       "%s of an interior pointer: the block starts at %p", call,
	       kpages_address(&heap->pages, page));
}

static void check_descriptor(const struct slab *slab, const void *block,
                             const struct arena *arena)
{
	const char *start;

	if (slab->magic != SLAB_MAGIC)
		misuse("slab", block,
		       "the descriptor of its slab at %p is damaged: was a "
		       "block near it written past its end?",
		       (const void *)slab);
	start = slab_start(slab);
	if (!is_aligned(start, PAGE_BYTES) || start < (const char *)arena ||
	    slab->used > slab->cache->layout.slots)
		misuse("slab", block,
		       "the descriptor of its slab at %p is damaged",
		       (const void *)slab);
}

static void check_slot(const struct slab *slab, const void *block,
                       const char *call)
{
	const struct kmem_cache *cache = slab->cache;
	size_t index = slot_index(slab, block);

	if ((const char *)block < slab->slot0 || index >= cache->layout.slots)
		misuse("slab", block,
		       "%s of a foreign pointer: it is in the colouring or the "
		       "descriptor of a slab of cache %s",
		       call, cache->name);
	if (slot_address(slab, index) != block)
		misuse("slab", block,
		       "%s of an interior pointer: slot %zu of cache %s "
		       "starts at %p",
		       call, index, cache->name,
		       (void *)slot_address(slab, index));
	if (slot_is_free(slab, index))
		misuse("slab", block,
		       "%s of a free block (double free?): slot %zu of a slab "
		       "of cache %s is free",
		       call, index, cache->name);
}

void slab_misuse_check_block(struct slab_heap *heap, const void *block,
                             const char *call)
{
	const struct page *page = page_or_stop(heap, block, call);
	struct arena *arena = kpages_arena_of(&heap->pages, block);

	if (page->use == PAGE_SLAB) {
		check_descriptor(page->slab, block, arena);
		check_slot(page->slab, block, call);
		return;
	}
	if (page->use != PAGE_LARGE)
		stop_inside(heap, block, call);
	if (!is_aligned(block, PAGE_BYTES))
		misuse("slab", block,
		       "%s of an interior pointer: the block starts at %p",
		       call, kpages_address(&heap->pages, page));
}

void slab_misuse_check_object(struct kmem_cache *cache, const void *object)
{
	slab_misuse_check_block(cache->heap, object, "kmem_cache_free");
	const struct page *page = kpages_page_of(&cache->heap->pages, object);

	if (page->use != PAGE_SLAB)
		misuse("slab", object,
		       "kmem_cache_free of a large block into cache %s",
		       cache->name);
	if (page->slab->cache != cache)
		misuse("slab", object,
		       "kmem_cache_free into cache %s of an object of cache %s",
		       cache->name, page->slab->cache->name);
}
