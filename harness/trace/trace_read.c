/*
 * trace_read.c - tells the formats apart by their contents and calls the reader
 * of each.  What is compressed is decompressed first.
 *
 * The first bytes decide, or the first token: `a`, `r` or `f` alone begins a CS107 script, a number
 * the header of a .rep file, a list with commas and signs is OSTEP's.  Logs of
 * other tools are told by their first line; each importer knows its own.
 */
#include <string.h>

#include "compressed.h"
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

/* A log of another tool, told by its first line that is not empty. */
static enum trace_format log_of(const struct trace_text *in)
{
	static const struct {
		bool (*begins)(struct scan line);
		enum trace_format format;
	} logs[] = {{heaptrack_begins, FORMAT_HEAPTRACK},
	            {mtrace_begins, FORMAT_MTRACE},
	            {logalloc_begins, FORMAT_LOGALLOC},
	            {replay_begins, FORMAT_REPLAY},
	            {ltrace_begins, FORMAT_LTRACE}};
	struct lines lines;
	struct scan line = {in->text, in->text};

	lines_open(&lines, in->text, in->bytes);
	while (scan_at_end(&line) && lines_next(&lines, &line))
		scan_blanks(&line);
	for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++)
		if (logs[i].begins(line))
			return logs[i].format;
	return FORMAT_UNKNOWN;
}

/* Tells the formats apart by the first bytes or tokens. */
static enum trace_format format_of(const struct trace_text *in)
{
	struct tokenizer tokenizer;

	if (begins_with(in, TRACE_BINARY_MAGIC))
		return FORMAT_BINARY;
	if (begins_with(in, TRACE_TEXT_MAGIC))
		return FORMAT_TEXT;
	enum trace_format log = log_of(in);
	if (log != FORMAT_UNKNOWN)
		return log;
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
		"binary one, a CS:APP .rep, a CS107 .script, an OSTEP list, or "
		"a log of heaptrack --raw, ltrace, mtrace, logalloc, "
		"memory_replay",
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
	case FORMAT_LOGALLOC:
		return import_logalloc(in, trace, error);
	case FORMAT_REPLAY:
		return import_replay(in, trace, error);
	case FORMAT_LTRACE:
		return import_ltrace(in, trace, error);
	case FORMAT_MTRACE:
		return import_mtrace(in, trace, error);
	case FORMAT_HEAPTRACK:
		return import_heaptrack(in, trace, error);
	case FORMAT_UNKNOWN:
	case FORMATS:
		break;
	}
	return fail_unknown(in, error);
}

/* How a format is called by the option --format, and by `alloclab info`. */
static const struct {
	const char *option; /* NULL: cannot be chosen */
	const char *name;
} formats[FORMATS] = {
	[FORMAT_BINARY] = {"binary", "binary"},
	[FORMAT_TEXT] = {"text", "text"},
	[FORMAT_INLINE] = {NULL, "inline text"},
	[FORMAT_REP] = {"rep", "CS:APP .rep"},
	[FORMAT_SCRIPT] = {"script", "CS107 .script"},
	[FORMAT_OSTEP] = {"ostep", "OSTEP list"},
	[FORMAT_LOGALLOC] = {"logalloc", "logalloc log"},
	[FORMAT_REPLAY] = {"memory_replay", "memory_replay text"},
	[FORMAT_LTRACE] = {"ltrace", "ltrace output"},
	[FORMAT_MTRACE] = {"mtrace", "mtrace log"},
	[FORMAT_HEAPTRACK] = {"heaptrack", "heaptrack raw data"},
};

const char trace_format_names[] =
	"binary, text, rep, script, ostep, logalloc, memory_replay, ltrace, "
	"mtrace, heaptrack";

static bool read_as(enum trace_format format, const struct trace_text *in,
                    struct trace *trace, struct trace_error *error)
{
	if (!call_reader(format, in, trace, error))
		return false;
	trace->form = formats[format].name;
	trace->form_bytes = in->bytes;
	return true;
}

/* As `format` says, or FORMAT_UNKNOWN: as the contents do. */
static bool read_plain(enum trace_format format, bool may_be_inline,
                       const struct trace_text *in, struct trace *trace,
                       struct trace_error *error)
{
	if (format == FORMAT_UNKNOWN)
		format = format_of(in);
	if (format == FORMAT_INLINE && !may_be_inline)
		format = FORMAT_UNKNOWN;
	return read_as(format, in, trace, error);
}

static bool read_any(enum trace_format format, bool may_be_inline,
                     const struct trace_text *in, struct trace *trace,
                     struct trace_error *error)
{
	struct whole_file plain;

	if (!is_compressed(in))
		return read_plain(format, may_be_inline, in, trace, error);
	if (!decompress(in, &plain, error))
		return false;
	struct trace_text inside = {in->name, plain.bytes, plain.count};
	bool sound = read_plain(format, may_be_inline, &inside, trace, error);
	whole_file_free(&plain);
	if (sound)
		trace->form_bytes = in->bytes;
	return sound;
}

bool trace_read_text(const char *name, const char *text, size_t bytes,
                     struct trace *trace, struct trace_error *error)
{
	struct trace_text in = {name, text, bytes};

	return read_any(FORMAT_UNKNOWN, true, &in, trace, error);
}

static void print_notes(const char *path, const struct trace *trace)
{
	const char *at = trace->notes;

	while (at != NULL && *at != '\0') {
		int bytes = (int)strcspn(at, "\n");
		fprintf(stderr, "%s: note: %.*s\n", path, bytes, at);
		at += bytes + (at[bytes] == '\n');
	}
}

static bool read_file(const char *path, enum trace_format format,
                      struct trace *trace, struct trace_error *error)
{
	struct whole_file file;

	if (!whole_file_read(path, &file, error))
		return false;
	struct trace_text in = {path, file.bytes, file.count};
	bool sound = read_any(format, false, &in, trace, error);
	whole_file_free(&file);
	if (sound)
		print_notes(path, trace);
	return sound;
}

bool trace_read_file(const char *path, struct trace *trace,
                     struct trace_error *error)
{
	return read_file(path, FORMAT_UNKNOWN, trace, error);
}

bool trace_read_file_as(const char *path, const char *format,
                        struct trace *trace, struct trace_error *error)
{
	for (int i = 0; i < FORMATS; i++)
		if (formats[i].option != NULL &&
		    strcmp(formats[i].option, format) == 0)
			return read_file(path, (enum trace_format)i, trace,
			                 error);
	return trace_fail(error, "--format=%.50s: the formats are %s", format,
	                  trace_format_names);
}
