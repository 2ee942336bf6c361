/*
 * binary_read.c - reads the binary form, believing nothing that it says.
 *
 * The header's numbers are checked against the file's size before anything is
 * allocated for them, and against the events once those are read.  The events go
 * through trace_builder with slots for ids, as those of any other format.
 */
#include <assert.h>
#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#include "binary.h"
#include "formats.h"
#include "site_table.h"
#include "trace_builder.h"

enum { PHASES_MAX = 4096 };

struct reader {
	const char *name;
	const uint8_t *file;
	size_t file_bytes;
	struct trace_error *error;

	/* the header */
	size_t header_bytes;
	bool has_times, has_sites, has_untouched;
	uint64_t events;
	uint32_t segments;
	uint32_t slots;
	uint32_t phase_count;
	binary_phase *phases;
	size_t index_at;
	char *source;
	uint32_t streams; /* of a segment */
	size_t source_at;
	size_t segments_at;

	/* the segment */
	size_t stored_at[STREAMS]; /* where its streams begin */
	struct segment segment;
	struct segment_events events_read;
	struct trace_builder *builder;
	ZSTD_DCtx *zstd;
};

static bool fail(const struct reader *reader, size_t at, const char *format,
                 ...)
{
	char reason[400];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	return trace_fail(reader->error, "%.200s: byte %zu: %s", reader->name,
	                  at, reason);
}

static uint32_t u32_at(const struct reader *reader, size_t at)
{
	uint32_t little;

	memcpy(&little, reader->file + at, sizeof little);
	return le32toh(little);
}

static uint64_t u64_at(const struct reader *reader, size_t at)
{
	uint64_t little;

	memcpy(&little, reader->file + at, sizeof little);
	return le64toh(little);
}

/* --- the header --------------------------------------------------------- */

static bool read_version(const struct reader *reader)
{
	size_t magic = 0;

	while (magic < BINARY_MAGIC_BYTES && magic < reader->file_bytes &&
	       reader->file[magic] == (uint8_t)BINARY_MAGIC[magic])
		magic++;
	if (magic < BINARY_MAGIC_BYTES && magic < reader->file_bytes)
		return fail(reader, magic,
		            "the first %d bytes are damaged, as by a transfer "
		            "as text",
		            BINARY_MAGIC_BYTES);
	if (reader->file_bytes < AT_SOURCE_2 + HASH_BYTES)
		return fail(reader, reader->file_bytes,
		            "the file ends within its header");
	uint32_t version = u32_at(reader, AT_VERSION);
	if (version != BINARY_VERSION && version != BINARY_VERSION_SITES)
		return fail(reader, AT_VERSION,
		            "version %" PRIu32 "; this program reads %d and %d",
		            version, BINARY_VERSION, BINARY_VERSION_SITES);
	const uint32_t known = BINARY_HAS_TIMES | BINARY_HAS_UNTOUCHED;
	if ((u32_at(reader, AT_FLAGS) & ~known) != 0)
		return fail(reader, AT_FLAGS, "unknown flags 0x%" PRIx32,
		            u32_at(reader, AT_FLAGS));
	return true;
}

static bool read_hash(struct reader *reader)
{
	reader->header_bytes = u32_at(reader, AT_HEADER_BYTES);
	if (reader->header_bytes < reader->source_at + HASH_BYTES)
		return fail(reader, AT_HEADER_BYTES,
		            "a header of %zu bytes is too short",
		            reader->header_bytes);
	if (reader->header_bytes > reader->file_bytes)
		return fail(reader, reader->file_bytes,
		            "the file ends within its header of %zu bytes",
		            reader->header_bytes);
	size_t hash_at = reader->header_bytes - HASH_BYTES;
	if (XXH64(reader->file, hash_at, 0) != u64_at(reader, hash_at))
		return fail(reader, hash_at,
		            "the header is damaged: its hash does not fit");
	return true;
}

/* Source and phases; `at` moves behind them. */
static bool read_strings(struct reader *reader, size_t *at)
{
	size_t end = reader->header_bytes - HASH_BYTES;
	uint32_t source_bytes = u32_at(reader, AT_SOURCE_BYTES);

	if (source_bytes > end - *at)
		return fail(reader, AT_SOURCE_BYTES,
		            "a source of %" PRIu32
		            " bytes passes the header's end",
		            source_bytes);
	reader->source =
		strndup((const char *)reader->file + *at, source_bytes);
	*at += source_bytes;
	if (reader->phase_count > PHASES_MAX || reader->phase_count > end - *at)
		return fail(reader, AT_PHASES,
		            "%" PRIu32 " phases are too many",
		            reader->phase_count);
	reader->phases =
		calloc((size_t)reader->phase_count + 1, sizeof *reader->phases);
	if (reader->source == NULL || reader->phases == NULL)
		return fail(reader, *at, "no memory");
	for (uint32_t i = 0; i < reader->phase_count; i++) {
		if (*at == end || reader->file[*at] > end - *at - 1)
			return fail(reader, *at,
			            "the name of phase %" PRIu32
			            " passes the header's end",
			            i);
		memcpy(reader->phases[i], reader->file + *at + 1,
		       reader->file[*at]);
		*at += 1 + (size_t)reader->file[*at];
	}
	return true;
}

