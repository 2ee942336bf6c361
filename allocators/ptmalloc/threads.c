/*
 * threads.c - which arena serves which thread; handles come and go.
 *
 * Idea.  A thread is attached to one arena and allocates there; what it frees
 * goes to the arena that the block came from.  The first thread gets the main
 * arena.  A new one gets, in this order, an arena that nobody is attached to any
 * more, a new arena, and, when there are as many as there may be, a share in one
 * that others use, each in its turn.
 *
 *     ring       main --> arena 3 --> arena 2 --> main          next
 *     attached      1           0           2                   handles
 *     free list               arena 3 --> NULL                  next_free
 *
 * With arena=try-lock, the older rule, a thread that finds its arena locked does
 * not wait: it goes round the ring, attaches itself to the first arena that is
 * free, and makes a new one if none is.
 *
 * Words.
 *     handle      a thread's cache, in a chunk of the arena that it attached to
 *     abandoned   a handle that was lost in a fork: its thread is no more, and
 *                 what is in its cache stays as it was
 *
 * Invariants, verified in check.c.
 *     I10  `attached` counts an arena's handles; an arena is on the free list if
 *          and only if that is 0
 *
 * Cost.     attach, detach: a lock or three; arenas are never closed
 * Threads.  Ring, free list and handles: under the list lock.
 * Sources.  [glibc] arena_get2, reused_arena, arena_thread_freeres; [Gloger06]
 *           trying one arena after the other.
 *
 * Read next: walk.c.
 */
#include <errno.h>
#include <string.h>

#include "ptmalloc.h"

/* ---- choosing an arena; under the list lock ------------------------------- */

static struct arena *free_list_pop(struct pt_heap *heap)
{
	struct arena *arena = heap->list.free_arenas;

	if (arena != NULL)
		heap->list.free_arenas = arena->next_free;
	return arena;
}

static void free_list_push(struct pt_heap *heap, struct arena *arena)
{
	arena->next_free = heap->list.free_arenas;
	heap->list.free_arenas = arena;
}

static void free_list_remove(struct pt_heap *heap, const struct arena *arena)
{
	struct arena **link = &heap->list.free_arenas;

	while (*link != arena)
		link = &(*link)->next_free;
	*link = arena->next_free;
}

/* A new arena on the ring, behind the main one; NULL: too many, no memory. */
static struct arena *ring_extend(struct pt_heap *heap)
{
	if (heap->list.arenas >= heap->arenas_max)
		return NULL;
	struct arena *arena = pt_arena_open(heap);
	if (arena == NULL)
		return NULL;
	arena->next = heap->main.next;
	heap->main.next = arena;
	heap->list.arenas++;
	return arena;
}

/* The next arena in turn that nobody holds locked, or simply the next. */
static struct arena *ring_share(struct pt_heap *heap)
{
	struct arena *first = heap->list.next_to_share, *arena = first;

	do {
		if (lock_try(&arena->lock, heap->single_thread)) {
			arena_unlock(arena);
			break;
		}
		arena = arena->next;
	} while (arena != first);
	heap->list.next_to_share = arena->next;
	return arena;
}

static struct arena *arena_choose(struct pt_heap *heap)
{
	struct arena *arena = free_list_pop(heap);

	if (arena == NULL)
		arena = ring_extend(heap);
	if (arena == NULL)
		arena = ring_share(heap);
	arena->attached++;
	return arena;
}

static void arena_leave(struct pt_heap *heap, struct arena *arena)
{
	if (--arena->attached == 0)
		free_list_push(heap, arena);
}

/* ---- locking an arena ----------------------------------------------------- */

/* Attaches a handle to another arena, which the caller has locked. */
static void move_to(struct tcache *cache, struct arena *arena)
{
	struct pt_heap *heap = cache->heap;

	if (arena->attached++ == 0)
		free_list_remove(heap, arena);
	arena_leave(heap, cache->arena);
	cache->arena = arena;
}

/* The first on the ring that is not locked; else a new one; else its own. */
struct arena *pt_arena_move_on(struct tcache *cache)
{
	struct pt_heap *heap = cache->heap;
	struct arena *arena;

	list_lock(heap);
	for (arena = cache->arena->next; arena != cache->arena;
	     arena = arena->next)
		if (lock_try(&arena->lock, heap->single_thread))
			break;
	if (arena == cache->arena) {
		arena = ring_extend(heap);
		if (arena != NULL) {
			free_list_push(heap, arena);
			arena_lock(arena);
		}
	}
	if (arena != NULL)
		move_to(cache, arena);
	list_unlock(heap);
	if (arena == NULL) { /* nothing to choose from: wait */
		arena = cache->arena;
		arena_lock(arena);
	}
	return arena;
}

struct arena *pt_arena_retry(struct arena *arena)
{
	struct pt_heap *heap = arena->heap;
	struct arena *other = &heap->main;

