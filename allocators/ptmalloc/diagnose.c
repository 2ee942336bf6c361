/*
 * diagnose.c - what a bad pointer points to: the checked build's sentences.
 *
 * First, whose memory is it: the main region, a space, a mapping, or nobody's;
 * only then are tags read.  Tags that make sense are believed; else the row of
 * chunks is walked from its start, which costs time, but only where there is an
 * error already.  Fast bins are searched always, from their front, and thread
 * caches where the key in the block, or one thread alone, allows it.
 */
#include "../common/misuse.h"
#include "bins.h"
#include "inspect.h"

/* A block that is to be live, and how far the search for it has come. */
struct suspect {
	struct pt_heap *heap;
	const void *block;
	const char *call;
	const struct arena *arena;
	const struct chunk *first, *end; /* of the row of chunks around it */
};

enum { SEEN_MAX = 64 };

/* ---- tags ----------------------------------------------------------------- */

static bool is_between(const void *address, const void *from, const void *to)
{
	return (uintptr_t)address >= (uintptr_t)from &&
	       (uintptr_t)address < (uintptr_t)to;
}

/* Whether a chunk, free or not, may begin at `chunk`: it ends within the row. */
static bool is_sound(const struct suspect *at, const struct chunk *chunk)
{
	if (!is_aligned(chunk, CHUNK_ALIGN) ||
	    !is_between(chunk, at->first, at->end))
		return false;
	size_t bytes = chunk_bytes(chunk), head = chunk_head(chunk);
	size_t left = (size_t)((const char *)at->end - (const char *)chunk);
	return bytes >= CHUNK_MIN_BYTES && bytes <= left &&
	       (head & (IS_MAPPED | NOT_MAIN)) == at->arena->not_main;
}

/* The chunk around the block, or the damaged one before it. */
static const struct chunk *chunk_around(const struct suspect *at)
{
	const struct chunk *chunk = at->first;

	while (chunk != at->end && is_sound(at, chunk) &&
	       (uintptr_t)at->block >=
	               (uintptr_t)chunk_block(chunk_after(chunk)))
		chunk = chunk_after(chunk);
	return chunk;
}

static _Noreturn void explain_dead(const struct suspect *at)
{
	const struct chunk *chunk = chunk_around(at);
	const char *start = chunk_block(chunk);

	if (chunk == at->end)
		misuse("ptmalloc", at->block,
		       "double free, or never allocated: %s of an address in "
		       "the top, which is free",
		       at->call);
	if (!is_sound(at, chunk))
		misuse("ptmalloc", at->block,
		       "%s found a damaged tag: the chunk at %p says it has "
		       "%zu bytes; was the block before it written past its "
		       "end?",
		       at->call, (const void *)chunk, chunk_bytes(chunk));
	if (!chunk_in_use(chunk))
		misuse("ptmalloc", at->block,
		       "double free: %s of an address in the free chunk of %zu "
		       "bytes at %p",
		       at->call, chunk_bytes(chunk), (const void *)chunk);
	misuse("ptmalloc", at->block,
	       "interior pointer: %s of an address %td bytes from the start of "
	       "the %zu at %p",
	       at->call, (const char *)at->block - start, chunk_usable(chunk),
	       (const void *)start);
}

/* ---- lists ---------------------------------------------------------------- */

/* Among the first SEEN_MAX of a list: a fast bin may have a million. */
static bool is_listed(const struct entry *entry, const void *block)
{
	int seen = 0;

	for (; entry != NULL && seen < SEEN_MAX; entry = entry->next, seen++)
		if (entry == block)
			return true;
	return false;
}

void pt_require_uncached(const struct tcache *cache, const void *block,
                         size_t bin)
{
	if (is_listed(cache->bins[bin], block))
		misuse("ptmalloc", block,
		       "double free: the block is in a thread cache, in the bin "
		       "of %zu bytes",
		       CHUNK_MIN_BYTES + bin * CHUNK_ALIGN);
}

static void require_unlisted(const struct suspect *at, size_t bytes)
{
	const struct tcache *cache = at->heap->list.handles;

	if (bytes <= at->heap->fast_max_bytes &&
	    is_listed(at->arena->fast[fast_bin(bytes)], at->block))
		misuse("ptmalloc", at->block,
		       "double free: %s of a block in the fast bin of %zu bytes",
		       at->call, bytes);
	if (!*at->heap->single_thread || cache_bin(bytes) >= CACHE_BINS)
		return; /* the caches of others may change */
	for (; cache != NULL; cache = cache->next)
		pt_require_uncached(cache, at->block, cache_bin(bytes));
}

/* The block lies in the row of chunks of `space`, or of the main arena. */
static void require_live_in(struct suspect *at,
                            const struct thread_space *space)
{
	const struct chunk *chunk = block_chunk(at->block);

	at->first = pt_first_chunk(at->arena, space);
	at->end = pt_chunks_end(at->arena, space);
	if (!is_sound(at, chunk) || (chunk_head(chunk) & IS_UNSORTED) ||
	    !chunk_in_use(chunk))
		explain_dead(at);
	require_unlisted(at, chunk_bytes(chunk));
}

/* ---- regions -------------------------------------------------------------- */

/* Whether the block is in this arena; if so, it is live. */
static bool is_live_in(struct suspect *at, struct arena *arena)
{
	const struct thread_space *space;
	bool found = false;

	lock_look(&arena->lock);
	at->arena = arena;
	if (!arena->not_main) {
		found = is_between(at->block, at->heap,
		                   chunk_after(arena->top));
		if (found)
			require_live_in(at, NULL);
	}
	for (space = pt_last_space(arena); !found && space != NULL;
	     space = space->before) {
		found = is_between(at->block, space,
		                   (const char *)space +
		                           space->committed_bytes);
		if (found)
			require_live_in(at, space);
	}
	lock_look_away(&arena->lock);
	return found;
}

static bool is_live_mapped(struct suspect *at)
{
	const struct ring *all = &at->heap->mapped.chunks, *link;
	bool found = false;

	lock_look(&at->heap->mapped_lock);
	for (link = all->next; !found && link != all; link = link->next) {
		const struct chunk *chunk = mapped_chunk(link);
		const char *start = mapped_start(chunk);
		found = is_between(at->block, start,
		                   start + mapped_bytes(chunk));
		if (found && at->block != chunk_block(chunk))
			misuse("ptmalloc", at->block,
			       "interior pointer: %s of an address %td bytes "
			       "from the start of the mapped block at %p",
			       at->call,
			       (const char *)at->block -
			               (const char *)chunk_block(chunk),
			       chunk_block(chunk));
	}
	lock_look_away(&at->heap->mapped_lock);
	return found;
}

void pt_require_live(struct pt_heap *heap, const void *block, const char *call)
{
	struct suspect at = {.heap = heap, .block = block, .call = call};
	struct arena *arena = &heap->main;
	bool found = false;

	lock_look(&heap->list_lock);
	do
		found = is_live_in(&at, arena);
	while (!found && (arena = arena->next) != &heap->main);
	found = found || is_live_mapped(&at);
	lock_look_away(&heap->list_lock);
	if (!found)
		misuse("ptmalloc", block,
		       "foreign pointer, or a mapped block that was freed: %s "
		       "of an address in no heap of this allocator",
		       call);
}
