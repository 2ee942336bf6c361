/*
 * locked.c - a heap made for one thread, behind one lock.
 *
 * Idea.  Every call takes the lock, makes the same call on the heap inside,
 * and drops the lock.  The heap inside never sees two calls at a time, so it
 * needs to know nothing of threads; in return no two threads ever allocate at
 * the same time, and one that is stopped while it holds the lock stops all.
 * That is the whole price of "thread-safe" where nothing else is done for it.
 *
 *     thread_heap --> handle            handle            ...
 *                     | heap, inner     | heap, inner
 *                     +---------+-------+
 *                               v
 *                          locked_heap: lock, lists of handles
 *                               |
 *                               v
 *                          heap of the inner allocator
 *
 * Both lie on a page of their own, next to the inner heap, which keeps the
 * contents it would have without us:
 *
 *     +------+-------------+--------+--------+-- ... --+
 *     | page | locked_heap | handle | handle |         |   first page
 *     +------+-------------+--------+--------+-- ... --+
 *     | page | handle | handle | handle |  ...         |   if those are not
 *     +------+--------+--------+--------+-- ... -------+   enough
 *
 * Invariants, verified in inspect.c.
 *     I1  every handle on the pages is on one list: attached or unused
 *     I2  an attached handle has a handle of the inner heap
 *
 * Cost.     an uncontended call  one atomic instruction more, none while one
 *                                thread is alone
 *           waste                a page, and every core but one
 * Threads.  All calls but those that allocator.h lists as "alone" take the one
 *           lock.  Lock order: the heap's, then the page source's.
 * Sources.  [Berger00] for its place among the ways to share a heap.
 *
 * Read next: ../ptmalloc/ptmalloc.c, several heaps, each with a lock.
 */
#include "inside.h"

#include <errno.h>

#include "../common/unattached.h"

static void take(struct locked_heap *heap)
{
	lock_take(&heap->lock, heap->single_thread);
}

static void drop(struct locked_heap *heap)
{
	lock_drop(&heap->lock, heap->single_thread);
}

/* ---- pages and handles -------------------------------------------------- */

static void add_page(struct locked_heap *heap, struct page *page)
{
	struct page **link = &heap->lowest;

	while (*link != NULL && *link < page)
		link = &(*link)->above;
	page->above = *link;
	*link = page;
	heap->own_bytes += PAGE_BYTES;
	for (struct handle *handle = end_of_handles(heap, page);
	     handle-- > first_handle(heap, page);) {
		*handle = (struct handle){.heap = heap};
		LIST_INSERT_HEAD(&heap->unused, handle, link);
	}
}

/* An unused handle, or NULL without memory. */
static struct handle *find_handle(struct locked_heap *heap)
{
	if (LIST_EMPTY(&heap->unused)) {
		struct page *page =
			page_source_map(heap->pages, PAGE_BYTES, PAGE_BYTES);
		if (page == NULL)
			return NULL;
		add_page(heap, page);
	}
	return LIST_FIRST(&heap->unused);
}

static struct handle *attach_handle(struct locked_heap *heap)
{
	struct thread_heap *inner = heap->allocator->attach(heap->inner);

	if (inner == NULL)
		return NULL;
	struct handle *handle = find_handle(heap);
	if (handle == NULL) {
		heap->allocator->detach(inner);
		errno = ENOMEM;
		return NULL;
	}
	LIST_REMOVE(handle, link);
	LIST_INSERT_HEAD(&heap->attached, handle, link);
	handle->inner = inner;
	heap->handles++;
	return handle;
}

static void detach_handle(struct handle *handle)
{
	struct locked_heap *heap = handle->heap;

	heap->allocator->detach(handle->inner);
	handle->inner = NULL;
	LIST_REMOVE(handle, link);
	LIST_INSERT_HEAD(&heap->unused, handle, link);
	heap->handles--;
}

static struct thread_heap *locked_attach(struct heap *heap)
{
	struct locked_heap *self = locked_of(heap);

	take(self);
	struct handle *handle = attach_handle(self);
	drop(self);
	return (struct thread_heap *)handle;
}

static void locked_detach(struct thread_heap *self)
{
	struct locked_heap *heap = handle_of(self)->heap;

	take(heap);
	detach_handle(handle_of(self));
	drop(heap);
}

/* ---- the heap ----------------------------------------------------------- */

