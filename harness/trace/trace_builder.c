/*
 * trace_builder.c - gives live ids slots and refuses events that make no sense.
 *
 * Idea.  An id is one word: never seen, live in a slot, or dead since a place.
 * A slot is two words: the size of its block and the place that allocated it.
 * Free slots form a stack, so that the slot freed last is used first: the table
 * stays as small as the peak of live blocks, and the binary form can leave out
 * the slots of allocations, because its reader plays the same stack.
 *
 *     id word                       slot, live          slot, free
 *     +------------------+---+      +------+-------+    +------+-------+
 *     | slot             | 1 |      | size | place |    | next |       |
 *     | place of death+1 | 0 |      +------+-------+    +------+-------+
 *     | 0: never seen    | 0 |
 *     +------------------+---+
 *
 * Words.
 *     chunk    the words of 512 neighbouring ids; a table of pointers leads to
 *              them, so that one wild id in a hostile file costs kilobytes
 *     place    a line, with a column above bit 40 if it has one, or an offset
 *
 * Invariants, asserted where they matter.
 *     I1  an id word is odd <=> its slot is not on the free stack
 *     I2  slots in use + free slots = trace.slots = the most ever in use
 *     I3  live_bytes = sum of the sizes of the slots in use
 *
 * Cost.     O(1) an event, two cache misses for an id long untouched.
 * Threads.  None: one thread at a time.
 * Read next: text_read.c, which drives it; binary_frame.c, which relies on I2.
 */
#include "trace_builder.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
	CHUNK_IDS = 512,
	PLACE_LINE_BITS = 40,
	PLACE_COLUMN_MAX = (1 << 22) - 1,
	NAMED_EVENTS_MAX = 1 << 16,
	SOURCE_BYTES_MAX = 4096,
	PHASES_MAX = 4096, /* different names */
	PHASE_BYTES_MAX = 255,
};

/* More live bytes than any machine has; far from overflow. */
static const uint64_t LIVE_BYTES_MAX = (uint64_t)1 << 60;

struct slot_state {
	uint64_t size; /* of the live block; of a free slot: the next one + 1 */
	uint64_t place; /* that allocated it */
};

struct trace_builder {
	char *name;
	const char *place_word;
	const char *id_word;
	trace_name_of *name_of;
	void *name_ctx;

	struct trace trace; /* so far; times and ids NULL if not kept */
	uint64_t capacity;  /* of its arrays, in events               */
	bool out_of_memory; /* for times or ids: said by finish       */

	uint64_t **chunks; /* of id words */
	uint64_t chunk_count;
	uint64_t id_count; /* the largest id seen + 1 */
	struct slot_state *slots;
	uint32_t slot_capacity;
	uint32_t free_slot; /* top of the stack + 1; 0: empty */
	uint64_t live_bytes;

	uint16_t thread;
	uint64_t threads[TRACE_THREADS_MAX]; /* place of start or exit, + 1, and
	                                        below it: runs now */
};

/* --- places and messages ------------------------------------------------ */

uint64_t trace_place(uint64_t line, uint64_t column)
{
	if (column > PLACE_COLUMN_MAX)
		column = PLACE_COLUMN_MAX;
	return line | column << PLACE_LINE_BITS;
}

static uint64_t place_line(uint64_t place)
{
	return place & (((uint64_t)1 << PLACE_LINE_BITS) - 1);
}

static uint64_t place_column(uint64_t place)
{
	return place >> PLACE_LINE_BITS;
}

static bool counts_lines(const struct trace_builder *builder)
{
	return strcmp(builder->place_word, "line") == 0;
}

bool trace_builder_fail(const struct trace_builder *builder, uint64_t place,
                        struct trace_error *error, const char *format, ...)
{
	char *text = error->text;
	size_t capacity = sizeof error->text;
	va_list args;
	int used;

	if (!counts_lines(builder))
		used = snprintf(text, capacity, "%.200s: %s %" PRIu64 ": ",
		                builder->name, builder->place_word, place);
	else if (place_column(place) == 0)
		used = snprintf(text, capacity, "%.200s:%" PRIu64 ": ",
		                builder->name, place_line(place));
	else
		used = snprintf(text, capacity,
		                "%.200s:%" PRIu64 ": column %" PRIu64 ": ",
		                builder->name, place_line(place),
		                place_column(place));
	va_start(args, format);
	vsnprintf(text + used, capacity - (size_t)used, format, args);
	va_end(args);
	return false;
}

