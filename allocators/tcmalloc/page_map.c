/*
 * page_map.c - a radix tree over page numbers, committed where it is used.
 *
 * Idea.  The number of a page, cut into pieces, leads from node to node; each
 * node is an array indexed by one piece.  Two levels:
 *
 *     page number of 35 bits   |-- 17 bits --|--- 18 bits ---|
 *                                     |              |
 *     root   1 MiB             [....][*][....]       |
 *                                     |              v
 *     leaf   2 MiB, for 2 GiB         +--->  [..][entry][..]
 *
 * Nodes are reserved whole and committed page by page, so that a heap of a few
 * MiB pays for one page of the root and one page of a leaf (512 entries, for
 * 4 MiB).  With three levels the nodes are 32, 32 and 16 KiB, for one load more
 * on every free.  With one level there is no root: the entries of the heap's own
 * address range lie in one array, and the range is all that the heap can have.
 *
 * Reading needs no lock.  Entries change under the page heap's lock while no
 * block lies on their pages; whoever holds a block there has got it from a
 * thread that has passed that lock, and what leads to an entry never changes.
 *
 * Every page of a span in use has an entry, so that any block finds its span.
 * Of a free span the first page and the last have one: that is all that a
 * neighbour looks at when it merges.  All other entries are 0.
 *
 * Words.
 *     backed  a page of a node that is committed
 *     fresh   backed by the call that is under way: what it undoes if it fails
 *
 * Invariants, verified in check.c.
 *     I2  the entries of a span in use name it, on every page, with its class;
 *         of a free span the first and the last do, and those between are 0
 *
 * Cost.     a look-up: 1, 2 or 3 loads; 8 bytes a page of 8 KiB, .1 %
 * Threads.  Look-ups at any time; everything else under the page heap's lock.
 * Sources.  [Ghemawat] "page map" and its levels; [Knuth98, 6.3] tries.
 *
 * Read next: page_hash.c.
 */
#include "page_map.h"

#include <errno.h>

#include "../common/bits.h"

/* ---- nodes ----------------------------------------------------------------- */

static size_t words_for(size_t bytes)
{
	return ((bytes >> PAGE_LOG2) + 63) / 64;
}

/* The descriptor and both rows of bits. */
static size_t node_size(size_t bytes)
{
	return round_up(sizeof(struct tcm_map_node) +
	                        2 * words_for(bytes) * sizeof(uint64_t),
	                16);
}

/* A node, nothing of it backed; NULL without memory. */
static struct tcm_map_node *node_new(struct tcm_page_map *map, size_t bytes,
                                     char **slot)
{
	size_t words = words_for(bytes);
	struct tcm_map_node *node =
		tcm_metadata_carve(map->metadata, node_size(bytes));

	if (node == NULL)
		return NULL;
	node->start =
		page_source_reserve(map->metadata->source, bytes, PAGE_BYTES);
	if (node->start == NULL) {
		tcm_metadata_uncarve(map->metadata, node, node_size(bytes));
		errno = ENOMEM;
		return NULL;
	}
	node->bytes = bytes;
	node->slot = slot;
	node->backed = (uint64_t *)(node + 1);
	node->fresh = node->backed + words;
	for (size_t i = 0; i < 2 * words; i++)
		node->backed[i] = 0;
	node->older = map->newest;
	map->newest = node;
	if (slot != NULL)
		*slot = node->start;
	return node;
}

static bool node_is_backed(const struct tcm_map_node *node, size_t page)
{
	return node->backed[page / 64] >> (page % 64) & 1;
}

/* Purges the pages that `bits` names: all that are backed, or the fresh ones. */
static void node_unback(struct tcm_page_map *map, struct tcm_map_node *node,
                        const uint64_t *bits)
{
	for (size_t page = 0; page < node->bytes >> PAGE_LOG2; page++) {
		if (!(bits[page / 64] >> (page % 64) & 1))
			continue;
		page_source_purge(map->metadata->source,
		                  node->start + (page << PAGE_LOG2),
		                  PAGE_BYTES);
		counter_add(&map->bytes, -(uint64_t)PAGE_BYTES);
		node->backed[page / 64] &= ~((uint64_t)1 << (page % 64));
	}
}

/* Commits the page of the node that holds byte `offset`. */
static bool node_back(struct tcm_page_map *map, struct tcm_map_node *node,
                      size_t offset)
{
	size_t page = offset >> PAGE_LOG2;
	uint64_t bit = (uint64_t)1 << (page % 64);

	if (node->backed[page / 64] & bit)
		return true;
	if (!page_source_commit(map->metadata->source,
	                        node->start + (page << PAGE_LOG2), PAGE_BYTES))
		return false;
	counter_add(&map->bytes, PAGE_BYTES);
	node->backed[page / 64] |= bit;
	node->fresh[page / 64] |= bit;
	return true;
}

static void node_drop_newest(struct tcm_page_map *map)
{
	struct tcm_map_node *node = map->newest;

	node_unback(map, node, node->backed);
	page_source_release(map->metadata->source, node->start, node->bytes);
	map->newest = node->older;
	if (node->slot != NULL)
		*node->slot = NULL;
	tcm_metadata_uncarve(map->metadata, node, node_size(node->bytes));
}

static struct tcm_map_node *node_at(const struct tcm_page_map *map,
                                    const char *start)
{
	struct tcm_map_node *node = map->newest;

	while (node != NULL && node->start != start)
		node = node->older;
	return node;
}

/* ---- opening and making room ------------------------------------------------ */

static unsigned bits_below(const struct tcm_page_map *map, unsigned level)
{
	unsigned bits = 0;

	for (unsigned i = level + 1; i < map->levels; i++)
		bits += map->bits[i];
	return bits;
}

