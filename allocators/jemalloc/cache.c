/*
 * cache.c - the cache of a thread: malloc and free without a lock.
 *
 * Idea.  A handle has a bin for each small class and for large blocks up to
 * `cache_max`, an array of pointers used as a stack.  An empty bin is refilled
 * from the arena, a full one gives its older half back, so that the arena's lock
 * is taken once in many calls.
 *
 *     base           low              top            limit
 *      | cold blocks  | blocks in use  |  room         |
 *      +--------------+----------------+---------------+
 *
 * Arrays, not links through the blocks: the thread that frees a block never
 * touches its memory, which another CPU may have in its cache.
 *
 * Slow start.  A bin begins without an array; each time that it is empty or full
 * the array doubles, from 8 pointers to the class's limit, and a refill brings a
 * half of it.  So a class used twice costs a few blocks.
 *
 * Garbage collection.  Every `gc` frees one bin is looked at.  What has lain
 * below `low` since the last look was not needed: three quarters of it go back,
 * and refills become half as large; a bin that ran empty gets larger ones.
 * malloc notices the low-water mark because it stops there: comparing with
 * `low` instead of `base` costs nothing, and the slow path halves what is
 * below, so that the mark is up to a factor of two too low.
 *
 * Invariant, verified in check.c.
 *     I9   base <= low <= top <= limit; every block in a bin is a live region
 *          or large block of its size, and in one bin only
 *
 * Cost.     malloc, free      push or pop, no lock
 *           a miss, a flush   a lock for each arena concerned
 * Threads.  A handle is its owner's; others read `top` and `base`.
 * Sources.  [Evans11] thread caches with incremental collection; the arrays and
 *           the mark that malloc stops at are ours.
 *
 * Read next: bin.c, where batches come from and go.
 */
#include <errno.h>
#include <string.h>

#include "jemalloc.h"

enum {
	SLOTS_FIRST = 8,
	BATCH_MAX = 104, /* on the stack, of which a thread may have 16 KiB */
};

static unsigned number_of(const struct je_handle *self,
                          const struct je_cache_bin *bin)
{
	return (unsigned)(bin - self->bins);
}

static size_t capacity_of(const struct je_cache_bin *bin)
{
	return (size_t)(bin->limit - je_bin_base(bin));
}

static void *pop(struct je_cache_bin *bin)
{
	void **top = je_bin_top(bin) - 1;

	je_bin_set_top(bin, top);
	return *top;
}

static void push(struct je_cache_bin *bin, void *block)
{
	void **top = je_bin_top(bin);

	*top = block;
	je_bin_set_top(bin, top + 1);
}

/* ---- arrays ------------------------------------------------------------- */

static void set_array(struct je_cache_bin *bin, void **base, size_t count,
                      size_t capacity)
{
	atomic_store_explicit(&bin->base, base, memory_order_relaxed);
	je_bin_set_top(bin, base + count);
	bin->low = base;
	bin->limit = base + capacity;
}

static size_t next_capacity(const struct je_handle *self,
                            const struct je_cache_bin *bin)
{
	size_t most = self->heap->slots[number_of(self, bin)];
	size_t next =
		capacity_of(bin) == 0 ? SLOTS_FIRST : 2 * capacity_of(bin);

	return next < most ? next : most;
}

/* A longer array for a bin; false if it has its limit, or without memory. */
static bool grow(struct je_handle *self, struct je_cache_bin *bin)
{
	size_t old = capacity_of(bin), capacity = next_capacity(self, bin);
	void **from = je_bin_base(bin);
	size_t count = (size_t)(je_bin_top(bin) - from);

	if (capacity <= old)
		return false;
	void **to = je_base_alloc(self->heap, capacity * sizeof *to);
	if (to == NULL)
		return false;
	if (count > 0)
		memcpy(to, from, count * sizeof *to);
	set_array(bin, to, count, capacity);
	if (old > 0)
		je_base_free(self->heap, from, old * sizeof *from);
	return true;
}

void je_cache_close(struct je_handle *self)
{
	for (unsigned i = 0; i < self->heap->no_bin; i++) {
		struct je_cache_bin *bin = &self->bins[i];
		if (capacity_of(bin) > 0)
			je_base_free(self->heap, je_bin_base(bin),
			             capacity_of(bin) * sizeof(void *));
	}
}

/* ---- flush -------------------------------------------------------------- */

