/*
 * page_heap.h - spans: runs of pages of 8 KiB.  The algorithm: page_heap.c.
 */
#ifndef ALLOCATORS_TCMALLOC_PAGE_HEAP_H
#define ALLOCATORS_TCMALLOC_PAGE_HEAP_H

#include <assert.h>
#include <bsd/sys/tree.h>
#include <sys/queue.h>

#include "../common/heap_stats.h"
#include "page_map.h"

/* Slow paths stay out of the fast ones. */
#define TCM_NOINLINE __attribute__((noinline))

enum {
	TCM_LISTS = 128, /* of spans of 1, 2, ... 128 pages             */
	TCM_GROWTH_PAGES =
		128, /* asked of the source, at least               */
	TCM_PAGES_MAX = 1 << 30,
};

/*
 * Who has the span.  This flag, and nothing else, says whether a neighbour may
 * merge with it: a span without a live object can be in use all the same, while
 * a thread is about to take objects from it.
 */
enum tcm_span_state {
	TCM_SPAN_IN_USE,
	TCM_SPAN_NORMAL, /* free, committed                                  */
	TCM_SPAN_RETURNED, /* free, given back to the source                   */
};

/* The descriptor of a span; .6 % of a span of one page. */
struct tcm_span {
	char *start;

	/* under the page heap's lock; they do not change while it is in use */
	uint32_t pages;
	uint8_t state;
	bool is_fresh; /* every byte was zero when it was last free           */
	uint8_t class; /* of its objects, 0: one block                        */

	uint8_t fullness; /* of a span with objects: the list it is on        */
	union {
		/* In use with objects, under its class's lock; in a list of
		 * the page heap, under that lock: `link` alone. */
		struct {
			LIST_ENTRY(tcm_span) link;
			void *objects;    /* free ones, linked through them   */
			uint32_t used;    /* taken: cached above, or live     */
			uint32_t touched; /* objects from here on were never
			                   * handed out                       */
		};
		RB_ENTRY(tcm_span) node; /* free, of more than 128 pages      */
	};
};

static_assert(sizeof(struct tcm_span) == 48, "as the cost in page_heap.c says");

LIST_HEAD(tcm_span_list, tcm_span);
RB_HEAD(tcm_span_tree, tcm_span);

/* Free spans of one state. */
struct tcm_free_spans {
	uint64_t nonempty[TCM_LISTS / 64]; /* bit i: list[i] has a span       */
	struct tcm_span_list
		list[TCM_LISTS];     /* [i]: spans of i + 1 pages      */
	struct tcm_span_tree larger; /* by pages, then address          */
	struct counter pages;
};

/* A reserved range of addresses; spans tile [start, top). */
struct tcm_region {
	struct tcm_region *older;
	char *start, *top, *end;
};

static_assert(sizeof(struct tcm_region) <= sizeof(struct tcm_span),
              "they share a pool");

struct tcm_page_heap {
	struct page_source *source;
	const char *single_thread;
	struct tcm_metadata *metadata;
	struct tcm_page_map *map;
	size_t growth_pages; /* a knob                                       */
	size_t release_rate; /* a knob: pages released for 1000 freed        */

	struct lock lock;
	/* under the lock */
	struct tcm_free_spans normal, returned;
	struct tcm_region *newest;
	struct counter pages;       /* below the tops, whatever their state   */
	struct counter large_pages; /* in use, class 0                        */
	long release_credit;        /* pages to free until some are released  */
	bool is_fixed;              /* one region, made at the beginning      */

	/* Costs; see heap_stats.h. */
	struct counter links, searches, exact_fits, splits, merges, grows,
		shrinks;
};

/*
 * An empty page heap; with `fixed_bytes`, all its addresses are reserved now.
 * False with errno = ENOMEM; then nothing is held.  close() gives all back.
 */
bool tcm_page_heap_open(struct tcm_page_heap *heap,
                        struct tcm_metadata *metadata, struct tcm_page_map *map,
                        size_t fixed_bytes);
void tcm_page_heap_close(struct tcm_page_heap *heap);

