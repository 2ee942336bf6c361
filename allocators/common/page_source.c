/*
 * page_source.c - pages from the kernel, counted.
 *
 * Reserved address space is a PROT_NONE mapping that costs the kernel nothing;
 * commit is mprotect, purge is madvise(MADV_DONTNEED) and, in the arena,
 * PROT_NONE again.  The arena is one large reservation at a fixed address that
 * is carved up here: its lower part is the contiguous region, its upper part
 * serves reserve() first fit from a list of holes in address order.
 *
 * An OS source saves kernel calls, for it is the one that is timed:
 * purged pages stay writable, and the region is made writable WRITABLE_STEP at a
 * time.  What it counts is the same.
 */
#include "page_source.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bits.h"
#include "misuse.h"

#define GIB ((size_t)1 << 30)

static const size_t ARENA_BYTES = 256 * GIB;   /* ends below the libraries   */
static const size_t REGION_BYTES = 64 * GIB;   /* of them, for grow()        */
static const size_t REGION_SMALLEST = 1 << 20; /* under a tight RLIMIT_AS   */
static const size_t WRITABLE_STEP = 1 << 20;   /* a page fault costs more   */

/* The source cannot know how many threads there are: it always locks. */
static void take(struct page_source *source)
{
	lock_take(&source->lock, &MANY_THREADS);
}

static void drop(struct page_source *source)
{
	lock_drop(&source->lock, &MANY_THREADS);
}

/* A range of the arena that reserve() may carve. */
struct page_hole {
	struct page_hole *next; /* at a higher address */
	char *start;
	size_t bytes;
};

static void *refuse(struct page_source *source)
{
	source->refused++;
	errno = ENOMEM;
	return NULL;
}

/* Counts a call that may fail; false if this one is to be refused. */
static bool admit(struct page_source *source, enum page_call call,
                  size_t commit_bytes)
{
	const struct page_source_options *options = &source->options;

	source->calls[call]++;
	source->refusable_calls++;
	if (source->refusable_calls == options->fail_at ||
	    (options->fail_on && options->fail_at != 0 &&
	     source->refusable_calls > options->fail_at))
		return false;
	return options->limit_bytes == 0 ||
	       commit_bytes <= options->limit_bytes - source->committed_bytes;
}

static void *map_reserved(char *wish, size_t bytes, int flags)
{
	void *start = mmap(wish, bytes, PROT_NONE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags,
	                   -1, 0);
	return start == MAP_FAILED ? NULL : start;
}

