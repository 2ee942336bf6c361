/*
 * system.c - the C library's malloc behind the lab's contract.
 *
 * Plumbing: every call is passed on.  The library takes its memory where it
 * likes, so the page source stays empty and there is no walk; what can be
 * compared is time, usable sizes and resident memory.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "../allocator.h"
#include "../common/heap_stats.h"
#include "../common/knob.h"

static const struct knob knobs[] = {{0}};

/* Heap and handle are an address and nothing else; there is one heap. */
static struct system_heap {
	char unused;
} the_heap;

static struct heap *system_create(const struct knob_values *values,
                                  struct page_source *pages,
                                  const char *single_thread)
{
	(void)single_thread; /* the C library has its own */
	(void)values;
	(void)pages;
	return (struct heap *)&the_heap;
}

static void system_destroy(struct heap *heap)
{
	(void)heap;
}

static struct thread_heap *system_attach(struct heap *heap)
{
	return (struct thread_heap *)heap;
}

static void system_detach(struct thread_heap *self)
{
	(void)self;
}

static void *system_malloc(struct thread_heap *self, size_t size)
{
	(void)self;
	return malloc(size);
}

static void *system_zero_malloc(struct thread_heap *self, size_t size)
{
	(void)self;
	return calloc(1, size);
}

static void *system_aligned_malloc(struct thread_heap *self, size_t align,
                                   size_t size)
{
	(void)self;
	return memalign(align < MALLOC_ALIGN_BYTES ? MALLOC_ALIGN_BYTES : align,
	                size);
}

static void *system_realloc(struct thread_heap *self, void *block, size_t size)
{
	(void)self;
	return realloc(block, size);
}

static void system_free(struct thread_heap *self, void *block)
{
	(void)self;
	free(block);
}

static size_t system_usable_size(struct heap *heap, const void *block)
{
	(void)heap;
	return malloc_usable_size((void *)(size_t)block);
}

static size_t system_trim(struct heap *heap)
{
	(void)heap;
	malloc_trim(0);
	return 0; /* the library does not say how much */
}

static void system_stats(struct heap *heap, struct heap_stats *out)
{
	(void)heap;
	*out = (struct heap_stats){0};
}

const struct allocator system_allocator = {
	.name = "system",
	.summary = "the C library's malloc, for comparison",
	.source = "glibc",
	.knobs = knobs,
	.ignores_page_source = true,
	.has_locks = true,
	.weaker_align = 8, /* glibc gives 16, preloaded libraries may not */
	.create = system_create,
	.destroy = system_destroy,
	.attach = system_attach,
	.detach = system_detach,
	.malloc = system_malloc,
	.zero_malloc = system_zero_malloc,
	.aligned_malloc = system_aligned_malloc,
	.realloc = system_realloc,
	.free = system_free,
	.usable_size = system_usable_size,
	.trim = system_trim,
	.stats = system_stats,
};
