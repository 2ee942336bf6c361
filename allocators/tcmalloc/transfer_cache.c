/*
 * transfer_cache.c - batches on their way from one thread to another.
 *
 * Idea.  In front of the spans of a class lies an array of pointers that takes
 * and gives whole batches, so that the objects which one thread frees and
 * another allocates pass by their spans, and nobody reads or writes the objects
 * themselves:
 *
 *     consumer's cache --batch--> |batch|batch|batch|......| --> producer's cache
 *                                                   ^ cached
 *     no room, no whole batch:     spans of the class
 *
 * The array is made when the first batch comes and doubles as far as the knob
 * `transfer` and 128 KiB of objects allow; without memory for it, batches go to
 * the spans.
 *
 * Invariants, verified in check.c.
 *     I9  whole batches, no more than the limit, each object once
 *
 * Cost.     a copy of the pointers, under the class's lock
 * Threads.  The lock of the class; the metadata's lock inside it to grow.
 * Sources.  [Ghemawat]'s program has one; its description came later [Hunter21].
 *
 * Read next: page_heap.c, where spans come from.
 */
#include <errno.h>
#include <string.h>

#include "../common/bits.h"
#include "central_list.h"

enum {
	TRANSFER_BYTES = 128 << 10, /* objects of a class, at most           */
	FLUSH_PIECE = 64,           /* pointers that a flush has on its stack */
};

size_t tcm_transfer_limit(const struct tcm_centrals *all, unsigned class)
{
	const struct tcm_class *of = &all->classes->table[class];
	size_t batch_bytes = (size_t)of->batch * of->bytes;
	size_t batches = TRANSFER_BYTES / batch_bytes;

	if (batches > all->transfer_batches)
		batches = all->transfer_batches;
	return batches * of->batch;
}

/* Room for `count` pointers more. */
static bool make_room(struct tcm_centrals *all, struct tcm_central *central,
                      size_t count)
{
	size_t cached = counter_read(&central->cached);
	unsigned log2 = log2_ceil(cached + count);

	if (log2 < TCM_ARRAY_LOG2_MIN)
		log2 = TCM_ARRAY_LOG2_MIN;
	if (central->transfer != NULL && log2 <= central->array_log2)
		return true;
	void **wider = tcm_array_get(all->metadata, log2);
	if (wider == NULL)
		return false;
	if (central->transfer != NULL) {
		memcpy(wider, central->transfer, cached * sizeof *wider);
		tcm_array_put(all->metadata, central->array_log2,
		              central->transfer);
	}
	central->transfer = wider;
	central->array_log2 = log2;
	return true;
}

/* False if the batch must go to the spans. */
static bool push_batch(struct tcm_centrals *all, unsigned class, void **objects,
                       size_t count)
{
	struct tcm_central *central = &all->of[class];
	size_t limit = tcm_transfer_limit(all, class);
	bool is_done = false;

	lock_take(&central->lock, all->single_thread);
	size_t cached = counter_read(&central->cached);
	if (cached + count <= limit && make_room(all, central, count)) {
		memcpy(central->transfer + cached, objects,
		       count * sizeof *objects);
		counter_set(&central->cached, cached + count);
		is_done = true;
	}
	lock_drop(&central->lock, all->single_thread);
	return is_done;
}

/* False if there are not so many. */
static bool pop_batch(struct tcm_centrals *all, unsigned class, void **out,
                      size_t count)
{
	struct tcm_central *central = &all->of[class];
	bool is_done = false;

	lock_take(&central->lock, all->single_thread);
	size_t cached = counter_read(&central->cached);
	if (cached >= count) {
		memcpy(out, central->transfer + cached - count,
		       count * sizeof *out);
		counter_set(&central->cached, cached - count);
		is_done = true;
	}
	lock_drop(&central->lock, all->single_thread);
	return is_done;
}

size_t tcm_central_take(struct tcm_centrals *all, unsigned class, void **out,
                        size_t count)
{
	if (count == all->classes->table[class].batch &&
	    pop_batch(all, class, out, count))
		return count;
	return tcm_spans_take(all, class, out, count);
}

void tcm_central_give(struct tcm_centrals *all, unsigned class, void **objects,
                      size_t count)
{
	size_t batch = all->classes->table[class].batch;
	int saved_errno = errno;

	for (; count >= batch; objects += batch, count -= batch)
		if (!push_batch(all, class, objects, batch))
			tcm_spans_give(all, class, objects, batch);
	if (count > 0)
		tcm_spans_give(all, class, objects, count);
	errno = saved_errno;
}

void tcm_transfer_flush(struct tcm_centrals *all, unsigned class)
{
	void *piece[FLUSH_PIECE];
	size_t count = FLUSH_PIECE;

	while (count > 0) {
		if (pop_batch(all, class, piece, count))
			tcm_spans_give(all, class, piece, count);
		else
			count /= 2;
	}
}
