/*
 * pages.h - the page heap below the slabs: runs of whole pages, and the page
 * map that says in O(1) what an address belongs to.  The algorithm: pages.c.
 *
 * An arena is a stretch of address space aligned to its own size, so that any
 * address in it leads to its head by clearing bits, and from there to the entry
 * of its page:
 *
 *     address & ~(arena - 1)
 *     |
 *     +--------------+-----------------+--------------------+-------------+
 *     | struct arena | page[0] page[1] ... (the page map)   | pages ...   |
 *     +--------------+-----------------+--------------------+-------------+
 *                                                           ^ first   ^ top
 */
#ifndef ALLOCATORS_SLAB_PAGES_H
#define ALLOCATORS_SLAB_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "../common/bits.h"
#include "../common/heap_stats.h"
#include "../common/page_source.h"

struct slab; /* cache.h */

enum {
	PAGE_ORDERS = 19,          /* order 18: the largest arena, 1 GiB     */
	ARENA_BYTES_MIN = 4 << 20, /* so that a page block can have 2 MiB    */
	ARENA_BYTES_MAX = 1 << 30,
};

/* What a page is used for; the zero of fresh memory means "nothing yet". */
enum page_use {
	PAGE_UNUSED, /* holds the page map, or was never handed out          */
	PAGE_FREE,   /* first page of a free block: `link`, `order`          */
	PAGE_SLAB,   /* any page of a slab: `slab`                           */
	PAGE_LARGE,  /* first page of a large block: `run_pages`             */
	PAGE_INSIDE, /* a later page of a free or large block                */
};

/* The page map's entry for one page. */
struct page {
	union {
		TAILQ_ENTRY(page) link;
		struct slab *slab;
		size_t run_pages;
	};
	uint8_t use;   /* enum page_use                                      */
	uint8_t order; /* of PAGE_FREE: the block has 2^order pages          */
	bool backed;   /* committed; every page in use is                    */
	bool fresh;    /* first page of a run just allocated: all of it zero */
};

static_assert(sizeof(struct page) == 24, "0.6 % of what it describes");

struct arena {
	TAILQ_ENTRY(arena) by_address;
	size_t pages;       /* reserved                                      */
	size_t map_bytes;   /* committed for this struct and the page map    */
	size_t first;       /* page number of the first page to hand out     */
	size_t top;         /* pages from here on are in no block            */
	size_t used;        /* pages in slabs and large blocks               */
	bool is_chunk;      /* holds one huge block only, at `first`         */
	struct page page[]; /* the page map; of a chunk, up to `first`       */
};

TAILQ_HEAD(page_list, page);
TAILQ_HEAD(arena_list, arena);

struct kpages {
	struct page_source *source;
	struct heap_stats *stats;
	size_t arena_bytes;
	size_t keep_pages;  /* free pages that may stay committed            */
	size_t free_backed; /* free pages that are committed                 */
	uint32_t nonempty;  /* bit k: free[k] has a block                    */
	struct page_list free[PAGE_ORDERS];
	struct arena_list arenas; /* in address order                        */
	struct arena *open;       /* the arena whose top moved last, or NULL */
};

void kpages_open(struct kpages *pages, struct page_source *source,
                 struct heap_stats *stats, size_t arena_bytes,
                 size_t keep_pages);

/* Gives every page and every arena back to the source. */
void kpages_close(struct kpages *pages);

/*
 * Allocates `count` > 0 committed pages at a multiple of `align` pages, a power
 * of two.  Returns the entry of the first one; the caller says in `use` what
 * they are.  NULL with errno = ENOMEM, also where align is an arena or more.
 * O(log arena), and O(count) to commit pages that are not.
 */
struct page *kpages_alloc(struct kpages *pages, size_t count, size_t align);

/* Frees the run of `count` pages at `page`. */
void kpages_free(struct kpages *pages, struct page *page, size_t count);

/* Frees the pages of that run from its `kept`-th on; 0 < kept < count. */
void kpages_cut(struct kpages *pages, struct page *page, size_t count,
                size_t kept);

/*
 * Grows the large run at `page` from `count` to `wanted` pages if the pages
 * behind it are free; false, and nothing changed, if not.
 */
bool kpages_extend(struct kpages *pages, struct page *page, size_t count,
                   size_t wanted);

/* Whether kpages_extend would succeed, the source willing. */
bool kpages_can_extend(const struct kpages *pages, const struct page *page,
                       size_t count, size_t wanted);

/* Purges all free pages and releases the arenas without a page in use. */
void kpages_trim(struct kpages *pages);

/*
 * The address that kpages_alloc would return now, or NULL if it would reserve
 * an arena or a chunk.  `block_pages` gets the size of the free block that
 * would be cut, 0 for pages above a top.
 */
void *kpages_predict(const struct kpages *pages, size_t count, size_t align,
                     size_t *block_pages);

/* The arena that reserved `address`, or NULL.  O(arenas); for checks only. */
struct arena *kpages_arena_around(const struct kpages *pages,
                                  const void *address);

/* The entry of the free block that contains the page, or NULL. */
const struct page *kpages_free_block_around(const struct arena *arena,
                                            size_t number);

/* The end of the stretch of equally backed pages that starts at `from`. */
size_t kpages_backed_run_end(const struct arena *arena, size_t from,
                             size_t end);

/* Verifies I1-I4 of pages.c; writes the sentence of the broken one. */
bool kpages_check(struct kpages *pages, char *sentence, size_t capacity);

static inline struct arena *kpages_arena_of(const struct kpages *pages,
                                            const void *address)
{
	return (struct arena *)((uintptr_t)address & ~(pages->arena_bytes - 1));
}

/* The page map: from an address handed out to the entry of its page.  O(1). */
static inline struct page *kpages_page_of(const struct kpages *pages,
                                          const void *address)
{
	struct arena *arena = kpages_arena_of(pages, address);
	size_t offset = (size_t)((const char *)address - (char *)arena);
	return &arena->page[offset >> PAGE_LOG2];
}

/* Back again: the map lies in the arena that it describes. */
static inline void *kpages_address(const struct kpages *pages,
                                   const struct page *page)
{
	struct arena *arena = kpages_arena_of(pages, page);
	return (char *)arena + ((size_t)(page - arena->page) << PAGE_LOG2);
}

#endif
