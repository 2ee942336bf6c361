/*
 * template.c - an allocator to start your own from: complete, correct, and slow.
 *
 *     cp allocators/template/template.c mine.c
 *     make run ALLOCATORS="first-fit ./mine.c"
 *
 * docs/adding-an-allocator.md goes on from there.  Questions marked "Your turn"
 * stand where a better answer is possible.
 *
 * Idea.  Freed blocks hang on one list, the last freed first.  malloc takes the
 * first block of the list that is large enough, as it is: blocks are never split
 * and never merged.  If there is none, it takes fresh memory at the top.
 *
 * A heap after a = malloc(40), b = malloc(100), free(a):
 *
 *     base                                               top        end
 *     +------------+----+---------+----+-----------------+----------+
 *     | descriptor | 48 |  free   |112 |  b              |wilderness|
 *     |   list --------^|         |heap|                 |          |
 *     +------------+----+---------+----+-----------------+----------+
 *
 * Words.
 *     header      16 bytes before each block: its usable size, and `next`: the
 *                 next free block, or, of a live block, the heap itself
 *     wilderness  committed bytes above `top`, in no block yet
 *
 * Invariants, verified in template_check().
 *     I1  headers follow each other from the first block to `top` exactly
 *     I2  every usable size is a multiple of 16
 *     I3  the list holds every free block once, and no other
 *     I4  base, top and end are in order; end - base is what is committed
 *
 * Cost.     malloc O(free blocks), free O(1)
 *           waste  whatever a block has more than the request that reuses it
 * Threads.  None: one thread at a time.
 * Sources.  [Knuth97, 2.5] begins with a list of available blocks, too.
 *
 * Read next: fit/fit.c, which splits and merges.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "allocators/allocator.h"
#include "allocators/common/bits.h"
#include "allocators/common/heap_stats.h"
#include "allocators/common/knob.h"
#include "allocators/common/misuse.h"
#include "allocators/common/page_source.h"

/* What can be set, behind the name and a colon: growth=64K */
enum { KNOB_GROWTH };

static const struct knob knobs[] = {
	[KNOB_GROWTH] = {.name = "growth",
                         .unit = "bytes",
                         .initial = PAGE_BYTES,
                         .min = PAGE_BYTES,
                         .max = (uint64_t)1 << 30,
                         .power_of_two = true,
                         .summary = "asked from the source at least, each time",
                         .source = ""},
	{0}, /* the end of the list */
};

struct header {
	size_t bytes;        /* usable bytes behind this header             */
	struct header *next; /* free: the next on the list; live: the heap */
};

/* No global variables: all that an allocator knows is in its heap. */
struct template_heap {
	struct page_source *pages;
	size_t growth;
	struct header *list; /* free blocks, the last freed first   */
	char *top, *end;     /* of the last block; of the memory    */
	struct heap_stats stats;
	char message[128]; /* the last sentence of template_check() */
};

static_assert(sizeof(struct header) == MALLOC_ALIGN_BYTES, "picture");

/* ---- from one thing to another ------------------------------------------ */

/* struct heap and struct thread_heap are names for whatever we make of them. */
static struct template_heap *heap_of(struct heap *heap)
{
	return (struct template_heap *)heap;
}

/* There is nothing to know about a thread: its handle is the heap. */
static struct template_heap *self_heap(struct thread_heap *self)
{
	return (struct template_heap *)self;
}

static struct header *header_of(const void *block)
{
	return (struct header *)block - 1;
}

static void *block_of(const struct header *header)
{
	return (void *)(header + 1);
}

static struct header *first_header(const struct template_heap *heap)
{
	return (struct header *)((char *)heap +
	                         round_up(sizeof *heap, MALLOC_ALIGN_BYTES));
}

static struct header *header_after(const struct header *header)
{
	return (struct header *)((char *)block_of(header) + header->bytes);
}

static bool is_live(const struct template_heap *heap,
                    const struct header *header)
{
	return header->next == (const void *)heap;
}

