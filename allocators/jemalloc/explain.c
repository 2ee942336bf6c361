/*
 * explain.c - a request answered in words, before it is made.
 *
 * The look-ups are those of the real calls (je_pages_search, je_bin_lowest);
 * taking is left out.  It answers for the first handle of the heap.
 */
#include "../common/sentence.h"
#include "jemalloc.h"

static size_t cached(const struct je_cache_bin *bin)
{
	return (size_t)(je_bin_top(bin) - je_bin_base(bin));
}

/* "16 pages at 0x..., the smallest available run that fits, of 20" */
static void say_pages(struct sentence *text, const struct je_arena *arena,
                      uint32_t pages, uint32_t align)
{
	const struct je_heap *heap = arena->heap;
	uint64_t links = 0;
	const struct je_avail *run =
		je_pages_search(arena, pages + align - 1, &links);

	say(text, "%u page%s ", pages, pages == 1 ? "" : "s");
	if (run == NULL) {
		say(text, "of %s",
		    arena->spare != NULL ? "the spare chunk" : "a new chunk");
		return;
	}
	const struct je_chunk *chunk = je_chunk_of(heap, run);
	say(text, "at %p, from the shortest available run that fits, of %u",
	    (void *)je_page_address(chunk, round_up(run->page, align)),
	    run->pages);
}

static void say_refill(struct sentence *text, const struct je_arena *arena,
                       unsigned number)
{
	const struct je_heap *heap = arena->heap;
	const struct je_class *class = &heap->classes[number];
	const struct je_bin *bin = &arena->bins[number];
	const struct je_run *run = bin->current;
	uint64_t links = 0;
	bool is_current = run != NULL && run->free > 0;

	if (!is_current)
		run = je_bin_lowest(bin, &links);
	if (run == NULL) {
		say(text, "no run has a free region; a new one of %u takes ",
		    class->regions);
		say_pages(text, arena, class->pages, 1);
		return;
	}
	say(text, "a batch from the %s run at %p, with %u free of %u",
	    is_current ? "current" : "lowest non-full",
	    (void *)je_run_start(run), run->free, class->regions);
}

static void say_small(struct sentence *text, const struct je_handle *self,
                      unsigned number)
{
	const struct je_cache_bin *bin = &self->bins[number];

	say(text, "class %u: ", self->heap->classes[number].size);
	if (cached(bin) > 0) {
		say(text, "the last of %zu in the thread's cache, at %p",
		    cached(bin), je_bin_top(bin)[-1]);
		return;
	}
	say(text, "the cache is empty; ");
	say_refill(text, self->arena, number);
}

static void say_large(struct sentence *text, const struct je_handle *self,
                      size_t size, uint32_t align)
{
	const struct je_heap *heap = self->heap;
	uint32_t pages = je_pages_for(size);
	unsigned number = je_large_bin(heap, pages);
	const struct je_cache_bin *bin = &self->bins[number];

	if (align == 1 && number != heap->no_bin && cached(bin) > 0) {
		say(text,
		    "%u pages: the last of %zu in the thread's cache, at "
		    "%p",
		    pages, cached(bin), je_bin_top(bin)[-1]);
		return;
	}
	say(text, "large: ");
	say_pages(text, self->arena, pages, align);
}

static void say_malloc(struct sentence *text, const struct je_handle *self,
                       size_t align, size_t size)
{
	const struct je_heap *heap = self->heap;
	uint32_t align_pages =
		align <= PAGE_BYTES ? 1 : (uint32_t)(align >> PAGE_LOG2);

	if (align < malloc_align(size))
		align = malloc_align(size);
	if (size > PTRDIFF_MAX - align) {
		say(text, "no memory: larger than half the address space");
		return;
	}
	unsigned class = je_small_class(heap, align, size == 0 ? 1 : size);
	if (class < heap->small_classes)
		say_small(text, self, class);
	else if (size <= (size_t)heap->large_max_pages << PAGE_LOG2 &&
	         je_pages_for(size) + align_pages - 1 <= heap->large_max_pages)
		say_large(text, self, size, align_pages);
	else
		say(text, "huge: %zu bytes of address space of its own",
		    round_up(size, PAGE_BYTES));
}

