/*
 * forge.c - packs what a test wants into a binary trace.
 */
#include "forge.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

static void put(uint8_t *file, size_t at, int width, uint64_t value)
{
	for (int i = 0; i < width; i++)
		file[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *file, size_t at, int width)
{
	uint64_t value = 0;

	for (int i = 0; i < width; i++)
		value |= (uint64_t)file[at + (size_t)i] << 8 * i;
	return value;
}

void forge_hash(uint8_t *file, size_t header_bytes)
{
	size_t at = header_bytes - HASH_BYTES;

	put(file, at, 8, XXH64(file, at, 0));
}

void forge_field(uint8_t *file, size_t at, int width, uint64_t value)
{
	put(file, at, width, value);
	forge_hash(file, (size_t)get(file, AT_HEADER_BYTES, 4));
}

static bool has_stream(const struct forgery *forgery, int kind)
{
	return stream_is_there(kind, forgery->sites != NULL,
	                       forgery->has_untouched);
}

static size_t streams_of(const struct forgery *forgery)
{
	size_t count = 0;

	for (int i = 0; i < STREAMS; i++)
		count += has_stream(forgery, i);
	return count;
}

static uint32_t flags_of(const struct forgery *forgery)
{
	return (forgery->has_times ? BINARY_HAS_TIMES : 0u) |
	       (forgery->has_untouched ? BINARY_HAS_UNTOUCHED : 0u);
}

static size_t put_sites(uint8_t *file, size_t at, size_t room,
                        const struct forgery *forgery)
{
	if (forgery->sites == NULL)
		return at;
	size_t stored = ZSTD_compress(file + at, room - at, forgery->sites,
	                              forgery->sites_bytes, 1);
	put(file, AT_VERSION, 4, BINARY_VERSION_SITES);
	put(file, AT_SITES_STORED, 4, stored);
	put(file, AT_SITES_RAW, 4, forgery->sites_bytes);
	return at + stored;
}

static size_t put_streams(uint8_t *file, size_t at, size_t index_at,
                          size_t room, const struct forgery *forgery)
{
	for (int i = 0; i < STREAMS; i++) {
		if (!has_stream(forgery, i))
			continue;
		size_t raw = forgery->bytes[i], stored = 0;
		if (raw > 0)
			stored = ZSTD_compress(file + at, room - at,
			                       forgery->streams[i], raw, 1);
		put(file, index_at, 4, stored);
		put(file, index_at + 4, 4, raw);
		at += stored;
		index_at += INDEX_STREAM_BYTES;
	}
	return at;
}

uint8_t *forge(const struct forgery *forgery, size_t *bytes)
{
	size_t room = 1024 + ZSTD_compressBound(forgery->sites_bytes);
	size_t at = forgery->sites == NULL ? AT_SOURCE : AT_SOURCE_2;

	for (int i = 0; i < STREAMS; i++)
		room += ZSTD_compressBound(forgery->bytes[i]);
	uint8_t *file = calloc(room, 1);
	if (file == NULL)
		return NULL;
	memcpy(file, BINARY_MAGIC, BINARY_MAGIC_BYTES);
	put(file, AT_VERSION, 4, BINARY_VERSION);
	put(file, AT_FLAGS, 4, flags_of(forgery));
	put(file, AT_SEGMENTS, 4, 1);
	put(file, AT_EVENTS, 8, forgery->events);
	put(file, AT_SLOTS, 4, forgery->slots);
	put(file, AT_THREADS, 4, forgery->threads);
	put(file, AT_PHASES, 4, forgery->phases);
	for (uint32_t i = 0; i < forgery->phases; i++) {
		file[at++] = 2;
		file[at++] = 'p';
		file[at++] = (uint8_t)('0' + i);
	}
	size_t header_bytes =
		at + streams_of(forgery) * INDEX_STREAM_BYTES + HASH_BYTES;
	put(file, AT_HEADER_BYTES, 4, header_bytes);
	size_t segment_at = put_sites(file, header_bytes, room, forgery);
	*bytes = put_streams(file, segment_at, at, room, forgery);
	put(file, AT_SEGMENTS_HASH, 8,
	    XXH64(file + header_bytes, *bytes - header_bytes, 0));
	forge_hash(file, header_bytes);
	return file;
}