/* "line 5", "column 9" of the same line, "line 5, column 9", "byte 70". */
static const char *other_half(const struct trace_builder *builder,
                              uint64_t here, uint64_t there, char text[64])
{
	uint64_t line = place_line(there), column = place_column(there);

	if (!counts_lines(builder))
		snprintf(text, 64, "%s %" PRIu64, builder->place_word, there);
	else if (line == place_line(here) && column + place_column(here) > 0)
		snprintf(text, 64, "column %" PRIu64, column > 0 ? column : 1);
	else if (column == 0)
		snprintf(text, 64, "line %" PRIu64, line);
	else
		snprintf(text, 64, "line %" PRIu64 ", column %" PRIu64, line,
		         column);
	return text;
}

/* "id 3", or the name that the reader knows it by. */
static const char *id_text(const struct trace_builder *builder, uint64_t id,
                           char text[128])
{
	if (builder->name_of != NULL)
		snprintf(text, 128, "%.100s",
		         builder->name_of(builder->name_ctx, id));
	else
		snprintf(text, 128, "%s %" PRIu64, builder->id_word, id);
	return text;
}

static bool fail_about(const struct trace_builder *builder, uint64_t id,
                       uint64_t place, struct trace_error *error,
                       const char *before, const char *after)
{
	char text[128];

	return trace_builder_fail(builder, place, error, "%s%s%s", before,
	                          id_text(builder, id, text), after);
}

static bool fail_memory(const struct trace_builder *builder, uint64_t place,
                        struct trace_error *error)
{
	return trace_builder_fail(builder, place, error,
	                          "no memory for more than %" PRIu64 " events",
	                          builder->trace.events);
}

/* --- ids ---------------------------------------------------------------- */

static bool word_is_live(uint64_t word)
{
	return (word & 1) != 0;
}

static uint64_t word_live(uint32_t slot)
{
	return (uint64_t)slot << 1 | 1;
}

static uint64_t word_dead(uint64_t place)
{
	return (place + 1) << 1;
}

static uint32_t word_slot(uint64_t word)
{
	return (uint32_t)(word >> 1);
}

static uint64_t word_place(uint64_t word)
{
	return (word >> 1) - 1;
}

static uint64_t id_word(const struct trace_builder *builder, uint64_t id)
{
	uint64_t chunk = id / CHUNK_IDS;

	if (chunk >= builder->chunk_count || builder->chunks[chunk] == NULL)
		return 0;
	return builder->chunks[chunk][id % CHUNK_IDS];
}

static bool grow_chunk_table(struct trace_builder *builder, uint64_t chunk)
{
	uint64_t count = builder->chunk_count * 2;

	if (count <= chunk)
		count = chunk + 1;
	uint64_t **chunks =
		realloc(builder->chunks, count * sizeof *builder->chunks);
	if (chunks == NULL)
		return false;
	memset(chunks + builder->chunk_count, 0,
	       (count - builder->chunk_count) * sizeof *chunks);
	builder->chunks = chunks;
	builder->chunk_count = count;
	return true;
}

/* The word of an id, made if need be; NULL without memory. */
static uint64_t *id_word_for_update(struct trace_builder *builder, uint64_t id)
{
	uint64_t chunk = id / CHUNK_IDS;

	if (chunk >= builder->chunk_count && !grow_chunk_table(builder, chunk))
		return NULL;
	if (builder->chunks[chunk] == NULL) {
		builder->chunks[chunk] = calloc(CHUNK_IDS, sizeof(uint64_t));
		if (builder->chunks[chunk] == NULL)
			return NULL;
	}
	if (id >= builder->id_count)
		builder->id_count = id + 1;
	return &builder->chunks[chunk][id % CHUNK_IDS];
}

bool trace_builder_is_live(const struct trace_builder *builder, uint64_t id)
{
	return word_is_live(id_word(builder, id));
}

bool trace_builder_was_seen(const struct trace_builder *builder, uint64_t id)
{
	return id_word(builder, id) != 0;
}

/* --- events ------------------------------------------------------------- */

static bool grow_array(void *array_of_any, uint64_t count, size_t each)
{
	void **array = array_of_any;
	void *grown = realloc(*array, count * each);

	if (grown != NULL)
		*array = grown;
	return grown != NULL;
}

