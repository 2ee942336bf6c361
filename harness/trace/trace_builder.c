/*
 * trace_builder.c - gives live ids slots and refuses events that make no sense.
 *
 * Idea.  An id is one word: never seen, live in a slot, or dead since a place.
 * A slot is two words: the size of its block and the place that allocated it.
 * Free slots form a stack, so that the slot freed last is used first: the table
 * stays as small as the peak of live blocks, and the binary form can leave out
 * the slots of allocations, because its reader plays the same stack.
 *
 *     id table                      slot table
 *     +----------------+---+        +------+-------+
 *     | slot           | 1 | -----> | size | place |    live
 *     | dead since     | 0 |        +------+-------+
 *     +----------------+---+        | next |       |    free, on the stack
 *                                   +------+-------+
 *
 * Invariants, asserted where they matter.
 *     I1  an id word is odd <=> its slot is not on the free stack
 *     I2  slots in use + free slots = trace.slots = the most ever in use
 *     I3  live_bytes = sum of the sizes of the slots in use
 *
 * Cost.     O(1) an event, two cache misses for an id long untouched.
 * Threads.  None: one thread at a time.
 * Read next: builder_marks.c, the events that are no calls; text_read.c, which
 * drives it; binary_encode.c, which relies on I2.
 */
#include "trace_builder.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder_state.h"

/* More live bytes than any machine has; far from overflow. */
static const uint64_t LIVE_BYTES_MAX = (uint64_t)1 << 60;

/* --- messages ----------------------------------------------------------- */

bool trace_builder_fail(const struct trace_builder *builder, uint64_t place,
                        struct trace_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message_fail(&builder->messages, place, error, format, args);
	va_end(args);
	return false;
}

static bool fail_about(const struct trace_builder *builder, uint64_t id,
                       uint64_t place, struct trace_error *error,
                       const char *before, const char *after)
{
	char text[MESSAGE_ID_BYTES];

	return trace_builder_fail(builder, place, error, "%s%s%s", before,
	                          message_id(&builder->messages, id, text),
	                          after);
}

bool builder_fail_memory(const struct trace_builder *builder, uint64_t place,
                         struct trace_error *error)
{
	return trace_builder_fail(builder, place, error,
	                          "no memory for more than %" PRIu64 " events",
	                          builder->so_far.trace.events);
}

/* --- events ------------------------------------------------------------- */

bool builder_push(struct trace_builder *builder, struct trace_op op,
                  uint64_t id, uint64_t place, struct trace_error *error)
{
	return growing_push(&builder->so_far, op, id) ||
	       builder_fail_memory(builder, place, error);
}

/* Notes a change of the live bytes, made by the event just added. */
static void live_bytes_add(struct trace_builder *builder, uint64_t more,
                           uint64_t less)
{
	struct trace *trace = &builder->so_far.trace;

	builder->live_bytes = builder->live_bytes + more - less;
	if (builder->live_bytes > trace->peak_live_bytes) {
		trace->peak_live_bytes = builder->live_bytes;
		trace->peak_live_event = trace->events - 1;
	}
}

/* --- slots -------------------------------------------------------------- */

static bool grow_slots(struct trace_builder *builder)
{
	uint64_t capacity = (uint64_t)builder->slot_capacity * 2 + 64;

	if (builder->slot_capacity == TRACE_SLOTS_MAX)
		return false;
	if (capacity > TRACE_SLOTS_MAX)
		capacity = TRACE_SLOTS_MAX;
	if (!grow_array(&builder->slots, capacity, sizeof *builder->slots))
		return false;
	builder->slot_capacity = (uint32_t)capacity;
	return true;
}

/* Takes the slot freed last, or a new one; TRACE_SLOTS_MAX without memory. */
static uint32_t slot_take(struct trace_builder *builder)
{
	uint32_t slot = builder->free_slot - 1;

	if (builder->free_slot != 0) {
		builder->free_slot = (uint32_t)builder->slots[slot].size;
		return slot;
	}
	if (builder->so_far.trace.slots == builder->slot_capacity &&
	    !grow_slots(builder))
		return TRACE_SLOTS_MAX;
	return builder->so_far.trace.slots++;
}

static void slot_give_back(struct trace_builder *builder, uint32_t slot)
{
	builder->slots[slot].size = builder->free_slot;
	builder->free_slot = slot + 1;
}

/* --- begin and end ------------------------------------------------------ */

