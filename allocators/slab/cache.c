/*
 * cache.c - object caches: slabs on three lists, and objects that stay warm.
 *
 * Idea.  A program that allocates one kind of object again and again gets a
 * cache for it.  The cache cuts pages into slots of that size, so that
 * allocating is taking a bit of a bitmap and freeing is putting it back:
 * nothing is searched, split or merged.  A free object keeps the state that its
 * constructor gave it.  Slabs are sorted by what they are good for: partial
 * ones are used up first, so that empty ones come about, stay empty, and can be
 * given back.
 *
 *     cache chain:  kmem_cache -> slab-64 -> ... -> size-64 -> size-96 -> ...
 *                                                     |
 *            full      [########] [########]          |  no free slot
 *            partial   [##.#####] [#......#]  <-------'  alloc: lowest "."
 *            empty     [........]                        kept warm: `empty`
 *
 *     alloc: partial, else empty, else a new slab     free:  full -> partial
 *            the slab's last slot:  partial -> full          -> empty -> reaped
 *
 * Words.
 *     slot, descriptor, spare   layout.c
 *     reap      give an empty slab's pages to the page heap: as soon as a cache
 *               has more than `empty` of them, and all of them on request
 *     internal  a cache whose objects are descriptors of the allocator; its
 *               slabs count as metadata altogether
 *
 * Invariants, verified in slab_check().
 *     I6  every slab in the page map is on the list of its cache that its
 *         number of live slots calls for, with magic, cache and start in order,
 *         and every page of it leads to it
 *     I7  live slots and bits of the bitmap add up to the slots, and there is
 *         no bit below first_word nor behind the last slot
 *     I8  a cache keeps at most `empty` empty slabs, and counts them
 *
 * Cost.     alloc, free  O(1), plus slots / 64 words of bitmap at the worst;
 *                        a new slab costs its pages and its constructors
 *           metadata     48 bytes and a bit per slot for a slab
 *           waste        at most 1/8 of a slab outside its slots (I5); free
 *                        slots of partial slabs serve their own cache only
 * Threads.  None: one thread at a time.
 * Sources.  [Bonwick94] all of it; the lists as Linux had them [Gorman04, 8].
 *
 * Read next: kmalloc.c, which makes a malloc of a row of caches.
 */
#include "cache.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

/* ---- slabs ---------------------------------------------------------------- */

/* The descriptor caches have sizes 64, 128, ...: the index of the smallest. */
static unsigned descriptor_class(size_t bytes)
{
	return bytes <= 64 ? 0 : log2_ceil(bytes) - 6;
}

static struct slab *descriptor_alloc(struct kmem_cache *cache, char *start)
{
	const struct slab_layout *layout = &cache->layout;
	unsigned class = descriptor_class(layout->descriptor_bytes);

	if (layout->off_slab)
		return kmem_cache_alloc(&cache->heap->descriptor_cache[class]);
	return (struct slab *)(start + layout->slab_bytes -
	                       layout->descriptor_bytes);
}

static void descriptor_free(struct kmem_cache *cache, struct slab *slab)
{
	const struct slab_layout *layout = &cache->layout;
	unsigned class = descriptor_class(layout->descriptor_bytes);

	if (layout->off_slab)
		kmem_cache_free(&cache->heap->descriptor_cache[class], slab);
}

static void mark_all_free(struct slab *slab, const struct slab_layout *layout)
{
	for (size_t i = 0; i < layout->words; i++)
		slab->free_bits[i] = UINT64_MAX;
	if (layout->slots % 64 != 0)
		slab->free_bits[layout->words - 1] =
			((uint64_t)1 << (layout->slots % 64)) - 1;
}

/* Writes the descriptor of a slab without live slots, in its colour. */
static void slab_init(struct kmem_cache *cache, struct slab *slab, char *start)
{
	const struct slab_layout *layout = &cache->layout;
	size_t colour = cache->next_colour * layout->colour_step;

	cache->next_colour = (cache->next_colour + 1) % layout->colours;
	slab->magic = SLAB_MAGIC;
	slab->colour = (uint32_t)colour;
	slab->used = 0;
	slab->first_word = 0;
	slab->cache = cache;
	slab->slot0 = start + colour;
	mark_all_free(slab, layout);
}

/* A new slab, on no list, all its objects constructed; NULL without memory. */
static struct slab *slab_create(struct kmem_cache *cache)
{
	struct kpages *pages = &cache->heap->pages;
	size_t count = cache->layout.slab_bytes >> PAGE_LOG2;
	struct page *page = kpages_alloc(pages, count, count);

