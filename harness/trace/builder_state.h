/*
 * builder_state.h - the trace in the making, for trace_builder.c and
 * builder_marks.c.
 */
#ifndef HARNESS_TRACE_BUILDER_STATE_H
#define HARNESS_TRACE_BUILDER_STATE_H

#include "growing_trace.h"
#include "id_table.h"
#include "trace_builder.h"
#include "trace_messages.h"

struct slot_state {
	uint64_t size; /* of the live block; of a free slot: the next one + 1 */
	uint64_t place; /* that allocated it */
};

struct trace_builder {
	struct trace_messages messages;
	struct growing_trace so_far;

	struct id_table ids;
	struct slot_state *slots;
	uint32_t slot_capacity;
	uint32_t free_slot; /* top of the stack + 1; 0: empty */
	uint64_t live_bytes;

	uint16_t thread;
	uint64_t threads[TRACE_THREADS_MAX]; /* words as those of ids, with the
	                                        place of the start if it runs */
};

/* The word of a thread that was started at `place`, and has not ended. */
static inline uint64_t builder_thread_runs(uint64_t place)
{
	return word_dead(place) | 1;
}

/* Appends an event about `id` (0 where there is none). */
bool builder_push(struct trace_builder *builder, struct trace_op op,
                  uint64_t id, uint64_t place, struct trace_error *error);

/* Says that there is no memory for one more; returns false. */
bool builder_fail_memory(const struct trace_builder *builder, uint64_t place,
                         struct trace_error *error);

/* Whether the thread may act. */
bool builder_thread_acts(const struct trace_builder *builder, uint64_t thread,
                         uint64_t place, struct trace_error *error);

#endif
