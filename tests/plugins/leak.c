/* leak.c - destroy keeps the first page. */
#include "mistake.h"

static void leaking_destroy(struct heap *heap)
{
	struct template_heap *self = heap_of(heap);
	size_t bytes = (size_t)(self->end - (char *)self);

	if (bytes > PAGE_BYTES)
		page_source_shrink(self->pages, bytes - PAGE_BYTES);
}

static void spoil(struct allocator *allocator)
{
	allocator->destroy = leaking_destroy;
}
