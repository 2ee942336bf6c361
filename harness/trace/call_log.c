/*
 * call_log.c - addresses to ids, thread ids to logical threads, and an account
 * of what did not fit.
 *
 * An id is in the map of live addresses, held by a realloc that has begun, or on
 * the stack of free ones, so that ids stay as dense as the builder likes them.
 */
#include "call_log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

bool call_log_open(struct call_log *log, const struct trace_text *in,
                   struct trace_error *error)
{
	*log = (struct call_log){.builder = trace_builder_new(in->name, "line"),
	                         .error = error};
	if (log->builder == NULL)
		return trace_fail(error, "%.200s: no memory", in->name);
	lines_open(&log->lines, in->text, in->bytes);
	return true;
}

bool call_log_fail(struct call_log *log, struct token what, const char *reason)
{
	char quoted[TOKEN_QUOTED_BYTES];

	return trace_builder_fail(log->builder, log->place, log->error,
	                          "%s: %s", token_quote(&what, quoted), reason);
}

static bool fail(struct call_log *log, const char *reason)
{
	return trace_builder_fail(log->builder, log->place, log->error, "%s",
	                          reason);
}

static bool no_memory(struct call_log *log)
{
	return trace_builder_fail(log->builder, log->place, log->error,
	                          "no memory for %" PRIu32 " live blocks",
	                          log->id_count);
}

/* --- ids and addresses -------------------------------------------------- */

/* The map's keys are not 0. */
static uint64_t key_of(uint64_t number)
{
	return number + 1;
}

static uint32_t id_take(struct call_log *log)
{
	if (log->free_count > 0)
		return log->free_ids[--log->free_count];
	if (log->id_count == log->id_capacity) {
		uint32_t capacity = log->id_capacity * 2 + 1024;
		uint32_t *ids = realloc(log->free_ids, capacity * sizeof *ids);
		if (ids == NULL)
			return ADDRESS_UNKNOWN;
		log->free_ids = ids;
		log->id_capacity = capacity;
	}
	return log->id_count++;
}

/* What every event has, once it is added. */
static void describe_event(struct call_log *log)
{
	if (log->site != 0 && trace_builder_last_has_block(log->builder))
		trace_builder_site(log->builder, log->site);
	log->site = 0;
	if (!log->has_time)
		return;
	if (!log->has_first_time)
		log->first_time_ns = log->time_ns;
	log->has_first_time = true;
	uint64_t time_ns = log->time_ns < log->first_time_ns
	                           ? 0
	                           : log->time_ns - log->first_time_ns;
	trace_builder_time(log->builder, time_ns);
}

static bool free_id(struct call_log *log, uint32_t id)
{
	log->free_ids[log->free_count++] = id;
	if (!trace_builder_free_block(log->builder, id, log->place, log->error))
		return false;
	describe_event(log);
	return true;
}

/* From now on the block is at this address, and no other one. */
static bool place_block(struct call_log *log, uint64_t address, uint32_t id)
{
	uint32_t old = address_map_take(&log->blocks, key_of(address));
	uint32_t site = log->site;

	if (old != ADDRESS_UNKNOWN) {
		log->counts.missed_frees++;
		if (!free_id(log, old))
			return false;
		log->site = site;
	}
	return address_map_add(&log->blocks, key_of(address), id) ||
	       no_memory(log);
}

/* --- calls -------------------------------------------------------------- */

static bool failed_call(struct call_log *log)
{
	log->counts.failed_calls++;
	log->site = 0;
	return true;
}

static bool add_block(struct call_log *log, enum trace_kind kind,
                      uint64_t address, uint64_t size, unsigned align_log2)
{
	uint32_t id = id_take(log);

	if (id == ADDRESS_UNKNOWN)
		return no_memory(log);
	if (!place_block(log, address, id) ||
	    !trace_builder_alloc(log->builder, kind, id, size, align_log2,
	                         log->place, log->error))
		return false;
	describe_event(log);
	return true;
}

bool call_log_alloc(struct call_log *log, enum trace_kind kind,
                    uint64_t address, uint64_t size)
{
	return address == 0 ? failed_call(log)
	                    : add_block(log, kind, address, size, 0);
}

bool call_log_calloc(struct call_log *log, uint64_t address, uint64_t count,
                     uint64_t size)
{
	uint64_t all;

	if (address == 0)
		return failed_call(log);
	if (__builtin_mul_overflow(count, size, &all))
		return fail(log, "calloc of more than 2^64 bytes");
	return add_block(log, TRACE_CALLOC, address, all, 0);
}

bool call_log_aligned(struct call_log *log, uint64_t address, uint64_t align,
                      uint64_t size)
{
	unsigned log2 = 0;

	if (address == 0)
		return failed_call(log);
	if (align == 0 || (align & (align - 1)) != 0)
		return fail(log, "the alignment is no power of two");
	while (log2 < TRACE_ALIGN_LOG2_MAX && (uint64_t)1 << log2 < align)
		log2++;
	log->counts.lowered_aligns += (uint64_t)1 << log2 < align;
	return add_block(log, TRACE_ALIGNED, address, size, log2);
}

bool call_log_free(struct call_log *log, uint64_t address)
{
	if (address == 0) {
		if (!trace_builder_free_null(log->builder, log->place,
		                             log->error))
			return false;
		describe_event(log);
		return true;
	}
	uint32_t id = address_map_take(&log->blocks, key_of(address));
	if (id != ADDRESS_UNKNOWN)
		return free_id(log, id);
	log->counts.unknown_frees++;
	log->site = 0;
	return true;
}

