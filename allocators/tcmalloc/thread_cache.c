/*
 * thread_cache.c - what a thread keeps for itself: lists, refilled and flushed.
 *
 * Idea.  Most objects are freed by a thread that will soon want one of the same
 * size.  So each thread has a list for every class that nobody else touches: no
 * lock, no atomic instruction.  When a list is empty a batch of objects comes from
 * the central list, when it is full a batch goes there.
 *
 * How long a list may be follows from how it is used, the *slow start*:
 *
 *     length   1 2 3 ... batch   2*batch  3*batch ... 1024, a knob
 *              ^ one more each time it runs empty, or full
 *                        ^ then a batch more each time it runs empty;
 *                          a batch less after it was full four times
 *
 * so that a class that is used twice keeps two objects, and one that is used in
 * bursts keeps a burst.  What is counted against the thread's budget is this
 * length, not what the list holds: it changes here, in the slow paths, and the
 * fast ones need not count (budget.c).
 *
 * Objects lie in arrays of pointers and not in a list through themselves: the
 * thread that frees an object need not touch it, and the one that takes a batch
 * does not run through objects that are in no cache of the processor.
 * The price is 8 bytes an object, in metadata, for the longest that the list was.
 *
 * Words.
 *     length   objects that a list may hold, of what its array has room for
 *     low      the low-water mark: the list was never shorter since the last
 *              scavenge.  Finding top at low, malloc lowers it half way to the
 *              base, so that it is a lower bound, and reached seldom.
 *     refill, flush   a batch from the central list, or to it
 *
 * Invariants, verified in check.c.
 *     I10  base <= low <= top <= limit = base + length, within the array; what
 *          lies between base and top is of the list's class
 *     I11  the lengths times the sizes are the capacity
 *
 * Cost.     refill, flush  a lock and the pointers of a batch
 * Threads.  The owner only; others read top and base, for the usage.
 * Sources.  [Ghemawat] the lists, slow start, batches; pointer arrays as in
 *           [BonwickAdams01] and later allocators, gperftools links objects.
 *
 * Read next: budget.c.
 */
#include <errno.h>
#include <string.h>

#include "../common/bits.h"
#include "tcmalloc.h"

enum { OVERFLOWS_MAX = 3 }; /* before a long list is made shorter            */

static const struct tcm_class *class_at(const struct tcm_cache *self,
                                        unsigned class)
{
	return &self->heap->classes.table[class];
}

static unsigned class_of_bin(const struct tcm_cache *self,
                             const struct tcm_bin *bin)
{
	return (unsigned)(bin - self->bin);
}

/* ---- refill --------------------------------------------------------------------- */

/* How far slow start lets the list grow now that it was empty. */
static size_t growth_when_empty(size_t length, size_t batch)
{
	if (length < batch)
		return 1;
	size_t longer = (length + batch) / batch * batch;
	return longer - length;
}

/* Takes a batch from the central list; the last object of it, or NULL. */
static void *refill(struct tcm_cache *self, unsigned class)
{
	struct tcm_bin *bin = &self->bin[class];
	size_t length = self->state[class].length;
	size_t batch = class_at(self, class)->batch;
	void *one, **out = length > 1 ? tcm_bin_base(bin) : &one;
	size_t count = length > 1 ? length : 1;
	size_t got = tcm_central_take(&self->heap->centrals, class, out,
	                              count < batch ? count : batch);

	if (got == 0)
		return NULL;
	counter_add(&self->refills, 1);
	void *object = out[got - 1];
	bin->low = tcm_bin_base(bin);
	tcm_bin_set_top(bin, tcm_bin_base(bin) + (got - 1));
	tcm_bin_lengthen(self, class, growth_when_empty(length, batch));
	return object;
}

void *tcm_cache_at_low(struct tcm_cache *self, struct tcm_bin *bin)
{
	void **top = tcm_bin_top(bin), **base = tcm_bin_base(bin);

	if (top == base)
		return refill(self, class_of_bin(self, bin));
	bin->low = base + (top - base) / 2;
	tcm_bin_set_top(bin, top - 1);
	return top[-1];
}

/* ---- flush ---------------------------------------------------------------------- */

