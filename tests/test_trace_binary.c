/*
 * test_trace_binary.c - damaged and hostile binary traces: each is refused, with
 * the byte at fault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forge.h"
#include "harness/trace/formats.h"
#include "traces.h"

/* The binary form of a text, in memory. */
static uint8_t *file_of(const char *text, size_t *bytes)
{
	struct trace trace = trace_of(text);
	char path[] = "/tmp/alloclab-test-XXXXXX";
	struct trace_error error;

	close(mkstemp(path));
	assert_true(trace_write_binary(path, &trace, &error));
	trace_destroy(&trace);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	uint8_t *all = malloc(4096);
	assert_non_null(all);
	*bytes = fread(all, 1, 4096, file);
	fclose(file);
	unlink(path);
	return all;
}

/* A small trace with all that version 1 can have. */
static uint8_t *small_file(size_t *bytes)
{
	return file_of("alloclab-text 1\n# source: by hand\n"
	               "a=100 b=calloc(7) +5 start(1) @1 c=aligned(64,9) "
	               "phase(x) b:900 -NULL -a exit(1) @0 d=1 +9 -d -c",
	               bytes);
}

static uint8_t *small_file_with_sites(size_t *bytes)
{
	return file_of("module(/bin/x) frame(0,12,main) frame(0,3f) site(0) "
	               "site(1,1) ^2 a=100 ^1 b=7 -a ^2 b:9 c=4 -b -c",
	               bytes);
}

static uint8_t *small_file_with_untouched(size_t *bytes)
{
	return file_of("~0 a=100 ~5 b=7 -a +3 ~2 b:9 c=4 -b -c", bytes);
}

/* In memory of its very size, so that ASan sees a read behind it. */
static bool read_bytes(const uint8_t *bytes, size_t count,
                       struct trace_error *error)
{
	char *copy = malloc(count + (count == 0));
	struct trace trace;

	assert_non_null(copy);
	memcpy(copy, bytes, count);
	bool sound = trace_read_text("t", copy, count, &trace, error);
	if (sound)
		trace_destroy(&trace);
	free(copy);
	return sound;
}

static void expect_message(const uint8_t *bytes, size_t count,
                           const char *message)
{
	struct trace_error error;

	if (read_bytes(bytes, count, &error))
		fail_msg("accepted, instead of \"%s\"", message);
	assert_string_equal(error.text, message);
}