struct trace_builder *trace_builder_new(const char *name,
                                        const char *place_word)
{
	struct trace_builder *builder = calloc(1, sizeof *builder);

	if (builder == NULL)
		return NULL;
	builder->messages.place_word = place_word;
	builder->messages.id_word = "id";
	builder->messages.name = strdup(name);
	builder->threads[0] = builder_thread_runs(0);
	if (builder->messages.name == NULL || !growing_new(&builder->so_far)) {
		trace_builder_free(builder);
		return NULL;
	}
	return builder;
}

void trace_builder_free(struct trace_builder *builder)
{
	if (builder == NULL)
		return;
	id_table_free(&builder->ids);
	free(builder->slots);
	free(builder->messages.name);
	growing_free(&builder->so_far);
	free(builder);
}

void trace_builder_names(struct trace_builder *builder, trace_name_of *name_of,
                         void *ctx)
{
	builder->messages.name_of = name_of;
	builder->messages.name_ctx = ctx;
	growing_keep_ids(&builder->so_far);
}

bool trace_builder_was_seen(const struct trace_builder *builder, uint64_t id)
{
	return id_table_get(&builder->ids, id) != 0;
}

void trace_builder_id_word(struct trace_builder *builder, const char *word)
{
	builder->messages.id_word = word;
}

static bool size_is_sound(const struct trace_builder *builder, uint64_t size,
                          uint64_t place, struct trace_error *error)
{
	if (size > TRACE_SIZE_MAX)
		return trace_builder_fail(
			builder, place, error,
			"size %" PRIu64 " is above 2^46, the most here", size);
	if (size > LIVE_BYTES_MAX - builder->live_bytes)
		return trace_builder_fail(builder, place, error,
		                          "more than 2^60 bytes live");
	return true;
}

/* Whether `id` may be allocated: in range, and not live. */
static bool id_is_vacant(const struct trace_builder *builder, uint64_t id,
                         uint64_t place, struct trace_error *error)
{
	char text[MESSAGE_PLACE_BYTES], after[128];

	if (id >= TRACE_SLOTS_MAX)
		return fail_about(builder, id, place, error, "",
		                  " is above 4294967293, the most here");
	uint64_t word = id_table_get(&builder->ids, id);
	if (!word_is_live(word))
		return true;
	uint64_t born = builder->slots[word_slot(word)].place;
	snprintf(after, sizeof after, " is live already (allocated at %s)",
	         message_place(&builder->messages, place, born, text));
	return fail_about(builder, id, place, error, "", after);
}

/* --- calls -------------------------------------------------------------- */

bool trace_builder_alloc(struct trace_builder *builder, enum trace_kind kind,
                         uint64_t id, uint64_t size, unsigned align_log2,
                         uint64_t place, struct trace_error *error)
{
	assert(kind <= TRACE_ALIGNED);
	if (!builder_thread_acts(builder, builder->thread, place, error) ||
	    !size_is_sound(builder, size, place, error) ||
	    !id_is_vacant(builder, id, place, error))
		return false;
	if (align_log2 > TRACE_ALIGN_LOG2_MAX)
		return trace_builder_fail(builder, place, error,
		                          "alignment 2^%u is above 2^%d, the "
		                          "most here",
		                          align_log2, TRACE_ALIGN_LOG2_MAX);
	uint64_t *word = id_table_at(&builder->ids, id);
	uint32_t slot = word == NULL ? TRACE_SLOTS_MAX : slot_take(builder);
	if (slot == TRACE_SLOTS_MAX)
		return builder_fail_memory(builder, place, error);
	builder->slots[slot] = (struct slot_state){size, place};
	*word = word_live(slot);
	struct trace_op op = {.size = size,
	                      .slot = slot,
	                      .thread = builder->thread,
	                      .kind = (uint8_t)kind,
	                      .align_log2 = (uint8_t)align_log2};
	if (!builder_push(builder, op, id, place, error))
		return false;
	live_bytes_add(builder, size, 0);
	return true;
}

/* The word of a live id; otherwise NULL and `what` cannot be done. */
static uint64_t *live_word(struct trace_builder *builder, uint64_t id,
                           const char *what, uint64_t place,
                           struct trace_error *error)
{
	uint64_t word = id_table_get(&builder->ids, id);
	char text[MESSAGE_PLACE_BYTES], before[64], after[128];

	if (word_is_live(word))
		return id_table_at(&builder->ids, id);
	snprintf(before, sizeof before, "%s of ", what);
	if (word == 0) {
		fail_about(builder, id, place, error, before,
		           ", which was never allocated");
		return NULL;
	}
	if (strcmp(what, "free") == 0)
		snprintf(before, sizeof before, "double free of ");
	snprintf(after, sizeof after, " (freed at %s)",
	         message_place(&builder->messages, place, word_place(word),
	                       text));
	fail_about(builder, id, place, error, before, after);
	return NULL;
}

