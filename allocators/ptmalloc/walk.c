/*
 * walk.c - the heap laid out: extents in address order, and the free lists.
 *
 * The tags tell live chunks from free ones, but a chunk in a thread cache or a
 * fast bin looks live; those and the handles' own chunks are gathered first.
 * The regions (main, spaces, mapped chunks) are sorted the same way.
 */
#include <stdio.h>

#include "bins.h"
#include "inspect.h"

const char PT_HANDLE[] = "handle";
const char PT_CACHED[] = "thread cache";

static const char MAIN[] = "main", SPACE[] = "space", MAPPED[] = "mapped";

/* ---- what the tags do not tell -------------------------------------------- */

static size_t count_blocks(struct pt_heap *heap)
{
	const struct arena *arena = &heap->main;
	const struct tcache *cache;
	size_t count = heap->list.handle_count + heap->list.abandoned_count;

	for (cache = heap->list.handles; cache != NULL; cache = cache->next)
		for (size_t bin = 0; bin < CACHE_BINS; bin++)
			count += cache_count(cache, bin);
	do
		count += arena->free_bytes[TIER_FAST] / CHUNK_MIN_BYTES;
	while ((arena = arena->next) != &heap->main);
	return count;
}

static void add_entries(struct block_set *set, const struct entry *entry,
                        const char *tier)
{
	for (; entry != NULL && set->count < set->capacity; entry = entry->next)
		block_set_add(set, block_chunk(entry), tier);
}

static void add_handles(struct block_set *set, const struct tcache *cache)
{
	for (; cache != NULL && set->count < set->capacity; cache = cache->next)
		block_set_add(set, block_chunk(cache), PT_HANDLE);
}

bool pt_special_open(struct pt_heap *heap, struct block_set *set)
{
	const struct arena *arena = &heap->main;
	const struct tcache *cache;

	if (!block_set_open(set, count_blocks(heap)))
		return false;
	add_handles(set, heap->list.handles);
	add_handles(set, heap->list.abandoned);
	for (cache = heap->list.handles; cache != NULL; cache = cache->next)
		for (size_t bin = 0; bin < CACHE_BINS; bin++)
			add_entries(set, cache->bins[bin], PT_CACHED);
	do
		for (size_t bin = 0; bin < FAST_BINS; bin++)
			add_entries(set, arena->fast[bin],
			            pt_tier_names[TIER_FAST]);
	while ((arena = arena->next) != &heap->main);
	block_set_sort(set);
	return true;
}

const struct chunk *pt_chunks_end(const struct arena *arena,
                                  const struct thread_space *space)
{
	if (space == NULL || space == pt_last_space(arena))
		return arena->top;
	return (const struct chunk *)((const char *)space +
	                              space->committed_bytes -
	                              space->fence_bytes);
}

/* ---- walk ----------------------------------------------------------------- */

struct walk {
	extent_visitor *visit;
	void *ctx;
	struct block_set special;
};

static bool give(const struct walk *walk, const void *start, size_t bytes,
                 enum extent_kind kind, const char *tier)
{
	struct extent extent = {(void *)start, bytes, kind, tier};

	return bytes == 0 || walk->visit(walk->ctx, &extent);
}

static bool walk_chunk(const struct walk *walk, const struct chunk *chunk)
{
	const char *special = block_set_tier(&walk->special, chunk);
	const char *start = (const char *)chunk + TAG_BYTES;
	size_t bytes = chunk_bytes(chunk);

	if (special == PT_HANDLE)
		return give(walk, start, bytes, EXTENT_METADATA, "");
	if (special != NULL)
		return give(walk, start, bytes, EXTENT_FREE, special);
	if (!chunk_in_use(chunk))
		return give(walk, start, bytes, EXTENT_FREE,
		            pt_tier_names[pt_chunk_tier(chunk)]);
	return give(walk, start, TAG_BYTES, EXTENT_METADATA, "") &&
	       give(walk, start + TAG_BYTES, bytes - TAG_BYTES, EXTENT_LIVE,
	            "");
}

/* The main arena's region, or a space: from `start` to its end. */
static bool walk_chunks(const struct walk *walk, const struct arena *arena,
                        const struct thread_space *space, const char *start)
{
	const struct chunk *chunk = pt_first_chunk(arena, space);
	const struct chunk *end = pt_chunks_end(arena, space);
	const char *fixed_end = (const char *)chunk + TAG_BYTES;

	if (!give(walk, start, (size_t)(fixed_end - start), EXTENT_METADATA,
	          ""))
		return false;
	for (; chunk != end; chunk = chunk_after(chunk))
		if (!walk_chunk(walk, chunk))
			return false;
	const char *rest = (const char *)end + TAG_BYTES;
	if (end == arena->top)
		return give(walk, rest, chunk_bytes(end) - TAG_BYTES,
		            EXTENT_FREE, "top");
	return give(walk, rest, space->fence_bytes - TAG_BYTES, EXTENT_METADATA,
	            "");
}

static bool walk_mapped(const struct walk *walk, const struct chunk *chunk)
{
	const char *start = mapped_start(chunk);
	size_t lead = chunk->prev_bytes - sizeof(struct mapped);

	return give(walk, start, lead, EXTENT_SLACK, "") &&
	       give(walk, start + lead, sizeof(struct mapped) + HEAD_BYTES,
	            EXTENT_METADATA, "") &&
	       give(walk, chunk_block(chunk), chunk_usable(chunk), EXTENT_LIVE,
	            "");
}

