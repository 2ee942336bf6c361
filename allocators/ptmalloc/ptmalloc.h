/*
 * ptmalloc.h - the parts of a ptmalloc heap, for its own files.
 *
 *     struct tcache      a thread's cache: its handle             threads.c
 *     struct arena       free chunks of one or more heaps         arena.c
 *     struct thread_space  one heap of a thread arena             heaps.c
 *     struct mapped      a chunk that is a mapping of its own     mapped.c
 *     struct pt_heap     all of it
 *
 * Lock order.  A thread that holds a lock takes only later ones:
 *
 *     1  list     the ring of arenas, the free list, the handles
 *     2  arena    one; two never, but for fork and check
 *     3  mapped   the list of mapped chunks
 *     4  (the page source's own)
 */
#ifndef ALLOCATORS_PTMALLOC_PTMALLOC_H
#define ALLOCATORS_PTMALLOC_PTMALLOC_H

#include <stdatomic.h>
#include <stdint.h>

#include "../allocator.h"
#include "../common/counter.h"
#include "../common/heap_stats.h"
#include "../common/heap_usage.h"
#include "../common/knob.h"
#include "../common/lock.h"
#include "../common/page_source.h"
#include "chunk.h"

#define NOINLINE        __attribute__((noinline))
#define unlikely(claim) __builtin_expect(!!(claim), 0)

enum {
	CACHE_BINS = 64, /* chunks of 32, 48, ... 1040 bytes [glibc]         */
	FAST_BINS = 10,  /* of 32, 48, ... 176                               */
	BINS = 127,      /* 0, 1 unused; 2-63 small; 64-126 large            */
	BIN_WORDS = 2,   /* of the binmap                                    */

	CONSOLIDATE_BYTES = 64 << 10, /* a free chunk this long is reason to
	                                 empty the fast bins [glibc]         */
	SORT_MAX = 10000,             /* unsorted chunks looked at by one
	                                 malloc [glibc]                      */
	THRESHOLD_MAX = 32 << 20,     /* the dynamic one stops here [glibc]  */
};

#define THREAD_SPACE_BYTES ((size_t)64 << 20) /* twice that [glibc] */

enum pt_knob {
	PT_TCACHE,
	PT_FAST_MAX,
	PT_MMAP_THRESHOLD,
	PT_TRIM_THRESHOLD,
	PT_THRESHOLDS,
	PT_MMAP_MAX,
	PT_TOP_PAD,
	PT_ARENAS,
	PT_ARENA,
};

enum pt_thresholds { THRESHOLDS_DYNAMIC, THRESHOLDS_FIXED };
enum pt_arena_choice { ARENA_ATTACHED, ARENA_TRY_LOCK };

/* Where a chunk that is free in an arena is kept. */
enum tier { TIER_FAST, TIER_UNSORTED, TIER_SMALL, TIER_LARGE, TIERS };

extern const char *const pt_tier_names[TIERS];

struct pt_heap;

/* ---- the thread cache ----------------------------------------------------- */

/* A block in a thread cache or, without the key, in a fast bin. */
struct entry {
	struct entry *next;
	void *key; /* the cache that it is in, as far as one can tell */
};

/*
 * A thread's cache, and its handle.  It lies in a chunk of an arena.
 *
 *     bins[0]    32 bytes -> block -> block -> NULL             room[0] = 5
 *     bins[1]    48 bytes -> NULL                               room[1] = 7
 *     ...
 *     bins[63] 1040 bytes -> block -> NULL                      room[63] = 6
 *
 * `room` counts down where glibc counts up: the limit need not be read.
 */
struct tcache {
	/* owner only */
	struct entry *bins[CACHE_BINS];
	_Atomic uint32_t room[CACHE_BINS]; /* written by the owner alone     */
	struct pt_heap *heap;
	size_t own_bytes; /* of the chunk that all this lies in */
	struct counter refills, flushes, moves;

