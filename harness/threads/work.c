/*
 * work.c - traces for scaling: as much work for each thread, however many.
 */
#include <stdlib.h>

#include "../splitmix64.h"
#include "../trace/trace_builder.h"
#include "threads.h"

enum { LEAST_BYTES = 16 };

/* A trace while it is made; `ids` has `live` blocks for each of the threads. */
struct maker {
	const struct threads_work *work;
	struct trace_builder *builder;
	struct trace_error *error;
	uint64_t *ids;
	uint64_t next_id, random, place;
	unsigned live;
};

static bool allocate(struct maker *maker, uint64_t *id)
{
	uint64_t spread = maker->work->max_bytes > LEAST_BYTES
	                          ? maker->work->max_bytes - LEAST_BYTES
	                          : 0;
	uint64_t size = LEAST_BYTES + splitmix64(&maker->random) % (spread + 1);

	*id = maker->next_id++;
	return trace_builder_alloc(maker->builder, TRACE_MALLOC, *id, size, 0,
	                           maker->place, maker->error);
}

static bool act_as(struct maker *maker, unsigned thread)
{
	maker->place++;
	return trace_builder_thread(maker->builder, thread, maker->place,
	                            maker->error);
}

static bool begin(struct maker *maker)
{
	unsigned threads = maker->work->threads;

	for (unsigned t = 1; t < threads; t++)
		if (!trace_builder_thread_start(maker->builder, t, 0,
		                                maker->error))
			return false;
	for (unsigned t = 0; t < threads; t++) {
		if (!act_as(maker, t))
			return false;
		for (unsigned i = 0; i < maker->live; i++)
			if (!allocate(maker, &maker->ids[t * maker->live + i]))
				return false;
	}
	return true;
}

/* Thread `thread` renews one block. */
static bool renew(struct maker *maker, unsigned thread, uint64_t *id)
{
	return act_as(maker, thread) &&
	       trace_builder_free_block(maker->builder, *id, maker->place,
	                                maker->error) &&
	       allocate(maker, id);
}

static bool private_steps(struct maker *maker)
{
	unsigned threads = maker->work->threads, live = maker->live;

	for (uint64_t step = 0; step < maker->work->steps; step++)
		for (unsigned t = 0; t < threads; t++) {
			uint64_t at = splitmix64(&maker->random) % live;
			if (!renew(maker, t, &maker->ids[t * live + at]))
				return false;
		}
	return true;
}

/*
 * In each step the threads move on to the next table, and all tables to the next
 * place.  Since live % threads == 1, the one who comes to a place again is the
 * neighbour of the one who was there before.
 */
static bool crossing_steps(struct maker *maker)
{
	unsigned threads = maker->work->threads, live = maker->live;

	for (uint64_t step = 0; step < maker->work->steps; step++)
		for (unsigned t = 0; t < threads; t++) {
			uint64_t table = (t + step) % threads;
			if (!renew(maker, t,
			           &maker->ids[table * live + step % live]))
				return false;
		}
	return true;
}

static bool make(const struct threads_work *work, unsigned live,
                 bool (*steps)(struct maker *), const char *source,
                 struct trace *trace, struct trace_error *error)
{
	struct maker maker = {
		.work = work,
		.builder = trace_builder_new("work", "step"),
		.error = error,
		.ids = calloc((size_t)work->threads * live, sizeof(uint64_t)),
		.random = work->seed,
		.live = live,
	};

	if (maker.builder == NULL || maker.ids == NULL) {
		trace_builder_free(maker.builder);
		free(maker.ids);
		return trace_fail(error, "no memory for the work");
	}
	bool good = begin(&maker) && steps(&maker);
	free(maker.ids);
	if (good)
		return trace_builder_finish(maker.builder, source, trace,
		                            error);
	trace_builder_free(maker.builder);
	return false;
}

bool threads_private_work(const struct threads_work *work, struct trace *trace,
                          struct trace_error *error)
{
	return make(work, work->live, private_steps, "private work", trace,
	            error);
}

bool threads_crossing_work(const struct threads_work *work, struct trace *trace,
                           struct trace_error *error)
{
	unsigned threads = work->threads;
	unsigned live = (work->live + threads - 1) / threads * threads + 1;

	return make(work, live, crossing_steps, "crossing work", trace, error);
}
