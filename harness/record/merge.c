/*
 * merge.c - from addresses to ids.
 *
 * Idea.  The records come in the order of their stamps, in which an address is
 * given back before it is handed out again (preload/interpose.c says why).  So
 * the map of live addresses is exact at every record.  A realloc is two
 * records: between them its block lives, but has no address, for another thread
 * may get the old one before this thread's second stamp:
 *
 *     stamp  thread A                   thread B           map
 *       1    malloc = p                                    p:0
 *       2    release p                                     -
 *       3                               malloc = p         p:1
 *       4    acquire q, 80 bytes                           p:1 q:0
 *     trace  malloc 0, malloc 1, realloc 0 to 80 bytes
 *
 * Words.
 *     id       a live block's number; numbers of dead blocks are given again,
 *              so that they stay as dense as the builder likes them
 *     moving   the id that a thread has released and not yet acquired
 *     lane     what is known of one thread of the program
 *
 * Invariants.
 *     I1  an id is in the map, or some lane's `moving`, or on the free stack
 *     I2  two running lanes never share a logical thread
 *
 * Cost.     O(1) an event, O(log threads) with the reader's heap.
 * Read next: raw_reader.c, ../trace/trace_builder.h.
 */
#include "merge.h"

#include <assert.h>
#include <stdlib.h>

#include "../trace/trace_builder.h"
#include "../trace/address_map.h"
#include "../trace/growing_trace.h"

/* How often a long merge looks for an interrupt. */
enum { RECORDS_BETWEEN_LOOKS = 1 << 16 };

struct lane {
	uint32_t moving; /* id, or ADDRESS_UNKNOWN    */
	uint16_t thread; /* logical, once it started  */
	bool started;    /* has a logical thread      */
	bool ended;      /* its destructors have run  */
};

/* What is known of a live block. */
struct block {
	uint64_t event; /* that made it, or resized it last */
	uint64_t size;
};

struct merge {
	const struct merge_options *options;
	struct merge_counts *counts;
	struct trace_error *error;
	struct trace_builder *builder;
	struct raw_sites *sites;
	struct lane *lanes; /* by the program's thread             */
	bool thread_in_use[TRACE_THREADS_MAX];
	struct address_map map;
	struct block *blocks; /* by id                             */
	uint32_t *free_ids;   /* a stack                           */
	uint32_t free_count;  /* on it                             */
	uint32_t id_count;    /* ids ever made                     */
	uint32_t id_capacity; /* there is room to free all of them */
	uint64_t stamp;       /* of the record at hand             */
};

/* --- ids ---------------------------------------------------------------- */

/* A free id, or ADDRESS_UNKNOWN without memory. */
static uint32_t id_take(struct merge *merge)
{
	if (merge->free_count > 0)
		return merge->free_ids[--merge->free_count];
	if (merge->id_count == merge->id_capacity) {
		uint32_t capacity = merge->id_capacity * 2 + 1024;
		if (!grow_array(&merge->free_ids, capacity,
		                sizeof *merge->free_ids) ||
		    !grow_array(&merge->blocks, capacity,
		                sizeof *merge->blocks))
			return ADDRESS_UNKNOWN;
		merge->id_capacity = capacity;
	}
	return merge->id_count++;
}

static void id_give(struct merge *merge, uint32_t id)
{
	assert(merge->free_count < merge->id_capacity && "I1");
	merge->free_ids[merge->free_count++] = id;
}

static bool no_memory(struct merge *merge)
{
	return trace_fail(merge->error, "%s: no memory for %u live blocks",
	                  merge->options->name, merge->id_count);
}

/* --- blocks ------------------------------------------------------------- */

static bool free_id(struct merge *merge, uint32_t id)
{
	id_give(merge, id);
	return trace_builder_free_block(merge->builder, id, merge->stamp,
	                                merge->error);
}

/*
 * From now on the block `id` is at `address`.  If another one is still there
 * its free went past the library: put it in, for it must have happened.
 */
static bool place_block(struct merge *merge, uint64_t address, uint32_t id)
{
	uint32_t old = address_map_take(&merge->map, address);

	if (old != ADDRESS_UNKNOWN) {
		merge->counts->missed_frees++;
		if (!free_id(merge, old))
			return false;
	}
	return address_map_add(&merge->map, address, id) || no_memory(merge);
}

/* The event added last is about the block `id`. */
static void note_event(struct merge *merge, uint32_t id, uint64_t size)
{
	merge->blocks[id] =
		(struct block){trace_builder_events(merge->builder) - 1, size};
}

