/*
 * page_source.h - where an allocator's pages come from, and what they cost.
 *
 * A page source hands out address space and memory in whole pages and counts
 * both exactly.  Every page is in one of three states:
 *
 *                reserve            commit
 *     (nothing) ---------> reserved --------> committed     readable, writable,
 *               <---------          <--------               zero when fresh
 *                release             purge
 *
 * map and unmap take both steps at once.  For designs that want one contiguous
 * heap, grow and shrink move the end of a single region, as sbrk does:
 *
 *     grow(n):   |#### committed ####|.... reserved ....
 *                |#### committed ####|## n ##|..........   returns ^ start of n
 *
 * Two kinds of source share all the code here:
 *     OS      pages wherever the kernel puts them
 *     arena   pages at PAGE_ARENA_BASE, so that the same trace meets the same
 *             addresses in every run, with a hard limit
 * Both can be told to refuse the n-th request, so that a test can walk through
 * every out-of-memory path of an allocator.
 *
 * On an arena, touching a page that is not committed is a crash, not an error of
 * the accounts.
 * The checked build also stops, on an arena, where a call does not fit the state
 * of its pages: committed twice, purged or released twice, never reserved.
 *
 * On pages from the OS, purging keeps the mapping writable and a region is made
 * writable ahead of its end: fewer and cheaper kernel calls, the same counts.
 *
 * What the kernel refuses is never more than a refused call here, and what it
 * does not take back is kept for later (page_kernel.h, page_os.c).
 *
 * Threads: every function may be called by many at the same time; one lock
 * inside.  open and close: alone.
 */
#ifndef ALLOCATORS_COMMON_PAGE_SOURCE_H
#define ALLOCATORS_COMMON_PAGE_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lock.h"

#define PAGE_ARENA_BASE ((char *)0x7e9000000000) /* free under ASan and TSan */

enum {
	PAGE_LOG2 = 12,
	PAGE_BYTES = 1 << PAGE_LOG2,
};

/* The calls that are counted; those before PAGE_SHRINK may be refused. */
enum page_call {
	PAGE_GROW,
	PAGE_RESERVE,
	PAGE_COMMIT,
	PAGE_RESIZE, /* growing; shrinking is never refused */
	PAGE_SHRINK,
	PAGE_RELEASE,
	PAGE_PURGE,
	PAGE_CALLS,
};

enum page_source_kind { PAGE_SOURCE_OS, PAGE_SOURCE_ARENA };

struct page_kernel; /* page_kernel.h: mmap and its kin */
extern const struct page_kernel PAGE_KERNEL;

struct page_source_options {
	enum page_source_kind kind;
	const struct page_kernel *kernel; /* NULL: PAGE_KERNEL, the kernel's */
	size_t limit_bytes; /* most committed bytes at a time; 0: no limit   */

	/*
	 * Refuse the fail_at-th call that may be refused, counted from 1, and,
	 * with fail_on, every later one too.  0: refuse none.
	 */
	uint64_t fail_at;
	bool fail_on;

	/* page_source_now() is the system's clock, not what was set. */
	bool has_real_clock;

	/*
	 * Called, if not NULL, before committed pages are given back: all that
	 * is resident still is.  Under the source's lock.
	 */
	void (*before_loss)(void *ctx);
	void *before_loss_ctx;
};

enum { PAGE_KEPT_MAX = 32 };

struct page_range {
	char *start;
	size_t bytes;
};

struct page_source {
	/* Read by anyone, written by page_source.c only. */
	size_t reserved_bytes;  /* address space held, committed included */
	size_t committed_bytes; /* the footprint                          */
	size_t peak_committed_bytes; /* largest footprint so far               */
	size_t kept_bytes; /* released, but the kernel would not unmap them   */
	uint64_t calls[PAGE_CALLS]; /* made so far, refused ones included     */
	uint64_t refused;           /* calls refused so far                   */
	uint64_t dropped_bytes;     /* by page_source_drop() so far           */

	/* Private to page_source.c, page_arena.c and page_os.c. */
	struct lock lock;     /* guards everything but `now` */
	_Atomic uint64_t now; /* see page_source_now()       */
	struct page_source_options options;
	const struct page_kernel *kernel;
	uint64_t refusable_calls;
	char *region;     /* contiguous region; NULL before the first grow */
	char *region_end; /* end of its reserved range                     */
	char *brk;        /* end of its committed part                     */