	/* under the list lock; `arena` is read by the owner without it */
	struct arena *arena; /* that it is attached to */
	struct tcache *next; /* handle */
};

/* The bin of chunks of `bytes`; CACHE_BINS or more: none. */
static inline size_t cache_bin(size_t bytes)
{
	return bytes / CHUNK_ALIGN - CHUNK_MIN_BYTES / CHUNK_ALIGN;
}

static inline unsigned cache_room(const struct tcache *cache, size_t bin)
{
	return atomic_load_explicit(&cache->room[bin], memory_order_relaxed);
}

static inline void cache_set_room(struct tcache *cache, size_t bin,
                                  unsigned room)
{
	atomic_store_explicit(&cache->room[bin], room, memory_order_relaxed);
}

static inline void *cache_pop(struct tcache *cache, size_t bin)
{
	struct entry *entry = cache->bins[bin];

	cache->bins[bin] = entry->next;
	cache_set_room(cache, bin, cache_room(cache, bin) + 1);
	entry->key = NULL;
	return entry;
}

static inline void cache_push(struct tcache *cache, size_t bin, void *block)
{
	struct entry *entry = block;

	entry->next = cache->bins[bin];
	cache->bins[bin] = entry;
	cache_set_room(cache, bin, cache_room(cache, bin) - 1);
	entry->key = cache;
}

/* Whether a chunk of `bytes` would find room; false for no cache. */
static inline bool cache_has_room(const struct tcache *cache, size_t bytes)
{
	size_t bin = cache_bin(bytes);

	return cache != NULL && bin < CACHE_BINS && cache_room(cache, bin) > 0;
}

/* ---- arenas --------------------------------------------------------------- */

struct arena {
	struct lock lock;
	struct pt_heap *heap;
	size_t not_main; /* NOT_MAIN or 0, as in the heads of its chunks */

	/* under lock */
	struct chunk *top;            /* the last chunk, in no bin          */
	struct chunk *last_remainder; /* of a small request, on unsorted    */
	char *fresh;                  /* bytes of the top's heap from here
	                                 on are zero, but for the top's tags */
	struct entry *fast[FAST_BINS];
	struct ring unsorted;
	struct ring bins[BINS];
	uint64_t binmap[BIN_WORDS]; /* a clear bit: that bin is empty        */
	size_t committed_bytes;     /* of all its heaps                      */
	size_t fixed_bytes;         /* of them in no chunk, or in a fence    */
	size_t in_use;              /* chunks that malloc took and free has
	                               not given back: live or in a tcache   */
	size_t free_bytes[TIERS];
	struct heap_stats stats;

	/* under the list lock */
	struct arena *next;      /* on the ring of all arenas                */
	struct arena *next_free; /* on the free list                         */
	size_t attached;         /* handles; 0: it is on the free list       */
};

/* At the start of each heap of a thread arena; see heaps.c. */
struct thread_space {
	struct arena *arena;
	struct thread_space *before; /* the arena's heap before this one     */
	size_t reserved_bytes; /* 64 MiB, or less where that was refused     */
	size_t committed_bytes;
	size_t fence_bytes; /* at its end, once another heap follows         */
};

/* Just before a mapped chunk: the list of all; see mapped.c. */
struct mapped {
	struct ring link;
};

struct pt_heap {
	struct page_source *pages;
	const char *single_thread;

	/* knobs */
	size_t cache_limit;
	size_t fast_max_bytes; /* of a chunk; 0: no fast bins */
	size_t top_pad;
	size_t mmap_max;
	size_t arenas_max;
	bool thresholds_are_fixed;
	bool tries_locks;

	/* Atomic; raised by free, as in glibc. */
	struct counter mmap_threshold;
	struct counter trim_threshold;

	struct lock list_lock;
	struct {
		size_t arenas;
		struct arena *free_arenas;
		struct arena *next_to_share; /* who gets the next handle when
		                                there are arenas_max         */
		struct tcache *handles;      /* attached now                 */
		struct tcache *abandoned;    /* lost in a fork               */
		uint64_t handle_count, abandoned_count;
		uint64_t refills, flushes, moves; /* of handles detached     */
	} list;

