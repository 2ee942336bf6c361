/*
 * page_arena.c - one large reservation at a fixed address, carved up here, so
 * that the same calls meet the same addresses in every run.
 *
 *     base            64 GiB                                    256 GiB  end
 *      |## region ##|....|## reserved ##|... hole ...|## reserved ##|.. hole ..|
 *                   ^ brk
 *
 * The lower part is the contiguous region; the upper serves reserve() first fit
 * from a list of holes in address order.  What is not committed is PROT_NONE,
 * and the checked build keeps a bit for every page that is.
 */
#include "page_arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "misuse.h"
#include "page_kernel.h"

#define GIB ((size_t)1 << 30)

static const size_t ARENA_BYTES = 256 * GIB; /* ends below the libraries */
static const size_t REGION_BYTES = 64 * GIB; /* of them, for grow()      */

/* A range of the arena that reserve() may carve. */
struct page_hole {
	struct page_hole *next; /* at a higher address */
	char *start;
	size_t bytes;
};

/* ---- what is committed: one bit per page ------------------- */

static size_t page_index(const struct page_source *source, const void *address)
{
	return (size_t)((const char *)address - source->base) >> PAGE_LOG2;
}

static bool is_committed(const struct page_source *source, size_t page)
{
	return source->committed[page / 64] >> (page % 64) & 1;
}

/* Stops where a page of the range is not in the state that `was` says. */
static void require_pages(const struct page_source *source, const void *start,
                          size_t bytes, bool was)
{
	size_t first = page_index(source, start);

	for (size_t page = first; page < first + (bytes >> PAGE_LOG2); page++)
		if (is_committed(source, page) != was)
			misuse("page source", source->base + page * PAGE_BYTES,
			       "the page is %s",
			       was ? "not committed" : "committed already");
}

/* Flips the bits of a range, which must all be `was` before. */
static void mark_pages(struct page_source *source, const void *start,
                       size_t bytes, bool was)
{
	if (!CHECKED)
		return;
	require_pages(source, start, bytes, was);
	size_t first = page_index(source, start);
	for (size_t page = first; page < first + (bytes >> PAGE_LOG2); page++)
		source->committed[page / 64] ^= (uint64_t)1 << (page % 64);
}

/*
 * Stops where a range that the caller takes for reserved is not: it touches a
 * hole, the contiguous region, or lies outside the arena.
 */
void page_arena_require_reserved(const struct page_source *source,
                                 const char *start, size_t bytes)
{
	bool inside = start >= source->base + REGION_BYTES &&
	              start < source->end &&
	              bytes <= (size_t)(source->end - start);
	for (const struct page_hole *hole = source->holes;
	     inside && hole != NULL; hole = hole->next)
		inside = start + bytes <= hole->start ||
		         start >= hole->start + hole->bytes;
	if (!inside)
		misuse("page source", start,
		       "the %zu bytes here are not reserved", bytes);
}

/* ---- open and close ----------------------------------------------------- */