/* ---- what is committed in the arena: one bit per page ------------------- */

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
	if (source->committed == NULL || !CHECKED)
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
static void require_reserved(const struct page_source *source,
                             const char *start, size_t bytes)
{
	if (source->base == NULL || !CHECKED)
		return;
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

static bool open_arena(struct page_source *source)
{
	source->base =
		map_reserved(PAGE_ARENA_BASE, ARENA_BYTES, MAP_FIXED_NOREPLACE);
	if (source->base == NULL)
		return false;
	source->end = source->base + ARENA_BYTES;

	size_t map_bytes = (ARENA_BYTES >> PAGE_LOG2) / 8;
	source->committed =
		mmap(NULL, map_bytes, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	source->holes = malloc(sizeof *source->holes);
	if (source->committed == MAP_FAILED || source->holes == NULL) {
		page_source_close(source);
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

bool page_source_open(struct page_source *source,
                      const struct page_source_options *options)
{
	*source = (struct page_source){.options = *options};
	return options->kind == PAGE_SOURCE_OS || open_arena(source);
}

void page_source_close(struct page_source *source)
{
	if (source->base != NULL)
		munmap(source->base, ARENA_BYTES);
	else if (source->region != NULL)
		munmap(source->region,
		       (size_t)(source->region_end - source->region));
	if (source->committed != NULL && source->committed != MAP_FAILED)
		munmap(source->committed, (ARENA_BYTES >> PAGE_LOG2) / 8);
	while (source->holes != NULL) {
		struct page_hole *next = source->holes->next;
		free(source->holes);
		source->holes = next;
	}
	*source = (struct page_source){.options = source->options};
}

/* ---- commit and purge --------------------------------------------------- */

static void count_committed(struct page_source *source, size_t bytes)
{
	source->committed_bytes += bytes;
	if (source->committed_bytes > source->peak_committed_bytes)
		source->peak_committed_bytes = source->committed_bytes;
}

static bool make_writable(void *start, size_t bytes)
{
	if (mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0)
		return true;
	/* The kernel may have got half of the way. */
	mprotect(start, bytes, PROT_NONE);
	return false;
}

static bool commit_pages(struct page_source *source, void *start, size_t bytes)
{
	mark_pages(source, start, bytes, false);
	if (!make_writable(start, bytes)) {
		mark_pages(source, start, bytes, true);
		return false;
	}
	count_committed(source, bytes);
	return true;
}

static void purge_pages(struct page_source *source, void *start, size_t bytes)
{
	mark_pages(source, start, bytes, true);
	madvise(start, bytes, MADV_DONTNEED);
	if (source->base != NULL)
		mprotect(start, bytes, PROT_NONE);
	assert(source->committed_bytes >= bytes);
	source->committed_bytes -= bytes;
}

bool page_source_commit(struct page_source *source, void *start, size_t bytes)
{
	assert(bytes > 0 && bytes % PAGE_BYTES == 0);
	assert(is_aligned(start, PAGE_BYTES));
	take(source);
	require_reserved(source, start, bytes);
	bool is_done = (admit(source, PAGE_COMMIT, bytes) &&
	                commit_pages(source, start, bytes)) ||
	               refuse(source) != NULL;
	drop(source);
	return is_done;
}

void page_source_purge(struct page_source *source, void *start, size_t bytes)
{
	assert(bytes > 0 && bytes % PAGE_BYTES == 0);
	assert(is_aligned(start, PAGE_BYTES));
	int saved_errno = errno;
	take(source);
	require_reserved(source, start, bytes);
	source->calls[PAGE_PURGE]++;
	purge_pages(source, start, bytes);
	drop(source);
	errno = saved_errno;
}

/* ---- the contiguous region ---------------------------------------------- */

/*
 * Maps the region of an OS source.  Where the address space is limited it takes
 * half of what is to be had: reserve() and the process need some, too.
 */
static char *map_region(size_t *bytes)
{
	char *start = map_reserved(NULL, REGION_BYTES, 0);

	*bytes = REGION_BYTES;
	while (start == NULL && *bytes > REGION_SMALLEST) {
		*bytes /= 2;
		start = map_reserved(NULL, 2 * *bytes, 0);
		if (start != NULL)
			munmap(start + *bytes, *bytes);
	}
	return start;
}

static bool open_region(struct page_source *source)
{
	size_t bytes = REGION_BYTES;

	source->region =
		source->base != NULL ? source->base : map_region(&bytes);
	if (source->region == NULL)
		return false;
	source->region_end = source->region + bytes;
	source->brk = source->region;
	source->writable = source->region;
	return true;
}

/* Commits the next bytes of the region; on an OS source mostly a step ahead. */
static bool commit_region(struct page_source *source, size_t bytes)
{
	char *end = source->brk + bytes;
	size_t ahead;

	if (source->base != NULL)
		return commit_pages(source, source->brk, bytes);
	if (end > source->writable) {
		ahead = round_up((size_t)(end - source->writable),
		                 WRITABLE_STEP);
		if (ahead > (size_t)(source->region_end - source->writable) ||
		    !make_writable(source->writable, ahead)) {
			ahead = (size_t)(end - source->writable);
			if (!make_writable(source->writable, ahead))
				return false;
		}
		source->writable += ahead;
	}
	count_committed(source, bytes);
	return true;
}

static void *grow_region(struct page_source *source, size_t bytes)
{
	if (!admit(source, PAGE_GROW, bytes))
		return refuse(source);
	if (source->region == NULL && !open_region(source))
		return refuse(source);
	if (bytes > (size_t)(source->region_end - source->brk) ||
	    !commit_region(source, bytes))
		return refuse(source);
	source->reserved_bytes += bytes;
	source->brk += bytes;
	return source->brk - bytes;
}

void *page_source_grow(struct page_source *source, size_t bytes)
{
	assert(bytes > 0 && bytes % PAGE_BYTES == 0);
	take(source);
	void *start = grow_region(source, bytes);
	drop(source);
	return start;
}

void page_source_shrink(struct page_source *source, size_t bytes)
{
	assert(bytes > 0 && bytes % PAGE_BYTES == 0);
	int saved_errno = errno;
	take(source);
	assert(bytes <= (size_t)(source->brk - source->region));
	source->calls[PAGE_SHRINK]++;
	source->brk -= bytes;
	source->reserved_bytes -= bytes;
	purge_pages(source, source->brk, bytes);
	drop(source);
	errno = saved_errno;
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

static void *reserve_in_arena(struct page_source *source, size_t bytes,
                              size_t align)
{
	struct page_hole **link = &source->holes;

	for (; *link != NULL; link = &(*link)->next) {
		struct page_hole *hole = *link;
		size_t address = round_up((size_t)hole->start, align);
		size_t skip = address - (size_t)hole->start;
		if (skip > hole->bytes || bytes > hole->bytes - skip)
			continue;
		char *start = hole->start + skip;
		return carve_hole(link, start, bytes) ? start : NULL;
	}
	return NULL;
}

/* Puts a range back among the holes, merged with the neighbours it touches. */
static void release_in_arena(struct page_source *source, char *start,
                             size_t bytes)
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

/*
 * mmap gives no alignment, though after one aligned range the next of its size
 * usually is; else reserve more and trim both ends.
 */
static void *reserve_from_os(size_t bytes, size_t align)
{
	char *exact = map_reserved(NULL, bytes, 0);

	if (exact == NULL || is_aligned(exact, align))
		return exact;
	munmap(exact, bytes);
	if (bytes + align < bytes)
		return NULL;
	char *wide = map_reserved(NULL, bytes + align, 0);
	if (wide == NULL)
		return NULL;
	size_t before = round_up((size_t)wide, align) - (size_t)wide;
	char *start = wide + before;
	if (before > 0)
		munmap(wide, before);
	munmap(start + bytes, align - before);
	return start;
}

static void *reserve_pages(struct page_source *source, size_t bytes,
                           size_t align)
{
	void *start = source->base != NULL
	                      ? reserve_in_arena(source, bytes, align)
	                      : reserve_from_os(bytes, align);
	if (start != NULL)
		source->reserved_bytes += bytes;
	return start;
}

static void release_pages(struct page_source *source, void *start, size_t bytes)
{
	require_reserved(source, start, bytes);
	if (CHECKED && source->base != NULL)
		require_pages(source, start, bytes, false);
	assert(source->reserved_bytes >= bytes);
	source->reserved_bytes -= bytes;
	if (source->base != NULL)
		release_in_arena(source, start, bytes);
	else
		munmap(start, bytes);
}

void *page_source_reserve(struct page_source *source, size_t bytes,
                          size_t align)
{
	assert(bytes > 0 && bytes % PAGE_BYTES == 0);
	assert(is_power_of_two(align) && align >= PAGE_BYTES);
	take(source);
	void *start = admit(source, PAGE_RESERVE, 0)
	                      ? reserve_pages(source, bytes, align)
	                      : NULL;
	if (start == NULL)
		refuse(source);
	drop(source);
	return start;
}

void page_source_release(struct page_source *source, void *start, size_t bytes)
{
	assert(bytes > 0 && bytes % PAGE_BYTES == 0);
	int saved_errno = errno;
	take(source);
	source->calls[PAGE_RELEASE]++;
	release_pages(source, start, bytes);
	drop(source);
	errno = saved_errno;
}

void *page_source_map(struct page_source *source, size_t bytes, size_t align)
{
	void *start = page_source_reserve(source, bytes, align);

	if (start != NULL && !page_source_commit(source, start, bytes)) {
		page_source_release(source, start, bytes);
		errno = ENOMEM;
		return NULL;
	}
	return start;
}

void page_source_unmap(struct page_source *source, void *start, size_t bytes)
{
	int saved_errno = errno;

	take(source);
	require_reserved(source, start, bytes);
	source->calls[PAGE_PURGE]++;
	source->calls[PAGE_RELEASE]++;
	if (source->base != NULL)
		purge_pages(source, start, bytes);
	else
		source->committed_bytes -= bytes; /* munmap takes the pages */
	release_pages(source, start, bytes);
	drop(source);
	errno = saved_errno;
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
	if (!commit_pages(source, end, more)) {
		release_in_arena(source, end, more);
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
	if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	    MAP_FAILED) {
		if (!make_writable(to, bytes))
			return false;
		memcpy(to, from, bytes);
		madvise(from, bytes, MADV_DONTNEED);
		mprotect(from, bytes, PROT_NONE);
	} else {
		map_reserved(from, bytes, MAP_FIXED);
		madvise(from, bytes, MADV_NOHUGEPAGE);
	}
	mark_pages(source, from, bytes, true);
	mark_pages(source, to, bytes, false);
	return true;
}

static void *move_in_arena(struct page_source *source, char *start,
                           size_t old_bytes, size_t new_bytes, size_t align)
{
	char *to = reserve_in_arena(source, new_bytes, align);

	if (to == NULL)
		return NULL;
	if (!commit_pages(source, to + old_bytes, new_bytes - old_bytes)) {
		release_in_arena(source, to, new_bytes);
		return NULL;
	}
	if (!move_pages(source, start, to, old_bytes)) {
		purge_pages(source, to + old_bytes, new_bytes - old_bytes);
		release_in_arena(source, to, new_bytes);
		return NULL;
	}
	release_in_arena(source, start, old_bytes);
	return to;
}

static void *lengthen_in_arena(struct page_source *source, char *start,
                               size_t old_bytes, size_t new_bytes, size_t align)
{
	if (extend_in_arena(source, start + old_bytes, new_bytes - old_bytes))
		return start;
	return align == 0 ? NULL
	                  : move_in_arena(source, start, old_bytes, new_bytes,
	                                  align);
}

static void *lengthen_from_os(struct page_source *source, char *start,
                              size_t old_bytes, size_t new_bytes, size_t align)
{
	int may_move = align == PAGE_BYTES ? MREMAP_MAYMOVE : 0;
	char *at = mremap(start, old_bytes, new_bytes, may_move);

	if (at == MAP_FAILED && align > PAGE_BYTES) {
		char *to = reserve_from_os(new_bytes, align);
		if (to == NULL)
			return NULL;
		at = mremap(start, old_bytes, new_bytes,
		            MREMAP_MAYMOVE | MREMAP_FIXED, to);
		if (at == MAP_FAILED)
			munmap(to, new_bytes);
	}
	if (at == MAP_FAILED)
		return NULL;
	count_committed(source, new_bytes - old_bytes);
	return at;
}

static void *lengthen(struct page_source *source, void *start, size_t old_bytes,
                      size_t new_bytes, size_t align)
{
	require_reserved(source, start, old_bytes);
	if (!admit(source, PAGE_RESIZE, new_bytes - old_bytes))
		return refuse(source);
	void *at = source->base != NULL
	                   ? lengthen_in_arena(source, start, old_bytes,
	                                       new_bytes, align)
	                   : lengthen_from_os(source, start, old_bytes,
	                                      new_bytes, align);
	if (at == NULL)
		return refuse(source);
	source->reserved_bytes += new_bytes - old_bytes;
	return at;
}

void *page_source_resize(struct page_source *source, void *start,
                         size_t old_bytes, size_t new_bytes, size_t align)
{
	assert(new_bytes > 0 && (old_bytes | new_bytes) % PAGE_BYTES == 0);
	if (new_bytes == old_bytes)
		return start;
	if (new_bytes < old_bytes) {
		page_source_unmap(source, (char *)start + new_bytes,
		                  old_bytes - new_bytes);
		return start;
	}
	take(source);
	void *at = lengthen(source, start, old_bytes, new_bytes, align);
	drop(source);
	return at;
}

void page_source_hide(struct page_source *source, size_t bytes)
{
	take(source);
	source->committed_bytes -= bytes;
	drop(source);
}

void page_source_show(struct page_source *source, size_t bytes)
{
	take(source);
	source->committed_bytes += bytes;
	drop(source);
}

/* ---- clock and fork ----------------------------------------------------- */

uint64_t page_source_now(const struct page_source *source)
{
	struct timespec now;

	if (!source->options.has_real_clock)
		return atomic_load_explicit(&source->now, memory_order_relaxed);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void page_source_set_now(struct page_source *source, uint64_t now)
{
	atomic_store_explicit(&source->now, now, memory_order_relaxed);
}

void page_source_fork_prepare(struct page_source *source)
{
	take(source);
}

void page_source_fork_parent(struct page_source *source)
{
	drop(source);
}

void page_source_fork_child(struct page_source *source)
{
	drop(source);
}