	struct lock mapped_lock;
	struct {
		struct ring chunks;
		size_t count;
		size_t committed_bytes, live_bytes, slack_bytes;
		uint64_t grows, shrinks;
	} mapped;

	char message[192]; /* the last sentence of check() */
	struct arena main; /* the ring of arenas begins here */
};

/* Blocks in a bin. */
static inline size_t cache_count(const struct tcache *cache, size_t bin)
{
	return cache->heap->cache_limit - cache_room(cache, bin);
}

static inline struct pt_heap *pt_of(struct heap *heap)
{
	return (struct pt_heap *)heap;
}

static inline struct tcache *tcache_of(struct thread_heap *self)
{
	return (struct tcache *)self;
}

static inline void arena_lock(struct arena *arena)
{
	lock_take(&arena->lock, arena->heap->single_thread);
}

static inline void arena_unlock(struct arena *arena)
{
	lock_drop(&arena->lock, arena->heap->single_thread);
}

static inline void list_lock(struct pt_heap *heap)
{
	lock_take(&heap->list_lock, heap->single_thread);
}

static inline void list_unlock(struct pt_heap *heap)
{
	lock_drop(&heap->list_lock, heap->single_thread);
}

static inline void mapped_lock(struct pt_heap *heap)
{
	lock_take(&heap->mapped_lock, heap->single_thread);
}

static inline void mapped_unlock(struct pt_heap *heap)
{
	lock_drop(&heap->mapped_lock, heap->single_thread);
}

/* The heap of a thread arena around an address in it: a mask. */
static inline struct thread_space *space_of(const void *address)
{
	return (struct thread_space *)round_down((size_t)address,
	                                         THREAD_SPACE_BYTES);
}

/* The arena that a chunk, not a mapped one, belongs to. */
static inline struct arena *chunk_arena(struct pt_heap *heap,
                                        const struct chunk *chunk)
{
	return chunk_head(chunk) & NOT_MAIN ? space_of(chunk)->arena
	                                    : &heap->main;
}

/* ---- knobs.c -------------------------------------------------------------- */

extern const struct knob pt_knobs[]; /* [enum pt_knob]                       */

void pt_set_knobs(struct pt_heap *heap, const struct knob_values *values);

/* ---- arena.c: malloc and free in one arena; all under its lock ------------ */

/* A live chunk of `bytes`; `cache`, if not NULL, takes equal ones along. */
struct chunk *pt_arena_malloc(struct arena *arena, size_t bytes,
                              struct tcache *cache);

void pt_arena_free(struct arena *arena, struct chunk *chunk);

/* Joins a chunk that is on no list with free neighbours; what came of it. */
struct chunk *pt_arena_merge(struct arena *arena, struct chunk *chunk);

/* Cuts a live chunk after `bytes` if the rest makes a chunk, and frees that. */
void pt_arena_cut_tail(struct arena *arena, struct chunk *chunk, size_t bytes);

/* Lengthens a live chunk into what lies behind it; false if it cannot. */
bool pt_arena_extend(struct arena *arena, struct chunk *chunk, size_t bytes);

/* A chunk off the front of the top; NULL if it is too short. */
struct chunk *pt_top_take(struct arena *arena, size_t bytes);

/* ---- heaps.c: the memory of arenas ---------------------------------------- */

/* Lays the main arena out behind the heap's descriptor. */
void pt_main_open(struct pt_heap *heap, size_t committed_bytes);

/* A new arena in a heap of its own; NULL with ENOMEM. */
struct arena *pt_arena_open(struct pt_heap *heap);

/*
 * Makes the top long enough for a chunk of `bytes`, in a new heap if need be;
 * false with ENOMEM.
 */
bool pt_top_grow(struct arena *arena, size_t bytes);