static bool grow_events(struct trace_builder *builder)
{
	struct trace *trace = &builder->trace;
	uint64_t capacity = builder->capacity * 2 + 64;

	if (!grow_array(&trace->ops, capacity, sizeof *trace->ops))
		return false;
	if (trace->times != NULL &&
	    !grow_array(&trace->times, capacity, sizeof *trace->times))
		return false;
	if (trace->ids != NULL &&
	    !grow_array(&trace->ids, capacity, sizeof *trace->ids))
		return false;
	builder->capacity = capacity;
	return true;
}

/* Names are for people: a long trace drops them. */
static void drop_ids(struct trace_builder *builder)
{
	free(builder->trace.ids);
	builder->trace.ids = NULL;
}

/* Appends an event about `id` (0 where there is none). */
static bool push(struct trace_builder *builder, struct trace_op op, uint64_t id,
                 uint64_t place, struct trace_error *error)
{
	struct trace *trace = &builder->trace;

	if (trace->events == builder->capacity && !grow_events(builder))
		return fail_memory(builder, place, error);
	if (trace->events == NAMED_EVENTS_MAX)
		drop_ids(builder);
	if (trace->ids != NULL)
		trace->ids[trace->events] = (uint32_t)id;
	if (trace->times != NULL)
		trace->times[trace->events] = trace->times[trace->events - 1];
	trace->ops[trace->events++] = op;
	trace->calls += trace_kind_is_call(op.kind);
	return true;
}

/* Notes a change of the live bytes, made by the event just added. */
static void live_bytes_add(struct trace_builder *builder, uint64_t more,
                           uint64_t less)
{
	builder->live_bytes = builder->live_bytes + more - less;
	if (builder->live_bytes > builder->trace.peak_live_bytes) {
		builder->trace.peak_live_bytes = builder->live_bytes;
		builder->trace.peak_live_event = builder->trace.events - 1;
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
	if (builder->trace.slots == builder->slot_capacity &&
	    !grow_slots(builder))
		return TRACE_SLOTS_MAX;
	return builder->trace.slots++;
}

static void slot_give_back(struct trace_builder *builder, uint32_t slot)
{
	builder->slots[slot].size = builder->free_slot;
	builder->free_slot = slot + 1;
}

/* --- what readers call -------------------------------------------------- */

struct trace_builder *trace_builder_new(const char *name,
                                        const char *place_word)
{
	struct trace_builder *builder = calloc(1, sizeof *builder);

	if (builder == NULL)
		return NULL;
	builder->place_word = place_word;
	builder->id_word = "id";
	builder->name = strdup(name);
	builder->threads[0] = 1 << 1 | 1;
	builder->trace.threads = 1;
	if (builder->name == NULL || !grow_events(builder)) {
		trace_builder_free(builder);
		return NULL;
	}
	return builder;
}

void trace_builder_free(struct trace_builder *builder)
{
	if (builder == NULL)
		return;
	for (uint64_t i = 0; i < builder->chunk_count; i++)
		free(builder->chunks[i]);
	free(builder->chunks);
	free(builder->slots);
	free(builder->name);
	trace_destroy(&builder->trace);
	free(builder);
}

void trace_builder_names(struct trace_builder *builder, trace_name_of *name_of,
                         void *ctx)
{
	builder->name_of = name_of;
	builder->name_ctx = ctx;
	builder->trace.ids =
		malloc(builder->capacity * sizeof *builder->trace.ids);
	if (builder->trace.ids == NULL)
		builder->out_of_memory = true;
}

void trace_builder_id_word(struct trace_builder *builder, const char *word)
{
	builder->id_word = word;
}

/* Whether the current thread may act. */
static bool thread_acts(const struct trace_builder *builder, uint64_t thread,
                        uint64_t place, struct trace_error *error)
{
	char text[64];

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
		other_half(builder, place, word_place(word), text));
}

bool trace_builder_thread(struct trace_builder *builder, uint64_t thread,
                          uint64_t place, struct trace_error *error)
{
	if (!thread_acts(builder, thread, place, error))
		return false;
	builder->thread = (uint16_t)thread;
	return true;
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
	char text[64], after[128];

	if (id >= TRACE_SLOTS_MAX)
		return fail_about(builder, id, place, error, "",
		                  " is above 4294967293, the most here");
	uint64_t word = id_word(builder, id);
	if (!word_is_live(word))
		return true;
	uint64_t born = builder->slots[word_slot(word)].place;
	snprintf(after, sizeof after, " is live already (allocated at %s)",
	         other_half(builder, place, born, text));
	return fail_about(builder, id, place, error, "", after);
}