	if (page == NULL)
		return NULL;
	char *start = kpages_address(pages, page);
	struct slab *slab = descriptor_alloc(cache, start);
	if (slab == NULL) {
		kpages_free(pages, page, count);
		return NULL;
	}
	slab_init(cache, slab, start);
	for (size_t i = 0; i < count; i++) {
		page[i].use = PAGE_SLAB;
		page[i].slab = slab;
	}
	for (size_t i = 0; cache->construct != NULL && i < cache->layout.slots;
	     i++)
		cache->construct(slot_address(slab, i), cache->object_bytes);
	return slab;
}

/* Undoes slab_create; returns the bytes that go to the page heap. */
static size_t slab_destroy(struct kmem_cache *cache, struct slab *slab)
{
	struct kpages *pages = &cache->heap->pages;
	size_t bytes = cache->layout.slab_bytes;
	struct page *page = kpages_page_of(pages, slab_start(slab));

	assert(slab->used == 0);
	for (size_t i = 0; cache->destruct != NULL && i < cache->layout.slots;
	     i++)
		cache->destruct(slot_address(slab, i), cache->object_bytes);
	slab->magic = 0;
	descriptor_free(cache, slab);
	kpages_free(pages, page, bytes >> PAGE_LOG2);
	return bytes;
}

/* ---- objects -------------------------------------------------------------- */

/*
 * No slab is partial: takes an empty one or makes one, and puts it on the
 * partial list.  NULL with errno = ENOMEM.
 */
static NOINLINE struct slab *cache_refill(struct kmem_cache *cache)
{
	struct slab *slab = TAILQ_FIRST(&cache->empty);

	if (slab != NULL) {
		TAILQ_REMOVE(&cache->empty, slab, link);
		cache->empty_slabs--;
	} else {
		slab = slab_create(cache);
		if (slab == NULL && slab_heap_relieve(cache->heap) > 0)
			slab = slab_create(cache);
		if (slab == NULL) {
			slab_heap_relieve(cache->heap); /* of half a slab */
			return NULL;
		}
	}
	TAILQ_INSERT_HEAD(&cache->partial, slab, link);
	return slab;
}

void *kmem_cache_alloc(struct kmem_cache *cache)
{
	struct slab *slab = TAILQ_FIRST(&cache->partial);

	if (slab == NULL && (slab = cache_refill(cache)) == NULL)
		return NULL;
	size_t index = slab_lowest_free(slab);
	slab->first_word = (uint32_t)(index / 64);
	slab->free_bits[index / 64] &= ~((uint64_t)1 << (index % 64));
	if (++slab->used == cache->layout.slots) {
		TAILQ_REMOVE(&cache->partial, slab, link);
		TAILQ_INSERT_HEAD(&cache->full, slab, link);
	}
	return slot_address(slab, index);
}

/* Gives the slab that was empty longest to the page heap. */
static size_t reap_one(struct kmem_cache *cache)
{
	struct slab *slab = TAILQ_LAST(&cache->empty, slab_list);

	TAILQ_REMOVE(&cache->empty, slab, link);
	cache->empty_slabs--;
	return slab_destroy(cache, slab);
}

static void join_partial(struct kmem_cache *cache, struct slab *slab)
{
	if (cache->heap->config.partial_order == PARTIAL_LIFO)
		TAILQ_INSERT_HEAD(&cache->partial, slab, link);
	else
		TAILQ_INSERT_TAIL(&cache->partial, slab, link);
}

/* A slab whose number of live slots fell to zero, or from all of them. */
static NOINLINE void slab_relist(struct kmem_cache *cache, struct slab *slab)
{
	if (slab->used + 1 == cache->layout.slots)
		TAILQ_REMOVE(&cache->full, slab, link);
	else
		TAILQ_REMOVE(&cache->partial, slab, link);
	if (slab->used > 0) {
		join_partial(cache, slab);
		return;
	}
	TAILQ_INSERT_HEAD(&cache->empty, slab, link);
	cache->empty_slabs++;
	if (cache->empty_slabs > cache->heap->config.empty_limit)
		reap_one(cache);
}

void slab_put(struct kmem_cache *cache, struct slab *slab, size_t index)
{
	size_t word = index / 64;

	slab->free_bits[word] |= (uint64_t)1 << (index % 64);
	if (word < slab->first_word)
		slab->first_word = (uint32_t)word;
	slab->used--;
	if (slab->used == 0 || slab->used + 1 == cache->layout.slots)
		slab_relist(cache, slab);
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	const struct kpages *pages = &cache->heap->pages;

	if (CHECKED)
		slab_misuse_check_object(cache, object);
	struct slab *slab = kpages_page_of(pages, object)->slab;
	slab_put(cache, slab, slot_index(slab, object));
}

