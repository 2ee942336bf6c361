/*
 * mapped.c - large chunks that are mappings of their own.
 *
 * Idea.  A large chunk in an arena is a large hole some day.  From a threshold
 * on, a chunk that no free one fits is mapped alone: its memory goes back when
 * it is freed, and a longer one is had by moving pages, not bytes (mremap).  A
 * mapping costs a kernel call and a page fault for every page, each time; so
 * when a mapped chunk is freed, the threshold rises to its size: who frees one
 * will want it again, and gets the next from the arena.
 *
 *     mapping                                             next page
 *     |.. lead ..|links 16|prev 8|head 8|block                     |
 *     '-------- prev_bytes ------'------'------ chunk_bytes -------'
 *                         ^ chunk       bit M
 *
 * The links, which glibc does not have, put every mapped chunk on one list, for
 * the walk.  A lead is left by alignment only.
 *
 * Invariants, verified in check.c.
 *     I9  a mapped chunk has bit M alone, begins and ends with its mapping, and
 *         the list's sums are those of its chunks
 *
 * Cost.     a kernel call or two each time; up to a page, less 32 bytes, of
 *           rounding
 * Threads.  The list has a lock of its own; it is held while pages come and go,
 *           so that a fork finds every mapping on the list.
 * Sources.  [glibc] sysmalloc_mmap, munmap_chunk, mremap_chunk, the dynamic
 *           threshold.
 *
 * Read next: threads.c.
 */
#include <errno.h>

#include "ptmalloc.h"

enum { MAPPED_HEAD_BYTES = sizeof(struct mapped) + HEAD_BYTES };

static_assert(sizeof(struct mapped) == 16, "picture");

/* Bytes of the mapping for a chunk; SIZE_MAX if there is no such mapping. */
static size_t mapping_bytes(size_t lead, size_t bytes)
{
	if (bytes > PTRDIFF_MAX - lead - PAGE_BYTES)
		return SIZE_MAX;
	return round_up(lead + bytes + TAG_BYTES, PAGE_BYTES);
}

/* Enters what is about to be, or takes out what is no more. */
static void add_sums(struct pt_heap *heap, const struct chunk *chunk)
{
	heap->mapped.committed_bytes += mapped_bytes(chunk);
	heap->mapped.live_bytes += chunk_usable(chunk);
	heap->mapped.slack_bytes += chunk->prev_bytes - sizeof(struct mapped);
}

static void subtract_sums(struct pt_heap *heap, const struct chunk *chunk)
{
	heap->mapped.committed_bytes -= mapped_bytes(chunk);
	heap->mapped.live_bytes -= chunk_usable(chunk);
	heap->mapped.slack_bytes -= chunk->prev_bytes - sizeof(struct mapped);
}

static void set_mapped(struct chunk *chunk, size_t before, size_t mapping)
{
	chunk->prev_bytes = before;
	chunk_set_head(chunk, (mapping - before) | IS_MAPPED);
	assert(chunk_bytes(chunk) == mapping - before && "I9");
}

static void enter(struct pt_heap *heap, struct chunk *chunk)
{
	ring_insert_after(&chunk_mapped(chunk)->link, &heap->mapped.chunks);
	add_sums(heap, chunk);
	heap->mapped.count++;
}

/* A mapping with one chunk, entered; NULL with errno = ENOMEM. */
static struct chunk *open_locked(struct pt_heap *heap, size_t mapping)
{
	size_t before = sizeof(struct mapped);

	if (heap->mapped.count >= heap->mmap_max) {
		errno = ENOMEM;
		return NULL;
	}
	char *start = page_source_map(heap->pages, mapping, PAGE_BYTES);
	if (start == NULL)
		return NULL;
	struct chunk *chunk = (struct chunk *)(start + before);
	set_mapped(chunk, before, mapping);
	enter(heap, chunk);
	heap->mapped.grows++;
	return chunk;
}

struct chunk *pt_mapped_malloc(struct pt_heap *heap, size_t bytes)
{
	size_t mapping = mapping_bytes(sizeof(struct mapped), bytes);

	if (mapping == SIZE_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	mapped_lock(heap);
	struct chunk *chunk = open_locked(heap, mapping);
	mapped_unlock(heap);
	return chunk;
}

/*
 * Freed once, wanted again: the next of that size comes from an arena, and the
 * top that it leaves there stays, too.  Neither threshold ever sinks.  A chunk
 * that is cut shorter is one of its old size freed; to glibc it is not, so that a
 * vector that is cut before it is freed gets a new mapping each time.
 */
static void raise_threshold(struct pt_heap *heap, size_t bytes)
{
	if (heap->thresholds_are_fixed || bytes > THRESHOLD_MAX ||
	    bytes <= counter_read(&heap->mmap_threshold))
		return;
	counter_set(&heap->mmap_threshold, bytes);
	if (2 * bytes > counter_read(&heap->trim_threshold))
		counter_set(&heap->trim_threshold, 2 * bytes);
}

void pt_mapped_free(struct pt_heap *heap, struct chunk *chunk)
{
	mapped_lock(heap);
	raise_threshold(heap, chunk_bytes(chunk));
	ring_remove(&chunk_mapped(chunk)->link);
	subtract_sums(heap, chunk);
	heap->mapped.count--;
	heap->mapped.shrinks++;
	page_source_unmap(heap->pages, mapped_start(chunk),
	                  mapped_bytes(chunk));
	mapped_unlock(heap);
}

/*
 * Off the list while its pages move.  It comes back at the same place in the
 * list: a refused call leaves everything as it was.
 */
struct chunk *pt_mapped_resize(struct pt_heap *heap, struct chunk *chunk,
                               size_t bytes)
{
	size_t before = chunk->prev_bytes, old = mapped_bytes(chunk);
	size_t mapping = mapping_bytes(before, bytes);

	if (mapping == old)
		return chunk;
	if (mapping == SIZE_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	mapped_lock(heap);
	if (mapping < old)
		raise_threshold(heap, chunk_bytes(chunk));
	struct ring *follower = chunk_mapped(chunk)->link.next;
	ring_remove(&chunk_mapped(chunk)->link);
	char *start = page_source_resize(heap->pages, mapped_start(chunk), old,
	                                 mapping, PAGE_BYTES);
	if (start != NULL) {
		heap->mapped.committed_bytes += mapping - old;
		heap->mapped.live_bytes += mapping - old;
		*(mapping > old ? &heap->mapped.grows
		                : &heap->mapped.shrinks) += 1;
		chunk = (struct chunk *)(start + before);
		set_mapped(chunk, before, mapping);
	}
	ring_insert_before(&chunk_mapped(chunk)->link, follower);
	mapped_unlock(heap);
	return start == NULL ? NULL : chunk;
}

struct chunk *pt_mapped_shift(struct pt_heap *heap, struct chunk *chunk,
                              size_t bytes)
{
	size_t before = chunk->prev_bytes + bytes;
	size_t mapping = mapped_bytes(chunk);

	mapped_lock(heap);
	ring_remove(&chunk_mapped(chunk)->link);
	subtract_sums(heap, chunk);
	heap->mapped.count--;
	chunk = chunk_at(chunk, bytes);
	set_mapped(chunk, before, mapping);
	enter(heap, chunk);
	mapped_unlock(heap);
	return chunk;
}
