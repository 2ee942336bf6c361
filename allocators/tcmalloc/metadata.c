/*
 * metadata.c - memory for descriptors: object pools, and one growing region.
 *
 * Idea.  What the heap knows of its spans and threads lies apart from the
 * program's memory, so that a program that writes past a block hits another
 * block and not the heap's own state, and so that reading a descriptor never
 * touches a page that the program does not use.
 *
 * Descriptors have one size each and come and go: they are the objects of an
 * object pool (../common/object_pool.c), whose chunks are pages of their own and
 * can go back.  What has a size of its own is carved from the page source's
 * contiguous region, one behind the other:
 *
 *     pool of spans     |header|span|span|region|span|..|   chunks of 4 KiB,
 *                       |header|span|..                 |   84 descriptors
 *     pool of caches    |header|cache of thread 1|......|   one each
 *
 *     region   start                                     next        end
 *              |heap|map node|array 32|array 8|array 64|.............|
 *                                       ^ given back: for the next array of 8
 *
 * Arrays of pointers have fourteen sizes.  A pool for each would cost a small
 * heap a page for each, mostly empty; so the region has them, and a list for
 * each size.  The region never shrinks while the heap lives, but for one
 * case: a call that fails undoes what it carved, last first.  The same holds for
 * the pools, and so a failed call leaves nothing behind.
 *
 * Invariants, verified in check.c.
 *     I1  the pools are sound: I1 to I4 of ../common/object_pool.c; the live
 *         objects of the pool of spans are the spans and the regions; idle
 *         arrays lie between start and next, in the region
 *
 * Cost.     O(1); two kernel calls for 84 spans, 672 KiB of small ones
 * Threads.  One lock, the innermost but for the page source's.
 * Sources.  [Ghemawat] has an allocator for each kind of descriptor, which keeps
 *           what it has got for ever.
 *
 * Read next: ../common/object_pool.c, then large.c.
 */
#include "metadata.h"

#include "../common/bits.h"

enum { LINE_BYTES = 64 };

/* An array that was given back. */
struct tcm_array {
	struct tcm_array *next;
};

static void take(struct tcm_metadata *metadata)
{
	lock_take(&metadata->lock, metadata->single_thread);
}

static void drop(struct tcm_metadata *metadata)
{
	lock_drop(&metadata->lock, metadata->single_thread);
}

/* ---- opening and closing ------------------------------------------------------ */

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
		.next = start + round_up(bytes, LINE_BYTES),
		.end = start + rounded,
	};
	counter_set(&metadata->bytes, rounded);
	return start;
}

/* Chunks are as small as they can be: a small heap has one of each. */
void tcm_metadata_set_size(struct tcm_metadata *metadata, enum tcm_pool pool,
                           size_t bytes)
{
	size_t chunk_bytes = PAGE_BYTES;

	while (chunk_bytes < POOL_CHUNK_HEADER + bytes)
		chunk_bytes *= 2;
	object_pool_open(&metadata->pools[pool], metadata->source, bytes,
	                 chunk_bytes);
}

void tcm_metadata_close(struct tcm_metadata *metadata)
{
	for (unsigned i = 0; i < TCM_POOLS; i++)
		object_pool_close(&metadata->pools[i]);
	page_source_shrink(metadata->source,
	                   (size_t)(metadata->end - metadata->start));
}

/* ---- descriptors, from the pools ------------------------------------------------- */

/* After a call on the pool: counts the chunks that came or went. */
static void count_chunks(struct tcm_metadata *metadata, enum tcm_pool pool,
                         size_t bytes_before)
{
	size_t bytes = object_pool_bytes(&metadata->pools[pool]);

	if (bytes != bytes_before)
		counter_add(&metadata->bytes, bytes - bytes_before);
}

void *tcm_metadata_get(struct tcm_metadata *metadata, enum tcm_pool pool)
{
	take(metadata);
	size_t before = object_pool_bytes(&metadata->pools[pool]);
	void *object = object_pool_take(&metadata->pools[pool]);
	count_chunks(metadata, pool, before);
	drop(metadata);
	return object;
}

void tcm_metadata_put(struct tcm_metadata *metadata, enum tcm_pool pool,
                      void *object)
{
	take(metadata);
	object_pool_put(&metadata->pools[pool], object);
	drop(metadata);
}

void tcm_metadata_undo(struct tcm_metadata *metadata, enum tcm_pool pool,
                       void *object)
{
	take(metadata);
	size_t before = object_pool_bytes(&metadata->pools[pool]);
	object_pool_undo(&metadata->pools[pool], object);
	count_chunks(metadata, pool, before);
	drop(metadata);
}

size_t tcm_metadata_trim(struct tcm_metadata *metadata)
{
	size_t bytes = 0;

	take(metadata);
	for (unsigned i = 0; i < TCM_POOLS; i++)
		bytes += object_pool_release(&metadata->pools[i], 0);
	counter_add(&metadata->bytes, -(uint64_t)bytes);
	drop(metadata);
	return bytes;
}

/* ---- what has a size of its own, from the region ----------------------------------- */

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

void **tcm_array_get(struct tcm_metadata *metadata, unsigned log2)
{
	take(metadata);
	struct tcm_array *array = metadata->idle[log2];
	if (array != NULL)
		metadata->idle[log2] = array->next;
	else
		array = cut(metadata, sizeof(void *) << log2);
	drop(metadata);
	return (void **)array;
}

void tcm_array_put(struct tcm_metadata *metadata, unsigned log2, void **array)
{
	struct tcm_array *idle = (struct tcm_array *)array;

	take(metadata);
	idle->next = metadata->idle[log2];
	metadata->idle[log2] = idle;
	drop(metadata);
}

void *tcm_metadata_carve(struct tcm_metadata *metadata, size_t bytes)
{
	take(metadata);
	void *object = cut(metadata, bytes);
	drop(metadata);
	return object;
}

void tcm_metadata_uncarve(struct tcm_metadata *metadata, void *object,
                          size_t bytes)
{
	take(metadata);
	if ((char *)object + bytes == metadata->next)
		uncut(metadata, object);
	drop(metadata);
}