static bool on_alloc(struct merge *merge, enum trace_kind kind,
                     const struct raw_call *call)
{
	unsigned align_log2 = call->align_log2;
	uint32_t id = id_take(merge);

	if (id == ADDRESS_UNKNOWN)
		return no_memory(merge);
	if (align_log2 > TRACE_ALIGN_LOG2_MAX) {
		align_log2 = TRACE_ALIGN_LOG2_MAX;
		merge->counts->lowered_aligns++;
	}
	if (!place_block(merge, call->address, id) ||
	    !trace_builder_alloc(merge->builder, kind, id, call->size,
	                         align_log2, merge->stamp, merge->error))
		return false;
	note_event(merge, id, call->size);
	return true;
}

static bool on_free(struct merge *merge, const struct raw_call *call)
{
	if (call->address == 0)
		return trace_builder_free_null(merge->builder, merge->stamp,
		                               merge->error);
	uint32_t id = address_map_take(&merge->map, call->address);
	if (id != ADDRESS_UNKNOWN)
		return free_id(merge, id);
	merge->counts->unknown_frees++;
	return true;
}

/* The second half of a realloc that went well. */
static bool on_acquire(struct merge *merge, struct lane *lane,
                       const struct raw_call *call)
{
	uint32_t id = lane->moving;

	lane->moving = ADDRESS_UNKNOWN;
	if (id == ADDRESS_UNKNOWN) {
		merge->counts->unknown_reallocs++;
		return on_alloc(merge, TRACE_MALLOC, call);
	}
	if (!place_block(merge, call->address, id) ||
	    !trace_builder_realloc(merge->builder, id, call->size, merge->stamp,
	                           merge->error))
		return false;
	note_event(merge, id, call->size);
	return true;
}

/* A realloc that failed: the block stays where it was all the time. */
static bool on_cancel(struct merge *merge, struct lane *lane,
                      const struct raw_call *call)
{
	uint32_t id = lane->moving;

	lane->moving = ADDRESS_UNKNOWN;
	merge->counts->failed_reallocs++;
	return id == ADDRESS_UNKNOWN || place_block(merge, call->address, id);
}

/* Of the block at this address so many bytes are touched up to here. */
static void on_touched(struct merge *merge, const struct raw_call *call)
{
	uint32_t id = address_map_get(&merge->map, call->address);

	if (id == ADDRESS_UNKNOWN)
		return;
	const struct block *block = &merge->blocks[id];
	if (call->size <= block->size)
		trace_builder_untouched(merge->builder, block->event,
		                        block->size - call->size);
}

/* --- threads ------------------------------------------------------------ */

/*
 * The program's first thread is thread 0.  The others take the lowest number
 * that no running thread has: a server that starts a thread for each request
 * needs as many as run at a time.
 */
static bool lane_start(struct merge *merge, struct lane *lane, bool first)
{
	uint16_t thread = 0;

	while (!first && thread < TRACE_THREADS_MAX &&
	       (thread == 0 || merge->thread_in_use[thread]))
		thread++;
	if (thread == TRACE_THREADS_MAX)
		return trace_fail(merge->error,
		                  "%s: more than %d threads at a time",
		                  merge->options->name, TRACE_THREADS_MAX);
	lane->started = true;
	lane->thread = thread;
	lane->moving = ADDRESS_UNKNOWN;
	merge->thread_in_use[thread] = true;
	merge->counts->threads++;
	return first || trace_builder_thread_start(merge->builder, thread,
	                                           merge->stamp, merge->error);
}

/* The first thread is there to the end: a trace knows no other way. */
static bool lane_end(struct merge *merge, struct lane *lane)
{
	if (lane->thread == 0)
		return true;
	merge->thread_in_use[lane->thread] = false;
	return trace_builder_thread_exit(merge->builder, lane->thread,
	                                 merge->stamp, merge->error);
}

/* --- records ------------------------------------------------------------ */

static bool on_call(struct merge *merge, struct lane *lane,
                    const struct raw_call *call)
{
	switch (call->kind) {
	case RAW_MALLOC:
		return on_alloc(merge, TRACE_MALLOC, call);
	case RAW_CALLOC:
		return on_alloc(merge, TRACE_CALLOC, call);
	case RAW_ALIGNED:
		return on_alloc(merge, TRACE_ALIGNED, call);
	case RAW_FREE:
		return on_free(merge, call);
	case RAW_RELEASE:
		lane->moving = address_map_take(&merge->map, call->address);
		return true;
	case RAW_ACQUIRE:
		return on_acquire(merge, lane, call);
	case RAW_CANCEL:
		return on_cancel(merge, lane, call);
	case RAW_THREAD_END:
		lane->ended = true;
		return true;
	case RAW_TOUCHED:
		on_touched(merge, call);
		return true;
	default:
		break;
	}
	return trace_fail(merge->error, "%s: a record of unknown kind %u",
	                  merge->options->name, (unsigned)call->kind);
}