/* The list was full: longer while it is short, shorter if it happens often. */
static void adapt_when_full(struct tcm_cache *self, unsigned class)
{
	struct tcm_bin_state *state = &self->state[class];
	size_t batch = class_at(self, class)->batch;

	if (state->length < batch) {
		tcm_bin_lengthen(self, class, 1);
		return;
	}
	if (state->length == batch || ++state->overflows <= OVERFLOWS_MAX)
		return;
	state->overflows = 0;
	tcm_bin_shorten(self, class, batch);
}

static void flush_and_push(struct tcm_cache *self, unsigned class, void *block)
{
	struct tcm_bin *bin = &self->bin[class];
	size_t batch = class_at(self, class)->batch;
	int saved_errno = errno;

	if (tcm_bin_count(bin) > 0) {
		size_t held = tcm_bin_count(bin);
		tcm_bin_give(self, class, held < batch ? held : batch);
		counter_add(&self->flushes, 1);
	}
	adapt_when_full(self, class);
	void **top = tcm_bin_top(bin);
	if (top == bin->limit) {
		tcm_central_give(&self->heap->centrals, class, &block, 1);
	} else {
		*top = block;
		tcm_bin_set_top(bin, top + 1);
	}
	errno = saved_errno;
}

/* Class 0 has no length, so that blocks of pages arrive here, too. */
void tcm_cache_at_limit(struct tcm_cache *self, struct tcm_bin *bin,
                        void *block)
{
	struct tcm_heap *heap = self->heap;

	if (bin != self->bin)
		flush_and_push(self, class_of_bin(self, bin), block);
	else
		tcm_span_free(&heap->page_heap, tcm_entry_span(tcm_page_map_get(
							&heap->map, block)));
}

/* ---- attach and detach ------------------------------------------------------------- */

struct tcm_cache *tcm_cache_attach(struct tcm_heap *heap)
{
	struct tcm_caches *caches = &heap->caches;
	struct tcm_cache *self =
		tcm_metadata_get(&heap->metadata, TCM_POOL_CACHE);

	if (self == NULL)
		return NULL;
	memset(self, 0, caches->cache_bytes);
	self->map_root = heap->map.root;
	self->map_kind = heap->map.kind;
	memcpy(self->class_of, heap->classes.of_small, sizeof self->class_of);
	for (unsigned class = 0; class < heap->classes.count; class ++)
		tcm_bin_clear(&self->bin[class]);
	self->heap = heap;
	self->until_scavenge = heap->classes.count;
	self->state = (struct tcm_bin_state *)&self->bin[heap->classes.count];
	lock_take(&caches->lock, heap->single_thread);
	TAILQ_INSERT_TAIL(&caches->list, self, link);
	caches->attached++;
	lock_drop(&caches->lock, heap->single_thread);
	return self;
}

static void bin_close(struct tcm_cache *self, unsigned class)
{
	struct tcm_bin *bin = &self->bin[class];

	if (self->state[class].array_log2 == 0)
		return;
	if (tcm_bin_count(bin) > 0) {
		tcm_central_give(&self->heap->centrals, class,
		                 tcm_bin_base(bin), tcm_bin_count(bin));
		counter_add(&self->flushes, 1);
	}
	tcm_array_put(&self->heap->metadata, self->state[class].array_log2,
	              tcm_bin_base(bin));
}

/* Takes the cache off the list; what it counted is added to the heap's. */
static void unlist(struct tcm_caches *caches, struct tcm_cache *self)
{
	tcm_budget_return(caches, self);
	TAILQ_REMOVE(&caches->list, self, link);
	caches->attached--;
	counter_add(&caches->refills, counter_read(&self->refills));
	counter_add(&caches->flushes, counter_read(&self->flushes));
	counter_add(&caches->moves, counter_read(&self->moves));
}

void tcm_cache_detach(struct tcm_cache *self)
{
	struct tcm_heap *heap = self->heap;

	for (unsigned class = 1; class < heap->classes.count; class ++)
		bin_close(self, class);
	lock_take(&heap->caches.lock, heap->single_thread);
	unlist(&heap->caches, self);
	lock_drop(&heap->caches.lock, heap->single_thread);
	tcm_metadata_put(&heap->metadata, TCM_POOL_CACHE, self);
}

void tcm_cache_abandon(struct tcm_heap *heap, struct tcm_cache *other)
{
	unlist(&heap->caches, other);
	counter_add(&heap->caches.abandoned, 1);
}