static size_t count_regions(struct pt_heap *heap)
{
	const struct arena *arena = heap->main.next;
	size_t count = 1 + heap->mapped.count;

	for (; arena != &heap->main; arena = arena->next)
		for (const struct thread_space *space = pt_last_space(arena);
		     space != NULL; space = space->before)
			count++;
	return count;
}

static void add_regions(struct pt_heap *heap, struct block_set *regions)
{
	const struct arena *arena = heap->main.next;
	const struct ring *link = heap->mapped.chunks.next;

	block_set_add(regions, heap, MAIN);
	for (; arena != &heap->main; arena = arena->next)
		for (const struct thread_space *space = pt_last_space(arena);
		     space != NULL; space = space->before)
			block_set_add(regions, space, SPACE);
	for (; link != &heap->mapped.chunks; link = link->next)
		block_set_add(regions, mapped_chunk(link), MAPPED);
	block_set_sort(regions);
}

static bool walk_region(const struct walk *walk, struct pt_heap *heap,
                        const struct cached_block *region)
{
	const struct thread_space *space = region->block;

	if (region->tier == MAIN)
		return walk_chunks(walk, &heap->main, NULL, region->block);
	if (region->tier == SPACE)
		return walk_chunks(walk, space->arena, space, region->block);
	return walk_mapped(walk, region->block);
}

void pt_walk(struct heap *heap, extent_visitor *visit, void *ctx)
{
	struct pt_heap *self = pt_of(heap);
	struct walk walk = {.visit = visit, .ctx = ctx};
	struct block_set regions;

	if (!pt_special_open(self, &walk.special))
		return;
	if (block_set_open(&regions, count_regions(self))) {
		add_regions(self, &regions);
		for (size_t i = 0; i < regions.count; i++)
			if (!walk_region(&walk, self, &regions.entries[i]))
				break;
		block_set_close(&regions);
	}
	block_set_close(&walk.special);
}

/* ---- free lists ----------------------------------------------------------- */

enum { NAME_BYTES = 40 };

struct lister {
	free_block_visitor *visit;
	void *ctx;
	char name[2]
		 [NAME_BYTES]; /* by turns: a visitor looks at the last, too */
	unsigned names;
};

static bool list_chunk(struct lister *lister, const struct chunk *chunk)
{
	struct free_block block = {lister->name[lister->names % 2],
	                           (char *)chunk + TAG_BYTES,
	                           chunk_bytes(chunk)};

	return lister->visit(lister->ctx, &block);
}

/* Where the name of the next list, not an empty one, is to be written. */
static char *list_begin(struct lister *lister)
{
	return lister->name[++lister->names % 2];
}

static bool list_entries(struct lister *lister, const struct entry *entry,
                         const char *kind, size_t bytes, unsigned owner)
{
	if (entry == NULL)
		return true;
	snprintf(list_begin(lister), NAME_BYTES, "%s %zu of %u", kind, bytes,
	         owner);
	for (; entry != NULL; entry = entry->next)
		if (!list_chunk(lister, block_chunk(entry)))
			return false;
	return true;
}

/* In the order of a search: the shortest, or the oldest, is last. */
static bool list_ring(struct lister *lister, const struct ring *ring,
                      const char *kind, unsigned number, unsigned owner)
{
	if (ring_is_empty(ring))
		return true;
	snprintf(list_begin(lister), NAME_BYTES, "%s %u of arena %u", kind,
	         number, owner);
	for (const struct ring *link = ring->prev; link != ring;
	     link = link->prev)
		if (!list_chunk(lister, ring_chunk(link)))
			return false;
	return true;
}

static bool list_arena(struct lister *lister, const struct arena *arena,
                       unsigned number)
{
	for (size_t bin = 0; bin < FAST_BINS; bin++)
		if (!list_entries(lister, arena->fast[bin], "fast bin",
		                  CHUNK_MIN_BYTES + bin * CHUNK_ALIGN, number))
			return false;
	if (!list_ring(lister, &arena->unsorted, "unsorted", 1, number))
		return false;
	for (unsigned bin = 2; bin < BINS; bin++)
		if (!list_ring(lister, &arena->bins[bin],
		               bin * CHUNK_ALIGN < LARGE_MIN_BYTES
		                       ? "small bin"
		                       : "large bin",
		               bin, number))
			return false;
	char *name = list_begin(lister);
	snprintf(name, NAME_BYTES, "top of arena %u", number);
	struct free_block top = {name, (char *)arena->top + TAG_BYTES,
	                         chunk_bytes(arena->top) - TAG_BYTES};
	return lister->visit(lister->ctx, &top);
}

void pt_free_lists(struct heap *heap, free_block_visitor *visit, void *ctx)
{
	struct pt_heap *self = pt_of(heap);
	struct lister lister = {.visit = visit, .ctx = ctx};
	const struct tcache *cache = self->list.handles;
	const struct arena *arena = &self->main;
	unsigned number = 1;

	for (; cache != NULL; cache = cache->next, number++)
		for (size_t bin = 0; bin < CACHE_BINS; bin++)
			if (!list_entries(&lister, cache->bins[bin], "cache",
			                  CHUNK_MIN_BYTES + bin * CHUNK_ALIGN,
			                  number))
				return;
	number = 1;
	do
		if (!list_arena(&lister, arena, number++))
			return;
	while ((arena = arena->next) != &self->main);
}