static void expect_flipped_bits_refused(uint8_t *file, size_t bytes)
{
	struct trace_error error;

	assert_true(read_bytes(file, bytes, &error));
	for (size_t i = 0; i < 8 * bytes; i++) {
		file[i / 8] ^= (uint8_t)(1 << i % 8);
		if (read_bytes(file, bytes, &error))
			fail_msg("bit %zu of byte %zu does not matter", i % 8,
			         i / 8);
		if (i / 8 >= 4)
			assert_memory_equal(error.text, "t: byte ", 8);
		file[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	free(file);
}

static void every_flipped_bit_is_refused(void **state)
{
	size_t bytes;
	uint8_t *file = small_file(&bytes);

	(void)state;
	expect_flipped_bits_refused(file, bytes);
	file = small_file_with_sites(&bytes);
	expect_flipped_bits_refused(file, bytes);
	file = small_file_with_untouched(&bytes);
	expect_flipped_bits_refused(file, bytes);
}

static void expect_truncations_refused(uint8_t *file, size_t bytes)
{
	struct trace_error error;
	char begin[64];

	for (size_t i = 4; i < bytes; i++) {
		assert_false(read_bytes(file, i, &error));
		snprintf(begin, sizeof begin, "t: byte %zu: the file ends", i);
		assert_memory_equal(error.text, begin, strlen(begin));
	}
	file[bytes] = 0;
	snprintf(begin, sizeof begin, "t: byte %zu: the file ends", bytes + 1);
	assert_false(read_bytes(file, bytes + 1, &error));
	assert_memory_equal(error.text, begin, strlen(begin));
	free(file);
}

static void every_truncation_is_refused(void **state)
{
	size_t bytes;
	uint8_t *file = small_file(&bytes);

	(void)state;
	expect_truncations_refused(file, bytes);
	file = small_file_with_sites(&bytes);
	expect_truncations_refused(file, bytes);
	file = small_file_with_untouched(&bytes);
	expect_truncations_refused(file, bytes);
}

/* A field of the header that lies, under a right hash. */
static void lying_headers_are_refused(void **state)
{
	static const struct {
		size_t at;
		int width;
		uint64_t value;
		const char *message;
	} lies[] = {
		{AT_VERSION, 4, 3,
	         "t: byte 8: version 3; this program reads 1 and 2"},
		{AT_FLAGS, 4, 5, "t: byte 12: unknown flags 0x5"},
		{AT_FLAGS, 4, 3,
	         "t: byte 97: an index of 40 bytes where 1 segments need 48 "
	         "each"},
		{AT_SEGMENTS, 4, 2,
	         "t: byte 24: 12 events do not make 2 segments"},
		{AT_EVENTS, 8, 0,
	         "t: byte 24: 0 events do not make 1 segments"},
		{AT_EVENTS, 8, UINT64_MAX,
	         "t: byte 24: 18446744073709551615 events do not make 1 "
	         "segments"},
		{AT_EVENTS, 8, 13,
	         "t: byte 145: event 12: the stream ends too early"},
		{AT_EVENTS, 8, 11,
	         "t: byte 101: a stream of 12 bytes is too long for its events"},
		{AT_CALLS, 8, 10,
	         "t: byte 32: the header says calls 10, the events have 9"},
		{AT_PEAK_LIVE_BYTES, 8, 1010,
	         "t: byte 40: the header says peak live bytes 1010, the events "
	         "have 1009"},
		{AT_PEAK_LIVE_EVENT, 8, 4,
	         "t: byte 48: the header says peak live event 4, the events "
	         "have 5"},
		{AT_CHECKSUM, 8, 7, NULL},
		{AT_SLOTS, 4, 4,
	         "t: byte 64: the header says slots 4, the events have 3"},
		{AT_SLOTS, 4, UINT32_MAX, "t: byte 64: too many slots"},
		{AT_THREADS, 4, 3,
	         "t: byte 68: the header says threads 3, the events have 2"},
		{AT_PHASES, 4, 5000, "t: byte 72: 5000 phases are too many"},
		{AT_PHASES, 4, 0, NULL},
		{AT_SOURCE_BYTES, 4, 60000,
	         "t: byte 76: a source of 60000 bytes passes the header's end"},
		{AT_SOURCE_BYTES, 4, 6, NULL},
	};
	size_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct trace_error error;
		uint8_t *file = small_file(&bytes);
		forge_field(file, lies[i].at, lies[i].width, lies[i].value);
		if (lies[i].message != NULL)
			expect_message(file, bytes, lies[i].message);
		else
			assert_false(read_bytes(file, bytes, &error));
		free(file);
	}
}

static void damaged_beginnings_are_told(void **state)
{
	size_t bytes;
	uint8_t *file = small_file(&bytes);

	(void)state;
	file[4] = '\n'; /* CR LF => LF */
	expect_message(file, bytes,
	               "t: byte 4: the first 8 bytes are damaged, as by a "
	               "transfer as text");
	free(file);
}

/* Streams of bytes, as text: kinds, sizes, slots, rest, times. */
#define STREAM(text) (const uint8_t *)(text), sizeof(text) - 1

struct stream_lie {
	const uint8_t *kinds;
	size_t kinds_bytes;
	const uint8_t *sizes;
	size_t sizes_bytes;
	const uint8_t *slots;
	size_t slots_bytes;
	const uint8_t *rest;
	size_t rest_bytes;
	const char *message;
};

static void expect_stream_refusal(const struct stream_lie *lie)
{
	const struct forgery forgery = {
		.streams = {lie->kinds, lie->sizes, lie->slots, lie->rest,
	                    (const uint8_t *)""},
		.bytes = {lie->kinds_bytes, lie->sizes_bytes, lie->slots_bytes,
	                  lie->rest_bytes, 0},
		.events = lie->kinds_bytes,
		.slots = 2,
		.threads = 1,
		.phases = 2,
	};
	struct trace_error error;
	size_t bytes;
	uint8_t *file = forge(&forgery, &bytes);

	assert_non_null(file);
	assert_false(read_bytes(file, bytes, &error));
	const char *reason = strstr(error.text, "event ");
	if (reason == NULL)
		reason = error.text;
	assert_memory_equal(error.text, "t: byte ", 8);
	assert_string_equal(reason, lie->message);
	free(file);
}

static void expect_stream_refusals(const struct stream_lie *lies, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_stream_refusal(&lies[i]);
}
#define EXPECT_STREAM_REFUSALS(array)                                          \
	expect_stream_refusals(array, sizeof(array) / sizeof(array)[0])

/* Kinds: \0 malloc, \2 aligned, \3 realloc, \4 free, \5 start, \7 phase. */
static void streams_of_wrong_kinds_and_sizes_are_refused(void **state)
{
	static const struct stream_lie lies[] = {
		{STREAM("\0\x09"), STREAM("\x08"), STREAM("\0"), STREAM(""),
	         "event 1: not a kind of event"},
		{STREAM("\0\x20"), STREAM("\x08"), STREAM("\0"), STREAM(""),
	         "event 1: not a kind of event"},
		{STREAM("\0\0"), STREAM("\x08"), STREAM("\0"), STREAM(""),
	         "event 1: the stream ends too early"},
		{STREAM("\0\0"), STREAM("\x08\x80"), STREAM("\0"), STREAM(""),
	         "event 1: the stream ends too early"},
		{STREAM("\0"), STREAM("\x88\0"), STREAM("\0"), STREAM(""),
	         "event 0: a number of more than 64 bits, or one with zeros "
	         "ahead"},
		{STREAM("\0"),
	         STREAM("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
	         STREAM("\0"), STREAM(""),
	         "event 0: a number of more than 64 bits, or one with zeros "
	         "ahead"},
		{STREAM("\0"),
	         STREAM("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	         STREAM("\0"), STREAM(""),
	         "event 0: size 18446744073709551615 is above 2^46, the most "
	         "here"},
		{STREAM("\0\0"), STREAM("\x08\x08\x08"), STREAM("\0\0"),
	         STREAM(""), "event 1: bytes left behind the last event"},
	};

	(void)state;
	EXPECT_STREAM_REFUSALS(lies);
}

static void streams_of_wrong_slots_are_refused(void **state)
{
	static const struct stream_lie lies[] = {
		{STREAM("\0"), STREAM("\x08"), STREAM("\x04"), STREAM(""),
	         "event 0: a slot outside the header's number of slots"},
		{STREAM("\0"), STREAM("\x08"), STREAM("\x01"), STREAM(""),
	         "event 0: a slot outside the header's number of slots"},
		{STREAM("\0"), STREAM("\x08"), STREAM("\x02"), STREAM(""),
	         "event 0: allocates slot 1 where 0 is the next free one"},
		{STREAM("\0\0"), STREAM("\x08\x08"), STREAM("\0\x01"),
	         STREAM(""),
	         "event 1: slot 0 is live already (allocated at event 0)"},
		{STREAM("\0\4"), STREAM("\x08"), STREAM("\0\x02"), STREAM(""),
	         "event 1: an age that reaches back over the segment"},
		{STREAM("\0\4"), STREAM("\x08"), STREAM("\0\x05"), STREAM(""),
	         "event 1: free of slot 1, which was never allocated"},
		{STREAM("\0\4\4"), STREAM("\x08"), STREAM("\0\0\0"), STREAM(""),
	         "event 2: double free of slot 0 (freed at event 1)"},
		{STREAM("\0\4\3"), STREAM("\x08\x08"), STREAM("\0\0\0"),
	         STREAM(""), "event 2: realloc of slot 0 (freed at event 1)"},
		{STREAM("\0\3"), STREAM("\x08\0"), STREAM("\0\0"), STREAM(""),
	         "event 1: realloc of slot 0 to 0 bytes: C leaves open what it "
	         "does; free it"},
	};

	(void)state;
	EXPECT_STREAM_REFUSALS(lies);
}

static void streams_of_wrong_rest_are_refused(void **state)
{
	static const struct stream_lie lies[] = {
		{STREAM("\2"), STREAM("\x08"), STREAM("\0"), STREAM("\x15"),
	         "event 0: alignment 2^21 is above 2^20, the most here"},
		{STREAM("\x10"), STREAM("\x08"), STREAM("\0"), STREAM("\1"),
	         "event 0: thread 1 acts before its start"},
		{STREAM("\x10"), STREAM("\x08"), STREAM("\0"),
	         STREAM("\x80\x20"),
	         "event 0: a thread above the 4096 that may be"},
		{STREAM("\5"), STREAM(""), STREAM(""), STREAM(""),
	         "event 0: thread 0 is there from the start"},
		{STREAM("\7"), STREAM(""), STREAM(""), STREAM("\2"),
	         "event 0: phase 2 of 2"},
		{STREAM("\7"), STREAM(""), STREAM(""), STREAM("\1"),
	         "event 0: phase 1 is out of order"},
		{STREAM("\7"), STREAM(""), STREAM(""),
	         STREAM("\xff\xff\xff\xff\xff\x01"),
	         "event 0: a phase that is not there"},
		{STREAM("\7"), STREAM(""), STREAM(""), STREAM("\0"),
	         "t: byte 142: no allocator is called in it"},
	};

	(void)state;
	EXPECT_STREAM_REFUSALS(lies);
}

static void a_time_stream_is_checked(void **state)
{
	struct forgery forgery = {
		.streams = {(const uint8_t *)"\x08\x08", NULL, NULL, NULL,
	                    (const uint8_t *)"\x05\0"},
		.bytes = {2, 0, 0, 0, 2},
		.events = 2,
		.threads = 1,
		.has_times = true,
	};
	size_t bytes;
	uint8_t *file = forge(&forgery, &bytes);

	(void)state;
	expect_message(file, bytes,
	               "t: byte 147: event 0: the first event is at time 0");
	free(file);
	forgery.has_times = false;
	file = forge(&forgery, &bytes);
	expect_message(file, bytes,
	               "t: byte 124: a stream of 2 bytes is too long for its "
	               "events");
	free(file);
}

/* Little is allocated for much that a header claims. */
static void claims_cost_nothing(void **state)
{
	size_t bytes;
	uint8_t *file = small_file(&bytes);

	(void)state;
	forge_field(file, AT_EVENTS, 8, (uint64_t)1 << 40);
	forge_field(file, AT_SEGMENTS, 4, 1 << 24);
	expect_message(file, bytes,
	               "t: byte 97: an index of 40 bytes where 16777216 "
	               "segments need 40 each");
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(lying_headers_are_refused),
		cmocka_unit_test(damaged_beginnings_are_told),
		cmocka_unit_test(streams_of_wrong_kinds_and_sizes_are_refused),
		cmocka_unit_test(streams_of_wrong_slots_are_refused),
		cmocka_unit_test(streams_of_wrong_rest_are_refused),
		cmocka_unit_test(a_time_stream_is_checked),
		cmocka_unit_test(claims_cost_nothing),
	};
	return cmocka_run_group_tests_name("trace binary", tests, NULL, NULL);
}
