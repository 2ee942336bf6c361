/*
 * budget.c - how much a thread may keep, and who gives when there is no more.
 *
 * Idea.  All thread caches of a heap share one budget, 32 MiB; a thread takes
 * 64 KiB of it when its lists want to be longer, up to 2 MiB, and when nothing is
 * left, from another thread:
 *
 *     all 32 MiB   |thread 1   |thread 2 |thread 3            | unclaimed |
 *                       ^---- steals 64 KiB ---'  a different victim each time
 *
 * The victim is not stopped: it finds out in its next slow path that its lists
 * are longer than its budget, and shortens them.
 *
 * A thread that can get no more makes room where it does not need it.  Each list
 * has a low-water mark; what lay below it since the last look was of no use, so
 * half of that goes to the central list and the list becomes shorter: this is
 * *scavenging*.
 *
 *     base   low           top      limit
 *     |ooooooo|oooooooooooo|........|      not touched: the left part
 *     |oooo|oooooooooooo|....|             half of it given, a batch shorter
 *
 * Words.
 *     capacity   bytes of all lists of a thread at their full length
 *     budget     what capacity may be; the sum of all budgets is fixed
 *
 * Invariants, verified in check.c.
 *     I12  budgets and what is unclaimed are the heap's total; none is larger
 *          than the knob allows
 *
 * Cost.     a claim: a lock for each 64 KiB; a scavenge: O(classes), at most once
 *           in as many slow paths as there are classes
 * Threads.  Budgets under the handles' lock, read by their owner at any time.
 * Sources.  [Ghemawat] thread cache size, stealing, low-water marks.  There the
 *           bytes held are counted, at every free; here the lengths.
 *
 * Read next: central_list.c, where batches come from and go.
 */
#include <errno.h>
#include <string.h>

#include "../common/bits.h"
#include "tcmalloc.h"

enum {
	VICTIMS_MAX = 10, /* looked at, to steal once                         */
	LIST_SHARE = 8,   /* a list has at most 1/8 of the largest budget     */
};

/* ---- claims ----------------------------------------------------------------------- */

/* Steals from the next thread that has as much to lose. */
static bool steal(struct tcm_caches *caches, const struct tcm_cache *self,
                  size_t bytes)
{
	for (unsigned i = 0; i < VICTIMS_MAX; i++) {
		struct tcm_cache *victim = caches->victim;
		if (victim == NULL)
			victim = TAILQ_FIRST(&caches->list);
		caches->victim = TAILQ_NEXT(victim, link);
		if (victim == self || counter_read(&victim->budget) < bytes)
			continue;
		counter_add(&victim->budget, -(uint64_t)bytes);
		return true;
	}
	return false;
}

/* Raises the budget by `bytes` or some more; false if that cannot be. */
static bool claim(struct tcm_cache *self, size_t bytes)
{
	struct tcm_caches *caches = &self->heap->caches;
	const char *single_thread = self->heap->single_thread;
	size_t step = bytes > TCM_BUDGET_STEP ? bytes : TCM_BUDGET_STEP;
	bool is_done = false;

	lock_take(&caches->lock, single_thread);
	size_t room = caches->thread_max - counter_read(&self->budget);
	if (step > room)
		step = room;
	if (step > caches->unclaimed && caches->unclaimed >= bytes)
		step = caches->unclaimed; /* the last of it */
	if (step >= bytes && caches->unclaimed >= step) {
		caches->unclaimed -= step;
		is_done = true;
	} else if (step >= bytes) {
		is_done = steal(caches, self, step);
	}
	if (is_done)
		counter_add(&self->budget, step);
	lock_drop(&caches->lock, single_thread);
	return is_done;
}

void tcm_budget_return(struct tcm_caches *caches, struct tcm_cache *self)
{
	caches->unclaimed += counter_read(&self->budget);
	counter_set(&self->budget, 0);
	if (caches->victim == self)
		caches->victim = TAILQ_NEXT(self, link);
}

/* ---- lengths ---------------------------------------------------------------------- */

static void set_length(struct tcm_cache *self, unsigned class, size_t length)
{
	struct tcm_bin_state *state = &self->state[class];
	size_t bytes = tcm_class_bytes(self->heap, class);

	self->capacity_bytes += length * bytes;
	self->capacity_bytes -= state->length * bytes;
	state->length = (uint16_t)length;
	self->bin[class].limit = tcm_bin_base(&self->bin[class]) + length;
}

void tcm_bin_give(struct tcm_cache *self, unsigned class, size_t count)
{
	struct tcm_bin *bin = &self->bin[class];
	void **top = tcm_bin_top(bin) - count;

	tcm_bin_set_top(bin, top);
	if (bin->low > top)
		bin->low = top;
	tcm_central_give(&self->heap->centrals, class, top, count);
}