static bool read_counts(struct reader *reader, size_t at)
{
	size_t end = reader->header_bytes - HASH_BYTES;
	uint64_t segments = reader->events / SEGMENT_EVENTS +
	                    (reader->events % SEGMENT_EVENTS != 0);

	if (reader->events == 0 || segments != reader->segments)
		return fail(reader, AT_EVENTS,
		            "%" PRIu64 " events do not make %" PRIu32
		            " segments",
		            reader->events, reader->segments);
	uint32_t each = reader->streams * INDEX_STREAM_BYTES;
	if (segments * each != end - at)
		return fail(reader, at,
		            "an index of %zu bytes where %" PRIu32
		            " segments need %" PRIu32 " each",
		            end - at, reader->segments, each);
	if (reader->slots > TRACE_SLOTS_MAX)
		return fail(reader, AT_SLOTS, "too many slots");
	reader->index_at = at;
	return true;
}

static bool read_header(struct reader *reader)
{
	if (!read_version(reader))
		return false;
	uint32_t flags = u32_at(reader, AT_FLAGS);
	reader->has_times = (flags & BINARY_HAS_TIMES) != 0;
	reader->has_untouched = (flags & BINARY_HAS_UNTOUCHED) != 0;
	reader->has_sites = u32_at(reader, AT_VERSION) == BINARY_VERSION_SITES;
	reader->streams = STREAMS_1 + (reader->has_sites ? 1u : 0u) +
	                  (reader->has_untouched ? 1u : 0u);
	size_t at = reader->has_sites ? AT_SOURCE_2 : AT_SOURCE;
	reader->source_at = at;
	if (!read_hash(reader))
		return false;
	reader->segments_at = reader->header_bytes;
	if (reader->has_sites)
		reader->segments_at += u32_at(reader, AT_SITES_STORED);
	reader->segments = u32_at(reader, AT_SEGMENTS);
	reader->events = u64_at(reader, AT_EVENTS);
	reader->slots = u32_at(reader, AT_SLOTS);
	reader->phase_count = u32_at(reader, AT_PHASES);
	return read_strings(reader, &at) && read_counts(reader, at);
}

/* Whether the segments fill the rest of the file, no more and no less. */
static bool check_index(const struct reader *reader)
{
	uint64_t end = reader->segments_at;
	uint64_t streams = (uint64_t)reader->segments * reader->streams;

	for (uint64_t i = 0; i < streams; i++)
		end += u32_at(reader,
		              reader->index_at + i * INDEX_STREAM_BYTES);
	if (end == reader->file_bytes)
		return true;
	return fail(reader, reader->file_bytes,
	            "the file ends here; its index says byte %" PRIu64, end);
}

/* --- sites -------------------------------------------------------------- */

/* The builder gets the table; `at` is where it begins in the file. */
static bool decode_sites(struct reader *reader, const uint8_t *table,
                         size_t bytes, size_t at)
{
	struct trace_sites *sites = trace_builder_sites(reader->builder);
	const char *reason = "no memory";

	if (sites == NULL || !site_table_decode(sites, table, bytes, &reason))
		return fail(reader, at, "%s", reason);
	return true;
}

static bool read_sites(struct reader *reader)
{
	if (!reader->has_sites)
		return true;
	uint32_t stored = u32_at(reader, AT_SITES_STORED);
	uint32_t raw = u32_at(reader, AT_SITES_RAW);
	size_t at = reader->header_bytes;
	if (raw == 0 || raw > SITES_BYTES_MAX)
		return fail(reader, AT_SITES_RAW,
		            "a table of sites of %" PRIu32 " bytes", raw);
	uint8_t *table = malloc(raw);
	if (table == NULL)
		return fail(reader, at, "no memory");
	size_t got = ZSTD_decompressDCtx(reader->zstd, table, raw,
	                                 reader->file + at, stored);
	bool good = got == raw
	                    ? decode_sites(reader, table, raw, at)
	                    : fail(reader, at, "the table of sites is damaged");
	free(table);
	return good;
}

/* --- segments ----------------------------------------------------------- */

