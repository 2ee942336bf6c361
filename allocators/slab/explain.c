/*
 * explain.c - a request answered in words, before it is made.
 *
 * The look-ups are those of the real calls (kmalloc_route, cache_next_slab,
 * kpages_predict); only the last step, taking the slot, is left out.
 */
#include "../common/sentence.h"
#include "walk.h"

/* "one page at 0x..., cut from a free block of 8 pages" */
static void say_pages(struct sentence *text, const struct slab_heap *heap,
                      size_t count, size_t align)
{
	size_t block;
	void *start = kpages_predict(&heap->pages, count, align, &block);

	say(text, "%zu page%s ", count, count == 1 ? "" : "s");
	if (start == NULL)
		say(text, "of a new arena");
	else if (block == 0)
		say(text, "above all blocks, at %p", start);
	else if (block == count)
		say(text, "at %p, a free block used whole", start);
	else
		say(text, "at %p, cut from a free block of %zu pages", start,
		    block);
}

static void say_alloc(struct sentence *text, const struct kmem_cache *cache)
{
	const struct slab *slab = cache_next_slab(cache);
	const struct slab_layout *layout = &cache->layout;

	say(text, "cache %s: ", cache->name);
	if (slab == NULL) {
		say(text,
		    "no slab has a free slot; a new one of %zu slots "
		    "takes ",
		    layout->slots);
		say_pages(text, cache->heap, layout->slab_bytes >> PAGE_LOG2,
		          layout->slab_bytes >> PAGE_LOG2);
		say(text, "; its first slot, %zu bytes in (colour %zu of %zu)",
		    cache->next_colour * layout->colour_step,
		    cache->next_colour + 1, layout->colours);
		return;
	}
	if (slab->used == 0)
		say(text,
		    "no slab is partial; the empty one kept warm has %zu "
		    "slots; its lowest, ",
		    layout->slots);
	else
		say(text,
		    "the first partial slab has %zu free of %zu; its "
		    "lowest free slot, ",
		    layout->slots - slab->used, layout->slots);
	say(text, "%zu at %p", slab_lowest_free(slab),
	    (void *)slot_address(slab, slab_lowest_free(slab)));
}

static void say_malloc(struct sentence *text, const struct slab_heap *heap,
                       size_t align, size_t size)
{
	if (align < MALLOC_ALIGN_BYTES)
		align = MALLOC_ALIGN_BYTES;
	if (size > PTRDIFF_MAX) {
		say(text, "no memory: larger than half the address space");
		return;
	}
	struct kmalloc_route route = kmalloc_route(heap, align, size);
	if (route.cache != NULL) {
		say_alloc(text, route.cache);
	} else if (route.pages == 0) {
		say(text,
		    "cache aligned-%zu is not there yet: it is made, and "
		    "its first slab",
		    route.slot_bytes);
	} else {
		say(text, "no size cache serves it: ");
		say_pages(text, heap, route.pages, route.align_pages);
	}
}

static void say_free(struct sentence *text, const struct slab_heap *heap,
                     const void *block)
{
	const struct page *page = kpages_page_of(&heap->pages, block);

	if (page->use == PAGE_LARGE) {
		say(text, "%zu pages go to the page heap", page->run_pages);
		return;
	}
	const struct slab *slab = page->slab;
	const struct kmem_cache *cache = slab->cache;
	size_t slots = cache->layout.slots;
	say(text,
	    "cache %s: slot %zu of a slab with %u of %zu live becomes "
	    "free",
	    cache->name, slot_index(slab, block), slab->used, slots);
	if (slab->used == 1 && cache->empty_slabs == heap->config.empty_limit)
		say(text,
		    "; the slab is empty, and with %zu kept already, "
		    "one is reaped",
		    cache->empty_slabs);
	else if (slab->used == 1)
		say(text, "; the slab is empty and kept warm");
	else if (slab->used == slots)
		say(text, "; the slab joins the partial list, %s",
		    heap->config.partial_order == PARTIAL_LIFO ? "first"
		                                               : "last");
}

static void say_realloc(struct sentence *text, const struct slab_heap *heap,
                        const struct request *request)
{
	const struct page *page = kpages_page_of(&heap->pages, request->block);
	size_t usable = ksize(heap, request->block), size = request->size;
	size_t wanted = round_up(size, PAGE_BYTES) >> PAGE_LOG2;

	if (krealloc_keeps_slot(heap, usable, size)) {
		say(text, "the same class serves both: it stays");
	} else if (page->use == PAGE_LARGE && size > heap->config.kmalloc_max &&
	           wanted <= page->run_pages) {
		say(text, "it stays, and gives %zu pages back",
		    page->run_pages - wanted);
	} else if (page->use == PAGE_LARGE && size <= PTRDIFF_MAX &&
	           size > heap->config.kmalloc_max &&
	           kpages_can_extend(&heap->pages, page, page->run_pages,
	                             wanted)) {
		say(text, "it stays: the %zu pages behind it are free",
		    wanted - page->run_pages);
	} else {
		say(text, "it moves: ");
		say_malloc(text, heap, MALLOC_ALIGN_BYTES, size);
	}
}

void slab_explain(struct heap *heap, const struct request *request,
                  char *sentence, size_t capacity)
{
	const struct slab_heap *self = slab_heap_of(heap);
	struct sentence text = sentence_begin(sentence, capacity);

	if (request->kind == REQUEST_FREE && request->block == NULL)
		say(&text, "NULL: nothing happens");
	else if (request->kind == REQUEST_FREE)
		say_free(&text, self, request->block);
	else if (request->kind == REQUEST_REALLOC && request->block != NULL)
		say_realloc(&text, self, request);
	else
		say_malloc(&text, self, request->align, request->size);
}
