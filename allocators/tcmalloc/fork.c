/*
 * fork.c - a heap that two processes go on with.
 *
 * Every lock is taken before the fork, in lock order, so that in the child no
 * list is half changed.  There the other threads are no more: their handles are
 * forgotten, what lay in their caches stays lost, and their budgets return.
 *
 * A span is known to nobody while a thread carries it from the page heap to a
 * central list or back, with no lock held.  Such spans have no used object, which
 * those of a central list always have, and so the child finds them.
 */
#include "tcmalloc.h"

void tcm_fork_prepare(struct heap *heap)
{
	struct tcm_heap *self = tcm_heap_of(heap);

	lock_fork_take(&self->caches.lock);
	for (unsigned class = 1; class < self->classes.count; class ++)
		lock_fork_take(&self->centrals.of[class].lock);
	lock_fork_take(&self->page_heap.lock);
	lock_fork_take(&self->metadata.lock);
	lock_fork_take(&self->map.hash.lock);
}

void tcm_fork_parent(struct heap *heap)
{
	struct tcm_heap *self = tcm_heap_of(heap);

	lock_fork_drop(&self->map.hash.lock);
	lock_fork_drop(&self->metadata.lock);
	lock_fork_drop(&self->page_heap.lock);
	for (unsigned class = 1; class < self->classes.count; class ++)
		lock_fork_drop(&self->centrals.of[class].lock);
	lock_fork_drop(&self->caches.lock);
}

/* Frees the spans that were on their way when the process forked. */
static void free_carried_spans(struct tcm_page_heap *heap)
{
	struct tcm_span_list carried = LIST_HEAD_INITIALIZER(carried);
	struct tcm_region *region = heap->newest;

	for (; region != NULL; region = region->older)
		for (char *at = region->start; at < region->top;) {
			struct tcm_span *span = tcm_span_at(heap, at);
			if (span->state == TCM_SPAN_IN_USE &&
			    span->class != 0 && span->used == 0)
				LIST_INSERT_HEAD(&carried, span, link);
			at = tcm_span_end(span);
		}
	while (!LIST_EMPTY(&carried)) {
		struct tcm_span *span = LIST_FIRST(&carried);
		LIST_REMOVE(span, link);
		tcm_span_free(heap, span);
	}
}

void tcm_fork_child(struct heap *heap, struct thread_heap *handle)
{
	struct tcm_heap *self = tcm_heap_of(heap);
	struct tcm_cache *cache = TAILQ_FIRST(&self->caches.list);

	while (cache != NULL) {
		struct tcm_cache *next = TAILQ_NEXT(cache, link);
		if (cache != tcm_cache_of(handle))
			tcm_cache_abandon(self, cache);
		cache = next;
	}
	tcm_fork_parent(heap);
	free_carried_spans(&self->page_heap);
}
