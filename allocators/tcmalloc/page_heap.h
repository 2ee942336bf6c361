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
#define TC_NOINLINE __attribute__((noinline))

enum {
	TC_LISTS = 128,        /* of spans of 1, 2, ... 128 pages             */
	TC_GROWTH_PAGES = 128, /* asked of the source, at least               */
	TC_PAGES_MAX = 1 << 30,
};

/*
 * Who has the span.  This flag, and nothing else, says whether a neighbour may
 * merge with it: a span without a live object can be in use all the same, while
 * a thread is about to take objects from it.
 */
enum tc_span_state {
	TC_SPAN_IN_USE,
	TC_SPAN_NORMAL,   /* free, committed                                  */
	TC_SPAN_RETURNED, /* free, given back to the source                   */
};

/* The descriptor of a span; .6 % of a span of one page. */
struct tc_span {
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
			LIST_ENTRY(tc_span) link;
			void *objects;    /* free ones, linked through them   */
			uint32_t used;    /* taken: cached above, or live     */
			uint32_t touched; /* objects from here on were never
			                   * handed out                       */
		};
		RB_ENTRY(tc_span) node; /* free, of more than 128 pages      */
	};
};

static_assert(sizeof(struct tc_span) == 48, "as the cost in page_heap.c says");

LIST_HEAD(tc_span_list, tc_span);
RB_HEAD(tc_span_tree, tc_span);

/* Free spans of one state. */
struct tc_free_spans {
	uint64_t nonempty[TC_LISTS / 64]; /* bit i: list[i] has a span       */
	struct tc_span_list list[TC_LISTS]; /* [i]: spans of i + 1 pages      */
	struct tc_span_tree larger; /* by pages, then address          */
	struct counter pages;
};

/* A reserved range of addresses; spans tile [start, top). */
struct tc_region {
	struct tc_region *older;
	char *start, *top, *end;
};

struct tc_page_heap {
	struct page_source *source;
	const char *single_thread;
	struct tc_metadata *metadata;
	struct tc_page_map *map;
	size_t growth_pages; /* a knob                                       */
	size_t release_rate; /* a knob: pages released for 1000 freed        */

	struct lock lock;
	/* under the lock */
	struct tc_free_spans normal, returned;
	struct tc_region *newest;
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
bool tc_page_heap_open(struct tc_page_heap *heap, struct tc_metadata *metadata,
                       struct tc_page_map *map, size_t fixed_bytes);
void tc_page_heap_close(struct tc_page_heap *heap);

/*
 * Takes `pages` > 0 committed pages at a multiple of `align` pages, a power of
 * two, and maps them with `class`.  NULL with errno = ENOMEM, when the source
 * refuses even after all free pages were released.  O(log spans + pages).
 */
struct tc_span *tc_span_alloc(struct tc_page_heap *heap, size_t pages,
                              size_t align, unsigned class);

/* Gives a span back; it merges with its free neighbours.  O(pages). */
void tc_span_free(struct tc_page_heap *heap, struct tc_span *span);

/*
 * Makes a span in use longer, if the pages behind it are free, or can be had
 * from the source because the heap ends there: by `wish` pages if possible, at
 * least by `need`.  False, and nothing changed, if not.
 */
bool tc_span_extend(struct tc_page_heap *heap, struct tc_span *span,
                    size_t need, size_t wish);

/* Gives the pages from the `kept`-th on back; it may do nothing. */
void tc_span_cut(struct tc_page_heap *heap, struct tc_span *span, size_t kept);

/* Returns at least `pages` free pages to the source; the bytes returned. */
size_t tc_page_heap_release(struct tc_page_heap *heap, size_t pages);

/* ---- the parts of it, under the lock -------------------------------------- */

/* free_spans.c: the lists and trees of free spans. */
void tc_free_insert(struct tc_page_heap *heap, struct tc_span *span);
void tc_free_remove(struct tc_page_heap *heap, struct tc_span *span);

/* The smallest span of at least `pages` pages, or NULL; `links` looked at. */
struct tc_span *tc_free_find(const struct tc_free_spans *spans, size_t pages,
                             uint64_t *links);
/* The largest, or NULL. */
struct tc_span *tc_free_largest(const struct tc_free_spans *spans);

/* The free spans of a state that is not TC_SPAN_IN_USE. */
static inline struct tc_free_spans *tc_free_of(struct tc_page_heap *heap,
                                               unsigned state)
{
	return state == TC_SPAN_NORMAL ? &heap->normal : &heap->returned;
}

/* Descriptors got before anything is changed, so that nothing fails half way. */
struct tc_spares {
	unsigned count;
	struct tc_span *of[3];
};

/* Makes the span free, in the state it has, and merges it. */
void tc_span_release(struct tc_page_heap *heap, struct tc_span *span);

/*
 * growth.c: makes a free, committed span of at least `pages` pages, from
 * returned pages or from the source.  Takes one spare.  False with
 * errno = ENOMEM, and nothing has changed.
 */
bool tc_heap_grow(struct tc_page_heap *heap, size_t pages,
                  struct tc_spares *spares);

/* The same by `pages` pages behind `end`, if that is where the heap ends. */
bool tc_heap_grow_at(struct tc_page_heap *heap, const char *end, size_t pages,
                     struct tc_spares *spares);

/* Reserves all the addresses that the heap will have. */
bool tc_heap_fix(struct tc_page_heap *heap, size_t bytes);

/* Gives all regions back, live blocks included. */
void tc_regions_close(struct tc_page_heap *heap);

/* The span of a page, NULL for one that is in no span or inside a free one. */
static inline struct tc_span *tc_span_at(struct tc_page_heap *heap,
                                         const void *address)
{
	return tc_entry_span(tc_page_map_find(heap->map, address));
}

static inline char *tc_span_end(const struct tc_span *span)
{
	return span->start + ((size_t)span->pages << TC_PAGE_LOG2);
}

static inline size_t tc_span_bytes(const struct tc_span *span)
{
	return (size_t)span->pages << TC_PAGE_LOG2;
}

/* Pages that hold `size` bytes; 1 for 0 bytes. */
static inline size_t tc_pages_for(size_t size)
{
	return size == 0 ? 1 : (size + TC_PAGE_BYTES - 1) >> TC_PAGE_LOG2;
}

#endif
