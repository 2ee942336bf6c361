/*
 * usage.c - the counters of all parts, added up.
 *
 * Nothing here walks chunks: an arena knows its free bytes by tier and how many
 * chunks are in use, a thread cache how many blocks it has of each size.  What is
 * in use and in no cache is live.
 */
#include "inspect.h"

static void add_stats(struct heap_stats *sum, const struct heap_stats *stats)
{
	sum->links += stats->links;
	sum->searches += stats->searches;
	sum->exact_fits += stats->exact_fits;
	sum->splits += stats->splits;
	sum->merges += stats->merges;
	sum->grows += stats->grows;
	sum->shrinks += stats->shrinks;
}

void pt_stats(struct heap *heap, struct heap_stats *out)
{
	struct pt_heap *self = pt_of(heap);
	struct arena *arena = &self->main;

	lock_look(&self->list_lock);
	*out = (struct heap_stats){.moves = self->list.moves};
	for (const struct tcache *cache = self->list.handles; cache != NULL;
	     cache = cache->next)
		out->moves += counter_read(&cache->moves);
	do {
		lock_look(&arena->lock);
		add_stats(out, &arena->stats);
		lock_look_away(&arena->lock);
	} while ((arena = arena->next) != &self->main);
	lock_look(&self->mapped_lock);
	out->grows += self->mapped.grows;
	out->shrinks += self->mapped.shrinks;
	lock_look_away(&self->mapped_lock);
	lock_look_away(&self->list_lock);
}

/* Chunks that are not free in an arena, of whatever kind. */
struct in_use {
	size_t chunks, bytes;
};

static void add_arena(struct heap_usage *out, struct in_use *in_use,
                      struct arena *arena)
{
	size_t bytes = arena->committed_bytes - arena->fixed_bytes;
	size_t top = chunk_bytes(arena->top) - TAG_BYTES;

	usage_add_tier(out, "top", top);
	for (int tier = 0; tier < TIERS; tier++) {
		usage_add_tier(out, pt_tier_names[tier],
		               arena->free_bytes[tier]);
		bytes -= arena->free_bytes[tier];
	}
	in_use->chunks += arena->in_use;
	in_use->bytes += bytes - top;
	out->metadata_bytes += arena->fixed_bytes;
}

/* A handle's chunk is metadata, the chunks in its cache are free. */
static void add_handle(struct heap_usage *out, struct in_use *in_use,
                       const struct tcache *cache)
{
	for (size_t bin = 0; bin < CACHE_BINS; bin++) {
		size_t count = cache_count(cache, bin);
		size_t bytes = count * (CHUNK_MIN_BYTES + bin * CHUNK_ALIGN);
		usage_add_tier(out, "thread cache", bytes);
		in_use->chunks -= count;
		in_use->bytes -= bytes;
	}
	out->refills += counter_read(&cache->refills);
	out->flushes += counter_read(&cache->flushes);
}

static void add_handle_chunk(struct heap_usage *out, struct in_use *in_use,
                             const struct tcache *cache)
{
	in_use->chunks--;
	in_use->bytes -= cache->own_bytes;
	out->metadata_bytes += cache->own_bytes;
}

static void add_handles(struct heap_usage *out, struct in_use *in_use,
                        struct pt_heap *heap)
{
	const struct tcache *cache;

	out->handles = heap->list.handle_count;
	out->abandoned = heap->list.abandoned_count;
	out->refills = heap->list.refills;
	out->flushes = heap->list.flushes;
	for (cache = heap->list.handles; cache != NULL; cache = cache->next) {
		add_handle(out, in_use, cache);
		add_handle_chunk(out, in_use, cache);
	}
	for (cache = heap->list.abandoned; cache != NULL; cache = cache->next)
		add_handle_chunk(out, in_use, cache);
}

static void add_mapped(struct heap_usage *out, struct pt_heap *heap)
{
	size_t bytes = heap->mapped.committed_bytes;

	out->live_bytes += heap->mapped.live_bytes;
	out->slack_bytes += heap->mapped.slack_bytes;
	out->metadata_bytes +=
		bytes - heap->mapped.live_bytes - heap->mapped.slack_bytes;
}

void pt_usage(struct heap *heap, struct heap_usage *out)
{
	struct pt_heap *self = pt_of(heap);
	struct in_use in_use = {0, 0};
	struct arena *arena = &self->main;

	*out = (struct heap_usage){0};
	usage_add_tier(out, "thread cache", 0);
	lock_look(&self->list_lock);
	do {
		lock_look(&arena->lock);
		add_arena(out, &in_use, arena);
		usage_add_lock(out, "arena", &arena->lock);
		lock_look_away(&arena->lock);
	} while ((arena = arena->next) != &self->main);
	add_handles(out, &in_use, self);
	usage_add_lock(out, "list of arenas", &self->list_lock);
	lock_look(&self->mapped_lock);
	add_mapped(out, self);
	usage_add_lock(out, "mapped chunks", &self->mapped_lock);
	lock_look_away(&self->mapped_lock);
	lock_look_away(&self->list_lock);
	out->live_bytes += in_use.bytes - in_use.chunks * TAG_BYTES;
	out->metadata_bytes += in_use.chunks * TAG_BYTES;
}
