/*
 * arena.h - an arena and what it is made of: size classes, chunks, pages, runs,
 * bins.  The picture is in jemalloc.h, which includes this.
 */
#ifndef ALLOCATORS_JEMALLOC_ARENA_H
#define ALLOCATORS_JEMALLOC_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/tree.h>

#include "../common/bits.h"
#include "../common/counter.h"
#include "../common/lock.h"
#include "../common/page_source.h"

/* RB_GENERATE_STATIC needs __unused, which libbsd leaves undefined here. */
#define JE_TREE_FUNCTION __attribute__((unused)) static

enum {
	JE_SMALL_CLASSES_MAX = 36,
	JE_TABLE_MAX = 8192,   /* requests up to here: bin by a table      */
	JE_RUN_PAGES_MAX = 16, /* of a small run                           */
	JE_REGIONS_MAX = 512,  /* of a small run                           */
	JE_WORDS_MAX = JE_REGIONS_MAX / 64,
	JE_LARGE_CLASSES_MAX = 16, /* in the thread cache: to 64 KiB         */
	JE_BINS_MAX = JE_SMALL_CLASSES_MAX + JE_LARGE_CLASSES_MAX + 1,
	JE_LINE_BYTES = 64,
	JE_DECAY_STEPS = 16,
	JE_BASE_SIZES = 16, /* metadata comes in 64 << 0 .. 64 << 15 bytes   */
};

struct je_heap; /* jemalloc.h */
struct je_arena;

/* ---- size classes: size_class.c ----------------------------------------- */

enum je_spacing { SPACING_QUARTER, SPACING_2006 };
enum je_purge { PURGE_RATIO, PURGE_DECAY, PURGE_NEVER };

struct je_config {
	size_t chunk_bytes;
	size_t cache_max; /* largest block that is cached, in bytes      */
	uint64_t decay;   /* until a dirty page is purged, clock units   */
	enum je_spacing spacing;
	enum je_purge purge;
	unsigned arenas;
	unsigned slots;       /* of a small bin of the cache, at most        */
	unsigned gc;          /* frees between two looks at a bin; 0: never  */
	unsigned dirty_log2;  /* dirty pages stay below live >> this         */
	unsigned ahead_pages; /* committed beyond a run at most              */
	unsigned headroom;    /* percent, when a large block has to grow     */
	unsigned stagger;     /* cache lines kept for run headers to differ  */
};

/* How the runs of a small class are cut. */
struct je_class {
	uint32_t size;       /* of a region, bytes                          */
	uint32_t reciprocal; /* 2^32 / size, rounded up                     */
	uint32_t region0;    /* offset of the first region in the run       */
	uint16_t regions;
	uint16_t header_bytes; /* struct je_run and its bitmap                */
	uint8_t pages;         /* of the run                                  */
	uint8_t words;         /* of the bitmap                               */
	uint8_t colour_mask;   /* places that the header may have, less one */
};

/* Fills in the heap's classes and the table from its config. */
void je_classes_init(struct je_heap *heap);

/*
 * The smallest class whose regions hold `size` bytes at multiples of `align`;
 * small_classes where whole pages serve as well.
 */
unsigned je_small_class(const struct je_heap *heap, size_t align, size_t size);

/* ---- chunks: chunk.c ---------------------------------------------------- */

/*
 * The page map's entry, one for each page of a chunk:
 *
 *     31            16 15  13  12    11    10     9      8   7          0
 *     +---------------+------+-----+-----+-----+-----+------+------------+
 *     | number        | -    |first|back.|dirty|large|alloc.| bin        |
 *     +---------------+------+-----+-----+-----+-----+------+------------+
 *
 *     small run       number: pages back to the first page of the run
 *     large block     number of its first page: its pages
 *     available run   number of its first and its last page: its pages
 *
 * An available page is uncommitted, clean (committed, still zero) or dirty.
 * The bin is in the lowest byte so that free reads it with one instruction.
 */
enum je_entry {
	ENTRY_BIN = 0xff,
	ENTRY_ALLOCATED = 0x100,
	ENTRY_LARGE = 0x200,
	ENTRY_DIRTY = 0x400,
	ENTRY_BACKED = 0x800, /* committed */
	ENTRY_FIRST = 0x1000, /* of a large block */
	ENTRY_NUMBER_SHIFT = 16,
};

/* An available run, in the chunk's header: its pages may have no memory. */
struct je_avail {
	RB_ENTRY(je_avail) link; /* arena->avail */
	uint32_t page, pages;
};

