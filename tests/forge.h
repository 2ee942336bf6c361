/*
 * forge.h - binary traces with any contents, well packed: the layers around the
 * bytes under test (zstd, index, hash) are right, so that a test or a fuzzer
 * gets past them.
 */
#ifndef TESTS_FORGE_H
#define TESTS_FORGE_H

#include "harness/trace/binary.h"

/* One segment's raw streams, and what the header says. */
struct forgery {
	const uint8_t *streams[STREAMS];
	size_t bytes[STREAMS];
	uint64_t events;
	uint32_t slots;
	uint32_t threads;
	uint32_t phases; /* called "p0", "p1", ...; 10 at most */
	bool has_times, has_untouched;

	/* Version 2, if not NULL: the raw table of sites. */
	const uint8_t *sites;
	size_t sites_bytes;
};

/* The file, in malloc'ed memory, `*bytes` long; NULL without memory. */
uint8_t *forge(const struct forgery *forgery, size_t *bytes);

/* Sets a field of a header, 4 or 8 bytes wide, and its hash. */
void forge_field(uint8_t *file, size_t at, int width, uint64_t value);

/* Sets the hash of a changed header. */
void forge_hash(uint8_t *file, size_t header_bytes);

#endif