void tcm_bin_shorten(struct tcm_cache *self, unsigned class, size_t less)
{
	size_t length = self->state[class].length - less;
	size_t held = tcm_bin_count(&self->bin[class]);

	if (held > length) {
		tcm_bin_give(self, class, held - length);
		counter_add(&self->flushes, 1);
	}
	set_length(self, class, length);
}

/* Room in the bin's array for `length` pointers; false without memory. */
static bool make_room(struct tcm_cache *self, unsigned class, size_t length)
{
	struct tcm_metadata *metadata = &self->heap->metadata;
	struct tcm_bin *bin = &self->bin[class];
	unsigned old_log2 = self->state[class].array_log2;
	unsigned log2 = log2_ceil(length);
	size_t held = tcm_bin_count(bin);
	void **base = tcm_bin_base(bin);

	if (log2 < TCM_ARRAY_LOG2_MIN)
		log2 = TCM_ARRAY_LOG2_MIN;
	if (log2 <= old_log2)
		return true;
	void **wider = tcm_array_get(metadata, log2);
	if (wider == NULL)
		return false;
	bin->low = wider + (bin->low - base);
	if (old_log2 > 0) {
		memcpy(wider, base, held * sizeof *wider);
		tcm_array_put(metadata, old_log2, base);
	}
	atomic_store_explicit(&bin->base, wider, memory_order_relaxed);
	tcm_bin_set_top(bin, wider + held);
	self->state[class].array_log2 = (uint8_t)log2;
	return true;
}

/* ---- scavenging ------------------------------------------------------------------- */

/*
 * Gives half of what the list did not need and makes it shorter, as it makes one
 * that is empty; starts its mark anew.
 */
static void scavenge_bin(struct tcm_cache *self, unsigned class)
{
	struct tcm_bin *bin = &self->bin[class];
	size_t idle = (size_t)(bin->low - tcm_bin_base(bin));
	size_t length = self->state[class].length;
	size_t batch = self->heap->classes.table[class].batch;
	bool is_unused = idle > 0 || tcm_bin_count(bin) == 0;

	if (idle > 0) {
		tcm_bin_give(self, class, (idle + 1) / 2);
		counter_add(&self->flushes, 1);
	}
	if (is_unused)
		tcm_bin_shorten(self, class,
		                length > 2 * batch ? batch : (length + 1) / 2);
	bin->low = tcm_bin_top(bin);
}

static void scavenge(struct tcm_cache *self)
{
	for (unsigned class = 1; class < self->heap->classes.count; class ++)
		if (self->state[class].array_log2 > 0)
			scavenge_bin(self, class);
	self->until_scavenge = self->heap->classes.count;
}

/* Somebody has stolen: halves the lists until they are within the budget. */
static TCM_NOINLINE void obey_budget(struct tcm_cache *self)
{
	scavenge(self);
	while (self->capacity_bytes > counter_read(&self->budget))
		for (unsigned class = self->heap->classes.count; --class > 0;)
			if (self->state[class].length > 0)
				tcm_bin_shorten(
					self, class,
					(self->state[class].length + 1u) / 2);
}

/*
 * `wish` objects, or fewer where the list of a class may not grow so long.  It
 * mostly may, and then nothing is divided: this is in every refill.
 */
static size_t allowed(const struct tcm_cache *self, unsigned class, size_t wish)
{
	const struct tcm_caches *caches = &self->heap->caches;
	size_t share_bytes = caches->thread_max / LIST_SHARE;
	size_t bytes = tcm_class_bytes(self->heap, class);

	if (wish > caches->length_max)
		wish = caches->length_max;
	if (wish * bytes <= share_bytes)
		return wish;
	size_t share = share_bytes / bytes;
	return share > 0 ? share : 1;
}

void tcm_bin_lengthen(struct tcm_cache *self, unsigned class, size_t more)
{
	size_t length = self->state[class].length;
	size_t wish = allowed(self, class, length + more);
	size_t budget = counter_read(&self->budget);
	int saved_errno = errno;
	size_t capacity = self->capacity_bytes +
	                  (wish - length) * tcm_class_bytes(self->heap, class);
	if (self->capacity_bytes > budget) {
		obey_budget(self);
	} else if (wish > length &&
	           (capacity <= budget || claim(self, capacity - budget))) {
		if (make_room(self, class, wish))
			set_length(self, class, wish);
	} else if (wish > length && --self->until_scavenge == 0) {
		scavenge(self);
	}
	errno = saved_errno;
}