/* At the start of every chunk; the map and the nodes follow. */
struct je_chunk {
	struct je_arena *arena;
	RB_ENTRY(je_chunk) link; /* arena->chunks, by address */

	/* under the arena's lock */
	size_t header_bytes; /* committed, of this struct, map and nodes      */
	uint32_t live_pages; /* in runs                                       */
	uint32_t backed_pages; /* available and committed                     */
	uint32_t dirty_pages;  /* of these, written to                        */
	uint32_t dirty_since;  /* its turn to be purged: see purge.c          */

	_Alignas(JE_LINE_BYTES) uint32_t map[];
};

static_assert(sizeof(struct je_avail) == 40, "1 % of what it describes");
static_assert(sizeof(struct je_chunk) == JE_LINE_BYTES, "free's path");

RB_HEAD(je_avail_tree, je_avail);
RB_HEAD(je_chunk_tree, je_chunk);

static inline char *je_page_address(const struct je_chunk *chunk, size_t page)
{
	return (char *)chunk + (page << PAGE_LOG2);
}

static inline uint32_t je_entry_number(uint32_t entry)
{
	return entry >> ENTRY_NUMBER_SHIFT;
}

/* ---- bins and runs: bin.c ----------------------------------------------- */

/* The header of a small run, somewhere in its first lines. */
struct je_run {
	RB_ENTRY(je_run)
	link;          /* bin->runs, while it is neither full nor current */
	uint16_t free; /* regions */
	uint16_t first_word; /* no word below has a free region */
	uint8_t bin;
	uint64_t bits[]; /* 1: the region is free */
};

static_assert(sizeof(struct je_run) == 40, "picture in bin.c");

RB_HEAD(je_run_tree, je_run);

struct je_bin {
	struct lock lock;
	/* under the lock */
	struct je_run *current;  /* regions are taken from here */
	struct je_run_tree runs; /* the others that have a free region */
	struct counter run_count;
	struct counter used; /* regions not free, cached ones included */
	struct counter links, searches;
};

/* ---- arenas ------------------------------------------------------------- */

/* Dirty pages of the last steps of the clock: purge.c. */
struct je_decay {
	uint64_t step_start;
	size_t last_dirty; /* at the start of this step */
	size_t backlog[JE_DECAY_STEPS];
};

struct je_arena {
	struct je_heap *heap;
	unsigned threads; /* under the handles lock: handles given to it */
	struct lock lock;

	/* under the lock; counters may be read beside it */
	struct je_avail_tree avail;
	struct je_chunk_tree chunks; /* the spare one included */
	struct je_chunk *spare;      /* wholly available, not in `avail` */
	uint32_t turns; /* how often a chunk got its first dirty page */
	struct je_decay decay;
	struct counter live_pages;   /* in runs */
	struct counter backed_pages; /* available and committed */
	struct counter dirty_pages;  /* of these, written to */
	struct counter spare_pages;  /* of `backed`, in the spare chunk */
	struct counter spare_dirty_pages;
	struct counter header_bytes; /* of all chunks */
	struct counter large_pages;  /* of live_pages, in large blocks */
	struct counter given_bytes;  /* gone back to the source so far */
	struct counter searches, links, exact_fits, splits, merges;
	struct counter grows, shrinks;

	_Alignas(JE_LINE_BYTES) struct je_bin bins[];
};

/* ---- chunk.c, under the arena's lock ------------------------------------ */

/* A chunk whose pages are all available: the spare one or a new one; or NULL. */
struct je_chunk *je_chunk_open(struct je_arena *arena);

/* A chunk without a live page becomes the spare one; the one before goes. */
void je_chunk_set_spare(struct je_arena *arena, struct je_chunk *chunk);

/* Gives the spare chunk back to the source, if there is one. */
void je_chunk_drop_spare(struct je_arena *arena);

/*
 * Commits those of the available pages [page, end) that are not, and the node of
 * page `end`; below `limit` perhaps some more.  False with errno = ENOMEM; then
 * no more is committed than before.
 */
bool je_chunk_back(struct je_arena *arena, struct je_chunk *chunk,
                   uint32_t page, uint32_t end, uint32_t limit);

/*
 * Purges available pages of the chunk that have all of the bits `which`
 * (ENTRY_BACKED, ENTRY_DIRTY), from the highest address down, at most
 * `most` of them; returns how many.
 */
size_t je_chunk_purge(struct je_arena *arena, struct je_chunk *chunk,
                      uint32_t which, size_t most);

