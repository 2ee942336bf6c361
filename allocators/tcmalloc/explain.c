/*
 * explain.c - a request answered in words, before it is made.
 *
 * For the oldest handle, the only one of a stepped trace with one thread.  The
 * look-ups are those of the real calls; only the taking is left out.
 */
#include "../common/sentence.h"
#include "tcmalloc.h"

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

/* "one page at 0x..., cut from a free span of 128 pages" */
static void say_pages(struct sentence *text, struct tcm_heap *heap,
                      size_t pages)
{
	const struct tcm_page_heap *from = &heap->page_heap;
	uint64_t links = 0;
	const struct tcm_span *span =
		pages > TCM_PAGES_MAX
			? NULL
			: tcm_free_find(&from->normal, pages, &links);

	say(text, "%zu page%s ", pages, plural(pages));
	if (span != NULL && span->pages == pages)
		say(text, "at %p, a free span that fits exactly",
		    (void *)span->start);
	else if (span != NULL)
		say(text, "at %p, cut from a free span of %u",
		    (void *)span->start, span->pages);
	else if (pages <= TCM_PAGES_MAX &&
	         tcm_free_find(&from->returned, pages, &links) != NULL)
		say(text, "of a returned span, committed again");
	else
		say(text, "that the source must give");
}

/* How the next object of a class is found when the thread has none. */
static void say_refill(struct sentence *text, struct tcm_heap *heap,
                       unsigned class, size_t length)
{
	const struct tcm_class *of = &heap->classes.table[class];
	const struct tcm_central *central = &heap->centrals.of[class];
	const struct tcm_span *span = tcm_central_next(central);
	size_t batch = length > of->batch ? of->batch : length;

	if (batch == 0)
		batch = 1;
	say(text, "the thread's list is empty; it fetches %zu: ", batch);
	if (batch == of->batch && counter_read(&central->cached) >= batch)
		say(text, "a batch from the transfer cache");
	else if (span != NULL)
		say(text, "the fullest span has %u of %u used", span->used,
		    of->objects);
	else {
		say(text, "no span has a free one, a new one for %u takes ",
		    of->objects);
		say_pages(text, heap, of->pages);
	}
}

static void say_object(struct sentence *text, struct tcm_heap *heap,
                       unsigned class)
{
	const struct tcm_cache *cache = TAILQ_FIRST(&heap->caches.list);

	say(text, "class of %zu bytes: ", tcm_class_bytes(heap, class));
	if (cache == NULL) {
		say(text, "no thread is attached");
		return;
	}
	size_t count = tcm_bin_count(&cache->bin[class]);
	if (count == 0)
		say_refill(text, heap, class, cache->state[class].length);
	else
		say(text, "the newest of %zu object%s in the thread's list, %p",
		    count, plural(count), tcm_bin_top(&cache->bin[class])[-1]);
}

static void say_malloc(struct sentence *text, struct tcm_heap *heap,
                       size_t align, size_t size)
{
	unsigned class = tcm_aligned_class(heap, align == 0 ? 1 : align, size);

	if (size > PTRDIFF_MAX) {
		say(text, "no memory: larger than half the address space");
		return;
	}
	if (class != 0) {
		say_object(text, heap, class);
		return;
	}
	size_t pages = tcm_pages_for(size);
	say(text, "no class holds it, a block of pages: ");
	if (align > TCM_PAGE_BYTES)
		say(text, "aligned, out of ");
	say_pages(text, heap,
	          align > TCM_PAGE_BYTES ? pages + (align >> TCM_PAGE_LOG2) - 1
	                                 : pages);
}

static void say_free(struct sentence *text, struct tcm_heap *heap,
                     const void *block)
{
	uint64_t entry = tcm_page_map_get(&heap->map, block);
	unsigned class = tcm_entry_class(entry);
	const struct tcm_cache *cache = TAILQ_FIRST(&heap->caches.list);

	if (class == 0) {
		say(text, "a block of %u pages goes to the page heap",
		    tcm_entry_span(entry)->pages);
		return;
	}
	say(text, "the page map says class of %zu bytes: ",
	    tcm_class_bytes(heap, class));
	if (cache == NULL) {
		say(text, "no thread is attached");
		return;
	}
	size_t count = tcm_bin_count(&cache->bin[class]);
	unsigned length = cache->state[class].length;
	if (count < length)
		say(text, "the thread's list then holds %zu of at most %u",
		    count + 1, length);
	else if (count == 0)
		say(text, "the thread keeps none yet; slow start lets it");
	else
		say(text,
		    "the thread's list is full with %u; a batch goes to "
		    "the central list first",
		    length);
}

static void say_realloc(struct sentence *text, struct tcm_heap *heap,
                        const struct request *request)
{
	size_t usable = tcm_usable_size((struct heap *)heap, request->block);
	uint64_t entry = tcm_page_map_get(&heap->map, request->block);

	switch (tcm_resize_way(usable, tcm_entry_class(entry), request->size)) {
	case TCM_STAYS:
		say(text,
		    "it fits its %zu bytes and uses half of them: it "
		    "stays",
		    usable);
		return;
	case TCM_CUTS:
		say(text, "it stays, and gives %zu pages back",
		    tcm_pages_for(usable) - tcm_pages_for(request->size));
		return;
	case TCM_GROWS_OR_MOVES:
		say(text, "it stays if the pages behind it are free; else ");
		break;
	case TCM_MOVES:
		break;
	}
	say(text, "it moves: ");
	say_malloc(text, heap, 0, request->size);
}

void tcm_explain(struct heap *heap, const struct request *request,
                 char *sentence, size_t capacity)
{
	struct tcm_heap *self = tcm_heap_of(heap);
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