/* The same in the heap that the top is in; pads, if possible. */
bool pt_top_extend(struct arena *arena, size_t bytes);

/* Gives back whole pages of the top beyond `pad`; returns those bytes. */
size_t pt_top_trim(struct arena *arena, size_t pad);

/*
 * Gives back the heaps of a thread arena in which no chunk is left but the top,
 * newest first, unless so little room is left in the one before that `pad`
 * could not be had there; returns those bytes.
 */
size_t pt_spaces_drop(struct arena *arena, size_t pad);

/* Closes all heaps of a thread arena, whatever is in them. */
void pt_arena_close(struct arena *arena);

/* The first chunk of a heap: `space`, or NULL for the main arena. */
struct chunk *pt_first_chunk(const struct arena *arena,
                             const struct thread_space *space);

/* The newest heap of a thread arena; NULL for the main arena. */
struct thread_space *pt_last_space(const struct arena *arena);

/* ---- mapped.c: large chunks that are mappings of their own ---------------- */

struct chunk *pt_mapped_malloc(struct pt_heap *heap, size_t bytes);
void pt_mapped_free(struct pt_heap *heap, struct chunk *chunk);

/* The chunk with room for a chunk of `bytes`, moved perhaps; NULL: ENOMEM. */
struct chunk *pt_mapped_resize(struct pt_heap *heap, struct chunk *chunk,
                               size_t bytes);

/* Lets the chunk begin `bytes` later, so that its block is aligned. */
struct chunk *pt_mapped_shift(struct pt_heap *heap, struct chunk *chunk,
                              size_t bytes);

static inline struct mapped *chunk_mapped(const struct chunk *chunk)
{
	return (struct mapped *)chunk - 1;
}

static inline struct chunk *mapped_chunk(const struct ring *link)
{
	return (struct chunk *)(link + 1);
}

/* Its mapping. */
static inline char *mapped_start(const struct chunk *chunk)
{
	return (char *)chunk - chunk->prev_bytes;
}

static inline size_t mapped_bytes(const struct chunk *chunk)
{
	return chunk->prev_bytes + chunk_bytes(chunk);
}

/* ---- threads.c: which arena serves which thread --------------------------- */

struct thread_heap *pt_attach(struct heap *heap);
void pt_detach(struct thread_heap *self);

/*
 * arena=try-lock: the cache's own arena was found locked.  Attaches it to
 * another, which is locked then.
 */
struct arena *pt_arena_move_on(struct tcache *cache);

/* Locks the arena that `cache` is to allocate from now. */
static inline struct arena *arena_take(struct tcache *cache)
{
	struct arena *arena = cache->arena;

	if (!cache->heap->tries_locks) {
		arena_lock(arena);
		return arena;
	}
	if (lock_try(&arena->lock, cache->heap->single_thread))
		return arena;
	return pt_arena_move_on(cache);
}

/* The arena to try when `arena` has no memory; NULL: there is no other. */
struct arena *pt_arena_retry(struct arena *arena);

void pt_fork_prepare(struct heap *heap);
void pt_fork_parent(struct heap *heap);
void pt_fork_child(struct heap *heap, struct thread_heap *self);

/* ---- what the heap looks like --------------------------------------------- */

void pt_stats(struct heap *heap, struct heap_stats *out);          /* usage.c */
void pt_usage(struct heap *heap, struct heap_usage *out);          /* usage.c */
void pt_walk(struct heap *heap, extent_visitor *visit, void *ctx); /* walk.c */
void pt_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx);
const char *pt_check(struct heap *heap); /* check.c */
void pt_explain(struct heap *heap, const struct request *request,
                char *sentence, size_t capacity); /* explain.c */

/* diagnose.c: the checked build stops here unless `block` is live. */
void pt_require_live(struct pt_heap *heap, const void *block, const char *call);

/* Stops if `block` is in this cache's bin: its key says that it may be. */
void pt_require_uncached(const struct tcache *cache, const void *block,
                         size_t bin);

#endif
