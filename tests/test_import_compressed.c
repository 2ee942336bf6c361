/*
 * test_import_compressed.c - logs that gzip or zstd have compressed are read as
 * they are, and damaged ones refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "traces.h"

static const char log_text[] = "v 10400 3\n+ a 0 100\n- 100\n";

static size_t gzip(const char *text, char *to, size_t room)
{
	z_stream zlib = {.next_in = (Bytef *)(uintptr_t)text,
	                 .avail_in = (uInt)strlen(text),
	                 .next_out = (Bytef *)to,
	                 .avail_out = (uInt)room};

	assert_int_equal(deflateInit2(&zlib, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
	                              Z_DEFAULT_STRATEGY),
	                 Z_OK);
	assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
	deflateEnd(&zlib);
	return room - zlib.avail_out;
}

static size_t zstd(const char *text, char *to, size_t room)
{
	return ZSTD_compress(to, room, text, strlen(text), 3);
}

typedef size_t compressor(const char *text, char *to, size_t room);

/* Two pieces, one behind the other, as a program that is forked leaves them. */
static void expect_compressed_read(compressor *compress)
{
	enum { ROOM = 4096 };
	struct trace plain = trace_of(log_text);
	struct trace_error error = {""};
	struct trace trace;
	char file[ROOM];
	size_t first = compress("v 10400 3\n+ a 0", file, ROOM);
	size_t bytes =
		first + compress(" 100\n- 100\n", file + first, ROOM - first);

	assert_true(trace_read_text("t", file, bytes, &trace, &error));
	assert_same_trace(&plain, &trace);
	assert_int_equal(trace.form_bytes, bytes);
	trace_destroy(&trace);
	trace_destroy(&plain);
	for (size_t cut = 4; cut < bytes; cut++) {
		char *copy = malloc(cut); /* ASan sees a read behind it */
		memcpy(copy, file, cut);
		bool read = trace_read_text("t", copy, cut, &trace, &error);
		free(copy);
		const char *place = cut == first ? "t:2: " : "t: byte ";
		assert_false(read);
		assert_memory_equal(error.text, place, strlen(place));
	}
}

static void compressed_logs_are_read(void **state)
{
	(void)state;
	expect_compressed_read(zstd);
	expect_compressed_read(gzip);
}

static void damaged_ones_are_refused(void **state)
{
	char file[4096];
	struct trace_error error;
	struct trace trace;

	(void)state;
	size_t bytes = gzip(log_text, file, sizeof file);
	file[bytes / 2] ^= 0x10;
	assert_false(trace_read_text("t", file, bytes, &trace, &error));
	assert_memory_equal(error.text, "t: byte ", 8);
	bytes = zstd(log_text, file, sizeof file);
	file[4] ^= 0x08; /* a reserved bit */
	assert_false(trace_read_text("t", file, bytes, &trace, &error));
	assert_string_equal(error.text,
	                    "t: byte 0: Unsupported frame parameter");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compressed_logs_are_read),
		cmocka_unit_test(damaged_ones_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
