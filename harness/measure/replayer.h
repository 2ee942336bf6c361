/*
 * replayer.h - replays a trace one event at a time, under the oracle's eyes.
 *
 * The measure pass and the stepper drive the same replayer; the speed pass has
 * a loop of its own (clock/loop.h).
 */
#ifndef HARNESS_MEASURE_REPLAYER_H
#define HARNESS_MEASURE_REPLAYER_H

#include "../../allocators/common/knob.h"
#include "../../allocators/common/page_source.h"
#include "oracle.h"

struct replayer {
	const struct allocator *allocator;
	const struct trace *trace;
	struct page_source pages;
	struct heap *heap;
	struct thread_heap **threads; /* one per logical thread, NULL: none */
	void **blocks;                /* one per slot, and NULL behind them */
	struct oracle oracle;
	struct verdict verdict;
	uint64_t event; /* the last one replayed */
	bool is_paced;  /* the source's clock is recorded time, not events */
};

/*
 * Makes a heap on a fixed arena with at most `limit_bytes` committed (0: no
 * limit).  False with the verdict set to FAILED or OUT_OF_MEMORY.
 */
bool replayer_open(struct replayer *replayer, const struct allocator *allocator,
                   const struct knob_values *values, const struct trace *trace,
                   size_t limit_bytes, enum oracle_depth depth);

/*
 * Replays the next event.  False with the verdict set when the allocator ran
 * out of memory or did something wrong.
 */
bool replayer_step(struct replayer *replayer);

/*
 * Ends the program as an operating system would not: frees every live block,
 * detaches all threads and destroys the heap, which must then hold nothing.
 * With a verdict set already only the source is closed.
 */
void replayer_close(struct replayer *replayer);

/*
 * Makes the call of an allocating operation: malloc, calloc, aligned or realloc of
 * `old`.
 */
void *replay_allocation(const struct allocator *allocator,
                        struct thread_heap *self, const struct trace_op *op,
                        void *old);

/*
 * After a NULL: whether the allocator serves such requests at all.  If it does
 * not, that is the verdict.
 */
bool replay_is_served(const struct allocator *allocator, struct heap *heap,
                      const struct trace_op *op, uint64_t event,
                      struct verdict *verdict);

/* Sets the verdict: it returned NULL.  False. */
bool replay_out_of_memory(const struct trace_op *op, uint64_t event,
                          size_t live_bytes, const struct page_source *pages,
                          struct verdict *verdict);

#endif