static struct heap *locked_create(const struct allocator *inner,
                                  const struct knob_values *values,
                                  struct page_source *pages,
                                  const char *single_thread)
{
	struct page *page = page_source_map(pages, PAGE_BYTES, PAGE_BYTES);

	if (page == NULL)
		return NULL;
	struct locked_heap *heap = (struct locked_heap *)(page + 1);
	*heap = (struct locked_heap){
		.allocator = inner,
		.pages = pages,
		.single_thread = single_thread,
	};
	heap->inner = inner->create(values, pages, &ONE_THREAD);
	if (heap->inner == NULL) {
		page_source_unmap(pages, page, PAGE_BYTES);
		return NULL;
	}
	add_page(heap, page);
	return (struct heap *)heap;
}

static void locked_destroy(struct heap *heap)
{
	struct page_source *pages = locked_of(heap)->pages;
	struct page *above;

	locked_of(heap)->allocator->destroy(locked_of(heap)->inner);
	for (struct page *page = locked_of(heap)->lowest; page != NULL;
	     page = above) {
		above = page->above;
		page_source_unmap(pages, page, PAGE_BYTES);
	}
}

static size_t locked_trim(struct heap *heap)
{
	struct locked_heap *self = locked_of(heap);

	take(self);
	size_t bytes = self->allocator->trim(self->inner);
	drop(self);
	return bytes;
}

/* ---- blocks ------------------------------------------------------------- */

static void *locked_malloc(struct thread_heap *self, size_t size)
{
	struct handle *handle = handle_of(self);

	if (handle->heap == NULL)
		return unattached_malloc(size);
	take(handle->heap);
	void *block = handle->heap->allocator->malloc(handle->inner, size);
	drop(handle->heap);
	return block;
}

static void *locked_zero_malloc(struct thread_heap *self, size_t size)
{
	struct handle *handle = handle_of(self);

	take(handle->heap);
	void *block = handle->heap->allocator->zero_malloc(handle->inner, size);
	drop(handle->heap);
	return block;
}

static void *locked_aligned_malloc(struct thread_heap *self, size_t align,
                                   size_t size)
{
	struct handle *handle = handle_of(self);

	take(handle->heap);
	void *block = handle->heap->allocator->aligned_malloc(handle->inner,
	                                                      align, size);
	drop(handle->heap);
	return block;
}

static void *locked_realloc(struct thread_heap *self, void *block, size_t size)
{
	struct handle *handle = handle_of(self);

	take(handle->heap);
	void *moved =
		handle->heap->allocator->realloc(handle->inner, block, size);
	drop(handle->heap);
	return moved;
}

static void locked_free(struct thread_heap *self, void *block)
{
	struct handle *handle = handle_of(self);

	if (handle->heap == NULL) {
		if (block != NULL)
			unattached_free(block);
		return;
	}
	take(handle->heap);
	handle->heap->allocator->free(handle->inner, block);
	drop(handle->heap);
}

/* A header can lie beside one that another thread is writing: locked, too. */
static size_t locked_usable_size(struct heap *heap, const void *block)
{
	struct locked_heap *self = locked_of(heap);

	take(self);
	size_t bytes = self->allocator->usable_size(self->inner, block);
	drop(self);
	return bytes;
}

static bool locked_serves(struct heap *heap, size_t size, size_t align,
                          char *why, size_t capacity)
{
	struct locked_heap *self = locked_of(heap);

	take(self);
	bool is_served = self->allocator->serves(self->inner, size, align, why,
	                                         capacity);
	drop(self);
	return is_served;
}

/* ---- counts ------------------------------------------------------------- */

static void locked_stats(struct heap *heap, struct heap_stats *out)
{
	struct locked_heap *self = locked_of(heap);

	lock_look(&self->lock);
	self->allocator->stats(self->inner, out);
	lock_look_away(&self->lock);
}

static bool add_extent(void *ctx, const struct extent *extent)
{
	struct heap_usage *usage = ctx;

	switch (extent->kind) {
	case EXTENT_LIVE:
		usage->live_bytes += extent->bytes;
		break;
	case EXTENT_FREE:
		usage_add_tier(usage, extent->tier, extent->bytes);
		break;
	case EXTENT_METADATA:
		usage->metadata_bytes += extent->bytes;
		break;
	case EXTENT_SLACK:
		usage->slack_bytes += extent->bytes;
		break;
	}
	return true;
}

