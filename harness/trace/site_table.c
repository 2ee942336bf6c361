/*
 * site_table.c - call stacks to bytes and back.
 *
 *     modules | each: length, path
 *     frames  | each: module, offset, length, text      (length 0: no text)
 *     sites   | each from 1 on: frame, own number - caller's
 *
 * All numbers are varints.  The caller of a site is most often one of the last
 * few, hence the difference.  Decoding believes nothing: what it gets may be
 * any bytes.
 */
#include "site_table.h"

#include <stdlib.h>
#include <string.h>

/* --- to bytes ----------------------------------------------------------- */

enum { VARINT_BYTES = 10 };

static uint8_t *put_varint(uint8_t *at, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*at++ = (uint8_t)(number | 0x80);
	*at++ = (uint8_t)number;
	return at;
}

static uint8_t *put_string(uint8_t *at, const char *text)
{
	size_t bytes = text == NULL ? 0 : strlen(text);

	at = put_varint(at, bytes);
	if (bytes > 0)
		memcpy(at, text, bytes);
	return at + bytes;
}

static size_t string_room(const char *text)
{
	return VARINT_BYTES + (text == NULL ? 0 : strlen(text));
}

/* The most bytes that the table can take. */
static size_t table_room(const struct trace_sites *sites)
{
	size_t room =
		3 * VARINT_BYTES + (size_t)sites->site_count * 2 * VARINT_BYTES;

	for (uint32_t i = 0; i < sites->module_count; i++)
		room += string_room(sites->modules[i]);
	for (uint32_t i = 0; i < sites->frame_count; i++)
		room += 2 * VARINT_BYTES + string_room(sites->frames[i].text);
	return room;
}

uint8_t *site_table_encode(const struct trace_sites *sites, size_t *bytes)
{
	uint8_t *table = malloc(table_room(sites)), *at = table;

	if (table == NULL)
		return NULL;
	at = put_varint(at, sites->module_count);
	for (uint32_t i = 0; i < sites->module_count; i++)
		at = put_string(at, sites->modules[i]);
	at = put_varint(at, sites->frame_count);
	for (uint32_t i = 0; i < sites->frame_count; i++) {
		const struct site_frame *frame = &sites->frames[i];
		at = put_varint(at, frame->module);
		at = put_varint(at, frame->offset);
		at = put_string(at, frame->text);
	}
	at = put_varint(at, sites->site_count - 1);
	for (uint32_t i = 1; i < sites->site_count; i++) {
		at = put_varint(at, sites->sites[i].frame);
		at = put_varint(at, i - sites->sites[i].caller);
	}
	*bytes = (size_t)(at - table);
	return table;
}

/* --- and back ----------------------------------------------------------- */

struct bytes {
	const uint8_t *at;
	const uint8_t *end;
	const char *reason;
};

static bool fail(struct bytes *bytes, const char *reason)
{
	bytes->reason = reason;
	return false;
}

/* A number below `end`. */
static bool get_varint(struct bytes *bytes, uint64_t end, uint64_t *number)
{
	*number = 0;
	for (unsigned shift = 0; shift < 63; shift += 7) {
		if (bytes->at == bytes->end)
			return fail(bytes, "the table of sites ends too early");
		uint64_t byte = *bytes->at++;
		*number |= (byte & 0x7f) << shift;
		if ((byte & 0x80) != 0)
			continue;
		if (byte == 0 && shift > 0)
			break;
		return *number < end ||
		       fail(bytes, "the table of sites has a number that is "
		                   "too large");
	}
	return fail(bytes, "the table of sites has a number of more than 63 "
	                   "bits, or one with zeros ahead");
}

static bool get_string(struct bytes *bytes, uint64_t end, const char **text,
                       size_t *count)
{
	uint64_t length;

	if (!get_varint(bytes, end, &length))
		return false;
	if (length > (uint64_t)(bytes->end - bytes->at))
		return fail(bytes, "the table of sites ends too early");
	*text = (const char *)bytes->at;
	*count = (size_t)length;
	bytes->at += length;
	return memchr(*text, '\0', *count) == NULL ||
	       fail(bytes, "the table of sites has a text with a zero in it");
}

/* What was added must have got the next number: nothing is there twice. */
static bool expect_number(struct bytes *bytes, uint32_t got, uint64_t wanted)
{
	if (got == SITES_FULL)
		return fail(bytes, "no memory for the table of sites");
	return got == wanted ||
	       fail(bytes, "the table of sites has something twice");
}

static bool get_module(struct trace_sites *sites, struct bytes *bytes,
                       uint64_t number)
{
	enum { PATH_BYTES_MAX = 4096 };
	char path[PATH_BYTES_MAX + 1];
	const char *text;
	size_t count;

	if (!get_string(bytes, sizeof path, &text, &count))
		return false;
	memcpy(path, text, count);
	path[count] = '\0';
	return expect_number(bytes, sites_module(sites, path), number);
}

static bool get_frame(struct trace_sites *sites, struct bytes *bytes,
                      uint64_t number)
{
	uint64_t module, offset;
	const char *text;
	size_t count;

	if (!get_varint(bytes, sites->module_count, &module) ||
	    !get_varint(bytes, SITE_OFFSET_MAX + 1, &offset) ||
	    !get_string(bytes, SITE_TEXT_BYTES_MAX + 1, &text, &count) ||
	    !expect_number(bytes, sites_frame(sites, (uint32_t)module, offset),
	                   number))
		return false;
	return count == 0 ||
	       sites_set_text(sites, (uint32_t)number, text, count) ||
	       fail(bytes, "no memory for the table of sites");
}

static bool get_site(struct trace_sites *sites, struct bytes *bytes,
                     uint64_t number)
{
	uint64_t frame, back;

	if (!get_varint(bytes, sites->frame_count, &frame) ||
	    !get_varint(bytes, number + 1, &back))
		return false;
	if (back == 0)
		return fail(bytes, "a site in the table is its own caller");
	return expect_number(
		bytes,
		sites_site(sites, (uint32_t)frame, (uint32_t)(number - back)),
		number);
}

typedef bool getter(struct trace_sites *sites, struct bytes *bytes,
                    uint64_t number);

/* A count, then that many, numbered from `first`. */
static bool get_all(struct trace_sites *sites, struct bytes *bytes,
                    uint64_t most, uint32_t first, getter *get)
{
	uint64_t count;

	if (!get_varint(bytes, most + 1, &count))
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!get(sites, bytes, first + i))
			return false;
	return true;
}

bool site_table_decode(struct trace_sites *sites, const uint8_t *table,
                       size_t count, const char **reason)
{
	struct bytes bytes = {.at = table, .end = table + count};
	bool good = get_all(sites, &bytes, SITE_MODULES_MAX, 0, get_module) &&
	            get_all(sites, &bytes, SITE_FRAMES_MAX, 0, get_frame) &&
	            get_all(sites, &bytes, SITES_MAX, 1, get_site);

	if (good && bytes.at != bytes.end)
		good = fail(&bytes, "bytes are left behind the table of sites");
	*reason = bytes.reason;
	return good;
}
