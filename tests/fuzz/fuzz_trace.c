/*
 * fuzz_trace.c - libFuzzer: any bytes, through every reader of traces.
 *
 * The first byte chooses the layer.  Random bytes never pass a hash or a zstd
 * frame, so most of the work is done behind them, in forged files:
 *
 *     'r'  the rest as it is: all text formats, and the binary form's outside
 *     'h'  a file whose header is changed by the rest, its hash put right
 *     't'  the rest as the table of sites of a file, and the sites of its events
 *     others: the rest as the raw streams of one segment, packed well
 *
 * What is accepted is written in both forms and must come back the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/trace/trace.h"
#include "tests/forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static char path[] = "/tmp/alloclab-fuzz-XXXXXX";

static void remove_path(void)
{
	unlink(path);
}

static void make_path(void)
{
	if (strstr(path, "XXXXXX") == NULL)
		return;
	close(mkstemp(path));
	atexit(remove_path);
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	abort();
}

typedef bool trace_writer(const char *path, const struct trace *trace,
                          struct trace_error *error);

static bool same_sites(const struct trace *one, const struct trace *two)
{
	if ((one->sites == NULL) != (two->sites == NULL))
		return false;
	return one->sites == NULL ||
	       (one->sites->site_count == two->sites->site_count &&
	        one->sites->frame_count == two->sites->frame_count &&
	        memcmp(one->site_of, two->site_of,
	               one->events * sizeof *one->site_of) == 0);
}

static bool same_touch(const struct trace *one, const struct trace *two)
{
	if ((one->untouched == NULL) != (two->untouched == NULL))
		return false;
	return one->untouched == NULL ||
	       memcmp(one->untouched, two->untouched,
	              one->events * sizeof *one->untouched) == 0;
}

static void expect_round_trip(const struct trace *trace, trace_writer *write,
                              const char *what)
{
	struct trace_error error;
	struct trace again;

	if (!write(path, trace, &error) ||
	    !trace_read_file(path, &again, &error))
		fail(what, error.text);
	if (again.checksum != trace->checksum ||
	    again.events != trace->events ||
	    strcmp(again.source, trace->source) != 0 ||
	    !same_sites(&again, trace) || !same_touch(&again, trace))
		fail(what, "another trace came back");
	trace_destroy(&again);
}

/* Warnings of importers must not fill the terminal, so no 'more than said'. */
static void read_bytes(const uint8_t *data, size_t bytes)
{
	struct trace_error error = {""};
	struct trace trace;

	if (!trace_read_text("f", (const char *)data, bytes, &trace, &error)) {
		if (strncmp(error.text, "f:", 2) != 0 || error.text[3] == '\0')
			fail("a refusal without a place", error.text);
		return;
	}
	make_path();
	expect_round_trip(&trace, trace_write_text, "text form");
	expect_round_trip(&trace, trace_write_binary, "binary form");
	trace_destroy(&trace);
}

/* A byte of the input, 0 behind its end. */
static uint8_t take(const uint8_t **data, size_t *bytes)
{
	if (*bytes == 0)
		return 0;
	(*bytes)--;
	return *(*data)++;
}

/*
 * Four lengths, then the streams one behind the other; times or untouched bytes
 * take the rest.
 */
static struct forgery forgery_of(const uint8_t *data, size_t bytes)
{
	unsigned flags = take(&data, &bytes);
	struct forgery forgery = {.has_times = flags % 2 != 0,
	                          .has_untouched = flags % 4 == 2};

	forgery.slots = take(&data, &bytes);
	forgery.threads = 1 + take(&data, &bytes) % 4u;
	forgery.phases = take(&data, &bytes) % 4u;
	for (int i = 0; i < STREAM_TIMES; i++)
		forgery.bytes[i] = take(&data, &bytes);
	for (int i = 0; i < STREAM_TIMES; i++) {
		if (forgery.bytes[i] > bytes)
			forgery.bytes[i] = bytes;
		forgery.streams[i] = data;
		data += forgery.bytes[i];
		bytes -= forgery.bytes[i];
	}
	forgery.streams[STREAM_TIMES] = data;
	forgery.bytes[STREAM_TIMES] = forgery.has_times ? bytes : 0;
	forgery.streams[STREAM_UNTOUCHED] = data;
	forgery.bytes[STREAM_UNTOUCHED] = forgery.has_untouched ? bytes : 0;
	forgery.events = forgery.bytes[STREAM_KINDS];
	return forgery;
}

static void read_streams(const uint8_t *data, size_t bytes)
{
	const struct forgery forgery = forgery_of(data, bytes);
	size_t file_bytes;
	uint8_t *file = forge(&forgery, &file_bytes);

	if (file == NULL)
		return;
	read_bytes(file, file_bytes);
	free(file);
}

/* Changes to the header: an offset, then the byte that belongs there. */
static void read_header(const uint8_t *data, size_t bytes)
{
	static const uint8_t kinds[] = "\0\0\4\0\7", sizes[] = "\x08\x09\x0a";
	static const uint8_t slots[] = "\0\0\2", rest[] = "\0";
	const struct forgery forgery = {
		.streams = {kinds, sizes, slots, rest, rest},
		.bytes = {5, 3, 3, 1, 0},
		.events = 5,
		.slots = 2,
		.threads = 1,
		.phases = 1,
	};
	size_t file_bytes;
	uint8_t *file = forge(&forgery, &file_bytes);

	if (file == NULL)
		return;
	size_t header_bytes = file[AT_HEADER_BYTES];
	while (bytes > 1) {
		size_t at = take(&data, &bytes) % header_bytes;
		file[at] = take(&data, &bytes);
	}
	header_bytes = file[AT_HEADER_BYTES];
	if (header_bytes >= HASH_BYTES && header_bytes <= file_bytes)
		forge_hash(file, header_bytes);
	read_bytes(file, file_bytes);
	free(file);
}

/* The checksum of those. */
static uint64_t checksum_of_two(void)
{
	struct trace_error error;
	struct trace trace;

	if (!trace_read_text("two", "a=8 b=8", 7, &trace, &error))
		fail("two", error.text);
	uint64_t checksum = trace.checksum;
	trace_destroy(&trace);
	return checksum;
}

/* Two calls of malloc(8), whose sites are the first two bytes. */
static void read_sites(const uint8_t *data, size_t bytes)
{
	static const uint8_t kinds[2], sizes[] = {8, 8}, slots[2] = {0, 2};
	const uint8_t sites[2] = {take(&data, &bytes), take(&data, &bytes)};
	const struct forgery forgery = {
		.streams = {kinds, sizes, slots, NULL, NULL, sites},
		.bytes = {2, 2, 2, 0, 0, 2},
		.events = 2,
		.slots = 2,
		.threads = 1,
		.sites = data,
		.sites_bytes = bytes,
	};
	size_t file_bytes;
	uint8_t *file = forge(&forgery, &file_bytes);

	if (file == NULL)
		return;
	/* Sums that the header lacks: only the table is of interest. */
	forge_field(file, AT_CALLS, 8, 2);
	forge_field(file, AT_PEAK_LIVE_BYTES, 8, 16);
	forge_field(file, AT_PEAK_LIVE_EVENT, 8, 1);
	forge_field(file, AT_CHECKSUM, 8, checksum_of_two());
	read_bytes(file, file_bytes);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	uint8_t layer = take(&data, &bytes);

	if (layer == 'r')
		read_bytes(data, bytes);
	else if (layer == 'h')
		read_header(data, bytes);
	else if (layer == 't')
		read_sites(data, bytes);
	else
		read_streams(data, bytes);
	return 0;
}
