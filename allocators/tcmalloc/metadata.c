/*
 * metadata.c - object pools on one growing region, for the descriptors.
 *
 * Idea.  Descriptors of spans, thread caches and arrays of pointers live apart
 * from the program's memory, so that a program that writes past a block hits
 * another block and not the heap's own state, and so that reading a descriptor
 * never touches a page that the program does not use.  All come from the
 * page source's contiguous region, one behind the other:
 *
 *     start                                          next        end
 *     |heap|span|span|cache of thread 1|array 32|span|...........|
 *                 ^ given back: on its pool's list, for the next span
 *
 * There is a pool for each kind of object: a list through the objects that came
 * back.  What is not on a list is cut from the end.  The region never shrinks
 * while the heap lives, but for one case: a call that fails undoes what it cut,
 * last cut first, and so leaves nothing behind.
 *
 * Invariants, verified in check.c.
 *     I1  every idle object lies between start and next, in the region
 *
 * Cost.     O(1); a page of descriptors at a time from the source
 * Threads.  One lock, the innermost but for the page source's.
 * Sources.  [Ghemawat] has one such allocator for each kind of descriptor.
 *
 * Read next: page_map.c.
 */
#include "metadata.h"

#include "../common/bits.h"

enum { LINE_BYTES = 64 };

/* An object that was given back. */
struct tcm_idle {
	struct tcm_idle *next;
};

void *tcm_metadata_open(struct tcm_metadata *metadata,
                        struct page_source *source, const char *single_thread,
                        size_t bytes)
{
	size_t rounded = round_up(bytes, PAGE_BYTES);
	char *start = page_source_grow(source, rounded);

	if (start == NULL)
		return NULL;
	*metadata = (struct tcm_metadata){
		.source = source,
		.single_thread = single_thread,
		.start = start,
		.next = start + round_up(bytes, 64),
		.end = start + rounded,
	};
	counter_set(&metadata->bytes, rounded);
	for (unsigned i = 0; i + TCM_POOL_ARRAY < TCM_POOLS; i++)
		metadata->pools[TCM_POOL_ARRAY + i].bytes =
			sizeof(void *) << (TCM_ARRAY_LOG2_MIN + i);
	return start;
}

void tcm_metadata_close(const struct tcm_metadata *metadata)
{
	page_source_shrink(metadata->source,
	                   (size_t)(metadata->end - metadata->start));
}

/*
 * Cuts `bytes` off the end of the region, which may grow for it.  Whole lines
 * begin at a line.
 */
static void *cut(struct tcm_metadata *metadata, size_t bytes)
{
	size_t align = bytes % LINE_BYTES == 0 ? LINE_BYTES : 16;
	size_t skip = -(uintptr_t)metadata->next & (align - 1);

	bytes += skip;
	size_t room = (size_t)(metadata->end - metadata->next);

	if (bytes > room) {
		size_t more = round_up(bytes - room, PAGE_BYTES);
		if (page_source_grow(metadata->source, more) == NULL)
			return NULL;
		metadata->end += more;
		counter_add(&metadata->bytes, more);
	}
	void *object = metadata->next + skip;
	metadata->next += bytes;
	return object;
}

/* Uncuts the last object, and the pages that it began. */
static void uncut(struct tcm_metadata *metadata, char *object)
{
	char *end = (char *)round_up((size_t)object, PAGE_BYTES);

	metadata->next = object;
	if (end >= metadata->end)
		return;
	page_source_shrink(metadata->source, (size_t)(metadata->end - end));
	counter_add(&metadata->bytes, -(uint64_t)(metadata->end - end));
	metadata->end = end;
}

void *tcm_metadata_get(struct tcm_metadata *metadata, enum tcm_pool pool)
{
	lock_take(&metadata->lock, metadata->single_thread);
	void *object = metadata->pools[pool].idle;
	if (object != NULL)
		metadata->pools[pool].idle = ((struct tcm_idle *)object)->next;
	else
		object = cut(metadata, metadata->pools[pool].bytes);
	lock_drop(&metadata->lock, metadata->single_thread);
	return object;
}

static void make_idle(struct tcm_metadata *metadata, enum tcm_pool pool,
                      void *object)
{
	struct tcm_idle *idle = object;

	idle->next = metadata->pools[pool].idle;
	metadata->pools[pool].idle = idle;
}

void tcm_metadata_put(struct tcm_metadata *metadata, enum tcm_pool pool,
                      void *object)
{
	lock_take(&metadata->lock, metadata->single_thread);
	make_idle(metadata, pool, object);
	lock_drop(&metadata->lock, metadata->single_thread);
}

void tcm_metadata_undo(struct tcm_metadata *metadata, enum tcm_pool pool,
                       void *object)
{
	lock_take(&metadata->lock, metadata->single_thread);
	if ((char *)object + metadata->pools[pool].bytes == metadata->next)
		uncut(metadata, object);
	else
		make_idle(metadata, pool, object);
	lock_drop(&metadata->lock, metadata->single_thread);
}

void *tcm_metadata_carve(struct tcm_metadata *metadata, size_t bytes)
{
	lock_take(&metadata->lock, metadata->single_thread);
	void *object = cut(metadata, bytes);
	lock_drop(&metadata->lock, metadata->single_thread);
	return object;
}

void tcm_metadata_uncarve(struct tcm_metadata *metadata, void *object,
                          size_t bytes)
{
	lock_take(&metadata->lock, metadata->single_thread);
	if ((char *)object + bytes == metadata->next)
		uncut(metadata, object);
	lock_drop(&metadata->lock, metadata->single_thread);
}
