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

struct tcm_span; /* page_heap.h */

enum tcm_map_kind { TCM_MAP_1, TCM_MAP_2, TCM_MAP_3, TCM_MAP_HASH };

enum {
	TCM_ADDRESS_LOG2 = 48, /* addresses of a program on x86-64, at most   */
	TCM_CLASS_SHIFT = 56,
	TCM_MAP2_LEAF_LOG2 = 18,
	TCM_MAP2_ROOT_LOG2 =
		TCM_ADDRESS_LOG2 - TCM_PAGE_LOG2 - TCM_MAP2_LEAF_LOG2,
	TCM_MAP3_LEAF_LOG2 = 11,
	TCM_MAP3_MID_LOG2 = 12,
	TCM_MAP3_ROOT_LOG2 = TCM_ADDRESS_LOG2 - TCM_PAGE_LOG2 -
	                     TCM_MAP3_MID_LOG2 - TCM_MAP3_LEAF_LOG2,
};

/* A node of the tree: address space of its own, committed page by page. */
struct tcm_map_node {
	struct tcm_map_node *older;
	char *start; /* of an array of entries, or of pointers to nodes' starts */
	size_t bytes;
	char **slot; /* the pointer to it in the node above; NULL for the root */

	/* A bit for each page: committed; committed by the call under way. */
	uint64_t *backed, *fresh;
};

struct tcm_page_map {
	enum tcm_map_kind kind;
	unsigned levels;
	unsigned bits[3];     /* of the page number, level by level        */
	uintptr_t first_page; /* entry 0 of the root stands for it          */
	void *root;
	struct tcm_page_hash hash;
	struct tcm_metadata *metadata;

	/* under the page heap's lock */
	struct tcm_map_node *newest;
	struct counter bytes; /* committed                                  */
};

static inline uint64_t tcm_entry(const void *span, unsigned class)
{
	return (uint64_t) class << TCM_CLASS_SHIFT | (uint64_t)(uintptr_t)span;
}

static inline unsigned tcm_entry_class(uint64_t entry)
{
	return (unsigned)(entry >> TCM_CLASS_SHIFT);
}

static inline struct tcm_span *tcm_entry_span(uint64_t entry)
{
	return (struct tcm_span *)(uintptr_t)(entry & (((uint64_t)1
	                                                << TCM_CLASS_SHIFT) -
	                                               1));
}

static inline uintptr_t tcm_page_of(const void *address)
{
	return (uintptr_t)address >> TCM_PAGE_LOG2;
}

/* The entry of a mapped page, by a tree of two levels: the default. */
static inline uint64_t tcm_map2_get(const void *root, const void *address)
{
	uintptr_t page = tcm_page_of(address);
	const uint64_t *const *leaves = root;

	return leaves[page >> TCM_MAP2_LEAF_LOG2]
		     [page & (((uintptr_t)1 << TCM_MAP2_LEAF_LOG2) - 1)];
}

static inline uint64_t tcm_map3_get(const void *root, const void *address)
{
	const uint64_t *const *const *mids = root;
	uintptr_t page = tcm_page_of(address);
	uintptr_t mid = page >> TCM_MAP3_LEAF_LOG2;

	return mids[mid >> TCM_MAP3_MID_LOG2]
		   [mid & (((uintptr_t)1 << TCM_MAP3_MID_LOG2) - 1)]
		   [page & (((uintptr_t)1 << TCM_MAP3_LEAF_LOG2) - 1)];
}

/*
 * The entry of a page that is mapped, whatever the kind.  Safe beside changes
 * to the entries of other pages.  O(1).
 */
static inline uint64_t tcm_page_map_get(struct tcm_page_map *map,
                                        const void *address)
{
	switch (map->kind) {
	case TCM_MAP_1:
		return ((const uint64_t *)map
		                ->root)[tcm_page_of(address) - map->first_page];
	case TCM_MAP_2:
		return tcm_map2_get(map->root, address);
	case TCM_MAP_3:
		return tcm_map3_get(map->root, address);
	case TCM_MAP_HASH:
		break;
	}
	return tcm_page_hash_get(&map->hash, tcm_page_of(address));
}

/*
 * Sets the kind up.  `first_page` and `pages`: the heap's range, of TCM_MAP_1.
 * False with errno = ENOMEM; then nothing is held.
 */
bool tcm_page_map_open(struct tcm_page_map *map, enum tcm_map_kind kind,
                       struct tcm_metadata *metadata, uintptr_t first_page,
                       size_t pages);
void tcm_page_map_close(struct tcm_page_map *map);

/* ---- under the page heap's lock ------------------------------------------- */

/*
 * Makes room for the entries of `pages` pages, all 0 yet.  `heap_pages` is what
 * the heap has with them.  False with errno = ENOMEM, and nothing has changed.
 */
bool tcm_page_map_reserve(struct tcm_page_map *map, const void *start,
                          size_t pages, size_t heap_pages);

/* Sets the entries of pages for which there is room. */
void tcm_page_map_set(struct tcm_page_map *map, const void *start, size_t pages,
                      uint64_t entry);

/* The entry of any address at all; 0 where there is none.  O(nodes). */
uint64_t tcm_page_map_find(struct tcm_page_map *map, const void *address);

#endif