	/* OS */
	char *writable;     /* end of the region's writable part */
	size_t region_step; /* what region_end moves by          */
	struct page_range kept[PAGE_KEPT_MAX]; /* see page_os.c  */
	unsigned kept_count;

	/* arena */
	char *base, *end;        /* its address range                       */
	struct page_hole *holes; /* unreserved ranges, by address           */
	uint64_t *committed;     /* one bit per page, to catch misuse       */
};

/*
 * Opens a source.  False with errno = ENOMEM if the address space is not to be
 * had, or EEXIST if another arena of this process is open.
 *
 * page_source_close() unmaps the whole arena, or the contiguous region of an OS
 * source; what was reserved from the OS and never released stays mapped until
 * the process ends (nobody keeps a list of it).
 */
bool page_source_open(struct page_source *source,
                      const struct page_source_options *options);
void page_source_close(struct page_source *source);

/*
 * Moves the end of the contiguous region up by `bytes`, a positive multiple of
 * PAGE_BYTES, and returns the start of the new, zero bytes; NULL with
 * errno = ENOMEM.  Consecutive calls return adjacent memory.
 */
void *page_source_grow(struct page_source *source, size_t bytes);

/* Moves the end of the region down by `bytes`; undoes that much growth. */
void page_source_shrink(struct page_source *source, size_t bytes);

/*
 * Reserves address space: `bytes`, a positive multiple of PAGE_BYTES, at a
 * multiple of `align`, a power of two >= PAGE_BYTES.  NULL with
 * errno = ENOMEM.
 */
void *page_source_reserve(struct page_source *source, size_t bytes,
                          size_t align);

/*
 * The same for designs that can do with less where address space is limited: at
 * least `least` bytes, and better `*bytes`.  What they get is *bytes, or half of
 * the largest half, quarter... of it that is to be had, so that some is left; or
 * `least`.  `*bytes` becomes what was reserved.  There are `before` bytes more in
 * front of the address that is returned.  A page_call as the other.
 */
void *page_source_reserve_some(struct page_source *source, size_t before,
                               size_t *bytes, size_t least, size_t align);

/* Gives reserved address space back, whole or in part; none of it committed. */
void page_source_release(struct page_source *source, void *start, size_t bytes);

/*
 * Makes reserved pages usable, and zero; none of them is committed yet.  False
 * with errno = ENOMEM.
 */
bool page_source_commit(struct page_source *source, void *start, size_t bytes);

/*
 * Drops the contents of committed pages; they stay reserved, and are zero when
 * they are committed again.  (Of a program that locks its memory they also stay
 * resident.)
 */
void page_source_purge(struct page_source *source, void *start, size_t bytes);

/*
 * Drops the contents of committed pages, which stay committed: they are zero,
 * and not resident until they are written to again.
 */
void page_source_drop(struct page_source *source, void *start, size_t bytes);

/* reserve + commit; on failure nothing is held.  Counted as the two calls. */
void *page_source_map(struct page_source *source, size_t bytes, size_t align);

/* purge + release. */
void page_source_unmap(struct page_source *source, void *start, size_t bytes);

/*
 * Makes a committed range of its own (what map returned) longer or shorter, in
 * place where the addresses behind it are free; else, if `align` is not 0, its
 * pages move, without being copied, to a new range at a multiple of `align`.
 * Returns the start of the range; new bytes are zero.  NULL with errno = ENOMEM,
 * and nothing has changed; shrinking always works, in place.
 */
void *page_source_resize(struct page_source *source, void *start,
                         size_t old_bytes, size_t new_bytes, size_t align);

/*
 * Takes `bytes` out of committed_bytes, and back in: around the check() of a
 * heap that has to share the source with a decorator (locked/locked.c).
 */
void page_source_hide(struct page_source *source, size_t bytes);
void page_source_show(struct page_source *source, size_t bytes);

/*
 * The clock that decay and other time-driven policies read, in the unit of
 * whoever sets it: operations replayed, or recorded nanoseconds.  With
 * has_real_clock it is the system's, in ns, a few milliseconds coarse.
 */
uint64_t page_source_now(const struct page_source *source);
void page_source_set_now(struct page_source *source, uint64_t now);

/*
 * Around fork(), inside the heap's own hooks: prepare takes the lock, parent and
 * child release it.
 */
void page_source_fork_prepare(struct page_source *source);
void page_source_fork_parent(struct page_source *source);
void page_source_fork_child(struct page_source *source);

#endif
