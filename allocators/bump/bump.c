/*
 * bump.c - hand out the next bytes, never take any back.
 *
 * Idea.  Keep one pointer to the end of what was handed out.  malloc moves it
 * up, free does nothing.  No allocator does less work, and none should need
 * more memory: bump is the yardstick at both ends.  It is not the fastest, for
 * all its memory is fresh: each page costs a fault and each line a cache miss,
 * which reuse saves (docs/bump.md).  Running out of memory is its normal end.
 *
 * A heap after a = malloc(20), b = malloc(16), free(a):
 *
 *     base                                           top          end
 *     +--------+--------+------------+--------+--------+------------+
 *     | heap   | 32|dead| a, wasted  | 16|live| b      | wilderness |
 *     +--------+--------+------------+--------+--------+------------+
 *              '--16 B--'---32 B-----'
 *
 * Words.
 *     header      16 bytes before each block: its usable size, and whether it
 *                 is live; only realloc and the walk ever read it
 *     wilderness  committed bytes above `top`, not yet handed out
 *
 * Invariants, verified in bump_check().
 *     I1  headers follow each other from the first block to `top` exactly
 *     I2  every usable size is a multiple of 16
 *     I3  top <= end, and end - base is the source's committed bytes
 *
 * Cost.     malloc, free  O(1); realloc copies unless the block shrinks
 *           waste         everything that was ever freed
 * Threads.  None: one thread at a time.
 * Sources.  [Wilson95, 3.1] calls the bump pointer's memory "the wilderness".
 *
 * Read next: fit/fit.c, which takes blocks back.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../allocator.h"
#include "../common/bits.h"
#include "../common/heap_stats.h"
#include "../common/knob.h"
#include "../common/misuse.h"
#include "../common/page_source.h"

enum { BUMP_GROWTH };

static const struct knob knobs[] = {
	[BUMP_GROWTH] = {.name = "growth",
                         .unit = "bytes",
                         .initial = PAGE_BYTES,
                         .min = PAGE_BYTES,
                         .max = (uint64_t)1 << 30,
                         .power_of_two = true,
                         .summary = "asked from the source at least, each time",
                         .source = ""},
	{0},
};

enum { LIVE = 0x1, DEAD = 0x2 };

struct header {
	size_t bytes; /* usable bytes behind this header */
	size_t state; /* LIVE or DEAD                    */
};

struct bump_heap {
	struct page_source *pages;
	size_t growth;
	char *top; /* end of the last block        */
	char *end; /* end of the committed memory  */
	struct heap_stats stats;
	char message[128]; /* the last sentence of bump_check() */
};

/* The first header; blocks behind it are 16-byte aligned. */
static struct header *first_header(struct bump_heap *heap)
{
	return (struct header *)(heap + 1);
}

static_assert(sizeof(struct header) == MALLOC_ALIGN_BYTES, "picture");
static_assert(sizeof(struct bump_heap) % MALLOC_ALIGN_BYTES == 0, "picture");

static struct bump_heap *bump_of(struct heap *heap)
{
	return (struct bump_heap *)heap;
}

/* There is nothing to know about a thread: its handle is the heap. */
static struct bump_heap *heap_of(struct thread_heap *self)
{
	return (struct bump_heap *)self;
}

static struct header *header_of(const void *block)
{
	return (struct header *)block - 1;
}

static void *block_of(struct header *header)
{
	return header + 1;
}

static struct header *next_header(struct header *header)
{
	return (struct header *)((char *)(header + 1) + header->bytes);
}

static struct heap *bump_create(const struct knob_values *values,
                                struct page_source *pages,
                                const char *single_thread)
{
	size_t growth = values->of[BUMP_GROWTH];
	struct bump_heap *heap = page_source_grow(pages, growth);

	(void)single_thread; /* one OS thread at a time: no locks */
	if (heap == NULL)
		return NULL;
	*heap = (struct bump_heap){.pages = pages, .growth = growth};
	heap->top = (char *)first_header(heap);
	heap->end = (char *)heap + growth;
	return (struct heap *)heap;
}

static void bump_destroy(struct heap *heap)
{
	struct bump_heap *self = bump_of(heap);
	page_source_shrink(self->pages, (size_t)(self->end - (char *)self));
}

static struct thread_heap *bump_attach(struct heap *heap)
{
	return (struct thread_heap *)heap;
}

static void bump_detach(struct thread_heap *self)
{
	(void)self;
}

/* Makes room for `bytes` above top. */
static bool grow(struct bump_heap *heap, size_t bytes)
{
	size_t missing = bytes - (size_t)(heap->end - heap->top);
	size_t more = round_up(missing, heap->growth);

	if (page_source_grow(heap->pages, more) == NULL)
		return false;
	heap->end += more;
	heap->stats.grows++;
	return true;
}

/* Moves top up by one header and `bytes`, a multiple of 16. */
static struct header *push(struct bump_heap *heap, size_t bytes, size_t state)
{
	struct header *header = (struct header *)heap->top;

	*header = (struct header){bytes, state};
	heap->top = (char *)next_header(header);
	return header;
}

