/*
 * csapp.c - memlib on a page source, and mm_* behind the vtable.
 */
#include "csapp.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../allocators/common/bits.h"
#include "../../allocators/common/heap_stats.h"
#include "../../allocators/common/knob.h"
#include "../../allocators/common/page_source.h"
#include "csapp/memlib.h"

enum { WEAKER_ALIGN = 8 };

/* A block that was moved up inside a larger one, for the sake of alignment. */
struct aligned {
	char *block, *whole;
	size_t size; /* that was asked for */
};

/*
 * The one heap of this process.  The break moves by bytes, the source by pages;
 * descriptors of aligned blocks are ours, not the heap's, and not counted.
 */
static struct csapp_heap {
	const struct csapp_functions *mm;
	struct page_source *pages;
	char *low, *brk, *end;   /* end: of the committed pages */
	struct aligned *aligned; /* malloc'ed */
	size_t aligned_count, aligned_capacity;
} the_heap;

static struct csapp_functions functions[CSAPP_MAX];

/* ---- memlib ------------------------------------------------------------- */

void *mem_sbrk(int increment)
{
	struct csapp_heap *heap = &the_heap;
	char *old = heap->brk;

	if (increment < 0) {
		errno = EINVAL;
		return (void *)-1;
	}
	size_t bytes = (size_t)increment;
	if (bytes > (size_t)(heap->end - old)) {
		size_t more =
			round_up(bytes - (size_t)(heap->end - old), PAGE_BYTES);
		char *start = page_source_grow(heap->pages, more);
		if (start == NULL)
			return (void *)-1;
		if (heap->low == NULL)
			heap->low = old = start;
		heap->end = start + more;
	}
	heap->brk = old + bytes;
	return old;
}

void *mem_heap_lo(void)
{
	return the_heap.low;
}

void *mem_heap_hi(void)
{
	return the_heap.brk - 1;
}

size_t mem_heapsize(void)
{
	return (size_t)(the_heap.brk - the_heap.low);
}

size_t mem_pagesize(void)
{
	return PAGE_BYTES;
}

/* ---- the vtable --------------------------------------------------------- */

static struct heap *csapp_create(const struct csapp_functions *mm,
                                 struct page_source *pages)
{
	the_heap.mm = mm;
	the_heap.pages = pages;
	the_heap.aligned_count = 0;
	the_heap.low = the_heap.brk = the_heap.end = NULL;
	errno = 0;
	/* The course's drivers call this before mm_init: low is never NULL. */
	if (mem_sbrk(1) == (void *)-1)
		return NULL;
	the_heap.brk = the_heap.low;
	if (mm->init() < 0) {
		int reason = pages->refused > 0 ? ENOMEM : ECANCELED;
		page_source_shrink(pages,
		                   (size_t)(the_heap.end - the_heap.low));
		errno = reason;
		return NULL;
	}
	return (struct heap *)&the_heap;
}

static void csapp_destroy(struct heap *heap)
{
	struct csapp_heap *self = (struct csapp_heap *)heap;

	page_source_shrink(self->pages, (size_t)(self->end - self->low));
	free(self->aligned);
	self->aligned = NULL;
	self->aligned_capacity = 0;
}

static struct thread_heap *csapp_attach(struct heap *heap)
{
	return (struct thread_heap *)heap;
}

static void csapp_detach(struct thread_heap *self)
{
	(void)self;
}

static const struct csapp_functions *mm_of(struct thread_heap *self)
{
	return ((struct csapp_heap *)self)->mm;
}

static void *csapp_malloc(struct thread_heap *self, size_t size)
{
	/* mm_malloc(0) may be NULL in the course; here it must be a block. */
	void *block = mm_of(self)->malloc(size == 0 ? 1 : size);

	if (block == NULL)
		errno = ENOMEM;
	return block;
}

static void *csapp_zero_malloc(struct thread_heap *self, size_t size)
{
	void *block = csapp_malloc(self, size);
	return block == NULL ? NULL : memset(block, 0, size);
}

/* The entry of an aligned block, or NULL for any other. */
static struct aligned *find_aligned(struct csapp_heap *heap, const void *block)
{
	for (size_t i = 0; i < heap->aligned_count; i++)
		if (heap->aligned[i].block == block)
			return &heap->aligned[i];
	return NULL;
}

