/*
 * binary_decode.c - streams back to events: binary_encode.c, read backwards.
 *
 * Every byte may be hostile.  Streams are read within their bounds, slots stay
 * below the header's number of them, ages within the segment.  What needs the
 * segments before, whether a slot is live, is left to the caller.
 *
 * Read next: binary_read.c.
 */
#include <assert.h>
#include <stdlib.h>

#include "binary.h"

/* Unsigned numbers as signed ones: 0 1 2 3 4 => 0 -1 1 -2 2. */
static int64_t unzigzag(uint64_t number)
{
	return (int64_t)(number >> 1 ^ ((number & 1) != 0 ? UINT64_MAX : 0));
}

struct decoder {
	const struct segment *from;
	size_t at[STREAMS]; /* bytes read */
	uint32_t slots;
	uint32_t *allocated; /* slots, in order of allocation */
	uint32_t allocations;
	uint32_t *stack;
	uint32_t stacked;
	uint32_t new_slot;
	uint32_t old_slot;
	uint16_t thread;
	struct segment_error *error;
};

static bool fail(struct decoder *decoder, enum stream_kind stream,
                 const char *reason)
{
	decoder->error->stream = stream;
	decoder->error->reason = reason;
	return false;
}

static bool get_byte(struct decoder *decoder, enum stream_kind kind,
                     unsigned *byte)
{
	const struct stream *stream = &decoder->from->streams[kind];

	if (decoder->at[kind] == stream->count)
		return fail(decoder, kind, "the stream ends too early");
	*byte = stream->bytes[decoder->at[kind]++];
	return true;
}

static bool get_varint(struct decoder *decoder, enum stream_kind kind,
                       uint64_t *number)
{
	unsigned byte;

	*number = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!get_byte(decoder, kind, &byte))
			return false;
		uint64_t bits = byte & 0x7f;
		if (shift == 63 && bits > 1)
			break;
		*number |= bits << shift;
		if ((byte & 0x80) != 0)
			continue;
		if (byte == 0 && shift > 0)
			break;
		return true;
	}
	return fail(decoder, kind,
	            "a number of more than 64 bits, or one "
	            "with zeros ahead");
}

/* `base` + a zigzag number; within the slots. */
static bool slot_near(struct decoder *decoder, uint32_t base, uint64_t number,
                      uint32_t *slot)
{
	int64_t difference = unzigzag(number);

	if (difference > (int64_t)UINT32_MAX ||
	    difference < -(int64_t)UINT32_MAX ||
	    (int64_t)base + difference < 0 ||
	    (int64_t)base + difference >= (int64_t)decoder->slots)
		return fail(decoder, STREAM_SLOTS,
		            "a slot outside the header's number of slots");
	*slot = (uint32_t)((int64_t)base + difference);
	return true;
}

static bool decode_alloc_slot(struct decoder *decoder, uint32_t *slot)
{
	uint64_t number;

	if (decoder->stacked > 0) {
		*slot = decoder->stack[--decoder->stacked];
	} else {
		if (!get_varint(decoder, STREAM_SLOTS, &number) ||
		    !slot_near(decoder, decoder->new_slot, number, slot))
			return false;
		decoder->new_slot = *slot + 1;
	}
	decoder->allocated[decoder->allocations++] = *slot;
	return true;
}

static bool decode_live_slot(struct decoder *decoder, uint32_t *slot)
{
	uint64_t number;

	if (!get_varint(decoder, STREAM_SLOTS, &number))
		return false;
	if ((number & 1) == SLOT_OLD) {
		if (!slot_near(decoder, decoder->old_slot, number >> 1, slot))
			return false;
		decoder->old_slot = *slot;
		return true;
	}
	if (number >> 1 >= decoder->allocations)
		return fail(decoder, STREAM_SLOTS,
		            "an age that reaches back over the segment");
	*slot = decoder->allocated[decoder->allocations - 1 - (number >> 1)];
	return true;
}

static bool decode_kind(struct decoder *decoder, unsigned *kind,
                        struct trace_op *op)
{
	uint64_t thread;

	if (!get_byte(decoder, STREAM_KINDS, kind))
		return false;
	bool is_switch = (*kind & KIND_THREAD) != 0;
	*kind &= ~(unsigned)KIND_THREAD;
	if (*kind > KIND_FREE_NULL)
		return fail(decoder, STREAM_KINDS, "not a kind of event");
	if (is_switch) {
		if (!get_varint(decoder, STREAM_REST, &thread))
			return false;
		if (thread >= TRACE_THREADS_MAX)
			return fail(decoder, STREAM_REST,
			            "a thread above the 4096 that may be");
		decoder->thread = (uint16_t)thread;
	}
	op->thread = decoder->thread;
	return true;
}

static bool decode_align(struct decoder *decoder, struct trace_op *op)
{
	unsigned log2;

	if (!get_byte(decoder, STREAM_REST, &log2))
		return false;
	op->align_log2 = (uint8_t)log2;
	return true;
}

