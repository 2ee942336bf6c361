/*
 * binary_encode.c - 65,536 events as five to seven streams of small numbers.
 *
 * Idea.  What can be predicted is not stored.  Slots are used again in LIFO
 * order, so an allocation takes the slot that was freed last: encoder and
 * decoder play the same stack, and nothing is written.  A free names its block
 * by age, the number of allocations since: programs free what they allocated a
 * moment ago, and the same way again and again, so that ages repeat where slots
 * do not.  Each kind of number gets a stream of its own, where zstd finds the
 * repetitions.  Nothing refers to a segment before, so that a reader may begin at
 * any; that costs the slots of older blocks, told by difference.
 *
 * Picture.
 *     event      stack   kinds     sizes  slots                   allocated
 *     malloc 100         malloc    100    new, 0 as expected      0
 *     malloc  40         malloc    40     new, 1 as expected      0 1
 *     free 0     0       free             1 allocation ago
 *     malloc  60         malloc    60     - (popped from stack)   0 1 0
 *     free 0     0       free             0 allocations ago
 *
 * Words.
 *     stack      slots freed in this segment and not taken since
 *     allocated  the slots of this segment's allocations, in order
 *     age        how many of those are younger than a block's
 *     old        a block allocated before the segment
 *
 * What the alternatives cost, in bytes an event, all streams of that kind at
 * zstd level 9, frees and reallocs only (six recorded programs):
 *
 *                                sqlite3  perl  python3  cc1   bash   jq
 *     slot, absolute               .178   .892   .840   .402   .385  1.125
 *     slot - slot before           .226   .735   .137   .464   .211   .020
 *     age over the whole trace     .014   .915   .588   .193   .042  1.129
 *     rank by last use             .009   .831   .118   .116   .039   .599
 *     age, old ones by difference  .013   .734   .115   .191   .013   .039
 *
 * The rank would need an order-statistic tree in every reader.  Predicting sizes
 * from the slot's last block gained less than .01 and lost as much elsewhere.
 *
 * Cost.     O(1) an event; the decoder's state is 512 KiB.
 * Threads.  None: one thread at a time for each encoder.
 * Read next: binary_decode.c.
 */
#include <assert.h>
#include <stdlib.h>

#include "binary.h"

static_assert((int)TRACE_KINDS <= (int)KIND_FREE_NULL, "kinds fit");

bool segment_new(struct segment *segment)
{
	bool made = true;

	for (int i = 0; i < STREAMS; i++) {
		size_t room = (size_t)SEGMENT_EVENTS * event_bytes_max[i];
		segment->streams[i] = (struct stream){.bytes = malloc(room)};
		made = made && segment->streams[i].bytes != NULL;
	}
	if (!made)
		segment_free(segment);
	return made;
}

void segment_free(struct segment *segment)
{
	for (int i = 0; i < STREAMS; i++)
		free(segment->streams[i].bytes);
	*segment = (struct segment){0};
}