static void give_back(struct je_heap *heap, unsigned number, void **blocks,
                      size_t count)
{
	if (number < heap->small_classes)
		je_bin_free(heap, number, blocks, count);
	else
		je_large_free(heap, blocks, count);
}

/* The `count` oldest blocks of a bin go back to their arenas. */
static void flush(struct je_handle *self, struct je_cache_bin *bin,
                  size_t count)
{
	void **base = je_bin_base(bin), **top = je_bin_top(bin);
	size_t below = (size_t)(bin->low - base);

	if (count == 0)
		return;
	give_back(self->heap, number_of(self, bin), base, count);
	memmove(base, base + count,
	        (size_t)(top - base - (ptrdiff_t)count) * sizeof *base);
	je_bin_set_top(bin, top - count);
	bin->low = base + (below > count ? below - count : 0);
	counter_add(&self->flushes, 1);
}

void je_cache_flush_all(struct je_handle *self)
{
	for (unsigned i = 0; i < self->heap->no_bin; i++) {
		struct je_cache_bin *bin = &self->bins[i];
		flush(self, bin, (size_t)(je_bin_top(bin) - je_bin_base(bin)));
	}
}

/* ---- malloc's slow path ------------------------------------------------- */

/* Puts what a refill brought, the lowest address on top, as far as it fits. */
static void stow(struct je_handle *self, struct je_cache_bin *bin,
                 void **blocks, size_t count)
{
	grow(self, bin);
	size_t room = (size_t)(bin->limit - je_bin_top(bin));
	if (count > room) { /* no memory for the array */
		give_back(self->heap, number_of(self, bin), blocks + room,
		          count - room);
		count = room;
	}
	while (count > 0)
		push(bin, blocks[--count]);
}

/* The bin is empty: a batch from the arena, of which one is handed out. */
static void *refill(struct je_handle *self, struct je_cache_bin *bin)
{
	unsigned number = number_of(self, bin);
	size_t want = next_capacity(self, bin) >> self->fill_shift[number];
	void *batch[BATCH_MAX];

	if (want > BATCH_MAX)
		want = BATCH_MAX;
	size_t got =
		je_bin_fill(self->arena, number, batch, want > 0 ? want : 1);
	if (got == 0)
		return NULL;
	counter_add(&self->refills, 1);
	if (got > 1)
		stow(self, bin, batch + 1, got - 1);
	return batch[0];
}

void *je_cache_miss(struct je_handle *self, struct je_cache_bin *bin)
{
	void **base = je_bin_base(bin), **top = je_bin_top(bin);
	unsigned number = number_of(self, bin);
	bool fresh;

	if (top > base) { /* not empty: this is the low-water mark, sinking */
		bin->low = base + (top - base) / 2;
		return pop(bin);
	}
	if (number < self->heap->small_classes)
		return refill(self, bin);
	return je_large_alloc(
		self->arena, number - self->heap->small_classes + 1, 1, &fresh);
}

/* ---- free's slow path --------------------------------------------------- */

void je_cache_full(struct je_handle *self, struct je_cache_bin *bin,
                   void *block)
{
	int error = errno;

	if (!grow(self, bin)) {
		if (capacity_of(bin) == 0) { /* not cached, or no memory */
			unsigned number = number_of(self, bin);
			give_back(self->heap, number, &block, 1);
			errno = error;
			return;
		}
		flush(self, bin, (capacity_of(bin) + 1) / 2);
	}
	push(bin, block);
	errno = error;
}

/* ---- garbage collection ------------------------------------------------- */

static void collect_bin(struct je_handle *self, struct je_cache_bin *bin)
{
	uint8_t *shift = &self->fill_shift[number_of(self, bin)];
	size_t cold = (size_t)(bin->low - je_bin_base(bin));

	if (cold > 0) {
		flush(self, bin, cold - cold / 4);
		if (capacity_of(bin) >> (*shift + 1) > 0)
			++*shift;
	} else if (*shift > 1) {
		--*shift;
	}
	bin->low = je_bin_top(bin);
}

void je_cache_collect(struct je_handle *self)
{
	struct je_heap *heap = self->heap;
	int error = errno;

	self->ticks = heap->config.gc;
	if (heap->config.gc == 0)
		self->ticks = INT64_MAX;
	collect_bin(self, &self->bins[self->next_gc]);
	if (++self->next_gc >= heap->no_bin)
		self->next_gc = 0;
	if (heap->config.purge == PURGE_DECAY)
		je_purge_tick(self->arena);
	errno = error;
}