static bool decode_phase(struct decoder *decoder, struct trace_op *op)
{
	uint64_t index;

	if (!get_varint(decoder, STREAM_REST, &index))
		return false;
	if (index > UINT32_MAX)
		return fail(decoder, STREAM_REST, "a phase that is not there");
	op->slot = (uint32_t)index;
	return true;
}

static bool decode_event(struct decoder *decoder, struct trace_op *op)
{
	unsigned kind;

	*op = (struct trace_op){0};
	if (!decode_kind(decoder, &kind, op))
		return false;
	op->kind = kind == KIND_FREE_NULL ? TRACE_FREE : (uint8_t)kind;
	switch (kind) {
	case TRACE_ALIGNED:
		if (!decode_align(decoder, op))
			return false;
		return get_varint(decoder, STREAM_SIZES, &op->size) &&
		       decode_alloc_slot(decoder, &op->slot);
	case TRACE_MALLOC:
	case TRACE_CALLOC:
		return get_varint(decoder, STREAM_SIZES, &op->size) &&
		       decode_alloc_slot(decoder, &op->slot);
	case TRACE_REALLOC:
		return get_varint(decoder, STREAM_SIZES, &op->size) &&
		       decode_live_slot(decoder, &op->slot);
	case TRACE_FREE:
		if (!decode_live_slot(decoder, &op->slot))
			return false;
		decoder->stack[decoder->stacked++] = op->slot;
		return true;
	case TRACE_PHASE:
		return decode_phase(decoder, op);
	case KIND_FREE_NULL:
		op->slot = TRACE_SLOTS_MAX;
		return true;
	}
	return true; /* a thread starts or exits */
}

static bool decode_times(struct decoder *decoder, uint32_t count,
                         uint64_t *times)
{
	uint64_t time_ns = 0, difference;

	for (uint32_t i = 0; i < count; i++) {
		decoder->error->event = i;
		if (!get_varint(decoder, STREAM_TIMES, &difference))
			return false;
		if (difference > UINT64_MAX - time_ns)
			return fail(decoder, STREAM_TIMES,
			            "a time above 2^64 ns");
		time_ns += difference;
		times[i] = time_ns;
	}
	return true;
}

static bool decode_sites(struct decoder *decoder, uint32_t count,
                         uint32_t site_count, struct segment_events *to)
{
	uint64_t site;

	for (uint32_t i = 0; i < count; i++) {
		decoder->error->event = i;
		to->sites[i] = 0;
		if (to->ops[i].kind > TRACE_REALLOC)
			continue;
		if (!get_varint(decoder, STREAM_SITES, &site))
			return false;
		if (site >= site_count)
			return fail(decoder, STREAM_SITES,
			            "a site that is not in the table");
		to->sites[i] = (uint32_t)site;
	}
	return true;
}

static bool decode_untouched(struct decoder *decoder, uint32_t count,
                             struct segment_events *to)
{
	for (uint32_t i = 0; i < count; i++) {
		decoder->error->event = i;
		to->untouched[i] = 0;
		if (to->ops[i].kind > TRACE_REALLOC)
			continue;
		if (!get_varint(decoder, STREAM_UNTOUCHED, &to->untouched[i]))
			return false;
		if (to->untouched[i] > to->ops[i].size)
			return fail(decoder, STREAM_UNTOUCHED,
			            "more untouched bytes than the block has");
	}
	return true;
}

static bool decode_all(struct decoder *decoder, uint32_t count,
                       uint32_t site_count, struct segment_events *to)
{
	for (uint32_t i = 0; i < count; i++) {
		decoder->error->event = i;
		if (!decode_event(decoder, &to->ops[i]))
			return false;
	}
	if (to->times != NULL && !decode_times(decoder, count, to->times))
		return false;
	if (to->sites != NULL && !decode_sites(decoder, count, site_count, to))
		return false;
	if (to->untouched != NULL && !decode_untouched(decoder, count, to))
		return false;
	for (int i = 0; i < STREAMS; i++)
		if (decoder->at[i] != decoder->from->streams[i].count &&
		    (i != STREAM_TIMES || to->times != NULL))
			return fail(decoder, (enum stream_kind)i,
			            "bytes left behind the last event");
	return true;
}

bool segment_decode(const struct segment *segment, uint32_t count,
                    uint32_t slots, uint32_t site_count,
                    struct segment_events *to, struct segment_error *error)
{
	struct decoder decoder = {
		.from = segment, .slots = slots, .error = error};
	bool sound;

	assert(count <= SEGMENT_EVENTS);
	*error = (struct segment_error){0};
	decoder.allocated = malloc(SEGMENT_EVENTS * sizeof(uint32_t));
	decoder.stack = malloc(SEGMENT_EVENTS * sizeof(uint32_t));
	if (decoder.allocated != NULL && decoder.stack != NULL)
		sound = decode_all(&decoder, count, site_count, to);
	else
		sound = fail(&decoder, STREAM_KINDS, "no memory");
	free(decoder.allocated);
	free(decoder.stack);
	return sound;
}
