/*
 * allocator.h - the contract between an allocator and the harness.
 *
 * The harness knows allocators by this header alone, and each allocator folder
 * exports one symbol, a `const struct allocator`:
 *
 *     harness --calls--> struct allocator     one per policy, constant
 *                             | create
 *                             v
 *                        struct heap --asks for memory--> struct page_source
 *                             | attach, once per logical thread
 *                             v
 *                        struct thread_heap   first argument of malloc, free
 *
 * An allocator keeps no global and no thread-local state, so a test may hold
 * many heaps at once.  A *logical thread* is a thread_heap and nothing else:
 * one OS thread can drive many of them in a recorded order (deterministic
 * replay) or every OS thread its own (throughput).  The allocator cannot tell
 * the difference, because "is this block mine?" compares handles.
 *
 * All memory, the heap's own descriptor included, comes from the page source.
 * That is what makes every byte countable.
 *
 * Threads.  Where `has_locks` is set, OS threads may make these calls at the
 * same time, each with a handle of its own:
 *
 *     any number at a time   malloc and its kin, free, attach, detach, trim,
 *                            usable_size, serves, stats, usage
 *     alone                  create, destroy, walk, check, free_lists, explain
 *
 * "Alone" means quiescence: no other call runs, on whatever handle.  All other
 * allocators are used by one OS thread at a time; locked/locked.c puts one lock
 * around such a heap, so that it can take part in runs with real threads.
 */
#ifndef ALLOCATORS_ALLOCATOR_H
#define ALLOCATORS_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

struct heap;        /* one per create(); each allocator casts to its own    */
struct thread_heap; /* one per attach(); each allocator casts to its own    */
struct page_source; /* common/page_source.h: where pages come from          */
struct knob;        /* common/knob.h: name, unit, default, range, source    */
struct knob_values; /* common/knob.h: one value per knob                    */
struct heap_stats;  /* common/heap_stats.h: deterministic cost counters     */
struct heap_usage;  /* common/heap_usage.h: bytes by tier, locks            */

enum {
	MALLOC_ALIGN_BYTES =
		16,     /* alignof(max_align_t) on x86-64 [C11 7.22.3] */
	TINY_BYTES = 8, /* no object of at most 8 bytes needs more than 8 */
};

/* What malloc and realloc align a request of `size` bytes to, at least. */
static inline size_t malloc_align(size_t size)
{
	return size <= TINY_BYTES ? TINY_BYTES : MALLOC_ALIGN_BYTES;
}

/*
 * What a stretch of committed memory is used for.  A walk hands out extents
 * that cover every committed byte exactly once:
 *
 *     requested + internal + metadata + free + slack == committed
 *     '---- EXTENT_LIVE ----'
 *
 * Only the harness knows what was requested, so only it can split LIVE.
 */
enum extent_kind {
	EXTENT_LIVE,     /* the usable bytes of one live block                */
	EXTENT_FREE,     /* one free block, tags included; `tier` says whose  */
	EXTENT_METADATA, /* headers, descriptors, bitmaps, page maps          */
	EXTENT_SLACK,    /* bytes that no request can ever be given           */
};

struct extent {
	void *start;
	size_t bytes; /* > 0 */
	enum extent_kind kind;
	const char *tier; /* of EXTENT_FREE: "hole", "wilderness"...; else "" */
};

/* Receives one extent of a walk; returning false ends the walk. */
typedef bool extent_visitor(void *ctx, const struct extent *extent);

/*
 * One free block as a search meets it, for the stepper: `list` names the list
 * it hangs on ("chain", "order 7", "cache 64 partial"), `start` and `bytes`
 * are those of its EXTENT_FREE.
 */
struct free_block {
	const char *list;
	void *start;
	size_t bytes;
};

typedef bool free_block_visitor(void *ctx, const struct free_block *block);