static void locked_usage(struct heap *heap, struct heap_usage *out)
{
	struct locked_heap *self = locked_of(heap);

	*out = (struct heap_usage){0};
	lock_look(&self->lock);
	if (self->allocator->usage != NULL)
		self->allocator->usage(self->inner, out);
	else if (self->allocator->walk != NULL)
		self->allocator->walk(self->inner, add_extent, out);
	out->metadata_bytes += self->own_bytes;
	out->handles = self->handles;
	out->abandoned = self->abandoned;
	usage_add_lock(out, "heap", &self->lock);
	lock_look_away(&self->lock);
}

/* ---- fork --------------------------------------------------------------- */

static void locked_fork_prepare(struct heap *heap)
{
	lock_fork_take(&locked_of(heap)->lock);
}

static void locked_fork_parent(struct heap *heap)
{
	lock_fork_drop(&locked_of(heap)->lock);
}

/*
 * fork_prepare held the lock, so no call was under way inside: the handles of
 * the others can be detached for them.
 */
static void locked_fork_child(struct heap *heap, struct thread_heap *self)
{
	struct locked_heap *locked = locked_of(heap);
	struct handle *handle = LIST_FIRST(&locked->attached);

	while (handle != NULL) {
		struct handle *next = LIST_NEXT(handle, link);
		if (handle != handle_of(self)) {
			detach_handle(handle);
			locked->abandoned++;
		}
		handle = next;
	}
	lock_fork_drop(&locked->lock);
}

/* ---- one vtable for each inner allocator -------------------------------- */

static const struct allocator *inners[LOCKED_MAX];

/* clang-format off */
#define FOR_EACH_INDEX(DO)                                                     \
	DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)                        \
	DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)                  \
	DO(16) DO(17) DO(18) DO(19) DO(20) DO(21) DO(22) DO(23)
/* clang-format on */

/*
 * create() is not told which allocator it belongs to, so each has one of its
 * own.
 */
#define CREATE(n)                                                              \
	static struct heap *create_##n(const struct knob_values *values,       \
	                               struct page_source *pages,              \
	                               const char *single_thread)              \
	{                                                                      \
		return locked_create(inners[n], values, pages, single_thread); \
	}
FOR_EACH_INDEX(CREATE)

#define CREATE_NAME(n) create_##n,
static struct heap *(*const creates[])(const struct knob_values *,
                                       struct page_source *, const char *) = {
	FOR_EACH_INDEX(CREATE_NAME)};

static_assert(sizeof creates == LOCKED_MAX * sizeof creates[0], "one each");

const struct allocator locked_calls = {
	.has_locks = true,
	.knows_unattached = true,
	.serves = locked_serves,
	.destroy = locked_destroy,
	.attach = locked_attach,
	.detach = locked_detach,
	.malloc = locked_malloc,
	.zero_malloc = locked_zero_malloc,
	.aligned_malloc = locked_aligned_malloc,
	.realloc = locked_realloc,
	.free = locked_free,
	.usable_size = locked_usable_size,
	.trim = locked_trim,
	.stats = locked_stats,
	.usage = locked_usage,
	.fork_prepare = locked_fork_prepare,
	.fork_parent = locked_fork_parent,
	.fork_child = locked_fork_child,
	.walk = locked_walk,
	.check = locked_check,
	.free_lists = locked_free_lists,
	.explain = locked_explain,
};

/* What `inner` leaves out stays out. */
static struct allocator decorate(const struct allocator *inner, size_t index)
{
	struct allocator calls = locked_calls;

	calls.name = inner->name;
	calls.summary = inner->summary;
	calls.source = inner->source;
	calls.knobs = inner->knobs;
	calls.ignores_page_source = inner->ignores_page_source;
	calls.weaker_align = inner->weaker_align;
	calls.refuse = inner->refuse;
	calls.create = creates[index];
	calls.serves = inner->serves ? locked_serves : NULL;
	calls.usable_size = inner->usable_size ? locked_usable_size : NULL;
	calls.trim = inner->trim ? locked_trim : NULL;
	calls.walk = inner->walk ? locked_walk : NULL;
	calls.free_lists = inner->free_lists ? locked_free_lists : NULL;
	calls.explain = inner->explain ? locked_explain : NULL;
	return calls;
}

const struct allocator *locked_over(const struct allocator *inner)
{
	static struct allocator decorated[LOCKED_MAX];
	size_t index = 0;

	if (inner->has_locks)
		return inner;
	while (index < LOCKED_MAX && inners[index] != NULL &&
	       inners[index] != inner)
		index++;
	if (index == LOCKED_MAX)
		return NULL;
	if (inners[index] == NULL) {
		inners[index] = inner;
		decorated[index] = decorate(inner, index);
	}
	return &decorated[index];
}
