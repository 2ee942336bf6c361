/*
 * trace_read.c - tells the formats apart by their contents and calls the reader
 * of each.
 *
 * The first bytes decide, or the first token: `a`, `r` or `f` alone begins a CS107 script, a number
 * the header of a .rep file, a list with commas and signs is OSTEP's.
 */
#include <string.h>

#include "formats.h"
#include "token.h"
#include "whole_file.h"

static bool begins_with(const struct trace_text *in, const char *magic)
{
	size_t bytes = strlen(magic);

	return in->bytes >= bytes && memcmp(in->text, magic, bytes) == 0;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_operation(const struct token *token)
{
	return token_is(token, "a") || token_is(token, "r") ||
	       token_is(token, "f");
}

/* +10,-0: signs or digits first, and commas between or nothing behind. */
static bool is_ostep(const struct token *first, bool is_alone)
{
	char byte = first->text[0];
	bool has_comma = memchr(first->text, ',', first->bytes) != NULL;

	if (byte == '+' || byte == '-')
		return has_comma || (is_alone && first->bytes > 1 &&
		                     strchr("+-0123456789", first->text[1]));
	return is_digit(byte) && has_comma &&
	       memchr(first->text, '(', first->bytes) == NULL;
}

static bool is_number(const struct token *token)
{
	size_t i = token->text[0] == '-' ? 1 : 0;

	for (; i < token->bytes; i++)
		if (!is_digit(token->text[i]))
			return false;
	return true;
}

/* Tells the formats apart by the first bytes or tokens. */
static enum trace_format format_of(const struct trace_text *in)
{
	struct tokenizer tokenizer;

	if (begins_with(in, TRACE_BINARY_MAGIC))
		return FORMAT_BINARY;
	if (begins_with(in, TRACE_TEXT_MAGIC))
		return FORMAT_TEXT;
	tokenizer_open(&tokenizer, in->text, in->bytes, true);
	struct token first = tokenizer_next(&tokenizer);
	if (first.bytes == 0)
		return FORMAT_EMPTY;
	struct token second = tokenizer_next(&tokenizer);
	if (is_operation(&first))
		return FORMAT_SCRIPT;
	if (is_ostep(&first, second.bytes == 0))
		return FORMAT_OSTEP;
	if (is_number(&first))
		return FORMAT_REP;
	return FORMAT_INLINE;
}

/* Whether the beginning has no byte that texts do not have. */
static bool looks_like_text(const struct trace_text *in)
{
	enum { LOOKED_AT = 64 };

	for (size_t i = 0; i < in->bytes && i < LOOKED_AT; i++) {
		unsigned char byte = (unsigned char)in->text[i];
		if (byte == 0x7f ||
		    (byte < ' ' && (byte < '\t' || byte > '\r')))
			return false;
	}
	return true;
}

static bool fail_unknown(const struct trace_text *in, struct trace_error *error)
{
	return trace_fail(
		error,
		"%.200s:%s: no trace that is known here: neither the text "
		"form (its first line is \"" TRACE_TEXT_MAGIC " 1\") nor the "
		"binary one, a CS:APP .rep, a CS107 .script, or an OSTEP list",
		in->name, looks_like_text(in) ? "1" : " byte 0");
}

static bool call_reader(enum trace_format format, const struct trace_text *in,
                        struct trace *trace, struct trace_error *error)
{
	switch (format) {
	case FORMAT_TEXT:
	case FORMAT_INLINE:
		return text_read(in, trace, error);
	case FORMAT_REP:
		return import_rep(in, trace, error);
	case FORMAT_SCRIPT:
		return import_script(in, trace, error);
	case FORMAT_OSTEP:
		return import_ostep(in, trace, error);
	case FORMAT_EMPTY:
		return trace_fail(error, "%.200s:1: there is nothing in it",
		                  in->name);
	case FORMAT_BINARY:
		return binary_read(in, trace, error);
	case FORMAT_UNKNOWN:
		break;
	}
	return fail_unknown(in, error);
}

static bool read_as(enum trace_format format, const struct trace_text *in,
                    struct trace *trace, struct trace_error *error)
{
	static const char *const names[] = {
		[FORMAT_BINARY] = "binary",
		[FORMAT_TEXT] = "text",
		[FORMAT_INLINE] = "inline text",
		[FORMAT_REP] = "CS:APP .rep",
		[FORMAT_SCRIPT] = "CS107 .script",
		[FORMAT_OSTEP] = "OSTEP list",
	};

	if (!call_reader(format, in, trace, error))
		return false;
	trace->form = names[format];
	trace->form_bytes = in->bytes;
	return true;
}

bool trace_read_text(const char *name, const char *text, size_t bytes,
                     struct trace *trace, struct trace_error *error)
{
	struct trace_text in = {name, text, bytes};

	return read_as(format_of(&in), &in, trace, error);
}

bool trace_read_file(const char *path, struct trace *trace,
                     struct trace_error *error)
{
	struct whole_file file;

	if (!whole_file_read(path, &file, error))
		return false;
	struct trace_text in = {path, file.bytes, file.count};
	enum trace_format format = format_of(&in);
	if (format == FORMAT_INLINE)
		format = FORMAT_UNKNOWN;
	bool sound = read_as(format, &in, trace, error);
	whole_file_free(&file);
	return sound;
}
