/*
 * trace_builder.h - turns the calls that a reader sees into a sound trace.
 *
 * Readers know blocks by *id*: the number in a .rep file, a name, an address.
 * The builder gives each live id a slot, notices every event that makes no
 * sense, and keeps the place where each id was last used, so that a message can
 * name both halves of a mistake:
 *
 *     x.rep:7: double free of id 3 (freed at line 5)
 *
 * Ids are numbers below TRACE_SLOTS_MAX, dense ones for speed; readers that meet
 * names or addresses number them first.  `place` is a line (text) or a byte
 * offset (binary), as the reader said at the start.
 *
 * Memory: 16 bytes an event (8 more with times, 4 with sites, 8 with untouched
 * bytes), 8 bytes an id, 16 bytes a slot.
 * Threads: one at a time.
 */
#ifndef HARNESS_TRACE_TRACE_BUILDER_H
#define HARNESS_TRACE_TRACE_BUILDER_H

#include "trace.h"

struct trace_builder;

/*
 * `name` stands for the file in messages, `place_word` is put before places:
 * "line" (messages begin "name:7: "), or another, such as "byte" (messages begin
 * "name: byte 7: ").  NULL without memory.
 */
struct trace_builder *trace_builder_new(const char *name,
                                        const char *place_word);
void trace_builder_free(struct trace_builder *builder);

/* A place in a line that holds more than one event; columns count from 1. */
uint64_t trace_place(uint64_t line, uint64_t column);

/*
 * Ids have names: `name_of(ctx, id)` is put into messages instead of "id 3", and
 * traces of at most 2^16 events keep the names.  `ctx` must live until finish.
 */
typedef const char *trace_name_of(void *ctx, uint64_t id);
void trace_builder_names(struct trace_builder *builder, trace_name_of *name_of,
                         void *ctx);

/* For messages: ids are called "allocation 3" instead of "id 3". */
void trace_builder_id_word(struct trace_builder *builder, const char *word);

/* Formats "name:place: ..." into `error`; returns false. */
bool trace_builder_fail(const struct trace_builder *builder, uint64_t place,
                        struct trace_error *error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* From now on events belong to this thread; 0 at first. */
bool trace_builder_thread(struct trace_builder *builder, uint64_t thread,
                          uint64_t place, struct trace_error *error);

/*
 * Adds one event.  False with a sentence in `error` where it is not sound: the
 * id is live already, is not live, the size is above TRACE_SIZE_MAX, ...
 * `kind` is one of the three allocating kinds for trace_builder_alloc.
 */
bool trace_builder_alloc(struct trace_builder *builder, enum trace_kind kind,
                         uint64_t id, uint64_t size, unsigned align_log2,
                         uint64_t place, struct trace_error *error);
bool trace_builder_realloc(struct trace_builder *builder, uint64_t id,
                           uint64_t size, uint64_t place,
                           struct trace_error *error);
bool trace_builder_free_block(struct trace_builder *builder, uint64_t id,
                              uint64_t place, struct trace_error *error);
bool trace_builder_free_null(struct trace_builder *builder, uint64_t place,
                             struct trace_error *error);
bool trace_builder_thread_start(struct trace_builder *builder, uint64_t thread,
                                uint64_t place, struct trace_error *error);
bool trace_builder_thread_exit(struct trace_builder *builder, uint64_t thread,
                               uint64_t place, struct trace_error *error);
bool trace_builder_phase(struct trace_builder *builder, const char *name,
                         uint64_t place, struct trace_error *error);

/* Whether an id ever named a block: where a dialect gives that a meaning. */
bool trace_builder_was_seen(const struct trace_builder *builder, uint64_t id);

/*
 * Gives the event added last a time, in ns since the first.  Times never run
 * backwards: a smaller one than the event before has is raised to that.  Returns
 * the time that it has now.
 */
uint64_t trace_builder_time(struct trace_builder *builder, uint64_t time_ns);

/*
 * The table of the sites that events come from (sites.h), empty at first; NULL
 * without memory.  A trace whose events have none ends up without a table.
 */
struct trace_sites *trace_builder_sites(struct trace_builder *builder);

/* Whether the event added last has a block: it allocates or resizes. */
bool trace_builder_last_has_block(const struct trace_builder *builder);

/* The event added last, such a one, comes from this site of the table. */
void trace_builder_site(struct trace_builder *builder, uint32_t site);

/*
 * Of the block of `event`, one that allocates or resizes, so many bytes are never
 * written to until the block's next event; at most its size.
 */
void trace_builder_untouched(struct trace_builder *builder, uint64_t event,
                             uint64_t bytes);

/* The slot of the event added last. */
uint32_t trace_builder_last_slot(const struct trace_builder *builder);

/* Its size; of one that allocates or resizes. */
uint64_t trace_builder_last_size(const struct trace_builder *builder);

/* Events added so far. */
uint64_t trace_builder_events(const struct trace_builder *builder);

/*
 * Moves the events into `trace`, with slots, peaks and checksum computed, and
 * frees the builder.  False (a trace without calls is one reason) frees it too.
 */
bool trace_builder_finish(struct trace_builder *builder, const char *source,
                          struct trace *trace, struct trace_error *error);

#endif
