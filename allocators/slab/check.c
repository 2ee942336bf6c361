/*
 * check.c - the invariants I5-I10 verified; I1-I4 are in pages_check.c.
 *
 * Two ways lead to every slab, the page map and the lists of its cache.  Both
 * are followed, and have to find the same number of slabs.
 */
#include <stdarg.h>
#include <stdio.h>

#include "walk.h"

static bool broken(struct slab_heap *heap, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool broken(struct slab_heap *heap, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(heap->message, sizeof heap->message, format, args);
	va_end(args);
	return false;
}

/* ---- from the page map to the slabs --------------------------------------- */

/* The slab whose first page this is: descriptor and pages agree (I6). */
static bool check_mapped_slab(struct slab_heap *heap, const struct page *page)
{
	const struct slab *slab = page->slab;
	const char *start = kpages_address(&heap->pages, page);

	if (slab->magic != SLAB_MAGIC)
		return broken(heap,
		              "slab I6: the descriptor at %p of the slab at %p "
		              "is damaged",
		              (const void *)slab, (const void *)start);
	if (slab_start(slab) != start)
		return broken(heap,
		              "slab I6: the slab at %p says that it starts at "
		              "%p",
		              (const void *)start,
		              (const void *)slab_start(slab));
	size_t count = slab->cache->layout.slab_bytes >> PAGE_LOG2;
	for (size_t i = 0; i < count; i++)
		if (page[i].use != PAGE_SLAB || page[i].slab != slab)
			return broken(heap,
			              "slab I6: page %zu of the slab at %p "
			              "leads elsewhere",
			              i, (const void *)start);
	return true;
}

static bool check_map(struct slab_heap *heap, size_t *slabs)
{
	const struct arena *arena;

	TAILQ_FOREACH (arena, &heap->pages.arenas, by_address) {
		size_t number = arena->is_chunk ? arena->top : arena->first;
		while (number < arena->top) {
			const struct page *page = &arena->page[number];
			number++;
			if (page->use != PAGE_SLAB)
				continue;
			if (!check_mapped_slab(heap, page))
				return false;
			number += (page->slab->cache->layout.slab_bytes >>
			           PAGE_LOG2) -
			          1;
			++*slabs;
		}
	}
	return true;
}

/* ---- from the caches to the slabs ----------------------------------------- */

/* The live slots and the bitmap of a slab (I7). */
static bool check_bits(struct slab_heap *heap, const struct slab *slab)
{
	const struct slab_layout *layout = &slab->cache->layout;
	size_t free_slots = 0;

	for (size_t word = 0; word < layout->words; word++) {
		free_slots +=
			(size_t)__builtin_popcountll(slab->free_bits[word]);
		if (word < slab->first_word && slab->free_bits[word] != 0)
			return broken(heap,
			              "slab I7: the slab at %p has a free "
			              "slot below its first word",
			              (const void *)slab_start(slab));
	}
	if (slab->used + free_slots != layout->slots)
		return broken(heap,
		              "slab I7: the slab at %p of cache %s has %u "
		              "live and %zu free of %zu slots",
		              (const void *)slab_start(slab), slab->cache->name,
		              slab->used, free_slots, layout->slots);
	if (layout->slots % 64 != 0 &&
	    slab->free_bits[layout->words - 1] >> (layout->slots % 64) != 0)
		return broken(heap,
		              "slab I7: the slab at %p has a free slot behind "
		              "its last one",
		              (const void *)slab_start(slab));
	return true;
}

static const struct slab_list *list_for(const struct kmem_cache *cache,
                                        const struct slab *slab)
{
	if (slab->used == 0)
		return &cache->empty;
	return slab->used == cache->layout.slots ? &cache->full
	                                         : &cache->partial;
}

static bool check_list(struct slab_heap *heap, const struct kmem_cache *cache,
                       const struct slab_list *list, size_t *slabs)
{
	const struct slab *slab;

	TAILQ_FOREACH (slab, list, link) {
		if (slab->magic != SLAB_MAGIC || slab->cache != cache)
			return broken(
				heap,
				"slab I6: a list of cache %s leads to %p, "
				"which is no slab of it",
				cache->name, (const void *)slab);
		if (list_for(cache, slab) != list)
			return broken(heap,
			              "slab I6: the slab at %p of cache %s has "
			              "%u of %zu slots live and is on another "
			              "list",
			              (const void *)slab_start(slab),
			              cache->name, slab->used,
			              cache->layout.slots);
		if (!check_bits(heap, slab))
			return false;
		++*slabs;
	}
	return true;
}

static bool check_cache(struct slab_heap *heap, const struct kmem_cache *cache,
                        size_t *slabs)
{
	const struct slab_layout *layout = &cache->layout;
	size_t empty = 0;

	if (slab_layout_waste(layout) * SLAB_WASTE_SHARE > layout->slab_bytes)
		return broken(heap,
		              "slab I5: cache %s wastes %zu of %zu bytes of a "
		              "slab",
		              cache->name, slab_layout_waste(layout),
		              layout->slab_bytes);
	if (!check_list(heap, cache, &cache->full, slabs) ||
	    !check_list(heap, cache, &cache->partial, slabs) ||
	    !check_list(heap, cache, &cache->empty, &empty))
		return false;
	if (empty != cache->empty_slabs || empty > heap->config.empty_limit)
		return broken(heap,
		              "slab I8: cache %s has %zu empty slabs, counts "
		              "%zu and may keep %zu",
		              cache->name, empty, cache->empty_slabs,
		              heap->config.empty_limit);
	*slabs += empty;
	return true;
}

static bool check_slabs(struct slab_heap *heap)
{
	const struct kmem_cache *cache;
	size_t mapped = 0, listed = 0;

	if (!check_map(heap, &mapped))
		return false;
	TAILQ_FOREACH (cache, &heap->chain, chain)
		if (!check_cache(heap, cache, &listed))
			return false;
	if (mapped != listed)
		return broken(heap,
		              "slab I6: the page map has %zu slabs, the lists "
		              "have %zu",
		              mapped, listed);
	return true;
}

/* ---- the heap as a whole -------------------------------------------------- */

static bool check_classes(struct slab_heap *heap)
{
	size_t max = heap->config.kmalloc_max;

	for (size_t size = MALLOC_ALIGN_BYTES; size <= max;
	     size += MALLOC_ALIGN_BYTES) {
		unsigned class = heap->class_of[size / MALLOC_ALIGN_BYTES];
		if (heap->size_cache[class]->object_bytes < size ||
		    (class > 0 &&
		     heap->size_cache[class - 1]->object_bytes >= size))
			return broken(heap,
			              "slab I9: requests of %zu bytes go to "
			              "cache %s",
			              size, heap->size_cache[class]->name);
	}
	return true;
}

static size_t backed_bytes(const struct arena *arena)
{
	size_t backed = arena->is_chunk ? arena->used : 0;

	for (size_t i = arena->first; !arena->is_chunk && i < arena->top; i++)
		backed += arena->page[i].backed;
	return backed << PAGE_LOG2;
}

static bool check_sum(struct slab_heap *heap)
{
	const struct arena *arena;
	size_t bytes = heap->bytes;

	TAILQ_FOREACH (arena, &heap->pages.arenas, by_address)
		bytes += arena->map_bytes + backed_bytes(arena);
	if (bytes != heap->source->committed_bytes)
		return broken(heap,
		              "slab I10: the heap holds %zu bytes, the source "
		              "has committed %zu",
		              bytes, heap->source->committed_bytes);
	return true;
}

const char *slab_check(struct heap *heap)
{
	struct slab_heap *self = slab_heap_of(heap);

	if (kpages_check(&self->pages, self->message, sizeof self->message) &&
	    check_slabs(self) && check_classes(self) && check_sum(self))
		return NULL;
	return self->message;
}
