/*
 * page_map.h - from an address to its span and its size class.
 *
 * The map has one entry, a word, for every page of 8 KiB:
 *
 *     63     56 55                                              0
 *     +--------+------------------------------------------------+
 *     | class  | address of the span's descriptor               |   0: nothing
 *     +--------+------------------------------------------------+
 *
 * Free needs the class only: one shift, and no look at the descriptor.  How the
 * entry is found is a knob; the algorithm is in page_map.c:
 *
 *     1     an array: the heap has one address range of its own
 *     2     a radix tree of two levels, 17 + 18 bits of the page number
 *     3     of three levels, 12 + 12 + 11 bits
 *     hash  a hash table under a lock, page_hash.c
 */
#ifndef ALLOCATORS_TCMALLOC_PAGE_MAP_H
#define ALLOCATORS_TCMALLOC_PAGE_MAP_H

#include "metadata.h"
#include "page_hash.h"
#include "size_classes.h"

struct tc_span; /* page_heap.h */

enum tc_map_kind { TC_MAP_1, TC_MAP_2, TC_MAP_3, TC_MAP_HASH };

enum {
	TC_ADDRESS_LOG2 = 48, /* addresses of a program on x86-64, at most   */
	TC_CLASS_SHIFT = 56,
	TC_MAP2_LEAF_LOG2 = 18,
	TC_MAP2_ROOT_LOG2 = TC_ADDRESS_LOG2 - TC_PAGE_LOG2 - TC_MAP2_LEAF_LOG2,
	TC_MAP3_LEAF_LOG2 = 11,
	TC_MAP3_MID_LOG2 = 12,
	TC_MAP3_ROOT_LOG2 = TC_ADDRESS_LOG2 - TC_PAGE_LOG2 - TC_MAP3_MID_LOG2 -
	                    TC_MAP3_LEAF_LOG2,
};

/* A node of the tree: address space of its own, committed page by page. */
struct tc_map_node {
	struct tc_map_node *older;
	char *start; /* of an array of entries, or of pointers to nodes' starts */
	size_t bytes;
	char **slot; /* the pointer to it in the node above; NULL for the root */

	/* A bit for each page: committed; committed by the call under way. */
	uint64_t *backed, *fresh;
};

struct tc_page_map {
	enum tc_map_kind kind;
	unsigned levels;
	unsigned bits[3];     /* of the page number, level by level        */
	uintptr_t first_page; /* entry 0 of the root stands for it          */
	void *root;
	struct tc_page_hash hash;
	struct tc_metadata *metadata;

	/* under the page heap's lock */
	struct tc_map_node *newest;
	struct counter bytes; /* committed                                  */
};

static inline uint64_t tc_entry(const void *span, unsigned class)
{
	return (uint64_t) class << TC_CLASS_SHIFT | (uint64_t)(uintptr_t)span;
}

static inline unsigned tc_entry_class(uint64_t entry)
{
	return (unsigned)(entry >> TC_CLASS_SHIFT);
}

static inline struct tc_span *tc_entry_span(uint64_t entry)
{
	return (struct tc_span *)(uintptr_t)(entry &
	                                     (((uint64_t)1 << TC_CLASS_SHIFT) -
	                                      1));
}

static inline uintptr_t tc_page_of(const void *address)
{
	return (uintptr_t)address >> TC_PAGE_LOG2;
}

/* The entry of a mapped page, by a tree of two levels: the default. */
static inline uint64_t tc_map2_get(const void *root, const void *address)
{
	uintptr_t page = tc_page_of(address);
	const uint64_t *const *leaves = root;

	return leaves[page >> TC_MAP2_LEAF_LOG2]
		     [page & (((uintptr_t)1 << TC_MAP2_LEAF_LOG2) - 1)];
}

static inline uint64_t tc_map3_get(const void *root, const void *address)
{
	const uint64_t *const *const *mids = root;
	uintptr_t page = tc_page_of(address);
	uintptr_t mid = page >> TC_MAP3_LEAF_LOG2;

	return mids[mid >> TC_MAP3_MID_LOG2]
		   [mid & (((uintptr_t)1 << TC_MAP3_MID_LOG2) - 1)]
		   [page & (((uintptr_t)1 << TC_MAP3_LEAF_LOG2) - 1)];
}

/*
 * The entry of a page that is mapped, whatever the kind.  Safe beside changes
 * to the entries of other pages.  O(1).
 */
static inline uint64_t tc_page_map_get(struct tc_page_map *map,
                                       const void *address)
{
	switch (map->kind) {
	case TC_MAP_1:
		return ((const uint64_t *)map
		                ->root)[tc_page_of(address) - map->first_page];
	case TC_MAP_2:
		return tc_map2_get(map->root, address);
	case TC_MAP_3:
		return tc_map3_get(map->root, address);
	case TC_MAP_HASH:
		break;
	}
	return tc_page_hash_get(&map->hash, tc_page_of(address));
}

/*
 * Sets the kind up.  `first_page` and `pages`: the heap's range, of TC_MAP_1.
 * False with errno = ENOMEM; then nothing is held.
 */
bool tc_page_map_open(struct tc_page_map *map, enum tc_map_kind kind,
                      struct tc_metadata *metadata, uintptr_t first_page,
                      size_t pages);
void tc_page_map_close(struct tc_page_map *map);

/* ---- under the page heap's lock ------------------------------------------- */

/*
 * Makes room for the entries of `pages` pages, all 0 yet.  `heap_pages` is what
 * the heap has with them.  False with errno = ENOMEM, and nothing has changed.
 */
bool tc_page_map_reserve(struct tc_page_map *map, const void *start,
                         size_t pages, size_t heap_pages);

/* Sets the entries of pages for which there is room. */
void tc_page_map_set(struct tc_page_map *map, const void *start, size_t pages,
                     uint64_t entry);

/* The entry of any address at all; 0 where there is none.  O(nodes). */
uint64_t tc_page_map_find(struct tc_page_map *map, const void *address);

#endif