/* ---- the five functions to change first ---------------------------------- */

/*
 * The link that leads to a free block of at least `bytes` at `align`, or NULL;
 * `*links` is the number of blocks looked at.
 *
 * Your turn: first fit takes what comes first.  What does a search for the
 * smallest that fits cost, and what does it save?
 */
static struct header **find(struct template_heap *heap, size_t bytes,
                            size_t align, uint64_t *links)
{
	struct header **link = &heap->list;

	for (*links = 0; *link != NULL; link = &(*link)->next) {
		++*links;
		if ((*link)->bytes >= bytes &&
		    is_aligned(block_of(*link), align))
			return link;
	}
	return NULL;
}

/*
 * Takes a free block off the list and makes it live.
 *
 * Your turn: a request for 16 bytes may get a block of 1000.  From which size
 * of the rest on is it worth a header to cut the block in two?
 */
static struct header *take(struct template_heap *heap, struct header **link)
{
	struct header *header = *link;

	*link = header->next;
	header->next = (struct header *)heap;
	return header;
}

/*
 * Puts a block on the list.
 *
 * Your turn: the last freed comes first, which is fast, and warm in the cache.
 * What changes if the list is kept in the order of addresses?  And how would
 * you find the two neighbours of a block, to merge it with those that are free?
 */
static void put(struct template_heap *heap, struct header *header)
{
	header->next = heap->list;
	heap->list = header;
}

/*
 * Makes room for `bytes` above top; false with ENOMEM.
 *
 * Your turn: one page at a time wastes little, and asks often.  What does
 * growth=1M change in the columns "heap" and "ns/op"?
 */
static bool grow(struct template_heap *heap, size_t bytes)
{
	size_t missing = bytes - (size_t)(heap->end - heap->top);
	size_t more = round_up(missing, heap->growth);

	if (page_source_grow(heap->pages, more) == NULL)
		return false;
	heap->end += more;
	heap->stats.grows++;
	return true;
}

/*
 * Makes a live block of `bytes` at `align` from fresh memory.  The bytes that
 * alignment skips become a free block, if only one of 0 bytes.
 *
 *     |......top......|  =>  |header|skipped|header|block|..top..|
 *
 * Your turn: in which traces does the top ever come down again?
 */
static struct header *carve(struct template_heap *heap, size_t bytes,
                            size_t align)
{
	char *block = heap->top + sizeof(struct header);
	size_t skip = round_up((size_t)block, align) - (size_t)block;
	size_t need = skip + sizeof(struct header) + bytes;

	if (need > (size_t)(heap->end - heap->top) && !grow(heap, need))
		return NULL;
	struct header *header = (struct header *)heap->top;
	if (skip > 0) {
		header->bytes = skip - sizeof *header;
		put(heap, header);
		header = header_after(header);
	}
	*header = (struct header){bytes, (struct header *)heap};
	heap->top = (char *)header_after(header);
	return header;
}

/* ---- the contract: what each does is said in allocator.h ----------------- */

static struct heap *template_create(const struct knob_values *values,
                                    struct page_source *pages,
                                    const char *single_thread)
{
	size_t growth = values->of[KNOB_GROWTH];
	struct template_heap *heap = page_source_grow(pages, growth);

	(void)single_thread; /* one OS thread at a time: no locks */
	if (heap == NULL)
		return NULL;
	*heap = (struct template_heap){.pages = pages, .growth = growth};
	heap->top = (char *)first_header(heap);
	heap->end = (char *)heap + growth;
	return (struct heap *)heap;
}

static void template_destroy(struct heap *heap)
{
	struct template_heap *self = heap_of(heap);
	page_source_shrink(self->pages, (size_t)(self->end - (char *)self));
}

static struct thread_heap *template_attach(struct heap *heap)
{
	return (struct thread_heap *)heap;
}

static void template_detach(struct thread_heap *self)
{
	(void)self;
}

