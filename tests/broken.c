/*
 * broken.c - bump with mistakes.
 *
 * The state of a mistake is static: each broken allocator runs in a child of
 * its own, so it starts anew.
 */
#include "broken.h"

#include <string.h>

#include "allocators/common/misuse.h"
#include "allocators/common/page_source.h"

extern const struct allocator bump_allocator;

static int mallocs;
static char *last;

/* Counts the mallocs; true at the one that goes wrong. */
static bool is_the_one(void)
{
	return ++mallocs == BROKEN_AT;
}

static void *remember(void *block)
{
	last = block;
	return block;
}

static void *crashing_malloc(struct thread_heap *self, size_t size)
{
	char *volatile nowhere = (char *)8;

	if (is_the_one())
		*nowhere = 1;
	return bump_allocator.malloc(self, size);
}

static void *hanging_malloc(struct thread_heap *self, size_t size)
{
	volatile bool forever = true;

	if (is_the_one())
		while (forever)
			;
	return bump_allocator.malloc(self, size);
}

static void *overlapping_malloc(struct thread_heap *self, size_t size)
{
	if (is_the_one())
		return last + MALLOC_ALIGN_BYTES;
	return remember(bump_allocator.malloc(self, size));
}

static void *losing_malloc(struct thread_heap *self, size_t size)
{
	if (is_the_one())
		last[3] = (char)~last[3];
	return remember(bump_allocator.malloc(self, size));
}

static void *misaligned_malloc(struct thread_heap *self, size_t size)
{
	char *block = bump_allocator.malloc(self, size + MALLOC_ALIGN_BYTES);
	return is_the_one() ? block + MALLOC_ALIGN_BYTES / 2 : block;
}

static size_t short_usable_size(struct heap *heap, const void *block)
{
	size_t usable = bump_allocator.usable_size(heap, block);
	return is_the_one() ? 1 : usable;
}

static void *dirty_zero_malloc(struct thread_heap *self, size_t size)
{
	void *block = bump_allocator.malloc(self, size);
	return memset(block, 0x5a, size);
}

static void *aborting_malloc(struct thread_heap *self, size_t size)
{
	if (is_the_one())
		misuse("aborting", last, "it does not like number %d",
		       BROKEN_AT);
	return remember(bump_allocator.malloc(self, size));
}

/* bump's heap begins with the pointer to its source. */
static void leaking_destroy(struct heap *heap)
{
	struct page_source *pages = *(struct page_source **)heap;
	size_t bytes = pages->committed_bytes;

	if (bytes > PAGE_BYTES)
		page_source_shrink(pages, bytes - PAGE_BYTES);
}

struct hiding {
	extent_visitor *visit;
	void *ctx;
	int seen;
};

static bool hide_first(void *ctx, const struct extent *extent)
{
	struct hiding *hiding = ctx;
	return hiding->seen++ == 0 || hiding->visit(hiding->ctx, extent);
}

static void hiding_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct hiding hiding = {visit, ctx, 0};
	bump_allocator.walk(heap, hide_first, &hiding);
}

const struct allocator *broken_allocator(enum broken kind)
{
	static struct allocator broken[BROKEN_KINDS];
	struct allocator *one = &broken[kind];

	*one = bump_allocator;
	switch (kind) {
	case BROKEN_CRASH:
		one->malloc = crashing_malloc;
		break;
	case BROKEN_HANG:
		one->malloc = hanging_malloc;
		break;
	case BROKEN_OVERLAP:
		one->malloc = overlapping_malloc;
		break;
	case BROKEN_CONTENT:
		one->malloc = losing_malloc;
		break;
	case BROKEN_ALIGNMENT:
		one->malloc = misaligned_malloc;
		break;
	case BROKEN_SIZE:
		one->usable_size = short_usable_size;
		break;
	case BROKEN_LEAK:
		one->destroy = leaking_destroy;
		break;
	case BROKEN_ZERO:
		one->zero_malloc = dirty_zero_malloc;
		break;
	case BROKEN_ABORT:
		one->malloc = aborting_malloc;
		break;
	case BROKEN_WALK:
		one->walk = hiding_walk;
		break;
	default:
		break;
	}
	return one;
}