bool trace_builder_realloc(struct trace_builder *builder, uint64_t id,
                           uint64_t size, uint64_t place,
                           struct trace_error *error)
{
	if (!builder_thread_acts(builder, builder->thread, place, error) ||
	    !size_is_sound(builder, size, place, error))
		return false;
	uint64_t *word = live_word(builder, id, "realloc", place, error);
	if (word == NULL)
		return false;
	if (size == 0)
		return fail_about(builder, id, place, error, "realloc of ",
		                  " to 0 bytes: C leaves open what it does; "
		                  "free it");
	uint32_t slot = word_slot(*word);
	struct trace_op op = {.size = size,
	                      .slot = slot,
	                      .thread = builder->thread,
	                      .kind = TRACE_REALLOC};
	if (!builder_push(builder, op, id, place, error))
		return false;
	live_bytes_add(builder, size, builder->slots[slot].size);
	builder->slots[slot].size = size;
	return true;
}

bool trace_builder_free_block(struct trace_builder *builder, uint64_t id,
                              uint64_t place, struct trace_error *error)
{
	if (!builder_thread_acts(builder, builder->thread, place, error))
		return false;
	uint64_t *word = live_word(builder, id, "free", place, error);
	if (word == NULL)
		return false;
	uint32_t slot = word_slot(*word);
	struct trace_op op = {
		.slot = slot, .thread = builder->thread, .kind = TRACE_FREE};
	if (!builder_push(builder, op, id, place, error))
		return false;
	live_bytes_add(builder, 0, builder->slots[slot].size);
	slot_give_back(builder, slot);
	*word = word_dead(place);
	return true;
}

/* The slot is not known yet: it is trace.slots, filled in by finish. */
bool trace_builder_free_null(struct trace_builder *builder, uint64_t place,
                             struct trace_error *error)
{
	struct trace_op op = {.slot = TRACE_SLOTS_MAX,
	                      .thread = builder->thread,
	                      .kind = TRACE_FREE};

	return builder_thread_acts(builder, builder->thread, place, error) &&
	       builder_push(builder, op, 0, place, error);
}

uint64_t trace_builder_time(struct trace_builder *builder, uint64_t time_ns)
{
	return growing_time(&builder->so_far, time_ns);
}

struct trace_sites *trace_builder_sites(struct trace_builder *builder)
{
	return growing_sites(&builder->so_far);
}

bool trace_builder_last_has_block(const struct trace_builder *builder)
{
	const struct trace *trace = &builder->so_far.trace;

	assert(trace->events > 0);
	return trace->ops[trace->events - 1].kind <= TRACE_REALLOC;
}

void trace_builder_site(struct trace_builder *builder, uint32_t site)
{
	assert(trace_builder_last_has_block(builder));
	growing_site(&builder->so_far, site);
}

void trace_builder_untouched(struct trace_builder *builder, uint64_t event,
                             uint64_t bytes)
{
	growing_untouched(&builder->so_far, event, bytes);
}

uint32_t trace_builder_last_slot(const struct trace_builder *builder)
{
	const struct trace *trace = &builder->so_far.trace;

	assert(trace->events > 0);
	return trace->ops[trace->events - 1].slot;
}

uint64_t trace_builder_last_size(const struct trace_builder *builder)
{
	const struct trace *trace = &builder->so_far.trace;

	assert(trace_builder_last_has_block(builder));
	return trace->ops[trace->events - 1].size;
}

uint64_t trace_builder_events(const struct trace_builder *builder)
{
	return builder->so_far.trace.events;
}

bool trace_builder_finish(struct trace_builder *builder, const char *source,
                          struct trace *trace, struct trace_error *error)
{
	const struct trace_messages *messages = &builder->messages;
	struct growing_trace *so_far = &builder->so_far;
	bool has_calls = so_far->trace.calls > 0;
	bool sound = has_calls &&
	             growing_settle(so_far, source, builder->ids.count,
	                            messages->name_of, messages->name_ctx);

	if (sound) {
		*trace = so_far->trace;
		so_far->trace = (struct trace){0};
	} else {
		trace_fail(error, "%.200s: %s", messages->name,
		           has_calls ? "no memory"
		                     : "no allocator is called in it");
	}
	trace_builder_free(builder);
	return sound;
}