/* A call that is about to be made, for `explain`. */
enum request_kind {
	REQUEST_MALLOC,  /* size; align where above MALLOC_ALIGN_BYTES        */
	REQUEST_REALLOC, /* block, size                                       */
	REQUEST_FREE,    /* block                                             */
};

struct request {
	enum request_kind kind;
	size_t size;
	size_t align; /* 0 or a power of two */
	const void *block;
};

struct allocator {
	const char *name;         /* on the command line: "buddy"             */
	const char *summary;      /* one line for `alloclab list`             */
	const char *source;       /* key in docs/references.md                */
	const struct knob *knobs; /* ends with a knob without a name          */

	/*
	 * The memory of this allocator does not come from the page source
	 * (the C library's malloc): footprint and walk mean nothing, only
	 * resident memory can be compared.
	 */
	bool ignores_page_source;

	/* Many OS threads may call at the same time (see the head). */
	bool has_locks;

	/*
	 * malloc and free may also be called with a handle of no heap, all
	 * zero, and then call the functions of common/unattached.h.
	 */
	bool knows_unattached;

	/*
	 * What malloc and realloc align to, if that is less than
	 * malloc_align(size); 0: nothing less.  For allocators of others: many
	 * a CS:APP allocator, and some libraries, align to 8.
	 */
	size_t weaker_align;

	/*
	 * NULL if the knob values, each within its own range, can be used
	 * together; else a sentence that names the knobs at fault.  A NULL
	 * pointer stands for "every combination works".
	 */
	const char *(*refuse)(const struct knob_values *values);

	/*
	 * For allocators that do not serve every request: whether this heap,
	 * with all the memory there is, would answer one of `size` bytes at a
	 * multiple of `align` (0: of malloc_align(size)).  If not, `why` gets
	 * a sentence like explain's: "pool serves requests of at most 64
	 * bytes: 300".  The call itself then returns NULL with errno = EINVAL,
	 * and the heap is as it was.  A NULL pointer stands for "all of them".
	 */
	bool (*serves)(struct heap *heap, size_t size, size_t align, char *why,
	               size_t capacity);

	/*
	 * Builds an empty heap that draws all its memory, its own descriptor
	 * included, from `pages`.  `values` is copied; `pages` must outlive
	 * the heap.  NULL on failure with errno EINVAL (refused knobs) or
	 * ENOMEM (the source refused the first pages; it then holds nothing).
	 *
	 * `*single_thread` is nonzero while only one OS thread uses the heap,
	 * which then needs no locks (common/lock.h), and is cleared before the
	 * second thread starts: never while a call runs.  It must outlive the
	 * heap.  The same byte that the GNU C library calls
	 * __libc_single_threaded, which serves: the library clears it before
	 * pthread_create makes the second thread, and a child that a process
	 * with threads forked finds it cleared.
	 */
	struct heap *(*create)(const struct knob_values *values,
	                       struct page_source *pages,
	                       const char *single_thread);

	/*
	 * Gives every page back to the source, live blocks included.  All
	 * handles must have been detached.
	 */
	void (*destroy)(struct heap *heap);

	/* Adds a logical thread; NULL with errno = ENOMEM on failure. */
	struct thread_heap *(*attach)(struct heap *heap);

	/*
	 * Ends a logical thread: its caches are flushed, `self` is invalid
	 * afterwards, the blocks it allocated stay valid.
	 */
	void (*detach)(struct thread_heap *self);

	/*
	 * Returns at least `size` usable bytes at a multiple of
	 * malloc_align(size), contents indeterminate; or NULL with
	 * errno = ENOMEM, and then the heap is as it was.  malloc(0) returns
	 * a block of its own that must be freed.  Sizes above PTRDIFF_MAX
	 * fail.  Two OS threads may not use one `self` at the same time.
	 */
	void *(*malloc)(struct thread_heap *self, size_t size);

	/*
	 * malloc with the first `size` bytes zero.  Memory that is known to
	 * be fresh from the source need not be cleared again.
	 */
	void *(*zero_malloc)(struct thread_heap *self, size_t size);