uint32_t call_log_realloc_begin(struct call_log *log, uint64_t old)
{
	return old == 0 ? CALL_LOG_NO_BLOCK
	                : address_map_take(&log->blocks, key_of(old));
}

/* realloc(old, 0): the block is gone; glibc returns NULL, others a block. */
static bool realloc_to_nothing(struct call_log *log, uint32_t block,
                               uint64_t address)
{
	if (block != CALL_LOG_NO_BLOCK && !free_id(log, block))
		return false;
	return address == 0 || add_block(log, TRACE_MALLOC, address, 0, 0);
}

bool call_log_realloc_end(struct call_log *log, uint32_t block, uint64_t old,
                          uint64_t address, uint64_t size)
{
	if (old != 0 && block == CALL_LOG_NO_BLOCK)
		log->counts.unknown_reallocs++;
	if (old != 0 && size == 0)
		return realloc_to_nothing(log, block, address);
	if (address == 0) {
		failed_call(log);
		return block == CALL_LOG_NO_BLOCK ||
		       place_block(log, old, block);
	}
	if (block == CALL_LOG_NO_BLOCK)
		return add_block(log, TRACE_MALLOC, address, size, 0);
	if (!place_block(log, address, block) ||
	    !trace_builder_realloc(log->builder, block, size, log->place,
	                           log->error))
		return false;
	describe_event(log);
	return true;
}

bool call_log_realloc(struct call_log *log, uint64_t old, uint64_t address,
                      uint64_t size)
{
	return call_log_realloc_end(log, call_log_realloc_begin(log, old), old,
	                            address, size);
}

/* --- threads ------------------------------------------------------------ */

/* The lowest number that no running thread has; 0 for the first only. */
static uint32_t free_thread(const struct call_log *log)
{
	uint32_t thread = log->has_threads ? 1 : 0;

	while (thread < TRACE_THREADS_MAX && log->thread_in_use[thread])
		thread++;
	return thread;
}

static bool start_thread(struct call_log *log, uint64_t number,
                         uint32_t *thread)
{
	bool is_first = !log->has_threads;

	*thread = free_thread(log);
	if (*thread == TRACE_THREADS_MAX)
		return fail(log, "more than 4096 threads at a time");
	log->has_threads = true;
	log->thread_in_use[*thread] = true;
	if (!address_map_add(&log->threads, key_of(number), *thread))
		return no_memory(log);
	return is_first || trace_builder_thread_start(log->builder, *thread,
	                                              log->place, log->error);
}

bool call_log_thread(struct call_log *log, uint64_t number)
{
	uint32_t thread = address_map_get(&log->threads, key_of(number));

	if (number == UINT64_MAX)
		return fail(log, "a thread of number 2^64 - 1");
	if (thread == ADDRESS_UNKNOWN && !start_thread(log, number, &thread))
		return false;
	return trace_builder_thread(log->builder, thread, log->place,
	                            log->error);
}

bool call_log_thread_exit(struct call_log *log, uint64_t number)
{
	uint32_t thread = address_map_get(&log->threads, key_of(number));

	/* Thread 0 is there to the end: a trace knows no other way. */
	if (number == UINT64_MAX || thread == ADDRESS_UNKNOWN || thread == 0)
		return true;
	address_map_take(&log->threads, key_of(number));
	log->thread_in_use[thread] = false;
	return trace_builder_thread_exit(log->builder, thread, log->place,
	                                 log->error);
}

/* --- the end ------------------------------------------------------------ */

/* One line of the account, if there is something to say. */
static void note(FILE *to, uint64_t count, const char *one, const char *many)
{
	if (count > 0)
		fprintf(to, "%" PRIu64 " %s\n", count, count == 1 ? one : many);
}

static void write_notes(FILE *to, const struct call_log_counts *counts)
{
	note(to, counts->unknown_frees,
	     "free of a block that was never seen: left out",
	     "frees of blocks that were never seen: left out");
	note(to, counts->unknown_reallocs,
	     "realloc of a block that was never seen: taken as an allocation",
	     "reallocs of blocks that were never seen: taken as allocations");
	note(to, counts->missed_frees,
	     "block came back without its free: one was put in",
	     "blocks came back without their frees: those were put in");
	note(to, counts->failed_calls, "call that failed: left out",
	     "calls that failed: left out");
	note(to, counts->lowered_aligns,
	     "alignment above 1 MiB: taken as 1 MiB",
	     "alignments above 1 MiB: taken as 1 MiB");
	note(to, counts->cut_calls, "call without its end: left out",
	     "calls without their ends: left out");
	note(to, counts->unseen_results,
	     "call whose block the log does not show: left out",
	     "calls whose blocks the log does not show: left out");
	note(to, counts->other_processes,
	     "call of another process than the first: left out",
	     "calls of other processes than the first: left out");
}

/* The notes as a text; NULL if there is nothing to say, or no memory. */
static char *notes_of(const struct call_log_counts *counts)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (to == NULL)
		return NULL;
	write_notes(to, counts);
	fclose(to);
	if (bytes > 0)
		return text;
	free(text);
	return NULL;
}

bool call_log_next(struct call_log *log, struct scan *line)
{
	while (lines_next(&log->lines, line)) {
		log->place = log->lines.number;
		scan_blanks(line);
		if (!scan_at_end(line))
			return true;
	}
	return false;
}

bool call_log_close(struct call_log *log, bool good, const char *source,
                    struct trace *trace)
{
	if (good)
		good = trace_builder_finish(log->builder, source, trace,
		                            log->error);
	else
		trace_builder_free(log->builder);
	if (good)
		trace->notes = notes_of(&log->counts);
	address_map_free(&log->blocks);
	address_map_free(&log->threads);
	free(log->free_ids);
	return good;
}
