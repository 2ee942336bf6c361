/*
 * purge.c - when dirty pages go back to the source.
 *
 * Idea.  A dirty page costs memory, purging it a kernel call and, when it is
 * used again, a page fault and zeroing.  Two policies say how many may stay:
 *
 *     ratio   at most live >> dirty_log2 pages, but always one chunk's worth;
 *             beyond, down to a sixteenth below that, so that a program on the
 *             edge does not pay at each free
 *     decay   those of the last `decay` units of the clock, ever fewer the older
 *             they are:
 *
 *             share  1 |###_
 *                      |    ##_           smoothstep: 6x^5 - 15x^4 + 10x^3
 *                      |       ##__
 *                    0 |___________####
 *                      now          decay  age
 *
 *             Time is cut into 16 steps; the backlog counts the pages that
 *             became dirty in each.  With each step they age, and the dirty
 *             pages beyond the sum of backlog * share are purged.
 *
 * Either way the chunk that has had dirty pages for longest is purged first, from
 * its highest address down: what was freed lately is likely to be wanted soon.
 * (Purging the highest chunk first takes away the long runs that the next large
 * block is carved from: three times the page faults where large blocks come and
 * go, docs/jemalloc.md.)
 *
 * The clock is the page source's: operations in a replay without times, so that
 * nothing decays there unless the knob says so in operations.  Nobody watches
 * it between calls: an idle heap does not decay.
 *
 * Threads.  Under the arena's lock.
 * Sources.  [Evans11] the ratio; that a chunk's worth may always stay is
 *           [Evans14, opt.lg_dirty_mult]; oldest first is [Evans16, ChangeLog,
 *           4.0.0], by runs there; decay by a sigmoid is [Evans16, opt.decay_time].
 *
 * Read next: huge.c.
 */
#include "jemalloc.h"

enum { ONE = 1 << 16 }; /* a share of 1 */

void je_decay_init(struct je_heap *heap)
{
	for (int i = 0; i < JE_DECAY_STEPS; i++) {
		double x = 1 - (double)i / JE_DECAY_STEPS;
		double share = x * x * x * (x * (x * 6 - 15) + 10);
		heap->decay_share[i] = (uint32_t)(share * ONE);
	}
}

/* The chunk that has had dirty pages for longest, NULL if none has any. */
static struct je_chunk *oldest_dirty(struct je_arena *arena)
{
	struct je_chunk *chunk, *oldest = NULL;
	uint32_t waited = 0; /* turns; their number may wrap */

	RB_FOREACH (chunk, je_chunk_tree, &arena->chunks) {
		uint32_t turns = arena->turns - chunk->dirty_since;
		if (chunk->dirty_pages == 0 ||
		    (oldest != NULL && turns <= waited))
			continue;
		oldest = chunk;
		waited = turns;
	}
	return oldest;
}

/* Purges dirty pages, those of the oldest chunk first, until `keep` are left. */
static void purge_down_to(struct je_arena *arena, size_t keep)
{
	size_t dirty = counter_read(&arena->dirty_pages);

	while (dirty > keep)
		dirty -= je_chunk_purge(arena, oldest_dirty(arena),
		                        ENTRY_BACKED | ENTRY_DIRTY,
		                        dirty - keep);
}

static void purge_by_ratio(struct je_arena *arena)
{
	const struct je_heap *heap = arena->heap;
	size_t live = counter_read(&arena->live_pages);
	size_t most = live >> heap->config.dirty_log2;

	if (most < heap->chunk_pages)
		most = heap->chunk_pages;
	if (counter_read(&arena->dirty_pages) > most)
		purge_down_to(arena, most - most / 16);
}

/* Moves the backlog on by as many steps as the clock did; false for none. */
static bool step_clock(struct je_arena *arena)
{
	struct je_decay *decay = &arena->decay;
	uint64_t now = page_source_now(arena->heap->source);
	uint64_t length = arena->heap->config.decay / JE_DECAY_STEPS + 1;
	size_t dirty = counter_read(&arena->dirty_pages);

	if (now - decay->step_start < length)
		return false;
	uint64_t steps = (now - decay->step_start) / length;
	decay->step_start += steps * length;
	for (int i = JE_DECAY_STEPS - 1; i >= 0; i--)
		decay->backlog[i] = (uint64_t)i >= steps
		                            ? decay->backlog[i - (int)steps]
		                            : 0;
	if (steps <= JE_DECAY_STEPS && dirty > decay->last_dirty)
		decay->backlog[steps - 1] = dirty - decay->last_dirty;
	return true;
}

static void purge_by_decay(struct je_arena *arena)
{
	struct je_decay *decay = &arena->decay;
	uint64_t keep = 0;

	if (!step_clock(arena))
		return;
	for (int i = 0; i < JE_DECAY_STEPS; i++)
		keep += decay->backlog[i] * arena->heap->decay_share[i];
	purge_down_to(arena, keep / ONE);
	decay->last_dirty = counter_read(&arena->dirty_pages);
}

void je_purge(struct je_arena *arena)
{
	switch (arena->heap->config.purge) {
	case PURGE_RATIO:
		purge_by_ratio(arena);
		break;
	case PURGE_DECAY:
		purge_by_decay(arena);
		break;
	case PURGE_NEVER:
		break;
	}
}

void je_purge_tick(struct je_arena *arena)
{
	je_lock(arena->heap, &arena->lock);
	je_purge(arena);
	je_unlock(arena->heap, &arena->lock);
}

void je_purge_all(struct je_arena *arena)
{
	struct je_chunk *chunk;

	je_chunk_drop_spare(arena);
	RB_FOREACH (chunk, je_chunk_tree, &arena->chunks)
		je_chunk_purge(arena, chunk, ENTRY_BACKED, SIZE_MAX);
}