/*
 * Takes `pages` > 0 committed pages at a multiple of `align` pages, a power of
 * two, and maps them with `class`, no object used.  NULL with errno = ENOMEM, when the source
 * refuses even after all free pages were released.  O(log spans + pages).
 */
struct tcm_span *tcm_span_alloc(struct tcm_page_heap *heap, size_t pages,
                                size_t align, unsigned class);

/* Gives a span back; it merges with its free neighbours.  O(pages). */
void tcm_span_free(struct tcm_page_heap *heap, struct tcm_span *span);

/*
 * Makes a span in use longer, if the pages behind it are free, or can be had
 * from the source because the heap ends there: by `wish` pages if possible, at
 * least by `need`.  False, and nothing changed, if not.
 */
bool tcm_span_extend(struct tcm_page_heap *heap, struct tcm_span *span,
                     size_t need, size_t wish);

/* Gives the pages from the `kept`-th on back; it may do nothing. */
void tcm_span_cut(struct tcm_page_heap *heap, struct tcm_span *span,
                  size_t kept);

/* Returns at least `pages` free pages to the source; the bytes returned. */
size_t tcm_page_heap_release(struct tcm_page_heap *heap, size_t pages);

/* ---- the parts of it, under the lock -------------------------------------- */

/* free_spans.c: the lists and trees of free spans. */
void tcm_free_insert(struct tcm_page_heap *heap, struct tcm_span *span);
void tcm_free_remove(struct tcm_page_heap *heap, struct tcm_span *span);

/* The smallest span of at least `pages` pages, or NULL; `links` looked at. */
struct tcm_span *tcm_free_find(const struct tcm_free_spans *spans, size_t pages,
                               uint64_t *links);
/* The largest, or NULL. */
struct tcm_span *tcm_free_largest(const struct tcm_free_spans *spans);

/* The free spans of a state that is not TCM_SPAN_IN_USE. */
static inline struct tcm_free_spans *tcm_free_of(struct tcm_page_heap *heap,
                                                 unsigned state)
{
	return state == TCM_SPAN_NORMAL ? &heap->normal : &heap->returned;
}

/* Descriptors got before anything is changed, so that nothing fails half way. */
struct tcm_spares {
	unsigned count;
	struct tcm_span *of[3];
};

/* Makes the span free, in the state it has, and merges it. */
void tcm_span_release(struct tcm_page_heap *heap, struct tcm_span *span);

/*
 * growth.c: makes a free, committed span of at least `pages` pages, from
 * returned pages or from the source.  Takes one spare.  False with
 * errno = ENOMEM, and nothing has changed.
 */
bool tcm_heap_grow(struct tcm_page_heap *heap, size_t pages,
                   struct tcm_spares *spares);

/* The same by `pages` pages behind `end`, if that is where the heap ends. */
bool tcm_heap_grow_at(struct tcm_page_heap *heap, const char *end, size_t pages,
                      struct tcm_spares *spares);

/* Reserves all the addresses that the heap will have. */
bool tcm_heap_fix(struct tcm_page_heap *heap, size_t bytes);

/* Gives all regions back, live blocks included. */
void tcm_regions_close(struct tcm_page_heap *heap);

/*
 * The span of a page below a region's top, or beside one; NULL inside a free span
 * and where no span is.
 */
static inline struct tcm_span *tcm_span_at(struct tcm_page_heap *heap,
                                           const void *address)
{
	return tcm_entry_span(tcm_page_map_get(heap->map, address));
}

static inline char *tcm_span_end(const struct tcm_span *span)
{
	return span->start + ((size_t)span->pages << TCM_PAGE_LOG2);
}

static inline size_t tcm_span_bytes(const struct tcm_span *span)
{
	return (size_t)span->pages << TCM_PAGE_LOG2;
}

/* Pages that hold `size` bytes; 1 for 0 bytes. */
static inline size_t tcm_pages_for(size_t size)
{
	return size == 0 ? 1 : (size + TCM_PAGE_BYTES - 1) >> TCM_PAGE_LOG2;
}

#endif