bool trace_builder_alloc(struct trace_builder *builder, enum trace_kind kind,
                         uint64_t id, uint64_t size, unsigned align_log2,
                         uint64_t place, struct trace_error *error)
{
	assert(kind <= TRACE_ALIGNED);
	if (!thread_acts(builder, builder->thread, place, error) ||
	    !size_is_sound(builder, size, place, error) ||
	    !id_is_vacant(builder, id, place, error))
		return false;
	if (align_log2 > TRACE_ALIGN_LOG2_MAX)
		return trace_builder_fail(builder, place, error,
		                          "alignment 2^%u is above 2^%d, the "
		                          "most here",
		                          align_log2, TRACE_ALIGN_LOG2_MAX);
	uint64_t *word = id_word_for_update(builder, id);
	uint32_t slot = word == NULL ? TRACE_SLOTS_MAX : slot_take(builder);
	if (slot == TRACE_SLOTS_MAX)
		return fail_memory(builder, place, error);
	builder->slots[slot] = (struct slot_state){size, place};
	*word = word_live(slot);
	struct trace_op op = {.size = size,
	                      .slot = slot,
	                      .thread = builder->thread,
	                      .kind = (uint8_t)kind,
	                      .align_log2 = (uint8_t)align_log2};
	if (!push(builder, op, id, place, error))
		return false;
	live_bytes_add(builder, size, 0);
	return true;
}

/* The word of a live id; otherwise NULL and `what` cannot be done. */
static uint64_t *live_word(struct trace_builder *builder, uint64_t id,
                           const char *what, uint64_t place,
                           struct trace_error *error)
{
	uint64_t word = id_word(builder, id);
	char text[64], before[64], after[128];

	if (word_is_live(word))
		return id_word_for_update(builder, id);
	snprintf(before, sizeof before, "%s of ", what);
	if (word == 0) {
		fail_about(builder, id, place, error, before,
		           ", which was never allocated");
		return NULL;
	}
	if (strcmp(what, "free") == 0)
		snprintf(before, sizeof before, "double free of ");
	snprintf(after, sizeof after, " (freed at %s)",
	         other_half(builder, place, word_place(word), text));
	fail_about(builder, id, place, error, before, after);
	return NULL;
}

