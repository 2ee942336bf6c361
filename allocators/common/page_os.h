/*
 * page_os.h - pages wherever the kernel puts them: the half of a page source
 * that programs run on.  For page_source.c only, which counts, under its lock.
 */
#ifndef ALLOCATORS_COMMON_PAGE_OS_H
#define ALLOCATORS_COMMON_PAGE_OS_H

#include "page_source.h"

/* Unmaps the contiguous region. */
void page_os_close(struct page_source *source);

/*
 * Reserves `before` + `bytes` bytes so that the address after the first `before`
 * is a multiple of `align`, and returns that address; NULL without room.
 */
char *page_os_reserve(struct page_source *source, size_t before, size_t bytes,
                      size_t align);

/*
 * Unmaps a range, or keeps it for a later page_os_reserve() where the kernel
 * refuses: then false, and its pages have to be dropped if they were committed.
 */
bool page_os_release(struct page_source *source, char *start, size_t bytes);

/*
 * Makes the next `bytes` of the contiguous region usable, and on the way the
 * region longer; false if there is no room behind it.
 */
bool page_os_grow(struct page_source *source, size_t bytes);

/* After brk has moved down: address space far above it goes back. */
void page_os_cut_region(struct page_source *source);

/* Lengthens a committed range as page_source_resize() does; NULL if refused. */
char *page_os_lengthen(struct page_source *source, char *start,
                       size_t old_bytes, size_t new_bytes, size_t align);

#endif
