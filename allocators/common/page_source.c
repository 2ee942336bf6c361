/*
 * page_source.c - the accounts of page sources: what may be refused is, what was
 * given is counted, and the pages come from page_os.c or page_arena.c.
 */
#include "page_source.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "bits.h"
#include "misuse.h"
#include "page_arena.h"
#include "page_kernel.h"
#include "page_os.h"

/* The source cannot know how many threads there are: it always locks. */
static void take(struct page_source *source)
{
	lock_take(&source->lock, &MANY_THREADS);
}

static void drop(struct page_source *source)
{
	lock_drop(&source->lock, &MANY_THREADS);
}

static void announce_loss(const struct page_source *source)
{
	if (source->options.before_loss != NULL)
		source->options.before_loss(source->options.before_loss_ctx);
}

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

static bool is_arena(const struct page_source *source)
{
	return source->base != NULL;
}

/* Checked build, arena: the caller takes this range for reserved. */
static void require_reserved(const struct page_source *source,
                             const char *start, size_t bytes)
{
	if (CHECKED && is_arena(source))
		page_arena_require_reserved(source, start, bytes);
}

/* ---- open and close ----------------------------------------------------- */

bool page_source_open(struct page_source *source,
                      const struct page_source_options *options)
{
	*source = (struct page_source){.options = *options};
	source->kernel =
		options->kernel == NULL ? &PAGE_KERNEL : options->kernel;
	return options->kind == PAGE_SOURCE_OS || page_arena_open(source);
}

void page_source_close(struct page_source *source)
{
	if (is_arena(source))
		page_arena_close(source);
	else
		page_os_close(source);
	*source = (struct page_source){.options = source->options,
	                               .kernel = source->kernel};
}

/* ---- commit and purge --------------------------------------------------- */

static void count_committed(struct page_source *source, size_t bytes)
{
	source->committed_bytes += bytes;
	if (source->committed_bytes > source->peak_committed_bytes)
		source->peak_committed_bytes = source->committed_bytes;
}

static bool commit_pages(struct page_source *source, void *start, size_t bytes)
{
	bool is_done =
		is_arena(source)
			? page_arena_commit(source, start, bytes)
			: page_kernel_make_writable(source, start, bytes);

	if (is_done)
		count_committed(source, bytes);
	return is_done;
}

static void purge_pages(struct page_source *source, void *start, size_t bytes)
{
	if (is_arena(source))
		page_arena_purge(source, start, bytes);
	else
		page_kernel_drop(source, start, bytes);
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
	announce_loss(source);
	purge_pages(source, start, bytes);
	drop(source);
	errno = saved_errno;
}

void page_source_drop(struct page_source *source, void *start, size_t bytes)
{
	assert(bytes > 0 && bytes % PAGE_BYTES == 0);
	assert(is_aligned(start, PAGE_BYTES));
	int saved_errno = errno;
	take(source);
	page_kernel_drop(source, start, bytes);
	source->dropped_bytes += bytes;
	drop(source);
	errno = saved_errno;
}

/* ---- the contiguous region ---------------------------------------------- */

static bool grow_region(struct page_source *source, size_t bytes)
{
	if (!is_arena(source)) {
		if (!page_os_grow(source, bytes))
			return false;
		count_committed(source, bytes);
		return true;
	}
	return bytes <= (size_t)(source->region_end - source->brk) &&
	       commit_pages(source, source->brk, bytes);
}

void *page_source_grow(struct page_source *source, size_t bytes)
{
	assert(bytes > 0 && bytes % PAGE_BYTES == 0);
	void *start = NULL;
	take(source);
	if (admit(source, PAGE_GROW, bytes) && grow_region(source, bytes)) {
		start = source->brk;
		source->reserved_bytes += bytes;
		source->brk += bytes;
	} else {
		refuse(source);
	}
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
	announce_loss(source);
	source->brk -= bytes;
	source->reserved_bytes -= bytes;
	purge_pages(source, source->brk, bytes);
	if (!is_arena(source))
		page_os_cut_region(source);
	drop(source);
	errno = saved_errno;
}

/* ---- reservations ------------------------------------------------------- */

static char *reserve_pages(struct page_source *source, size_t before,
                           size_t bytes, size_t align)
{
	char *start = is_arena(source)
	                      ? page_arena_reserve(source, before, bytes, align)
	                      : page_os_reserve(source, before, bytes, align);

	if (start != NULL)
		source->reserved_bytes += before + bytes;
	return start;
}

/* False if the pages are still mapped. */
static bool release_pages(struct page_source *source, void *start, size_t bytes)
{
	bool is_gone = true;

	if (is_arena(source))
		page_arena_release(source, start, bytes);
	else
		is_gone = page_os_release(source, start, bytes);
	assert(source->reserved_bytes >= bytes);
	source->reserved_bytes -= bytes;
	return is_gone;
}

/* Half of a range just reserved goes back; the length of the other half. */
static size_t leave_half(struct page_source *source, char *start, size_t bytes)
{
	size_t half = round_down(bytes / 2, PAGE_BYTES);

	release_pages(source, start + half, bytes - half);
	return half;
}

static char *reserve_some(struct page_source *source, size_t before,
                          size_t *bytes, size_t least, size_t align)
{
	char *start = reserve_pages(source, before, *bytes, align);
	size_t part = *bytes;

	while (start == NULL && part / 2 >= least) {
		part = round_down(part / 2, PAGE_BYTES);
		start = reserve_pages(source, before, part, align);
	}
	if (start == NULL) {
		part = least;
		start = reserve_pages(source, before, part, align);
	} else if (part < *bytes && part / 2 >= least) {
		part = leave_half(source, start, part);
	}
	*bytes = part;
	return start;
}

void *page_source_reserve_some(struct page_source *source, size_t before,
                               size_t *bytes, size_t least, size_t align)
{
	assert(least > 0 && least <= *bytes);
	assert((before | *bytes | least) % PAGE_BYTES == 0);
	assert(is_power_of_two(align) && align >= PAGE_BYTES);
	take(source);
	char *start =
		admit(source, PAGE_RESERVE, 0)
			? reserve_some(source, before, bytes, least, align)
			: NULL;
	if (start == NULL)
		refuse(source);
	drop(source);
	return start;
}

void *page_source_reserve(struct page_source *source, size_t bytes,
                          size_t align)
{
	return page_source_reserve_some(source, 0, &bytes, bytes, align);
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
	announce_loss(source);
	if (is_arena(source))
		purge_pages(source, start, bytes);
	else
		source->committed_bytes -= bytes; /* munmap takes the pages */
	if (!release_pages(source, start, bytes))
		page_kernel_drop(source, start, bytes);
	drop(source);
	errno = saved_errno;
}

/* ---- resize ------------------------------------------------------------- */

static char *lengthen_pages(struct page_source *source, char *start,
                            size_t old_bytes, size_t new_bytes, size_t align)
{
	return is_arena(source) ? page_arena_lengthen(source, start, old_bytes,
	                                              new_bytes, align)
	                        : page_os_lengthen(source, start, old_bytes,
	                                           new_bytes, align);
}

static void *lengthen(struct page_source *source, void *start, size_t old_bytes,
                      size_t new_bytes, size_t align)
{
	size_t more = new_bytes - old_bytes;

	require_reserved(source, start, old_bytes);
	void *at = admit(source, PAGE_RESIZE, more)
	                   ? lengthen_pages(source, start, old_bytes, new_bytes,
	                                    align)
	                   : NULL;
	if (at == NULL)
		return refuse(source);
	count_committed(source, more);
	source->reserved_bytes += more;
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
