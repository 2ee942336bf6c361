/*
 * page_arena.h - pages at fixed addresses: the half of a page source that the
 * measure passes run on.  For page_source.c only, which counts, under its lock.
 */
#ifndef ALLOCATORS_COMMON_PAGE_ARENA_H
#define ALLOCATORS_COMMON_PAGE_ARENA_H

#include "page_source.h"

/* False with errno = EEXIST or ENOMEM, as page_source_open(). */
bool page_arena_open(struct page_source *source);
void page_arena_close(struct page_source *source);

/*
 * The calls of page_source.h without their accounts; NULL or false if the
 * kernel refuses or there is no hole.  For `before` see
 * page_source_reserve_some().
 */
char *page_arena_reserve(struct page_source *source, size_t before,
                         size_t bytes, size_t align);
void page_arena_release(struct page_source *source, char *start, size_t bytes);
bool page_arena_commit(struct page_source *source, void *start, size_t bytes);
void page_arena_purge(struct page_source *source, void *start, size_t bytes);
char *page_arena_lengthen(struct page_source *source, char *start,
                          size_t old_bytes, size_t new_bytes, size_t align);

/* Checked build: stops where a range that the caller takes for reserved is not. */
void page_arena_require_reserved(const struct page_source *source,
                                 const char *start, size_t bytes);

#endif