/* Makes room for one more entry; false without memory. */
static bool reserve_aligned(struct csapp_heap *heap)
{
	size_t more =
		heap->aligned_capacity == 0 ? 64 : 2 * heap->aligned_capacity;

	if (heap->aligned_count < heap->aligned_capacity)
		return true;
	struct aligned *grown = realloc(heap->aligned, more * sizeof *grown);
	if (grown == NULL)
		return false;
	heap->aligned = grown;
	heap->aligned_capacity = more;
	return true;
}

static void *csapp_aligned_malloc(struct thread_heap *self, size_t align,
                                  size_t size)
{
	struct csapp_heap *heap = (struct csapp_heap *)self;

	if (align <= WEAKER_ALIGN)
		return csapp_malloc(self, size);
	if (size > SIZE_MAX - align || !reserve_aligned(heap)) {
		errno = ENOMEM;
		return NULL;
	}
	char *whole = csapp_malloc(self, size + align);
	if (whole == NULL)
		return NULL;
	char *block = whole + (round_up((size_t)whole, align) - (size_t)whole);
	if (block != whole)
		heap->aligned[heap->aligned_count++] =
			(struct aligned){block, whole, size};
	return block;
}

static void csapp_free(struct thread_heap *self, void *block)
{
	struct csapp_heap *heap = (struct csapp_heap *)self;
	struct aligned *aligned = find_aligned(heap, block);

	if (block == NULL)
		return;
	if (aligned != NULL) {
		block = aligned->whole;
		*aligned = heap->aligned[--heap->aligned_count];
	}
	mm_of(self)->free(block);
}

/* mm.c does not know the block: a new one, which need not be aligned. */
static void *move_aligned(struct thread_heap *self,
                          const struct aligned *aligned, size_t size)
{
	void *moved = csapp_malloc(self, size);

	if (moved == NULL)
		return NULL;
	memcpy(moved, aligned->block,
	       size < aligned->size ? size : aligned->size);
	csapp_free(self, aligned->block);
	return moved;
}

static void *csapp_realloc(struct thread_heap *self, void *block, size_t size)
{
	struct csapp_heap *heap = (struct csapp_heap *)self;
	const struct aligned *aligned = find_aligned(heap, block);

	if (block == NULL)
		return csapp_malloc(self, size);
	if (aligned != NULL)
		return move_aligned(self, aligned, size);
	void *moved = mm_of(self)->realloc(block, size);
	if (moved == NULL)
		errno = ENOMEM;
	return moved;
}

static size_t csapp_trim(struct heap *heap)
{
	(void)heap;
	return 0;
}

static void csapp_stats(struct heap *heap, struct heap_stats *out)
{
	(void)heap;
	*out = (struct heap_stats){0};
}

/*
 * create() is not told which allocator it belongs to, so each mm.c has a
 * create() of its own.
 */
#define CREATE(n)                                                              \
	static struct heap *create_##n(const struct knob_values *values,       \
	                               struct page_source *pages,              \
	                               const char *single_thread)              \
	{                                                                      \
		(void)values;                                                  \
		(void)single_thread;                                           \
		return csapp_create(&functions[n], pages);                     \
	}
CREATE(0)
CREATE(1)
CREATE(2)
CREATE(3)
CREATE(4)
CREATE(5)
CREATE(6)
CREATE(7)
#undef CREATE

const struct allocator *csapp_allocator(const char *name,
                                        const struct csapp_functions *mm)
{
	static const struct knob no_knobs[1];
	static struct heap *(*const creates[CSAPP_MAX])(
		const struct knob_values *, struct page_source *,
		const char *) = {
		create_0, create_1, create_2, create_3,
		create_4, create_5, create_6, create_7,
	};
	static struct allocator allocators[CSAPP_MAX];
	static size_t count;

	if (count == CSAPP_MAX)
		return NULL;
	functions[count] = *mm;
	allocators[count] = (struct allocator){
		.name = name,
		.summary = "a CS:APP mm.c",
		.source = "BryantOHallaron",
		.knobs = no_knobs,
		.weaker_align = WEAKER_ALIGN,
		.create = creates[count],
		.destroy = csapp_destroy,
		.attach = csapp_attach,
		.detach = csapp_detach,
		.malloc = csapp_malloc,
		.zero_malloc = csapp_zero_malloc,
		.aligned_malloc = csapp_aligned_malloc,
		.realloc = csapp_realloc,
		.free = csapp_free,
		.trim = csapp_trim,
		.stats = csapp_stats,
	};
	return &allocators[count++];
}