/* Signed numbers as unsigned ones: 0 -1 1 -2 2 => 0 1 2 3 4. */
static uint64_t zigzag(int64_t number)
{
	return (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
}

struct segment_encoder {
	const struct trace *trace;
	uint64_t *born;       /* by slot: allocations up to its own; 0: free */
	uint64_t allocations; /* so far                                      */

	/* since the start of the segment */
	uint64_t allocations_before;
	uint32_t *stack;
	uint32_t stacked;
	uint32_t new_slot; /* expected of an allocation, the stack empty */
	uint32_t old_slot; /* of the last old block                      */
	uint16_t thread;
	struct segment *to;
};

struct segment_encoder *segment_encoder_new(const struct trace *trace)
{
	struct segment_encoder *encoder = calloc(1, sizeof *encoder);

	if (encoder == NULL)
		return NULL;
	encoder->trace = trace;
	encoder->born = calloc((size_t)trace->slots + 1, sizeof *encoder->born);
	encoder->stack = malloc(SEGMENT_EVENTS * sizeof *encoder->stack);
	if (encoder->born == NULL || encoder->stack == NULL) {
		segment_encoder_free(encoder);
		return NULL;
	}
	return encoder;
}

void segment_encoder_free(struct segment_encoder *encoder)
{
	if (encoder == NULL)
		return;
	free(encoder->born);
	free(encoder->stack);
	free(encoder);
}

static void put_byte(struct segment_encoder *encoder, enum stream_kind kind,
                     unsigned byte)
{
	struct stream *stream = &encoder->to->streams[kind];

	stream->bytes[stream->count++] = (uint8_t)byte;
}

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static void put_varint(struct segment_encoder *encoder, enum stream_kind kind,
                       uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		put_byte(encoder, kind, (unsigned)(number & 0x7f) | 0x80);
	put_byte(encoder, kind, (unsigned)number);
}

/* False where the slot is in use, or not the one freed last. */
static bool encode_alloc_slot(struct segment_encoder *encoder, uint32_t slot)
{
	if (encoder->born[slot] != 0)
		return false;
	encoder->born[slot] = ++encoder->allocations;
	if (encoder->stacked > 0)
		return encoder->stack[--encoder->stacked] == slot;
	put_varint(encoder, STREAM_SLOTS,
	           zigzag((int64_t)slot - encoder->new_slot));
	encoder->new_slot = slot + 1;
	return true;
}

/* False where the slot is not in use. */
static bool encode_live_slot(struct segment_encoder *encoder, uint32_t slot)
{
	if (encoder->born[slot] > encoder->allocations_before) {
		uint64_t age = encoder->allocations - encoder->born[slot];
		put_varint(encoder, STREAM_SLOTS, age << 1 | SLOT_BY_AGE);
		return true;
	}
	int64_t difference = (int64_t)slot - encoder->old_slot;
	put_varint(encoder, STREAM_SLOTS, zigzag(difference) << 1 | SLOT_OLD);
	encoder->old_slot = slot;
	return encoder->born[slot] != 0;
}

static bool encode_free_slot(struct segment_encoder *encoder, uint32_t slot)
{
	if (!encode_live_slot(encoder, slot))
		return false;
	encoder->born[slot] = 0;
	encoder->stack[encoder->stacked++] = slot;
	return true;
}

/* The kind, and what every event may have: another thread. */
static void encode_kind(struct segment_encoder *encoder,
                        const struct trace_op *op, unsigned kind)
{
	bool is_switch = op->thread != encoder->thread;

	put_byte(encoder, STREAM_KINDS, kind | (is_switch ? KIND_THREAD : 0));
	if (is_switch)
		put_varint(encoder, STREAM_REST, op->thread);
	encoder->thread = op->thread;
}

static bool encode_event(struct segment_encoder *encoder,
                         const struct trace_op *op)
{
	bool is_null =
		op->kind == TRACE_FREE && op->slot == encoder->trace->slots;

	encode_kind(encoder, op, is_null ? KIND_FREE_NULL : op->kind);
	if (is_null)
		return true;
	if (trace_kind_is_call(op->kind) && op->slot >= encoder->trace->slots)
		return false;
	switch ((enum trace_kind)op->kind) {
	case TRACE_ALIGNED:
		put_byte(encoder, STREAM_REST, op->align_log2);
		put_varint(encoder, STREAM_SIZES, op->size);
		return encode_alloc_slot(encoder, op->slot);
	case TRACE_MALLOC:
	case TRACE_CALLOC:
		put_varint(encoder, STREAM_SIZES, op->size);
		return encode_alloc_slot(encoder, op->slot);
	case TRACE_REALLOC:
		put_varint(encoder, STREAM_SIZES, op->size);
		return encode_live_slot(encoder, op->slot);
	case TRACE_FREE:
		return encode_free_slot(encoder, op->slot);
	case TRACE_PHASE:
		put_varint(encoder, STREAM_REST, op->slot);
		return true;
	case TRACE_THREAD_START:
	case TRACE_THREAD_EXIT:
		return true;
	case TRACE_KINDS:
		break;
	}
	return false;
}

/* The first time of a segment is whole, the others are differences. */
static void encode_times(struct segment_encoder *encoder, uint64_t first,
                         uint32_t count)
{
	const uint64_t *times = encoder->trace->times;
	uint64_t before = 0;

	if (times == NULL)
		return;
	for (uint64_t i = first; i < first + count; i++) {
		put_varint(encoder, STREAM_TIMES, times[i] - before);
		before = times[i];
	}
}

/* Repeats itself as the program does, so plain numbers are best left to zstd. */
static void encode_sites(struct segment_encoder *encoder, uint64_t first,
                         uint32_t count)
{
	const struct trace *trace = encoder->trace;

	if (trace->site_of == NULL)
		return;
	for (uint64_t i = first; i < first + count; i++)
		if (trace->ops[i].kind <= TRACE_REALLOC)
			put_varint(encoder, STREAM_SITES, trace->site_of[i]);
}

/* Mostly 0, in a row: large blocks are few. */
static void encode_untouched(struct segment_encoder *encoder, uint64_t first,
                             uint32_t count)
{
	const struct trace *trace = encoder->trace;

	if (trace->untouched == NULL)
		return;
	for (uint64_t i = first; i < first + count; i++)
		if (trace->ops[i].kind <= TRACE_REALLOC)
			put_varint(encoder, STREAM_UNTOUCHED,
			           trace->untouched[i]);
}

bool segment_encode(struct segment_encoder *encoder, uint64_t first,
                    uint32_t count, struct segment *segment)
{
	assert(count <= SEGMENT_EVENTS);
	encoder->allocations_before = encoder->allocations;
	encoder->stacked = 0;
	encoder->new_slot = 0;
	encoder->old_slot = 0;
	encoder->thread = 0;
	encoder->to = segment;
	for (int i = 0; i < STREAMS; i++)
		segment->streams[i].count = 0;
	for (uint64_t i = first; i < first + count; i++)
		if (!encode_event(encoder, &encoder->trace->ops[i]))
			return false;
	encode_times(encoder, first, count);
	encode_sites(encoder, first, count);
	encode_untouched(encoder, first, count);
	return true;
}