static void *template_aligned_malloc(struct thread_heap *self, size_t align,
                                     size_t size)
{
	struct template_heap *heap = self_heap(self);
	uint64_t links;

	if (align < MALLOC_ALIGN_BYTES)
		align = MALLOC_ALIGN_BYTES;
	if (size > PTRDIFF_MAX - align) {
		errno = ENOMEM;
		return NULL;
	}
	size_t bytes = round_up(size == 0 ? 1 : size, MALLOC_ALIGN_BYTES);
	struct header **link = find(heap, bytes, align, &links);
	heap->stats.links += links;
	heap->stats.searches++;
	struct header *header =
		link != NULL ? take(heap, link) : carve(heap, bytes, align);
	return header == NULL ? NULL : block_of(header);
}

static void *template_malloc(struct thread_heap *self, size_t size)
{
	return template_aligned_malloc(self, MALLOC_ALIGN_BYTES, size);
}

static void *template_zero_malloc(struct thread_heap *self, size_t size)
{
	void *block = template_malloc(self, size);

	return block == NULL ? NULL : memset(block, 0, size);
}

static void template_free(struct thread_heap *self, void *block)
{
	struct template_heap *heap = self_heap(self);

	if (block == NULL)
		return;
	/* CHECKED is 0 in a program built for speed: the tests fall away. */
	if (CHECKED && ((char *)block < (char *)first_header(heap) ||
	                (char *)block >= heap->top))
		misuse("template", block, "free of a pointer outside the heap");
	if (CHECKED && (!is_aligned(block, MALLOC_ALIGN_BYTES) ||
	                !is_live(heap, header_of(block))))
		misuse("template", block, "free of what is not a live block");
	put(heap, header_of(block));
}

/*
 * Your turn: a block that grows moves, even if the one behind it is free, or the
 * last of all.  Which workload shows it?
 */
static void *template_realloc(struct thread_heap *self, void *block,
                              size_t size)
{
	if (block == NULL)
		return template_malloc(self, size);
	size_t bytes = header_of(block)->bytes;
	if (size <= bytes)
		return block;
	void *moved = template_malloc(self, size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, block, bytes);
	self_heap(self)->stats.moves++;
	template_free(self, block);
	return moved;
}

static size_t template_usable_size(struct heap *heap, const void *block)
{
	(void)heap;
	return header_of(block)->bytes;
}

/* Your turn: the pages of the wilderness could be given back. */
static size_t template_trim(struct heap *heap)
{
	(void)heap;
	return 0;
}

static void template_stats(struct heap *heap, struct heap_stats *out)
{
	*out = heap_of(heap)->stats;
}

/* ---- shown to the harness: the heap map, the table and the stepper use it -- */

/* Every committed byte, once, in address order. */
static void template_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct template_heap *self = heap_of(heap);
	struct header *header = first_header(self);
	struct extent extent = {self, (size_t)((char *)header - (char *)self),
	                        EXTENT_METADATA, ""};

	if (!visit(ctx, &extent))
		return;
	for (; (char *)header < self->top; header = header_after(header)) {
		size_t whole = sizeof *header + header->bytes;
		extent = (struct extent){header, whole, EXTENT_FREE, "hole"};
		if (is_live(self, header)) {
			extent = (struct extent){header, sizeof *header,
			                         EXTENT_METADATA, ""};
			if (!visit(ctx, &extent))
				return;
			extent =
				(struct extent){block_of(header), header->bytes,
			                        EXTENT_LIVE, ""};
		}
		if (!visit(ctx, &extent))
			return;
	}
	extent = (struct extent){self->top, (size_t)(self->end - self->top),
	                         EXTENT_FREE, "wilderness"};
	if (extent.bytes > 0)
		visit(ctx, &extent);
}

static const char *broken(struct template_heap *heap, const char *sentence,
                          const void *where)
{
	snprintf(heap->message, sizeof heap->message, "template %s at %p",
	         sentence, where);
	return heap->message;
}

