/*
 * binary_event.c - a decoded event goes to the builder, which says whether it
 * makes sense; slots and phases must be the ones that the builder gives.
 */
#include <inttypes.h>

#include "binary.h"

static bool add_call(const struct event_adder *adder, const struct trace_op *op,
                     uint64_t event)
{
	struct trace_builder *builder = adder->builder;

	switch ((enum trace_kind)op->kind) {
	case TRACE_REALLOC:
		return trace_builder_realloc(builder, op->slot, op->size, event,
		                             adder->error);
	case TRACE_FREE:
		if (op->slot == TRACE_SLOTS_MAX)
			return trace_builder_free_null(builder, event,
			                               adder->error);
		return trace_builder_free_block(builder, op->slot, event,
		                                adder->error);
	default:
		break;
	}
	if (!trace_builder_alloc(builder, op->kind, op->slot, op->size,
	                         op->align_log2, event, adder->error))
		return false;
	uint32_t slot = trace_builder_last_slot(builder);
	return slot == op->slot ||
	       trace_builder_fail(builder, event, adder->error,
	                          "allocates slot %" PRIu32 " where %" PRIu32
	                          " is the next free one",
	                          op->slot, slot);
}

static bool add_phase(const struct event_adder *adder,
                      const struct trace_op *op, uint64_t event)
{
	if (op->slot >= adder->phase_count)
		return trace_builder_fail(adder->builder, event, adder->error,
		                          "phase %" PRIu32 " of %" PRIu32,
		                          op->slot, adder->phase_count);
	if (!trace_builder_phase(adder->builder, adder->phases[op->slot], event,
	                         adder->error))
		return false;
	return trace_builder_last_slot(adder->builder) == op->slot ||
	       trace_builder_fail(adder->builder, event, adder->error,
	                          "phase %" PRIu32 " is out of order",
	                          op->slot);
}

bool binary_add_event(const struct event_adder *adder,
                      const struct trace_op *op, uint64_t event)
{
	struct trace_builder *builder = adder->builder;

	if (op->kind == TRACE_THREAD_START)
		return trace_builder_thread_start(builder, op->thread, event,
		                                  adder->error);
	if (op->kind == TRACE_THREAD_EXIT)
		return trace_builder_thread_exit(builder, op->thread, event,
		                                 adder->error);
	if (!trace_builder_thread(builder, op->thread, event, adder->error))
		return false;
	return op->kind == TRACE_PHASE ? add_phase(adder, op, event)
	                               : add_call(adder, op, event);
}