/* ---- caches --------------------------------------------------------------- */

void slab_cache_init(struct slab_heap *heap, struct kmem_cache *cache,
                     const struct kmem_cache_spec *spec, enum slab_place place)
{
	size_t align = spec->align < MALLOC_ALIGN_BYTES ? MALLOC_ALIGN_BYTES
	                                                : spec->align;

	*cache = (struct kmem_cache){
		.heap = heap,
		.layout = slab_layout_plan(&heap->config, place, spec->size,
	                                   align),
		.object_bytes = spec->size,
		.construct = spec->construct,
		.destruct = spec->destruct,
	};
	snprintf(cache->name, sizeof cache->name, "%s", spec->name);
	snprintf(cache->partial_name, sizeof cache->partial_name, "%s partial",
	         cache->name);
	snprintf(cache->empty_name, sizeof cache->empty_name, "%s empty",
	         cache->name);
	TAILQ_INIT(&cache->full);
	TAILQ_INIT(&cache->partial);
	TAILQ_INIT(&cache->empty);
	TAILQ_INSERT_TAIL(&heap->chain, cache, chain);
}

struct kmem_cache *kmem_cache_create(struct heap *heap,
                                     const struct kmem_cache_spec *spec)
{
	struct slab_heap *self = slab_heap_of(heap);

	if (spec->size == 0 || spec->size > KMEM_OBJECT_MAX ||
	    (spec->align != 0 && !is_power_of_two(spec->align)) ||
	    spec->align > KMEM_ALIGN_MAX) {
		errno = EINVAL;
		return NULL;
	}
	struct kmem_cache *cache = kmem_cache_alloc(&self->cache_cache);
	if (cache != NULL)
		slab_cache_init(self, cache, spec, self->config.place);
	return cache;
}

bool kmem_cache_destroy(struct kmem_cache *cache)
{
	if (!TAILQ_EMPTY(&cache->full) || !TAILQ_EMPTY(&cache->partial)) {
		errno = EBUSY;
		return false;
	}
	kmem_cache_shrink(cache);
	TAILQ_REMOVE(&cache->heap->chain, cache, chain);
	kmem_cache_free(&cache->heap->cache_cache, cache);
	return true;
}

size_t kmem_cache_shrink(struct kmem_cache *cache)
{
	size_t bytes = 0;

	while (!TAILQ_EMPTY(&cache->empty))
		bytes += reap_one(cache);
	return bytes;
}

/*
 * The descriptor caches are in front of the caches that use them, and reaping
 * those may empty slabs of descriptors: the chain is gone through backwards.
 */
size_t kmem_cache_reap(struct heap *heap)
{
	const struct cache_chain *chain = &slab_heap_of(heap)->chain;
	struct kmem_cache *cache = TAILQ_LAST(chain, cache_chain);
	size_t bytes = 0;

	for (; cache != NULL; cache = TAILQ_PREV(cache, cache_chain, chain))
		bytes += kmem_cache_shrink(cache);
	return bytes;
}

/* Reaping may give pages back by itself, beyond the knob `keep`. */
size_t slab_heap_relieve(struct slab_heap *heap)
{
	size_t held = heap->source->committed_bytes;

	kmem_cache_reap((struct heap *)heap);
	kpages_trim(&heap->pages);
	return held - heap->source->committed_bytes;
}

struct kmem_cache *kmem_cache_next(struct heap *heap,
                                   const struct kmem_cache *cache)
{
	return cache == NULL ? TAILQ_FIRST(&slab_heap_of(heap)->chain)
	                     : TAILQ_NEXT(cache, chain);
}

static size_t count_slabs(const struct slab_list *list, size_t *live)
{
	const struct slab *slab;
	size_t slabs = 0;

	TAILQ_FOREACH (slab, list, link) {
		slabs++;
		*live += slab->used;
	}
	return slabs;
}

void kmem_cache_info(const struct kmem_cache *cache,
                     struct kmem_cache_info *info)
{
	const struct slab_layout *layout = &cache->layout;

	*info = (struct kmem_cache_info){
		.name = cache->name,
		.object_bytes = cache->object_bytes,
		.slot_bytes = layout->slot_bytes,
		.slab_bytes = layout->slab_bytes,
		.slots = layout->slots,
		.descriptor_bytes = layout->descriptor_bytes,
		.off_slab = layout->off_slab,
		.waste_bytes = slab_layout_waste(layout),
		.colours = layout->colours,
		.colour_step = layout->colour_step,
		.internal = cache->internal,
	};
	info->full = count_slabs(&cache->full, &info->live);
	info->partial = count_slabs(&cache->partial, &info->live);
	info->empty = count_slabs(&cache->empty, &info->live);
}