/*
 * Your turn: each invariant of your own is a sentence here.  What a test cannot
 * see, this function must.
 */
static const char *template_check(struct heap *heap)
{
	struct template_heap *self = heap_of(heap);
	struct header *header = first_header(self);
	size_t free_blocks = 0;

	if ((char *)header > self->top || self->top > self->end ||
	    (size_t)(self->end - (char *)self) != self->pages->committed_bytes)
		return broken(self, "I4: the end is wrong", self->end);
	while ((char *)header < self->top) {
		if (header->bytes % MALLOC_ALIGN_BYTES != 0)
			return broken(self, "I2: an odd size", header);
		if (header->bytes > (size_t)(self->top - (char *)header))
			return broken(self, "I1: a damaged header", header);
		free_blocks += !is_live(self, header);
		header = header_after(header);
	}
	if ((char *)header != self->top)
		return broken(self, "I1: the blocks miss the top", header);
	for (header = self->list; header != NULL; header = header->next) {
		if ((char *)header < (char *)first_header(self) ||
		    (char *)header >= self->top || is_live(self, header) ||
		    free_blocks-- == 0)
			return broken(self, "I3: no free block", header);
	}
	return free_blocks == 0
	               ? NULL
	               : broken(self, "I3: a free block is not listed", self);
}

static void template_free_lists(struct heap *heap, free_block_visitor *visit,
                                void *ctx)
{
	struct header *header = heap_of(heap)->list;

	for (; header != NULL; header = header->next) {
		struct free_block block = {"list", header,
		                           sizeof *header + header->bytes};
		if (!visit(ctx, &block))
			return;
	}
}

static void explain_malloc(struct template_heap *heap, size_t align,
                           size_t size, char *sentence, size_t capacity)
{
	size_t bytes = round_up(size == 0 ? 1 : size, MALLOC_ALIGN_BYTES);
	uint64_t links;
	struct header **link = find(heap, bytes, align, &links);

	if (link != NULL)
		snprintf(sentence, capacity,
		         "block %zu of the list is the first of at least %zu "
		         "bytes; it has %zu, and all of them are given",
		         (size_t)links, bytes, (*link)->bytes);
	else
		snprintf(sentence, capacity,
		         "none of the list's %zu blocks has %zu bytes: fresh "
		         "memory from the top",
		         (size_t)links, bytes);
}

/* One sentence for the stepper, before the call is made. */
static void template_explain(struct heap *heap, const struct request *request,
                             char *sentence, size_t capacity)
{
	const void *block = request->block;
	size_t align = request->align > MALLOC_ALIGN_BYTES ? request->align
	                                                   : MALLOC_ALIGN_BYTES;

	if (request->kind == REQUEST_FREE && block == NULL)
		snprintf(sentence, capacity, "NULL: nothing to free");
	else if (request->kind == REQUEST_FREE)
		snprintf(sentence, capacity,
		         "it becomes the first of the list, not merged with "
		         "others");
	else if (request->kind == REQUEST_REALLOC && block != NULL &&
	         request->size <= header_of(block)->bytes)
		snprintf(sentence, capacity, "it fits where it is");
	else
		explain_malloc(heap_of(heap), align, request->size, sentence,
		               capacity);
}

/* The one symbol that is looked for; it may be called <file name>_allocator. */
const struct allocator plugin_allocator = {
	.name = "template",
	.summary = "one list, last freed first; no splitting, no merging",
	.source = "Knuth97",
	.knobs = knobs,
	.create = template_create,
	.destroy = template_destroy,
	.attach = template_attach,
	.detach = template_detach,
	.malloc = template_malloc,
	.zero_malloc = template_zero_malloc,
	.aligned_malloc = template_aligned_malloc,
	.realloc = template_realloc,
	.free = template_free,
	.usable_size = template_usable_size,
	.trim = template_trim,
	.stats = template_stats,
	.walk = template_walk,
	.check = template_check,
	.free_lists = template_free_lists,
	.explain = template_explain,
};
