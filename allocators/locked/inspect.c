/*
 * inspect.c - what a heap behind a lock looks like: the walk and the check of the
 * heap inside, and our own pages among its own.
 */
#include <stdio.h>

#include "inside.h"

struct merging {
	extent_visitor *visit;
	void *ctx;
	const struct page *next; /* the lowest page not yet visited */
	bool is_over;
};

static bool show(struct merging *merging, const struct extent *extent)
{
	if (!merging->is_over)
		merging->is_over = !merging->visit(merging->ctx, extent);
	return !merging->is_over;
}

/* Visits our pages up to `end`; NULL: all that are left. */
static bool show_pages(struct merging *merging, const void *end)
{
	while (merging->next != NULL &&
	       (end == NULL || (const void *)merging->next < end)) {
		const struct extent extent = {(void *)(size_t)merging->next,
		                              PAGE_BYTES, EXTENT_METADATA, ""};
		merging->next = merging->next->above;
		if (!show(merging, &extent))
			return false;
	}
	return !merging->is_over;
}

static bool merge_extent(void *ctx, const struct extent *extent)
{
	return show_pages(ctx, extent->start) && show(ctx, extent);
}

void locked_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct locked_heap *self = locked_of(heap);
	struct merging merging = {visit, ctx, self->lowest, false};

	self->allocator->walk(self->inner, merge_extent, &merging);
	show_pages(&merging, NULL);
}

static const char *broken(struct locked_heap *heap, const char *sentence,
                          const void *where)
{
	snprintf(heap->message, sizeof heap->message, "locked %s at %p",
	         sentence, where);
	return heap->message;
}

static const char *check_handles(struct locked_heap *heap)
{
	struct handle *handle;
	size_t places = 0, listed = 0, attached = 0;

	for (struct page *page = heap->lowest; page != NULL; page = page->above)
		places += (size_t)(end_of_handles(heap, page) -
		                   first_handle(heap, page));
	LIST_FOREACH (handle, &heap->attached, link) {
		if (handle->inner == NULL)
			return broken(heap, "I2: a handle to nothing", handle);
		attached++;
	}
	LIST_FOREACH (handle, &heap->unused, link)
		listed++;
	if (listed + attached != places || attached != heap->handles)
		return broken(heap, "I1: a handle is on no list", heap);
	return NULL;
}

/* The inner heap may take all committed pages for its own: ours are hidden. */
const char *locked_check(struct heap *heap)
{
	struct locked_heap *self = locked_of(heap);
	const char *sentence = check_handles(self);

	if (sentence != NULL || self->allocator->check == NULL)
		return sentence;
	page_source_hide(self->pages, self->own_bytes);
	sentence = self->allocator->check(self->inner);
	page_source_show(self->pages, self->own_bytes);
	return sentence;
}

void locked_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx)
{
	struct locked_heap *self = locked_of(heap);

	self->allocator->free_lists(self->inner, visit, ctx);
}

void locked_explain(struct heap *heap, const struct request *request,
                    char *sentence, size_t capacity)
{
	struct locked_heap *self = locked_of(heap);

	self->allocator->explain(self->inner, request, sentence, capacity);
}