/* The times of what this record added: its events since `before`. */
static void set_time(struct merge *merge, const struct raw_call *call,
                     uint64_t before)
{
	const struct tick_scale *times = merge->options->times;

	if (times != NULL && trace_builder_events(merge->builder) > before)
		trace_builder_time(merge->builder,
		                   tick_scale_ns(times, call->time));
}

/* The site of what this record added. */
static void set_site(struct merge *merge, const struct raw_call *call,
                     uint64_t before)
{
	if (call->site == 0 || trace_builder_events(merge->builder) == before ||
	    !trace_builder_last_has_block(merge->builder))
		return;
	struct trace_sites *table = trace_builder_sites(merge->builder);
	uint32_t site = table == NULL ? 0
	                              : raw_sites_number(merge->sites, table,
	                                                 call->site);
	if (site != 0)
		trace_builder_site(merge->builder, site);
}

static bool merge_call(struct merge *merge, const struct raw_stream *stream,
                       const struct raw_call *call)
{
	struct lane *lane = &merge->lanes[stream->thread];
	uint64_t before = trace_builder_events(merge->builder);

	merge->counts->records++;
	merge->stamp = call->stamp;
	if (!lane->started && call->kind != RAW_TOUCHED &&
	    !lane_start(merge, lane, stream->thread == 0))
		return false;
	if (!trace_builder_thread(merge->builder, lane->thread, merge->stamp,
	                          merge->error) ||
	    !on_call(merge, lane, call))
		return false;
	/* The C library frees a little more after a thread's destructors. */
	if (lane->ended && stream->done && !lane_end(merge, lane))
		return false;
	set_time(merge, call, before);
	set_site(merge, call, before);
	return true;
}

/* Blocks that were live when recording started: thread 0 allocates them. */
static bool merge_live(struct merge *merge, const struct raw_reader *reader)
{
	struct lane *lane = &merge->lanes[0];

	merge->counts->live_blocks = reader->live_count;
	merge->counts->live_left_out = reader->image.live_left_out;
	if (reader->live_count > 0 && !lane_start(merge, lane, true))
		return false;
	for (uint64_t i = 0; i < reader->live_count; i++) {
		uint64_t head = reader->live[i].head;
		const struct raw_call call = {
			.kind = head >> RAW_KIND_SHIFT,
			.align_log2 = head >> RAW_ALIGN_SHIFT & 0xff,
			.address = head & RAW_ADDRESS_MASK,
			.size = reader->live[i].size,
			.time = reader->image.recording_time,
		};
		if (!on_call(merge, lane, &call))
			return false;
		set_time(merge, &call, i);
	}
	return true;
}

static bool is_interrupted(const struct merge *merge)
{
	const volatile sig_atomic_t *interrupts = merge->options->interrupts;

	return merge->counts->records % RECORDS_BETWEEN_LOOKS == 0 &&
	       interrupts != NULL && *interrupts > 0;
}

static bool merge_all(struct merge *merge, struct raw_reader *reader)
{
	const struct raw_stream *stream;
	struct raw_call call;

	while (raw_reader_next(reader, &call, &stream)) {
		if (!merge_call(merge, stream, &call))
			return false;
		if (is_interrupted(merge))
			return trace_fail(merge->error, "%s: interrupted",
			                  merge->options->name);
	}
	return true;
}

/* The first time becomes 0, as trace.h has it. */
static void times_from_zero(struct trace *trace)
{
	for (uint64_t i = trace->events; trace->times != NULL && i-- > 0;)
		trace->times[i] -= trace->times[0];
}

bool merge_records(struct raw_reader *reader,
                   const struct merge_options *options, struct trace *trace,
                   struct merge_counts *counts, struct trace_error *error)
{
	struct merge merge = {.options = options,
	                      .counts = counts,
	                      .error = error,
	                      .sites = &reader->sites};

	*counts = (struct merge_counts){0};
	merge.lanes = calloc(reader->image.threads + 1, sizeof *merge.lanes);
	merge.builder = trace_builder_new(options->name, "call");
	bool good = merge.lanes != NULL && merge.builder != NULL;
	if (!good)
		trace_fail(error, "%s: no memory", options->name);
	good = good && merge_live(&merge, reader) && merge_all(&merge, reader);
	if (good) {
		counts->events = trace_builder_events(merge.builder);
		good = trace_builder_finish(merge.builder, options->source,
		                            trace, error);
	} else if (merge.builder != NULL) {
		trace_builder_free(merge.builder);
	}
	if (good)
		times_from_zero(trace);
	free(merge.lanes);
	free(merge.free_ids);
	free(merge.blocks);
	address_map_free(&merge.map);
	return good;
}