/* Events of segment i. */
static uint32_t events_of(const struct reader *reader, uint32_t i)
{
	uint64_t left = reader->events - (uint64_t)i * SEGMENT_EVENTS;

	return left < SEGMENT_EVENTS ? (uint32_t)left : SEGMENT_EVENTS;
}

/* Decompresses one stream of `stored` bytes at `at`, `raw` bytes then. */
static bool load_stream(struct reader *reader, enum stream_kind kind, size_t at,
                        uint32_t stored, uint32_t raw)
{
	struct stream *stream = &reader->segment.streams[kind];

	stream->count = raw;
	if (stored == 0 && raw == 0)
		return true;
	size_t got = ZSTD_decompressDCtx(reader->zstd, stream->bytes, raw,
	                                 reader->file + at, stored);
	if (ZSTD_isError(got))
		return fail(reader, at, "damaged: zstd says \"%s\"",
		            ZSTD_getErrorName(got));
	if (got != raw)
		return fail(reader, at,
		            "a stream of %zu bytes where the index says "
		            "%" PRIu32,
		            got, raw);
	return true;
}

static bool has_stream(const struct reader *reader, int kind)
{
	return stream_is_there(kind, reader->has_sites, reader->has_untouched);
}

/* Decompresses segment i, whose streams begin at `*at`; moves that behind. */
static bool load_segment(struct reader *reader, uint32_t i, size_t *at)
{
	size_t entry = reader->index_at +
	               (size_t)i * reader->streams * INDEX_STREAM_BYTES;

	for (int kind = 0; kind < STREAMS; kind++) {
		if (!has_stream(reader, kind))
			continue;
		uint32_t stored = u32_at(reader, entry);
		uint32_t raw = u32_at(reader, entry + 4);
		uint64_t most =
			(uint64_t)events_of(reader, i) * event_bytes_max[kind];
		if (raw > most ||
		    (kind == STREAM_TIMES && raw > 0 && !reader->has_times))
			return fail(reader, entry + 4,
			            "a stream of %" PRIu32
			            " bytes is too long for its events",
			            raw);
		reader->stored_at[kind] = *at;
		if (!load_stream(reader, (enum stream_kind)kind, *at, stored,
		                 raw))
			return false;
		*at += stored;
		entry += INDEX_STREAM_BYTES;
	}
	return true;
}

/* 0 in version 1. */
static uint32_t site_count(const struct reader *reader)
{
	return reader->has_sites
	               ? trace_builder_sites(reader->builder)->site_count
	               : 0;
}

static bool decode_segment(struct reader *reader, uint32_t i)
{
	struct segment_error error;

	if (segment_decode(&reader->segment, events_of(reader, i),
	                   reader->slots, site_count(reader),
	                   &reader->events_read, &error))
		return true;
	return fail(reader, reader->stored_at[error.stream],
	            "event %" PRIu64 ": %s",
	            (uint64_t)i * SEGMENT_EVENTS + error.event, error.reason);
}

/* --- soundness ---------------------------------------------------------- */

/* "name: event 7: ..." => "name: byte 90: event 7: ..." */
static bool name_byte(struct reader *reader, size_t at)
{
	char text[sizeof reader->error->text];
	int name = (int)strnlen(reader->name, 200);

	snprintf(text, sizeof text, "%s", reader->error->text + name + 2);
	return fail(reader, at, "%s", text);
}

static bool add_time(struct reader *reader, uint64_t time_ns, uint64_t event)
{
	if (event == 0 && time_ns != 0)
		return fail(reader, reader->stored_at[STREAM_TIMES],
		            "event 0: the first event is at time 0");
	if (trace_builder_time(reader->builder, time_ns) != time_ns)
		return fail(reader, reader->stored_at[STREAM_TIMES],
		            "event %" PRIu64
		            ": its time is before the event's before",
		            event);
	return true;
}

static bool add_segment(struct reader *reader, uint32_t i)
{
	const struct segment_events *read = &reader->events_read;
	const struct event_adder adder = {
		.builder = reader->builder,
		.phases = reader->phases,
		.phase_count = reader->phase_count,
		.error = reader->error,
	};
	uint64_t event = (uint64_t)i * SEGMENT_EVENTS;

	for (uint32_t k = 0; k < events_of(reader, i); k++, event++) {
		if (!binary_add_event(&adder, &read->ops[k], event))
			return name_byte(reader,
			                 reader->stored_at[STREAM_KINDS]);
		bool has_block = read->ops[k].kind <= TRACE_REALLOC;
		if (read->sites != NULL && has_block)
			trace_builder_site(reader->builder, read->sites[k]);
		if (read->untouched != NULL && has_block)
			trace_builder_untouched(reader->builder, event,
			                        read->untouched[k]);
		if (read->times != NULL &&
		    !add_time(reader, read->times[k], event))
			return false;
	}
	return true;
}

