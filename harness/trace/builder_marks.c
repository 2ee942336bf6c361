/*
 * builder_marks.c - the events of a trace that are no calls: threads begin, act
 * and end, phases have names.
 */
#include "builder_state.h"

#include <inttypes.h>
#include <string.h>

enum {
	PHASES_MAX = 4096, /* different names */
	PHASE_BYTES_MAX = 255,
};

bool builder_thread_acts(const struct trace_builder *builder, uint64_t thread,
                         uint64_t place, struct trace_error *error)
{
	char text[MESSAGE_PLACE_BYTES];

	if (thread >= TRACE_THREADS_MAX)
		return trace_builder_fail(builder, place, error,
		                          "thread %" PRIu64
		                          " is not below %d, the most here",
		                          thread, TRACE_THREADS_MAX);
	uint64_t word = builder->threads[thread];
	if (word_is_live(word))
		return true;
	if (word == 0)
		return trace_builder_fail(
			builder, place, error,
			"thread %" PRIu64 " acts before its start", thread);
	return trace_builder_fail(
		builder, place, error,
		"thread %" PRIu64 " acts after its exit (at %s)", thread,
		message_place(&builder->messages, place, word_place(word),
	                      text));
}

bool trace_builder_thread(struct trace_builder *builder, uint64_t thread,
                          uint64_t place, struct trace_error *error)
{
	if (!builder_thread_acts(builder, thread, place, error))
		return false;
	builder->thread = (uint16_t)thread;
	return true;
}

bool trace_builder_thread_start(struct trace_builder *builder, uint64_t thread,
                                uint64_t place, struct trace_error *error)
{
	struct trace_op op = {.thread = (uint16_t)thread,
	                      .kind = TRACE_THREAD_START};
	char text[MESSAGE_PLACE_BYTES];

	if (thread == 0)
		return trace_builder_fail(builder, place, error,
		                          "thread 0 is there from the start");
	if (thread < TRACE_THREADS_MAX &&
	    word_is_live(builder->threads[thread]))
		return trace_builder_fail(
			builder, place, error,
			"thread %" PRIu64 " runs already (started at %s)",
			thread,
			message_place(&builder->messages, place,
		                      word_place(builder->threads[thread]),
		                      text));
	if (thread >= TRACE_THREADS_MAX) /* says so */
		return builder_thread_acts(builder, thread, place, error);
	if (!builder_push(builder, op, 0, place, error))
		return false;
	builder->threads[thread] = builder_thread_runs(place);
	if (thread >= builder->so_far.trace.threads)
		builder->so_far.trace.threads = (uint32_t)thread + 1;
	return true;
}

bool trace_builder_thread_exit(struct trace_builder *builder, uint64_t thread,
                               uint64_t place, struct trace_error *error)
{
	struct trace_op op = {.thread = (uint16_t)thread,
	                      .kind = TRACE_THREAD_EXIT};

	if (thread == 0)
		return trace_builder_fail(builder, place, error,
		                          "thread 0 never exits: it is there "
		                          "to the end");
	if (!builder_thread_acts(builder, thread, place, error) ||
	    !builder_push(builder, op, 0, place, error))
		return false;
	builder->threads[thread] = word_dead(place);
	return true;
}

/* Phase names must fit into phase(...) of the text form. */
static bool phase_name_is_sound(const char *name)
{
	size_t bytes = strlen(name);

	if (bytes == 0 || bytes > PHASE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < bytes; i++)
		if (name[i] <= ' ' || name[i] > '~' ||
		    strchr("()#", name[i]) != NULL)
			return false;
	return true;
}

bool trace_builder_phase(struct trace_builder *builder, const char *name,
                         uint64_t place, struct trace_error *error)
{
	struct trace_op op = {.thread = builder->thread, .kind = TRACE_PHASE};

	if (!builder_thread_acts(builder, builder->thread, place, error))
		return false;
	if (!phase_name_is_sound(name))
		return trace_builder_fail(
			builder, place, error,
			"the name of a phase is 1 to %d printable characters, "
			"none of ( ) # and blank",
			PHASE_BYTES_MAX);
	op.slot = growing_phase(&builder->so_far, name);
	if (op.slot == UINT32_MAX)
		return builder_fail_memory(builder, place, error);
	if (op.slot >= PHASES_MAX)
		return trace_builder_fail(builder, place, error,
		                          "more than %d different phases",
		                          PHASES_MAX);
	return builder_push(builder, op, 0, place, error);
}