static size_t region_of(const struct je_heap *heap,
                        const struct je_chunk *chunk, const void *block)
{
	const struct je_run *run =
		je_run_at(heap, chunk, je_page_of(heap, block));

	return je_region_of(&heap->classes[run->bin], run, block);
}

static void say_free(struct sentence *text, const struct je_handle *self,
                     const void *block)
{
	struct je_heap *heap = self->heap;

	if (je_is_huge(heap, block)) {
		say(text, "huge: %zu bytes go back to the source",
		    je_huge_bytes(heap, block));
		return;
	}
	const struct je_chunk *chunk = je_chunk_of(heap, block);
	uint32_t entry = chunk->map[je_page_of(heap, block)];
	unsigned number = entry & ENTRY_BIN;
	const struct je_cache_bin *bin = &self->bins[number];
	if (heap->slots[number] == 0 && (entry & ENTRY_LARGE))
		say(text, "past the cache: its %u pages become available",
		    je_entry_number(entry));
	else if (heap->slots[number] == 0)
		say(text, "past the cache: region %zu of its run becomes free",
		    region_of(heap, chunk, block));
	else if (cached(bin) == heap->slots[number])
		say(text,
		    "the thread's cache of %zu is full: its older half is "
		    "flushed to the arenas it came from, then the block "
		    "is put on top",
		    cached(bin));
	else if (cached(bin) == 0)
		say(text,
		    "the block is put on the thread's cache of class %zu, "
		    "which is empty",
		    je_bin_bytes(heap, number));
	else
		say(text,
		    "the block is put on the thread's cache of class %zu, "
		    "on top of %zu",
		    je_bin_bytes(heap, number), cached(bin));
}

/* Whether the pages behind a large block are available. */
static bool can_grow(const struct je_heap *heap, const void *block,
                     size_t usable, size_t size)
{
	uint32_t page = je_page_of(heap, block);

	return !je_is_huge(heap, block) &&
	       size <= (size_t)heap->large_max_pages << PAGE_LOG2 &&
	       je_pages_are_available(heap, je_chunk_of(heap, block),
	                              page + (uint32_t)(usable >> PAGE_LOG2),
	                              page + je_pages_for(size));
}

static void say_realloc(struct sentence *text, const struct je_handle *self,
                        const struct request *request)
{
	struct je_heap *heap = self->heap;
	size_t usable = je_usable_size((struct heap *)heap, request->block);
	size_t size = request->size;
	bool is_small = je_is_small(heap, usable);

	if (je_is_huge(heap, request->block) &&
	    size > (size_t)heap->large_max_pages << PAGE_LOG2)
		say(text, "the source resizes it, in place or by moving pages");
	else if (size <= JE_TABLE_MAX && is_small &&
	         je_bin_for(heap, size) == je_bin_for(heap, usable))
		say(text, "the same class serves both: it stays");
	else if (!is_small && !je_is_small(heap, size) && size <= usable)
		say(text, "it stays, and gives %zu pages back",
		    (usable >> PAGE_LOG2) - je_pages_for(size));
	else if (!is_small && size > usable &&
	         can_grow(heap, request->block, usable, size))
		say(text, "it stays: the pages behind it are available");
	else {
		say(text, "it moves: ");
		say_malloc(text, self, MALLOC_ALIGN_BYTES, size);
	}
}

void je_explain(struct heap *opaque, const struct request *request,
                char *sentence, size_t capacity)
{
	const struct je_handle *self =
		TAILQ_FIRST(&je_heap_of(opaque)->handles);
	struct sentence text = sentence_begin(sentence, capacity);

	if (self == NULL)
		say(&text, "no thread is attached");
	else if (request->kind == REQUEST_FREE && request->block == NULL)
		say(&text, "NULL: nothing happens");
	else if (request->kind == REQUEST_FREE)
		say_free(&text, self, request->block);
	else if (request->kind == REQUEST_REALLOC && request->block != NULL)
		say_realloc(&text, self, request);
	else
		say_malloc(&text, self, request->align, request->size);
}