static bool read_segments(struct reader *reader)
{
	size_t at = reader->segments_at;

	for (uint32_t i = 0; i < reader->segments; i++)
		if (!load_segment(reader, i, &at) ||
		    !decode_segment(reader, i) || !add_segment(reader, i))
			return false;
	return true;
}

/* --- the whole ---------------------------------------------------------- */

static bool agree(const struct reader *reader, size_t at, const char *what,
                  uint64_t said, uint64_t found)
{
	return said == found ||
	       fail(reader, at,
	            "the header says %s %" PRIu64 ", the events have %" PRIu64,
	            what, said, found);
}

/*
 * Damage shows in a stream, as a rule, and there is told where; this finds the
 * bits of zstd frames that make no difference.
 */
static bool check_segments_hash(const struct reader *reader)
{
	uint64_t hash = XXH64(reader->file + reader->header_bytes,
	                      reader->file_bytes - reader->header_bytes, 0);

	return hash == u64_at(reader, AT_SEGMENTS_HASH) ||
	       fail(reader, reader->header_bytes,
	            "the segments are damaged: their hash does not fit");
}

/* The header's sums against those of the events. */
static bool check_sums(const struct reader *reader, const struct trace *trace)
{
	return agree(reader, AT_CALLS, "calls", u64_at(reader, AT_CALLS),
	             trace->calls) &&
	       agree(reader, AT_SLOTS, "slots", reader->slots, trace->slots) &&
	       agree(reader, AT_THREADS, "threads", u32_at(reader, AT_THREADS),
	             trace->threads) &&
	       agree(reader, AT_PHASES, "phases", reader->phase_count,
	             trace->phase_count) &&
	       agree(reader, AT_PEAK_LIVE_BYTES, "peak live bytes",
	             u64_at(reader, AT_PEAK_LIVE_BYTES),
	             trace->peak_live_bytes) &&
	       agree(reader, AT_PEAK_LIVE_EVENT, "peak live event",
	             u64_at(reader, AT_PEAK_LIVE_EVENT),
	             trace->peak_live_event) &&
	       agree(reader, AT_CHECKSUM, "checksum",
	             u64_at(reader, AT_CHECKSUM), trace->checksum);
}

/* Room for what a segment of this file has. */
static bool events_new(struct reader *reader)
{
	struct segment_events *room = &reader->events_read;

	room->ops = malloc(SEGMENT_EVENTS * sizeof *room->ops);
	if (reader->has_times)
		room->times = malloc(SEGMENT_EVENTS * sizeof *room->times);
	if (reader->has_sites)
		room->sites = malloc(SEGMENT_EVENTS * sizeof *room->sites);
	if (reader->has_untouched)
		room->untouched =
			malloc(SEGMENT_EVENTS * sizeof *room->untouched);
	return room->ops != NULL &&
	       (room->times != NULL || !reader->has_times) &&
	       (room->sites != NULL || !reader->has_sites) &&
	       (room->untouched != NULL || !reader->has_untouched);
}

static bool reader_open(struct reader *reader)
{
	reader->zstd = ZSTD_createDCtx();
	reader->builder = trace_builder_new(reader->name, "event");
	if (!segment_new(&reader->segment) || !events_new(reader) ||
	    reader->zstd == NULL || reader->builder == NULL)
		return fail(reader, 0, "no memory");
	trace_builder_id_word(reader->builder, "slot");
	return true;
}

static void reader_close(struct reader *reader)
{
	trace_builder_free(reader->builder);
	ZSTD_freeDCtx(reader->zstd);
	segment_free(&reader->segment);
	free(reader->events_read.ops);
	free(reader->events_read.times);
	free(reader->events_read.sites);
	free(reader->events_read.untouched);
	free(reader->phases);
	free(reader->source);
}

static bool read_all(struct reader *reader, struct trace *trace)
{
	if (!read_header(reader) || !check_index(reader) ||
	    !reader_open(reader) || !read_sites(reader) ||
	    !read_segments(reader))
		return false;
	struct trace_builder *builder = reader->builder;
	reader->builder = NULL; /* finish frees it */
	if (!trace_builder_finish(builder, reader->source, trace,
	                          reader->error))
		return name_byte(reader, reader->header_bytes);
	if (check_sums(reader, trace) && check_segments_hash(reader))
		return true;
	trace_destroy(trace);
	return false;
}

bool binary_read(const struct trace_text *in, struct trace *trace,
                 struct trace_error *error)
{
	struct reader reader = {.name = in->name,
	                        .file = (const uint8_t *)in->text,
	                        .file_bytes = in->bytes,
	                        .error = error};
	bool sound = read_all(&reader, trace);

	reader_close(&reader);
	return sound;
}