static void *bump_aligned_malloc(struct thread_heap *self, size_t align,
                                 size_t size)
{
	struct bump_heap *heap = heap_of(self);

	if (align < MALLOC_ALIGN_BYTES)
		align = MALLOC_ALIGN_BYTES;
	if (size > PTRDIFF_MAX - 2 * sizeof(struct header) - align) {
		errno = ENOMEM;
		return NULL;
	}
	size_t bytes = size == 0 ? MALLOC_ALIGN_BYTES
	                         : round_up(size, MALLOC_ALIGN_BYTES);
	char *block = heap->top + sizeof(struct header);
	size_t pad = round_up((size_t)block, align) - (size_t)block;
	size_t need = pad + sizeof(struct header) + bytes;

	if (need > (size_t)(heap->end - heap->top) && !grow(heap, need))
		return NULL;
	if (pad > 0) /* the bytes skipped for alignment: a dead block */
		push(heap, pad - sizeof(struct header), DEAD);
	return block_of(push(heap, bytes, LIVE));
}

static void *bump_malloc(struct thread_heap *self, size_t size)
{
	return bump_aligned_malloc(self, MALLOC_ALIGN_BYTES, size);
}

static void bump_free(struct thread_heap *self, void *block)
{
	struct bump_heap *heap = heap_of(self);

	if (block == NULL)
		return;
	if (CHECKED && ((char *)block < (char *)block_of(first_header(heap)) ||
	                (char *)block >= heap->top))
		misuse("bump", block, "free of a pointer outside the heap");
	struct header *header = header_of(block);
	if (CHECKED && is_aligned(block, MALLOC_ALIGN_BYTES) &&
	    header->state == DEAD)
		misuse("bump", block, "double free: the block is dead already");
	if (CHECKED &&
	    (!is_aligned(block, MALLOC_ALIGN_BYTES) || header->state != LIVE))
		misuse("bump", block,
		       "no block starts here, or its header is damaged");
	header->state = DEAD;
}

static void *bump_realloc(struct thread_heap *self, void *block, size_t size)
{
	if (block == NULL)
		return bump_malloc(self, size);
	struct header *header = header_of(block);
	if (size <= header->bytes)
		return block;
	void *moved = bump_malloc(self, size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, block, header->bytes);
	heap_of(self)->stats.moves++;
	bump_free(self, block);
	return moved;
}

static size_t bump_usable_size(struct heap *heap, const void *block)
{
	(void)heap;
	return header_of(block)->bytes;
}

static size_t bump_trim(struct heap *heap)
{
	(void)heap;
	return 0;
}

static void bump_stats(struct heap *heap, struct heap_stats *out)
{
	*out = bump_of(heap)->stats;
}

static void bump_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct bump_heap *self = bump_of(heap);
	struct extent extent = {self, sizeof *self, EXTENT_METADATA, ""};

	if (!visit(ctx, &extent))
		return;
	for (struct header *header = first_header(self);
	     (char *)header < self->top; header = next_header(header)) {
		extent = (struct extent){header, sizeof *header,
		                         EXTENT_METADATA, ""};
		if (!visit(ctx, &extent))
			return;
		extent = (struct extent){
			block_of(header), header->bytes,
			header->state == LIVE ? EXTENT_LIVE : EXTENT_SLACK, ""};
		if (header->bytes > 0 && !visit(ctx, &extent))
			return;
	}
	extent = (struct extent){self->top, (size_t)(self->end - self->top),
	                         EXTENT_FREE, "wilderness"};
	if (extent.bytes > 0)
		visit(ctx, &extent);
}

static const char *broken(struct bump_heap *heap, const char *sentence,
                          const void *where)
{
	snprintf(heap->message, sizeof heap->message, "bump %s at %p", sentence,
	         where);
	return heap->message;
}

static const char *bump_check(struct heap *heap)
{
	struct bump_heap *self = bump_of(heap);
	struct header *header = first_header(self);

	if (self->top > self->end ||
	    (size_t)(self->end - (char *)self) != self->pages->committed_bytes)
		return broken(self, "I3: the end of the heap is wrong", self);
	while ((char *)header < self->top) {
		if (header->bytes % MALLOC_ALIGN_BYTES != 0)
			return broken(self, "I2: odd block size", header);
		if (header->bytes > (size_t)(self->top - (char *)header) ||
		    (header->state != LIVE && header->state != DEAD))
			return broken(self, "I1: damaged header", header);
		header = next_header(header);
	}
	if ((char *)header != self->top)
		return broken(self, "I1: blocks do not end at top", header);
	return NULL;
}

static void bump_explain(struct heap *heap, const struct request *request,
                         char *sentence, size_t capacity)
{
	struct bump_heap *self = bump_of(heap);

	if (request->kind == REQUEST_FREE)
		snprintf(sentence, capacity,
		         "bump never reuses: the block is lost");
	else if (request->kind == REQUEST_REALLOC &&
	         request->size <= header_of(request->block)->bytes)
		snprintf(sentence, capacity, "it fits where it is");
	else
		snprintf(sentence, capacity,
		         "the next %zu bytes above the last block, of %zu left",
		         round_up(request->size, MALLOC_ALIGN_BYTES),
		         (size_t)(self->end - self->top));
}

const struct allocator bump_allocator = {
	.name = "bump",
	.summary = "moves a pointer up and never reuses: the least work",
	.source = "Wilson95",
	.knobs = knobs,
	.create = bump_create,
	.destroy = bump_destroy,
	.attach = bump_attach,
	.detach = bump_detach,
	.malloc = bump_malloc,
	.zero_malloc = bump_malloc, /* memory is used once: always fresh */
	.aligned_malloc = bump_aligned_malloc,
	.realloc = bump_realloc,
	.free = bump_free,
	.usable_size = bump_usable_size,
	.trim = bump_trim,
	.stats = bump_stats,
	.walk = bump_walk,
	.check = bump_check,
	.explain = bump_explain,
};
