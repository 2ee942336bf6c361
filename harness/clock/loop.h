/*
 * loop.h - the loop that the clock watches.
 *
 * One template serves every allocator, the null allocator and the empty loop,
 * so that their difference is the allocator and nothing else.  Nothing is
 * checked, sampled or recorded inside; the operations were decoded before.
 *
 *     for each event:   self  = the thread's handle    one load
 *                       block = malloc(self, size)     one indirect call
 *                       touch the block                one store (a knob)
 *                       blocks[slot] = block           one store
 */
#ifndef HARNESS_CLOCK_LOOP_H
#define HARNESS_CLOCK_LOOP_H

#include <string.h>

#include "../../allocators/allocator.h"
#include "../threads/handover.h"
#include "../trace/trace.h"

/* What the replay writes into each block that it is given. */
enum touch {
	TOUCH_NONE,
	TOUCH_FIRST,    /* the first byte                                   */
	TOUCH_PAGES,    /* a byte in every 4 KiB                            */
	TOUCH_RECORDED, /* the same, of as many bytes as the program wrote  */
	TOUCH_LINES,    /* a byte in every cache line                       */
	TOUCH_ALL,      /* every byte                                       */
	TOUCH_KINDS,
};

/* "none", "first", "pages", "recorded", "lines", "all" */
extern const char *const touch_names[TOUCH_KINDS];

enum { CACHE_LINE_BYTES = 64, TOUCH_PAGE_BYTES = 4096 };

struct loop {
	const struct allocator *allocator;
	struct heap *heap;
	const struct trace *trace;
	struct thread_heap **threads;
	void **blocks; /* per slot; the one behind the last stays NULL */
	/*
	 * The null allocator's handles, one per slot: each *is* the address
	 * that its malloc returns.  NULL for real allocators.
	 */
	struct thread_heap **addresses;

	/* A loop among others on real threads (threads/plan.h), else NULL. */
	struct handover *handovers;
	uint64_t *waits; /* handovers that were not there yet */
};

/*
 * What no trace has: the block of `slot` goes to, or comes from, the handover
 * number `size`.
 */
enum { LOOP_GIVE = TRACE_KINDS, LOOP_TAKE };

static inline void touch_block(char *block, size_t size, enum touch touch)
{
	switch (touch) {
	case TOUCH_FIRST:
		*block = 1;
		break;
	case TOUCH_RECORDED:
		if (size > 0)
			touch_block(block, size, TOUCH_PAGES);
		break;
	case TOUCH_PAGES:
		*block = 1;
		for (size_t at = TOUCH_PAGE_BYTES; at < size;
		     at += TOUCH_PAGE_BYTES)
			block[at] = 1;
		if (size > 0)
			block[size - 1] = 1;
		break;
	case TOUCH_LINES:
		for (size_t at = 0; at < size; at += CACHE_LINE_BYTES)
			block[at] = 1;
		break;
	case TOUCH_ALL:
		memset(block, 1, size);
		break;
	default:
		break;
	}
}

/* The bytes of a block that are for touching. */
static inline size_t size_touched(const struct trace *trace,
                                  const struct trace_op *op, enum touch touch)
{
	return touch == TOUCH_RECORDED
	               ? trace_touched(trace, (uint64_t)(op - trace->ops))
	               : op->size;
}

/* Replays the events [from, to).  `touch` and `is_null` are constants. */
static inline __attribute__((always_inline)) void loop_replay(
	const struct loop *loop, uint64_t from, uint64_t to, enum touch touch,
	bool is_null)
{
	const struct allocator *allocator = loop->allocator;
	void *(*const call_malloc)(struct thread_heap *, size_t) =
		allocator->malloc;
	void (*const call_free)(struct thread_heap *, void *) = allocator->free;
	struct thread_heap **threads = loop->threads;
	struct thread_heap *const *handles =
		is_null ? loop->addresses : loop->threads;
	void **blocks = loop->blocks;
	const struct trace *trace = loop->trace;
	const struct trace_op *end = trace->ops + to;

	for (const struct trace_op *op = trace->ops + from; op < end; op++) {
		struct thread_heap *self =
			handles[is_null ? op->slot : op->thread];
		void *block;

		/* Two tests cost less than the jump table of all kinds. */
		if (op->kind == TRACE_FREE) {
			call_free(self, blocks[op->slot]);
			blocks[op->slot] = NULL;
			continue;
		}
		if (op->kind == TRACE_MALLOC) {
			block = call_malloc(self, op->size);
			touch_block(block, size_touched(trace, op, touch),
			            touch);
			blocks[op->slot] = block;
			continue;
		}
		switch (op->kind) {
		case TRACE_CALLOC:
			block = allocator->zero_malloc(self, op->size);
			break;
		case TRACE_ALIGNED:
			block = allocator->aligned_malloc(
				self, (size_t)1 << op->align_log2, op->size);
			break;
		case TRACE_REALLOC:
			block = allocator->realloc(self, blocks[op->slot],
			                           op->size);
			break;
		case TRACE_THREAD_START:
			threads[op->thread] = allocator->attach(loop->heap);
			continue;
		case TRACE_THREAD_EXIT:
			allocator->detach(threads[op->thread]);
			threads[op->thread] = NULL;
			continue;
		case LOOP_GIVE:
			handover_give(&loop->handovers[op->size],
			              blocks[op->slot]);
			continue;
		case LOOP_TAKE:
			blocks[op->slot] = handover_take(
				&loop->handovers[op->size], loop->waits);
			continue;
		default:
			continue;
		}
		touch_block(block, size_touched(trace, op, touch), touch);
		blocks[op->slot] = block;
	}
}

/* Replays [from, to) with a touch that is known at run time only. */
void loop_run(const struct loop *loop, uint64_t from, uint64_t to,
              enum touch touch);

/* The same loop with nothing in it: what the events alone cost to read. */
void loop_run_empty(const struct loop *loop, uint64_t from, uint64_t to);

/* An allocator whose malloc returns its handle and whose free does nothing. */
extern const struct allocator null_allocator;

#endif
