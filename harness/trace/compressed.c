/*
 * compressed.c - zstd and gzip, decompressed into memory.
 */
#include "compressed.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

static const size_t OUTPUT_BYTES_MAX = (size_t)1 << 36;
enum { ROOM_BYTES = 1 << 18 };

/* Room for more output behind what is there. */
static bool make_room(struct whole_file *out, size_t *room)
{
	if (*room - out->count > ROOM_BYTES)
		return true;
	*room = *room * 2 + 2 * ROOM_BYTES;
	char *grown =
		*room > OUTPUT_BYTES_MAX ? NULL : realloc(out->bytes, *room);
	if (grown != NULL)
		out->bytes = grown;
	return grown != NULL;
}

/* How decompression came out. */
struct outcome {
	bool complete;
	size_t read;        /* bytes of the input */
	const char *reason; /* if not complete    */
};

static struct outcome unzstd(const struct trace_text *in,
                             struct whole_file *out)
{
	ZSTD_inBuffer from = {in->text, in->bytes, 0};
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	size_t room = 0, rest = 1;
	const char *reason = zstd == NULL ? "no memory" : NULL;

	while (reason == NULL && (from.pos < from.size || rest != 0)) {
		if (!make_room(out, &room)) {
			reason = "too much memory is needed";
			break;
		}
		ZSTD_outBuffer to = {out->bytes, room, out->count};
		size_t before = from.pos;
		rest = ZSTD_decompressStream(zstd, &to, &from);
		if (ZSTD_isError(rest))
			reason = ZSTD_getErrorName(rest);
		else if (from.pos == before && to.pos == out->count)
			reason = "the file ends within compressed data";
		out->count = to.pos;
	}
	ZSTD_freeDCtx(zstd);
	return (struct outcome){reason == NULL, from.pos, reason};
}

/* zlib counts in 32 bits: the input goes in by pieces. */
static void give_input(z_stream *zlib, const struct trace_text *in, size_t *at)
{
	enum { PIECE = 1 << 30 };
	size_t left = in->bytes - *at;
	size_t piece = left < PIECE ? left : PIECE;

	if (zlib->avail_in > 0)
		return;
	zlib->next_in = (Bytef *)(uintptr_t)(in->text + *at);
	zlib->avail_in = (uInt)piece;
	*at += piece;
}

static struct outcome gunzip(const struct trace_text *in,
                             struct whole_file *out)
{
	z_stream zlib = {0};
	size_t room = 0, at = 0;
	const char *reason = NULL;
	bool ended = false;

	if (inflateInit2(&zlib, 16 + MAX_WBITS) != Z_OK)
		return (struct outcome){false, 0, "no memory"};
	while (reason == NULL) {
		give_input(&zlib, in, &at);
		if (ended && zlib.avail_in == 0)
			break;
		if (ended)
			inflateReset(&zlib); /* one more member */
		if (!make_room(out, &room)) {
			reason = "too much memory is needed";
			break;
		}
		zlib.next_out = (Bytef *)out->bytes + out->count;
		zlib.avail_out = ROOM_BYTES;
		int status = inflate(&zlib, Z_NO_FLUSH);
		out->count += ROOM_BYTES - zlib.avail_out;
		ended = status == Z_STREAM_END;
		if (status == Z_BUF_ERROR)
			reason = "the file ends within compressed data";
		else if (status != Z_OK && !ended)
			reason = zlib.msg != NULL ? zlib.msg : "damaged";
	}
	size_t read = at - zlib.avail_in;
	inflateEnd(&zlib);
	return (struct outcome){reason == NULL, read, reason};
}

static bool is_zstd(const struct trace_text *in)
{
	return in->bytes >= 4 && memcmp(in->text, "\x28\xb5\x2f\xfd", 4) == 0;
}

bool is_compressed(const struct trace_text *in)
{
	return is_zstd(in) ||
	       (in->bytes >= 3 && memcmp(in->text, "\x1f\x8b\x08", 3) == 0);
}

bool decompress(const struct trace_text *in, struct whole_file *out,
                struct trace_error *error)
{
	*out = (struct whole_file){0};
	struct outcome outcome =
		is_zstd(in) ? unzstd(in, out) : gunzip(in, out);
	if (outcome.complete)
		return true;
	whole_file_free(out);
	return trace_fail(error, "%.200s: byte %zu: %s", in->name, outcome.read,
	                  outcome.reason);
}