	if (arena == other) {
		list_lock(heap);
		other = arena->next;
		list_unlock(heap);
	}
	return other == arena ? NULL : other;
}

/* ---- handles -------------------------------------------------------------- */

/* A chunk of the arena for a handle; a mapping is too much for that. */
static struct chunk *handle_chunk(struct arena *arena)
{
	arena_lock(arena);
	struct chunk *chunk = pt_arena_malloc(
		arena, chunk_bytes_for(sizeof(struct tcache)), NULL);
	arena_unlock(arena);
	if (chunk != NULL && chunk_is_mapped(chunk)) {
		pt_mapped_free(arena->heap, chunk);
		errno = ENOMEM;
		chunk = NULL;
	}
	return chunk;
}

struct thread_heap *pt_attach(struct heap *heap)
{
	struct pt_heap *self = pt_of(heap);

	list_lock(self);
	struct arena *arena = arena_choose(self);
	list_unlock(self);
	struct chunk *chunk = handle_chunk(arena);

	list_lock(self);
	if (chunk == NULL) {
		arena_leave(self, arena);
		list_unlock(self);
		return NULL;
	}
	struct tcache *cache = chunk_block(chunk);
	memset(cache, 0, sizeof *cache);
	cache->heap = self;
	cache->arena = arena;
	for (size_t bin = 0; bin < CACHE_BINS; bin++)
		cache_set_room(cache, bin, (unsigned)self->cache_limit);
	cache->own_bytes = chunk_bytes(chunk);
	cache->next = self->list.handles;
	self->list.handles = cache;
	self->list.handle_count++;
	list_unlock(self);
	return (struct thread_heap *)cache;
}

/* Frees a chunk, not a mapped one, into the arena it came from. */
static void give_back(struct pt_heap *heap, struct chunk *chunk)
{
	struct arena *arena = chunk_arena(heap, chunk);

	arena_lock(arena);
	pt_arena_free(arena, chunk);
	arena_unlock(arena);
}

static void cache_flush(struct tcache *cache)
{
	for (size_t bin = 0; bin < CACHE_BINS; bin++) {
		if (cache->bins[bin] != NULL)
			counter_add(&cache->flushes, 1);
		while (cache->bins[bin] != NULL)
			give_back(cache->heap,
			          block_chunk(cache_pop(cache, bin)));
	}
}

static void handle_unlink(struct pt_heap *heap, const struct tcache *cache)
{
	struct tcache **link = &heap->list.handles;

	while (*link != cache)
		link = &(*link)->next;
	*link = cache->next;
	heap->list.handle_count--;
}

void pt_detach(struct thread_heap *self)
{
	struct tcache *cache = tcache_of(self);
	struct pt_heap *heap = cache->heap;

	cache_flush(cache);
	list_lock(heap);
	handle_unlink(heap, cache);
	arena_leave(heap, cache->arena);
	heap->list.refills += counter_read(&cache->refills);
	heap->list.flushes += counter_read(&cache->flushes);
	heap->list.moves += counter_read(&cache->moves);
	list_unlock(heap);
	give_back(heap, block_chunk(cache));
}

/* ---- fork ----------------------------------------------------------------- */

/* All locks, in their order; arenas in that of the ring. */
void pt_fork_prepare(struct heap *heap)
{
	struct pt_heap *self = pt_of(heap);
	struct arena *arena = &self->main;

	lock_fork_take(&self->list_lock);
	do
		lock_fork_take(&arena->lock);
	while ((arena = arena->next) != &self->main);
	lock_fork_take(&self->mapped_lock);
}

void pt_fork_parent(struct heap *heap)
{
	struct pt_heap *self = pt_of(heap);
	struct arena *arena = &self->main;

	lock_fork_drop(&self->mapped_lock);
	do
		lock_fork_drop(&arena->lock);
	while ((arena = arena->next) != &self->main);
	lock_fork_drop(&self->list_lock);
}

/* All handles but `self` are abandoned, and their arenas are nobody's. */
void pt_fork_child(struct heap *heap, struct thread_heap *self)
{
	struct pt_heap *at = pt_of(heap);
	struct tcache *kept = tcache_of(self), *cache, *next;
	struct arena *arena = &at->main;

	for (cache = at->list.handles; cache != NULL; cache = next) {
		next = cache->next;
		if (cache == kept)
			continue;
		cache->next = at->list.abandoned;
		at->list.abandoned = cache;
		at->list.abandoned_count++;
	}
	at->list.handles = kept;
	at->list.handle_count = kept != NULL;
	if (kept != NULL)
		kept->next = NULL;
	at->list.free_arenas = NULL;
	do {
		arena->attached = kept != NULL && kept->arena == arena;
		if (arena->attached == 0)
			free_list_push(at, arena);
	} while ((arena = arena->next) != &at->main);
	pt_fork_parent(heap);
}