/* Gives all chunks of an arena back, live blocks included. */
void je_chunk_close_all(struct je_arena *arena);

/* The chunk at this address if it is one of the heap's; takes arena locks. */
struct je_chunk *je_chunk_find(struct je_heap *heap, const void *address);

RB_PROTOTYPE(je_chunk_tree, je_chunk, link, )

/* ---- pages.c, under the arena's lock ------------------------------------ */

/*
 * Takes `pages` pages at a multiple of `align` pages from the available runs;
 * their entries are set by the caller.  `*fresh`: all of them are zero.  NULL
 * with errno = ENOMEM.
 */
char *je_pages_take(struct je_arena *arena, uint32_t pages, uint32_t align,
                    bool *fresh);

/* Takes the pages [page, end) behind a run; false if they are not available. */
bool je_pages_take_behind(struct je_arena *arena, struct je_chunk *chunk,
                          uint32_t page, uint32_t end);

/* Makes pages available, merges them with their neighbours, may purge. */
void je_pages_give(struct je_arena *arena, struct je_chunk *chunk,
                   uint32_t page, uint32_t pages);

/* The smallest available run of at least `pages`, and the links followed. */
struct je_avail *je_pages_search(const struct je_arena *arena, uint32_t pages,
                                 uint64_t *links);

/* The run behind `run` in the tree's order, the first one for NULL. */
struct je_avail *je_pages_after(const struct je_arena *arena,
                                struct je_avail *run);

/* Whether the pages [page, end) are available, as an available run starts. */
bool je_pages_are_available(const struct je_heap *heap,
                            const struct je_chunk *chunk, uint32_t page,
                            uint32_t end);

void je_pages_init_chunk(struct je_arena *arena, struct je_chunk *chunk);

/* ---- large.c ------------------------------------------------------------ */

/* Pages for a request, and the bin that such a block is cached in. */
static inline uint32_t je_pages_for(size_t size)
{
	return size == 0 ? 1 : (uint32_t)((size + PAGE_BYTES - 1) >> PAGE_LOG2);
}

unsigned je_large_bin(const struct je_heap *heap, size_t pages);

/* A block of whole pages, past the cache; NULL with errno = ENOMEM. */
void *je_large_alloc(struct je_arena *arena, uint32_t pages, uint32_t align,
                     bool *fresh);

/* Gives back `count` large blocks, of whatever arenas. */
void je_large_free(struct je_heap *heap, void **blocks, size_t count);

/* Makes a large block longer or shorter where it is; false if it cannot. */
bool je_large_resize(struct je_heap *heap, void *block, uint32_t pages);

/* ---- purge.c, under the arena's lock ------------------------------------ */

void je_decay_init(struct je_heap *heap);
/* Purges what the heap's policy says, after pages have become dirty. */
void je_purge(struct je_arena *arena);
/* The same when time may have passed; takes the lock. */
void je_purge_tick(struct je_arena *arena);
/* Gives back all that is available, the spare chunk included. */
void je_purge_all(struct je_arena *arena);

/* ---- bin.c -------------------------------------------------------------- */

/*
 * Takes up to `count` regions of a class, the lowest first, into `out`; returns
 * how many.  0 with errno = ENOMEM.
 */
size_t je_bin_fill(struct je_arena *arena, unsigned number, void **out,
                   size_t count);

/*
 * Gives `count` regions of one class back to the bins they came from, of
 * whatever arenas.  The array is used up.
 */
void je_bin_free(struct je_heap *heap, unsigned number, void **blocks,
                 size_t count);

/* The run that page `page` of a chunk belongs to. */
struct je_run *je_run_at(const struct je_heap *heap,
                         const struct je_chunk *chunk, uint32_t page);

static inline char *je_run_start(const struct je_run *run)
{
	return (char *)round_down((uintptr_t)run, PAGE_BYTES);
}

static inline bool je_region_is_free(const struct je_run *run, size_t region)
{
	return run->bits[region / 64] >> (region % 64) & 1;
}

static inline size_t je_region_of(const struct je_class *class,
                                  const struct je_run *run, const void *block)
{
	size_t offset = (size_t)((const char *)block - je_run_start(run)) -
	                class->region0;

	return offset * class->reciprocal >> 32;
}

/* The lowest of a bin's non-full runs, and the links followed to it. */
struct je_run *je_bin_lowest(const struct je_bin *bin, uint64_t *links);

RB_PROTOTYPE(je_run_tree, je_run, link, )

#endif