	/*
	 * malloc at a multiple of `align`, a power of two.  Above 1 MiB it may
	 * be refused, with ENOMEM.
	 */
	void *(*aligned_malloc)(struct thread_heap *self, size_t align,
	                        size_t size);

	/*
	 * Resizes `block`, in place where the design can; the contents up to
	 * the smaller of both sizes stay.  NULL with errno = ENOMEM leaves
	 * `block` as it was.  realloc(NULL, size) is malloc(size); the caller
	 * never passes size 0.  Alignment above MALLOC_ALIGN_BYTES may be lost.
	 */
	void *(*realloc)(struct thread_heap *self, void *block, size_t size);

	/*
	 * Frees `block`, allocated through any handle of the same heap.  NULL
	 * is allowed; errno is preserved.  Anything else that is not a live
	 * block is a bug of the caller: the checked build stops with a
	 * sentence (common/misuse.h), the fast build need not notice.
	 */
	void (*free)(struct thread_heap *self, void *block);

	/*
	 * Usable bytes of a live block, never fewer than were requested.  NULL
	 * where the design cannot tell: then it counts as what was requested.
	 */
	size_t (*usable_size)(struct heap *heap, const void *block);

	/* Gives back to the source what can be given; returns those bytes. */
	size_t (*trim)(struct heap *heap);

	/*
	 * Copies the cost counters, exact at quiescence.  O(1) or O(handles);
	 * never in a timed region.
	 */
	void (*stats)(struct heap *heap, struct heap_stats *out);

	/*
	 * Live, cached and metadata bytes and the use of every kind of lock,
	 * exact at quiescence, when they are the sums of a walk.
	 * O(handles * size classes).  NULL where only a walk can tell.
	 */
	void (*usage)(struct heap *heap, struct heap_usage *out);

	/*
	 * Around fork().  fork_prepare takes every lock of the heap in lock
	 * order; fork_parent releases them.  fork_child releases them in the
	 * child, where `self`, the handle of the thread that forked, or NULL,
	 * is the only one left: the others belong to threads that are no more,
	 * perhaps stopped in the middle of a call, so their caches are never
	 * read again and are counted in usage as abandoned.  The caller locks
	 * the page source between (page_source_fork_prepare).  NULL without
	 * has_locks.
	 */
	void (*fork_prepare)(struct heap *heap);
	void (*fork_parent)(struct heap *heap);
	void (*fork_child)(struct heap *heap, struct thread_heap *self);

	/*
	 * Visits the extents in address order, at quiescence.  O(blocks), or
	 * O(blocks log blocks) where caches are looked up; the memory for that
	 * comes from a source of its own (common/scratch.h), so that looking
	 * changes nothing.  Blocks in abandoned caches are live to a walk.
	 * NULL where the design cannot tell (`system`, CS:APP plug-ins).
	 */
	void (*walk)(struct heap *heap, extent_visitor *visit, void *ctx);

	/*
	 * Verifies the invariants numbered at the top of the allocator's file.
	 * NULL if all hold, else a sentence that names the broken one, such as
	 * "buddy I2: the free block at 0x7e9000000040 has a free buddy".  The
	 * sentence lives until the next check.  O(heap).  NULL where there is
	 * nothing to verify.
	 */
	const char *(*check)(struct heap *heap);

	/*
	 * Visits the free structures list by list, each in the order in which
	 * a search meets its blocks.  For the stepper; may be NULL.
	 */
	void (*free_lists)(struct heap *heap, free_block_visitor *visit,
	                   void *ctx);

	/*
	 * Writes one sentence that says how `request` would be answered now
	 * and why, without changing the heap: "the 2nd of 3 holes is the first
	 * of at least 64 bytes; its last 32 stay a hole".  At most `capacity`
	 * bytes, always terminated.  For the stepper; may be NULL.
	 */
	void (*explain)(struct heap *heap, const struct request *request,
	                char *sentence, size_t capacity);
};

#endif
