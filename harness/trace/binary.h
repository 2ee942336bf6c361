/*
 * binary.h - the layout of the binary form; docs/traces.md draws it.
 *
 *     +--------+--------+--------+-------+------+-------+-----------+-----------+--
 *     | fields | source | phases | index | hash | sites | segment 0 | segment 1 | ...
 *     +--------+--------+--------+-------+------+-------+-----------+-----------+--
 *     '---------- header, header_bytes ---------'
 *
 * A *segment* holds 65,536 events (the last one fewer) as *streams*, each a zstd
 * frame of its own, so that a reader without need of times skips those: five in
 * version 1; version 2 is written where events have sites, and has one more for
 * them, and the table of the sites before the segments.  In either a flag says
 * that there is one more for bytes that are never written to.
 * A segment can be decoded without the ones before it: the index says where it
 * is, and no prediction reaches back over its start.
 */
#ifndef HARNESS_TRACE_BINARY_H
#define HARNESS_TRACE_BINARY_H

#include "formats.h"
#include "trace.h"
#include "trace_builder.h"

#define BINARY_MAGIC                                                           \
	"\x89"                                                                 \
	"ALT\r\n\x1a\n"

enum {
	BINARY_MAGIC_BYTES = 8,
	BINARY_VERSION = 1,
	BINARY_VERSION_SITES = 2,   /* with sites */
	BINARY_HAS_TIMES = 0x1,     /* a flag              */
	BINARY_HAS_UNTOUCHED = 0x2, /* and the only other  */
	SEGMENT_EVENTS = 65536,
};

/* Offsets of the fields; all numbers are little-endian. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 8,          /* u32 */
	AT_FLAGS = 12,           /* u32 */
	AT_HEADER_BYTES = 16,    /* u32 */
	AT_SEGMENTS = 20,        /* u32 */
	AT_EVENTS = 24,          /* u64 */
	AT_CALLS = 32,           /* u64 */
	AT_PEAK_LIVE_BYTES = 40, /* u64 */
	AT_PEAK_LIVE_EVENT = 48, /* u64 */
	AT_CHECKSUM = 56,        /* u64 */
	AT_SLOTS = 64,           /* u32 */
	AT_THREADS = 68,         /* u32 */
	AT_PHASES = 72,          /* u32 */
	AT_SOURCE_BYTES = 76,    /* u32 */
	AT_SEGMENTS_HASH = 80,   /* u64: XXH64 of all behind the header */
	AT_SOURCE = 88,          /* version 1; in version 2 this comes first: */
	AT_SITES_STORED = 88,    /* u32: bytes of the table in the file */
	AT_SITES_RAW = 92,       /* u32: decompressed                   */
	AT_SOURCE_2 = 96,
	HASH_BYTES = 8, /* XXH64 of the header before it */
};

/* The streams of a segment, in the order of index and file. */
enum stream_kind {
	STREAM_KINDS,     /* a byte for each event                     */
	STREAM_SIZES,     /* a varint for each allocation and realloc  */
	STREAM_SLOTS,     /* a varint where the slot is not predicted  */
	STREAM_REST,      /* thread switches, alignments, phases       */
	STREAM_TIMES,     /* a varint for each event, or nothing       */
	STREAM_SITES,     /* a varint for each allocation and realloc  */
	STREAM_UNTOUCHED, /* the same                              */
	STREAMS,
	STREAMS_1 = STREAM_SITES, /* of version 1, without flags */
};

/* Whether the segments of a file have it. */
static inline bool stream_is_there(int kind, bool has_sites, bool has_untouched)
{
	return kind == STREAM_SITES       ? has_sites
	       : kind == STREAM_UNTOUCHED ? has_untouched
	                                  : true;
}

/* A byte of STREAM_KINDS. */
enum {
	KIND_MASK = 0x0f,      /* enum trace_kind, or             */
	KIND_FREE_NULL = 0x08, /* free(NULL), which has no slot   */
	KIND_THREAD = 0x10,    /* another thread than the event before */
};

/* The lowest bit of a free's number in STREAM_SLOTS. */
enum { SLOT_BY_AGE = 0, SLOT_OLD = 1 };

enum {
	INDEX_STREAM_BYTES = 8,    /* u32 stored bytes, u32 raw bytes */
	SITES_BYTES_MAX = 1 << 28, /* of the table */
};

/* The most raw bytes that one event can put into each stream. */
enum {
	EVENT_KINDS_BYTES = 1,
	EVENT_SIZES_BYTES = 10,
	EVENT_SLOTS_BYTES = 5,
	EVENT_REST_BYTES = 8,
	EVENT_TIMES_BYTES = 10,
	EVENT_SITES_BYTES = 5,
	EVENT_UNTOUCHED_BYTES = 10,
};
static const uint32_t event_bytes_max[STREAMS] = {
	EVENT_KINDS_BYTES,    EVENT_SIZES_BYTES, EVENT_SLOTS_BYTES,
	EVENT_REST_BYTES,     EVENT_TIMES_BYTES, EVENT_SITES_BYTES,
	EVENT_UNTOUCHED_BYTES};

/* One stream of a segment, decoded or not yet compressed. */
struct stream {
	uint8_t *bytes; /* room for SEGMENT_EVENTS * event_bytes_max */
	size_t count;
};

/* The streams of one segment, used again for the next. */
struct segment {
	struct stream streams[STREAMS];
};

bool segment_new(struct segment *segment);
void segment_free(struct segment *segment);

/* --- events to streams -------------------------------------------------- */

struct segment_encoder; /* knows when each slot was allocated last */

struct segment_encoder *segment_encoder_new(const struct trace *trace);
void segment_encoder_free(struct segment_encoder *encoder);

/*
 * Encodes `count` events from `first` on, a multiple of SEGMENT_EVENTS; segments
 * in order.  False for a trace whose slots are not those of trace_builder.
 */
bool segment_encode(struct segment_encoder *encoder, uint64_t first,
                    uint32_t count, struct segment *segment);

/* --- streams to events -------------------------------------------------- */

/* What is wrong with a segment. */
struct segment_error {
	enum stream_kind stream;
	uint32_t event; /* counted from the start of the segment */
	const char *reason;
};

/* Where decoded events go: room for SEGMENT_EVENTS in each. */
struct segment_events {
	struct trace_op *ops;
	uint64_t *times;     /* NULL: not wanted     */
	uint32_t *sites;     /* NULL: there are none */
	uint64_t *untouched; /* NULL: there are none */
};

/*
 * Decodes `count` events.  free(NULL) has the slot TRACE_SLOTS_MAX.  Slots are
 * below `slots`, sites below `site_count`; whether slots are live is not known
 * here.  False with `error` set for malformed streams.
 */
bool segment_decode(const struct segment *segment, uint32_t count,
                    uint32_t slots, uint32_t site_count,
                    struct segment_events *to, struct segment_error *error);

/* --- decoded events to a trace ------------------------------------------ */

enum { PHASE_BYTES_MAX = 255 };
typedef char binary_phase[PHASE_BYTES_MAX + 1]; /* its name */

struct event_adder {
	struct trace_builder *builder;
	binary_phase *phases;
	uint32_t phase_count;
	struct trace_error *error;
};

/* Adds event number `event`.  False with the error set if it is not sound. */
bool binary_add_event(const struct event_adder *adder,
                      const struct trace_op *op, uint64_t event);

#endif
