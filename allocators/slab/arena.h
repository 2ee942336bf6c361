/*
 * arena.h - arenas, chunks and the memory behind their pages; for pages.c.
 */
#ifndef ALLOCATORS_SLAB_ARENA_H
#define ALLOCATORS_SLAB_ARENA_H

#include "pages.h"

static inline struct arena *arena_of_page(const struct kpages *pages,
                                          const struct page *page)
{
	return kpages_arena_of(pages, page);
}

static inline size_t page_number(const struct arena *arena,
                                 const struct page *page)
{
	return (size_t)(page - arena->page);
}

static inline char *page_address(const struct arena *arena, size_t number)
{
	return (char *)arena + (number << PAGE_LOG2);
}

/* Purges those of the pages [from, end) that are backed; returns how many. */
size_t kpages_unback(struct kpages *pages, struct arena *arena, size_t from,
                     size_t end);

/*
 * Commits those of the pages [from, end) that are not backed; they are on no
 * list.  Returns how many were backed before, or -1 with errno = ENOMEM; then
 * none of them is backed any more.
 */
long kpages_back(struct kpages *pages, struct arena *arena, size_t from,
                 size_t end);

/*
 * Reserves an arena with room for a run of `run` pages at a multiple of as many,
 * and commits as much of its map as page 0 holds.
 */
struct arena *kpages_arena_new(struct kpages *pages, size_t run);

/* Gives back the arena's map and addresses; no page of it is backed. */
void kpages_arena_unmap(struct kpages *pages, struct arena *arena);

/* Commits the page map up to the entry of page `end` - 1. */
bool kpages_arena_extend_map(struct kpages *pages, struct arena *arena,
                             size_t end);

/* Purges what the map has beyond the top: undoes a map extended in vain. */
void kpages_arena_cut_map(struct kpages *pages, struct arena *arena);

/*
 * A chunk: a run too large for an arena, behind a map that reaches just up to
 * its first page.  The run starts at page `align`, so that it is aligned.
 */
struct page *kpages_chunk_map(struct kpages *pages, size_t count, size_t align);

/* Gives back the last `count` pages of a chunk, with all of them the chunk. */
void kpages_chunk_cut(struct kpages *pages, struct arena *chunk, size_t count);

#endif
