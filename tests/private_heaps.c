/*
 * private_heaps.c - three ways to free the block of another thread.
 *
 *     handle 0   list of class 64   o-o-o      page | . . . . . next ->     |
 *     handle 1   list of class 64   o-o        page | . . next ->           |
 *     heap       list of class 64   o-o-o-o    (back = bounded)
 *
 * A handle takes from its own list, then from the list for all, then from its
 * page of the class, and never gives a page back: what a program takes is what
 * the rule costs [Berger00, 2].
 *
 * The handles and the table of pages are not counted: they come from the C
 * library.  For one OS thread.
 */
#include "private_heaps.h"

#include <stdint.h>
#include <stdlib.h>

#include "allocators/common/knob.h"
#include "allocators/common/page_source.h"

enum {
	CLASSES = PRIVATE_MAX / MALLOC_ALIGN_BYTES + 1, /* class 0: 8 bytes */
	PAGES = 1 << 18,
	BACK_FREER = 0,
	BACK_OWNER,
	BACK_BOUNDED,
};

enum { KNOB_BACK, KNOB_LIMIT, KNOB_END };

static const char *const backs[] = {"freer", "owner", "bounded", NULL};

static const struct knob knobs[] = {
	[KNOB_BACK] = {.name = "back",
                       .unit = "",
                       .choices = backs,
                       .summary = "who gets a freed block",
                       .source = "Berger00"},
	[KNOB_LIMIT] = {.name = "limit",
                        .unit = "blocks",
                        .initial = 64,
                        .max = 1 << 20,
                        .summary = "back=bounded: most in a list of a handle",
                        .source = "Berger00"},
	[KNOB_END] = {0},
};

struct link {
	struct link *next;
};

struct list {
	struct link *first;
	uint64_t blocks;
};

struct thread_heap {
	struct heap *heap;
	struct thread_heap *older;
	struct list lists[CLASSES];
	char *next[CLASSES]; /* in the page being cut up */
	char *end[CLASSES];
};

/* Whose page it is. */
struct page {
	struct thread_heap *owner;
	unsigned class;
};

struct heap {
	struct page_source *pages;
	uint64_t back, limit;
	struct list lists[CLASSES];  /* for all */
	struct thread_heap *handles; /* all there ever were */
	char *base;                  /* the first page      */
	size_t page_count;
	struct page table[PAGES];
};

static unsigned class_of(size_t size)
{
	return size <= TINY_BYTES ? 0
	                          : (unsigned)((size + MALLOC_ALIGN_BYTES - 1) /
	                                       MALLOC_ALIGN_BYTES);
}

static size_t class_bytes(unsigned class)
{
	return class == 0 ? TINY_BYTES : (size_t) class * MALLOC_ALIGN_BYTES;
}

static struct page *page_of(struct heap *heap, const void *block)
{
	return &heap->table[(size_t)((const char *)block - heap->base) /
	                    PAGE_BYTES];
}

static void push(struct list *list, void *block)
{
	struct link *link = block;

	link->next = list->first;
	list->first = link;
	list->blocks++;
}

static void *pop(struct list *list)
{
	struct link *link = list->first;

	if (link == NULL)
		return NULL;
	list->first = link->next;
	list->blocks--;
	return link;
}

static void *carve(struct thread_heap *self, unsigned class)
{
	size_t bytes = class_bytes(class);
	struct heap *heap = self->heap;

	if (self->next[class] == NULL ||
	    self->next[class] + bytes > self->end[class]) {
		char *page = page_source_grow(heap->pages, PAGE_BYTES);
		if (page == NULL || heap->page_count == PAGES)
			return NULL;
		if (heap->base == NULL)
			heap->base = page;
		heap->table[heap->page_count++] = (struct page){self, class};
		self->next[class] = page;
		self->end[class] = page + PAGE_BYTES;
	}
	char *block = self->next[class];
	self->next[class] += bytes;
	return block;
}

static void *private_malloc(struct thread_heap *self, size_t size)
{
	unsigned class = class_of(size);

	if (size > PRIVATE_MAX)
		return NULL;
	void *block = pop(&self->lists[class]);
	if (block == NULL)
		block = pop(&self->heap->lists[class]);
	return block != NULL ? block : carve(self, class);
}

static void private_free(struct thread_heap *self, void *block)
{
	struct heap *heap = self->heap;

	if (block == NULL)
		return;
	struct page *page = page_of(heap, block);
	struct list *own = &self->lists[page->class];
	if (heap->back == BACK_OWNER)
		push(&page->owner->lists[page->class], block);
	else if (heap->back == BACK_BOUNDED && own->blocks == heap->limit)
		push(&heap->lists[page->class], block);
	else
		push(own, block);
}

static struct thread_heap *private_attach(struct heap *heap)
{
	struct thread_heap *self = calloc(1, sizeof *self);

	if (self == NULL)
		return NULL;
	self->heap = heap;
	self->older = heap->handles;
	return heap->handles = self;
}

/* Nobody adopts what a thread leaves. */
static void private_detach(struct thread_heap *self)
{
	(void)self;
}

static struct heap *private_create(const struct knob_values *values,
                                   struct page_source *pages,
                                   const char *single_thread)
{
	struct heap *heap = calloc(1, sizeof *heap);

	(void)single_thread;
	if (heap == NULL)
		return NULL;
	heap->pages = pages;
	heap->back = values->of[KNOB_BACK];
	heap->limit = values->of[KNOB_LIMIT];
	return heap;
}

static void private_destroy(struct heap *heap)
{
	struct thread_heap *older;

	for (struct thread_heap *it = heap->handles; it != NULL; it = older) {
		older = it->older;
		free(it);
	}
	if (heap->page_count > 0)
		page_source_shrink(heap->pages, heap->page_count * PAGE_BYTES);
	free(heap);
}

const struct allocator private_heaps_allocator = {
	.name = "private-heaps",
	.summary = "a list and a page for each thread and size, for tests",
	.source = "Berger00",
	.knobs = knobs,
	.create = private_create,
	.destroy = private_destroy,
	.attach = private_attach,
	.detach = private_detach,
	.malloc = private_malloc,
	.free = private_free,
};