bool trace_builder_realloc(struct trace_builder *builder, uint64_t id,
                           uint64_t size, uint64_t place,
                           struct trace_error *error)
{
	if (!thread_acts(builder, builder->thread, place, error) ||
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
	if (!push(builder, op, id, place, error))
		return false;
	live_bytes_add(builder, size, builder->slots[slot].size);
	builder->slots[slot].size = size;
	return true;
}

bool trace_builder_free_block(struct trace_builder *builder, uint64_t id,
                              uint64_t place, struct trace_error *error)
{
	if (!thread_acts(builder, builder->thread, place, error))
		return false;
	uint64_t *word = live_word(builder, id, "free", place, error);
	if (word == NULL)
		return false;
	uint32_t slot = word_slot(*word);
	struct trace_op op = {
		.slot = slot, .thread = builder->thread, .kind = TRACE_FREE};
	if (!push(builder, op, id, place, error))
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

	return thread_acts(builder, builder->thread, place, error) &&
	       push(builder, op, 0, place, error);
}

bool trace_builder_thread_start(struct trace_builder *builder, uint64_t thread,
                                uint64_t place, struct trace_error *error)
{
	struct trace_op op = {.thread = (uint16_t)thread,
	                      .kind = TRACE_THREAD_START};
	char text[64];

	if (thread == 0)
		return trace_builder_fail(builder, place, error,
		                          "thread 0 is there from the start");
	if (thread < TRACE_THREADS_MAX &&
	    word_is_live(builder->threads[thread]))
		return trace_builder_fail(
			builder, place, error,
			"thread %" PRIu64 " runs already (started at %s)",
			thread,
			other_half(builder, place,
		                   word_place(builder->threads[thread]), text));
	if (thread >= TRACE_THREADS_MAX) /* says so */
		return thread_acts(builder, thread, place, error);
	if (!push(builder, op, 0, place, error))
		return false;
	builder->threads[thread] = word_dead(place) | 1;
	if (thread >= builder->trace.threads)
		builder->trace.threads = (uint32_t)thread + 1;
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
	if (!thread_acts(builder, thread, place, error) ||
	    !push(builder, op, 0, place, error))
		return false;
	builder->threads[thread] = word_dead(place);
	return true;
}

/* The index of a phase's name; phase_count if it is new. */
static uint32_t phase_index(const struct trace *trace, const char *name)
{
	uint32_t i = 0;

	while (i < trace->phase_count && strcmp(trace->phases[i], name) != 0)
		i++;
	return i;
}

static bool phase_add(struct trace *trace, const char *name)
{
	if (!grow_array(&trace->phases, trace->phase_count + 1,
	                sizeof *trace->phases))
		return false;
	trace->phases[trace->phase_count] = strdup(name);
	if (trace->phases[trace->phase_count] == NULL)
		return false;
	trace->phase_count++;
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

	if (!thread_acts(builder, builder->thread, place, error))
		return false;
	if (!phase_name_is_sound(name))
		return trace_builder_fail(
			builder, place, error,
			"the name of a phase is 1 to %d printable characters, "
			"none of ( ) # and blank",
			PHASE_BYTES_MAX);
	op.slot = phase_index(&builder->trace, name);
	if (op.slot == PHASES_MAX)
		return trace_builder_fail(builder, place, error,
		                          "more than %d different phases",
		                          PHASES_MAX);
	if (op.slot == builder->trace.phase_count &&
	    !phase_add(&builder->trace, name))
		return fail_memory(builder, place, error);
	return push(builder, op, 0, place, error);
}

uint64_t trace_builder_time(struct trace_builder *builder, uint64_t time_ns)
{
	struct trace *trace = &builder->trace;

	assert(trace->events > 0);
	if (trace->times == NULL) {
		trace->times = calloc(builder->capacity, sizeof *trace->times);
		if (trace->times == NULL) {
			builder->out_of_memory = true;
			return time_ns;
		}
	}
	uint64_t *last = &trace->times[trace->events - 1];
	if (time_ns > *last)
		*last = time_ns;
	return *last;
}

uint32_t trace_builder_last_slot(const struct trace_builder *builder)
{
	assert(builder->trace.events > 0);
	return builder->trace.ops[builder->trace.events - 1].slot;
}

uint64_t trace_builder_events(const struct trace_builder *builder)
{
	return builder->trace.events;
}

/* --- the end ------------------------------------------------------------ */

/* One line of printable text, so that the text form can hold it. */
static char *source_line(const char *source)
{
	char *line = strndup(source, SOURCE_BYTES_MAX);

	for (char *at = line; line != NULL && *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	return line;
}

static bool keep_names(struct trace_builder *builder)
{
	struct trace *trace = &builder->trace;

	if (trace->ids == NULL)
		return true;
	trace->names = calloc(builder->id_count + 1, sizeof *trace->names);
	if (trace->names == NULL)
		return false;
	while (trace->name_count < builder->id_count) {
		const char *name =
			builder->name_of(builder->name_ctx, trace->name_count);
		trace->names[trace->name_count] = strdup(name);
		if (trace->names[trace->name_count] == NULL)
			return false;
		trace->name_count++;
	}
	return true;
}

static void settle_free_null(struct trace *trace)
{
	for (uint64_t i = 0; i < trace->events; i++)
		if (trace->ops[i].kind == TRACE_FREE &&
		    trace->ops[i].slot == TRACE_SLOTS_MAX)
			trace->ops[i].slot = trace->slots;
}

static_assert(sizeof(struct trace_op) == 16, "the checksum covers no padding");

static bool settle(struct trace_builder *builder, const char *source,
                   struct trace_error *error)
{
	struct trace *trace = &builder->trace;

	if (trace->calls == 0)
		return trace_fail(error, "%.200s: no allocator is called in it",
		                  builder->name);
	trace->source = source_line(source);
	if (builder->out_of_memory || trace->source == NULL ||
	    !keep_names(builder))
		return trace_fail(error, "%.200s: no memory", builder->name);
	settle_free_null(trace);
	trace->checksum =
		XXH64(trace->ops, trace->events * sizeof *trace->ops, 0);
	grow_array(&trace->ops, trace->events, sizeof *trace->ops);
	return true;
}

bool trace_builder_finish(struct trace_builder *builder, const char *source,
                          struct trace *trace, struct trace_error *error)
{
	bool sound = settle(builder, source, error);

	if (sound) {
		*trace = builder->trace;
		builder->trace = (struct trace){0};
	}
	trace_builder_free(builder);
	return sound;
}