/* Where in a node of a level the way to a page leads on. */
static size_t index_at(const struct tcm_page_map *map, unsigned level,
                       uintptr_t page)
{
	return (page - map->first_page) >> bits_below(map, level) &
	       (((uintptr_t)1 << map->bits[level]) - 1);
}

bool tcm_page_map_open(struct tcm_page_map *map, enum tcm_map_kind kind,
                       struct tcm_metadata *metadata, uintptr_t first_page,
                       size_t pages)
{
	*map = (struct tcm_page_map){.kind = kind, .metadata = metadata};
	tcm_page_hash_open(&map->hash, metadata->source,
	                   metadata->single_thread);
	if (kind == TCM_MAP_HASH)
		return true;
	map->levels = kind - TCM_MAP_1 + 1;
	if (kind == TCM_MAP_1) {
		map->first_page = first_page;
		map->bits[0] = log2_ceil(pages);
	} else if (kind == TCM_MAP_2) {
		map->bits[0] = TCM_MAP2_ROOT_LOG2;
		map->bits[1] = TCM_MAP2_LEAF_LOG2;
	} else {
		map->bits[0] = TCM_MAP3_ROOT_LOG2;
		map->bits[1] = TCM_MAP3_MID_LOG2;
		map->bits[2] = TCM_MAP3_LEAF_LOG2;
	}
	struct tcm_map_node *root =
		node_new(map, sizeof(uint64_t) << map->bits[0], NULL);
	if (root == NULL)
		return false;
	map->root = root->start;
	return true;
}

void tcm_page_map_close(struct tcm_page_map *map)
{
	tcm_page_hash_close(&map->hash);
	for (struct tcm_map_node *node = map->newest; node != NULL;
	     node = node->older) {
		node_unback(map, node, node->backed);
		page_source_release(map->metadata->source, node->start,
		                    node->bytes);
	}
}

/* Room for the entry of one page: nodes and backed pages on the way to it. */
static bool reserve_one(struct tcm_page_map *map, uintptr_t page)
{
	struct tcm_map_node *node = node_at(map, map->root);

	for (unsigned level = 0;; level++) {
		size_t index = index_at(map, level, page);
		if (!node_back(map, node, index * sizeof(uint64_t)))
			return false;
		if (level + 1 == map->levels)
			return true;
		char **slot = (char **)node->start + index;
		node = *slot != NULL ? node_at(map, *slot)
		                     : node_new(map,
		                                sizeof(uint64_t)
		                                        << map->bits[level + 1],
		                                slot);
		if (node == NULL)
			return false;
	}
}

bool tcm_page_map_reserve(struct tcm_page_map *map, const void *start,
                          size_t pages, size_t heap_pages)
{
	const size_t step =
		PAGE_BYTES / sizeof(uint64_t); /* a page of a leaf */
	struct tcm_map_node *before = map->newest, *node;
	uintptr_t first = tcm_page_of(start), page = first;
	bool is_done = true;

	if (map->kind == TCM_MAP_HASH)
		return tcm_page_hash_reserve(&map->hash, heap_pages);
	while (is_done && page < first + pages) {
		is_done = reserve_one(map, page);
		page = map->first_page +
		       round_down(page - map->first_page + step, step);
	}
	while (!is_done && map->newest != before)
		node_drop_newest(map);
	for (node = map->newest; node != NULL; node = node->older) {
		if (!is_done)
			node_unback(map, node, node->fresh);
		for (size_t i = 0; i < words_for(node->bytes); i++)
			node->fresh[i] = 0;
	}
	if (!is_done)
		errno = ENOMEM;
	return is_done;
}

/* ---- entries ----------------------------------------------------------------- */

/* The place of the entry of a page for which there is room. */
static uint64_t *entry_at(const struct tcm_page_map *map, uintptr_t page)
{
	char *node = map->root;
	unsigned level = 0;

	for (; level + 1 < map->levels; level++)
		node = ((char **)node)[index_at(map, level, page)];
	return (uint64_t *)node + index_at(map, level, page);
}

void tcm_page_map_set(struct tcm_page_map *map, const void *start, size_t pages,
                      uint64_t entry)
{
	uintptr_t page = tcm_page_of(start), end = page + pages;

	if (map->kind == TCM_MAP_HASH) {
		tcm_page_hash_set(&map->hash, page, pages, entry);
		return;
	}
	size_t leaf = (size_t)1 << map->bits[map->levels - 1];
	while (page < end) {
		uint64_t *at = entry_at(map, page);
		size_t left = leaf - index_at(map, map->levels - 1, page);
		size_t count = end - page < left ? end - page : left;
		for (size_t i = 0; i < count; i++)
			at[i] = entry;
		page += count;
	}
}

uint64_t tcm_page_map_find(struct tcm_page_map *map, const void *address)
{
	uintptr_t page = tcm_page_of(address);

	if (map->kind == TCM_MAP_HASH)
		return tcm_page_hash_get(&map->hash, page);
	if (page < map->first_page ||
	    (page - map->first_page) >> bits_below(map, 0) >> map->bits[0] != 0)
		return 0;
	const struct tcm_map_node *node = node_at(map, map->root);
	for (unsigned level = 0;; level++) {
		size_t index = index_at(map, level, page);
		if (node == NULL ||
		    !node_is_backed(node,
		                    index * sizeof(uint64_t) >> PAGE_LOG2))
			return 0;
		if (level + 1 == map->levels)
			return ((uint64_t *)node->start)[index];
		node = node_at(map, ((char **)node->start)[index]);
	}
}