bool page_arena_open(struct page_source *source)
{
	source->base =
		page_kernel_reserve(source, PAGE_ARENA_BASE, ARENA_BYTES);
	if (source->base == NULL)
		return false;
	source->end = source->base + ARENA_BYTES;
	source->region = source->brk = source->base;
	source->region_end = source->base + REGION_BYTES;

	size_t map_bytes = (ARENA_BYTES >> PAGE_LOG2) / 8;
	source->committed =
		mmap(NULL, map_bytes, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	source->holes = malloc(sizeof *source->holes);
	if (source->committed == MAP_FAILED || source->holes == NULL) {
		page_arena_close(source);
		errno = ENOMEM;
		return false;
	}
	*source->holes = (struct page_hole){
		.start = source->base + REGION_BYTES,
		.bytes = ARENA_BYTES - REGION_BYTES,
	};
	madvise(source->base, ARENA_BYTES, MADV_NOHUGEPAGE);
	return true;
}

void page_arena_close(struct page_source *source)
{
	munmap(source->base, ARENA_BYTES);
	if (source->committed != MAP_FAILED)
		munmap(source->committed, (ARENA_BYTES >> PAGE_LOG2) / 8);
	while (source->holes != NULL) {
		struct page_hole *next = source->holes->next;
		free(source->holes);
		source->holes = next;
	}
}

/* ---- commit and purge --------------------------------------------------- */

bool page_arena_commit(struct page_source *source, void *start, size_t bytes)
{
	mark_pages(source, start, bytes, false);
	if (page_kernel_make_writable(source, start, bytes))
		return true;
	mark_pages(source, start, bytes, true);
	return false;
}

/* Pages that the kernel will not protect are zero all the same. */
void page_arena_purge(struct page_source *source, void *start, size_t bytes)
{
	mark_pages(source, start, bytes, true);
	page_kernel_drop(source, start, bytes);
	source->kernel->mprotect(start, bytes, PROT_NONE);
}

/* ---- reservations ------------------------------------------------------- */

/* Takes [start, start + bytes) out of `hole`; false without memory for it. */
static bool carve_hole(struct page_hole **link, char *start, size_t bytes)
{
	struct page_hole *hole = *link;
	size_t before = (size_t)(start - hole->start);
	size_t after = hole->bytes - before - bytes;

	if (before > 0 && after > 0) {
		struct page_hole *upper = malloc(sizeof *upper);
		if (upper == NULL)
			return false;
		*upper = (struct page_hole){hole->next, start + bytes, after};
		hole->next = upper;
		hole->bytes = before;
	} else if (before > 0) {
		hole->bytes = before;
	} else if (after > 0) {
		hole->start = start + bytes;
		hole->bytes = after;
	} else {
		*link = hole->next;
		free(hole);
	}
	return true;
}

char *page_arena_reserve(struct page_source *source, size_t before,
                         size_t bytes, size_t align)
{
	struct page_hole **link = &source->holes;

	for (; *link != NULL; link = &(*link)->next) {
		struct page_hole *hole = *link;
		size_t address = round_up((size_t)hole->start + before, align);
		size_t skip = address - (size_t)hole->start; /* and before */
		if (skip > hole->bytes || bytes > hole->bytes - skip)
			continue;
		char *start = hole->start + skip;
		return carve_hole(link, start - before, before + bytes) ? start
		                                                        : NULL;
	}
	return NULL;
}

/* Puts a range back among the holes, merged with the neighbours it touches. */
static void put_hole(struct page_source *source, char *start, size_t bytes)
{
	struct page_hole **link = &source->holes, *lower = NULL;

	while (*link != NULL && (*link)->start < start) {
		lower = *link;
		link = &lower->next;
	}
	struct page_hole *upper = *link;
	if (lower != NULL && lower->start + lower->bytes == start) {
		lower->bytes += bytes;
	} else {
		struct page_hole *hole = malloc(sizeof *hole);
		if (hole == NULL)
			return; /* address space lost, nothing else */
		*hole = (struct page_hole){upper, start, bytes};
		*link = hole;
		lower = hole;
	}
	if (upper != NULL && lower->start + lower->bytes == upper->start) {
		lower->bytes += upper->bytes;
		lower->next = upper->next;
		free(upper);
	}
}

void page_arena_release(struct page_source *source, char *start, size_t bytes)
{
	page_arena_require_reserved(source, start, bytes);
	if (CHECKED)
		require_pages(source, start, bytes, false);
	put_hole(source, start, bytes);
}

/* ---- resize ------------------------------------------------------------- */

/* Takes the hole behind [start, start + old_bytes), and commits it. */
static bool extend_in_arena(struct page_source *source, char *end, size_t more)
{
	struct page_hole **link = &source->holes;

	while (*link != NULL && (*link)->start < end)
		link = &(*link)->next;
	if (*link == NULL || (*link)->start != end || (*link)->bytes < more ||
	    !carve_hole(link, end, more))
		return false;
	if (!page_arena_commit(source, end, more)) {
		put_hole(source, end, more);
		return false;
	}
	return true;
}

/*
 * Moves committed pages to reserved ones.  The kernel moves what is one mapping;
 * a range that it keeps as several is copied.
 */
static bool move_pages(struct page_source *source, char *from, char *to,
                       size_t bytes)
{
	if (page_kernel_resize(source, from, bytes, bytes,
	                       MREMAP_MAYMOVE | MREMAP_FIXED, to) == NULL) {
		if (!page_kernel_make_writable(source, to, bytes))
			return false;
		memcpy(to, from, bytes);
		page_kernel_drop(source, from, bytes);
		source->kernel->mprotect(from, bytes, PROT_NONE);
	} else {
		page_kernel_reserve(source, from, bytes);
		madvise(from, bytes, MADV_NOHUGEPAGE);
	}
	mark_pages(source, from, bytes, true);
	mark_pages(source, to, bytes, false);
	return true;
}

static char *move_in_arena(struct page_source *source, char *start,
                           size_t old_bytes, size_t new_bytes, size_t align)
{
	char *to = page_arena_reserve(source, 0, new_bytes, align);

	if (to == NULL)
		return NULL;
	if (!page_arena_commit(source, to + old_bytes, new_bytes - old_bytes)) {
		put_hole(source, to, new_bytes);
		return NULL;
	}
	if (!move_pages(source, start, to, old_bytes)) {
		page_arena_purge(source, to + old_bytes, new_bytes - old_bytes);
		put_hole(source, to, new_bytes);
		return NULL;
	}
	put_hole(source, start, old_bytes);
	return to;
}

char *page_arena_lengthen(struct page_source *source, char *start,
                          size_t old_bytes, size_t new_bytes, size_t align)
{
	if (extend_in_arena(source, start + old_bytes, new_bytes - old_bytes))
		return start;
	return align == 0 ? NULL
	                  : move_in_arena(source, start, old_bytes, new_bytes,
	                                  align);
}
