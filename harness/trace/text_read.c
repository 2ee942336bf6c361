/*
 * text_read.c - reads the text form, which is also the inline form.
 *
 *     alloclab-text 1                      the first line, in files
 *     # source: made by hand               optional, on the second line
 *     a=malloc(100)   a=100                b=calloc(1K)
 *     c=aligned(64,1M)                     a=realloc(200)   a:200
 *     free(a)         -a                   free(NULL)
 *     start(1) @1 d=8 exit(1) @0           threads
 *     phase(load)                          +250 c=8    250 ns after the last
 *     module(/bin/x)  frame(0,11c8,main)   site(0)  ^1 d=8     call sites
 *     ~4096 e=1M                           4096 bytes of it are written to
 *
 * docs/traces.md describes it for writers of other readers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "formats.h"
#include "name_table.h"
#include "text_sites.h"
#include "token.h"
#include "trace_builder.h"

enum { NAME_BYTES_MAX = 64, SOURCE_BYTES_MAX = 4096 };

struct reader {
	struct trace_builder *builder;
	struct tokenizer tokenizer;
	struct name_table names;
	struct trace_error *error;
	struct token token; /* the one being read */
	uint64_t place;     /* of that            */
	bool has_times;
	bool delta_is_pending; /* `+NS` was read, its event was not */
	uint64_t time_ns;
	uint32_t site;                 /* of the next event; 0: none */
	uint64_t touched;              /* of it; UINT64_MAX: nothing is said */
	char name[NAME_BYTES_MAX + 1]; /* of an id, for messages */
	char source[SOURCE_BYTES_MAX + 1]; /* "" unless the text says */
};

/* Part of a token. */
struct part {
	const char *text;
	size_t bytes;
};

static bool part_is(struct part part, const char *text)
{
	return part.bytes == strlen(text) &&
	       memcmp(part.text, text, part.bytes) == 0;
}

static struct part part_from(struct part part, size_t offset)
{
	return (struct part){part.text + offset, part.bytes - offset};
}

/* `"token": ` and the reason. */
static bool fail(struct reader *reader, const char *reason)
{
	char quoted[TOKEN_QUOTED_BYTES];

	return trace_builder_fail(reader->builder, reader->place, reader->error,
	                          "%s: %s", token_quote(&reader->token, quoted),
	                          reason);
}

static bool fail_part(struct reader *reader, struct part part,
                      const char *reason)
{
	struct token token = {.text = part.text, .bytes = part.bytes};
	char quoted[TOKEN_QUOTED_BYTES], text[2 * TOKEN_QUOTED_BYTES];

	snprintf(text, sizeof text, "%s %s", token_quote(&token, quoted),
	         reason);
	return fail(reader, text);
}

static const char *name_of(void *ctx, uint64_t id)
{
	struct reader *reader = ctx;
	const struct name *name = &reader->names.names[id];

	snprintf(reader->name, sizeof reader->name, "%.*s", (int)name->bytes,
	         name->text);
	return reader->name;
}

static bool is_name_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '_' || byte == '.';
}

static bool read_name(struct reader *reader, struct part part, uint64_t *id)
{
	if (part.bytes == 0)
		return fail(reader, "the name of the block is missing");
	for (size_t i = 0; i < part.bytes; i++)
		if (!is_name_byte(part.text[i]))
			return fail_part(reader, part,
			                 "is not a name (letters, digits, _ "
			                 "and . make one)");
	if (part.bytes > NAME_BYTES_MAX)
		return fail(reader, "the name has more than 64 characters");
	if (part_is(part, "NULL"))
		return fail(reader, "NULL is no name for a block");
	uint32_t number = name_table_number(&reader->names, part.text,
	                                    (uint32_t)part.bytes);
	*id = number;
	return number != NAME_NONE || fail(reader, "no memory for more names");
}

/* A number of bytes, with K (1024) or M (1024^2) behind it if need be. */
static bool read_size(struct reader *reader, struct part part, uint64_t *size)
{
	char last = part.bytes > 0 ? part.text[part.bytes - 1] : '\0';
	unsigned shift = last == 'K' ? 10 : last == 'M' ? 20 : 0;
	size_t digits = part.bytes - (shift > 0 ? 1 : 0);

	if (part.bytes == 0)
		return fail(reader, "the size is missing");
	if (!number_parse(part.text, digits, size))
		return fail_part(reader, part,
		                 "is not a size (a decimal number of bytes, "
		                 "K or M behind it if need be)");
	if (*size > UINT64_MAX >> shift)
		return fail_part(reader, part, "is above 2^46, the most here");
	*size <<= shift;
	return true;
}

/* What stands between the parentheses of `word(...)`. */
static bool between_parentheses(struct reader *reader, struct part part,
                                const char *word, struct part *inside)
{
	size_t bytes = strlen(word);

	if (part.text[part.bytes - 1] != ')')
		return fail(reader, "the ) is missing (no blanks inside)");
	*inside = part_from(part, bytes + 1);
	inside->bytes--;
	return true;
}

/* Whether the part begins with `word(`. */
static bool is_call_of(struct part part, const char *word)
{
	size_t bytes = strlen(word);

	return part.bytes > bytes && memcmp(part.text, word, bytes) == 0 &&
	       part.text[bytes] == '(';
}

static bool read_alloc(struct reader *reader, enum trace_kind kind, uint64_t id,
                       struct part size_part)
{
	uint64_t size;

	return read_size(reader, size_part, &size) &&
	       trace_builder_alloc(reader->builder, kind, id, size, 0,
	                           reader->place, reader->error);
}

static bool read_realloc(struct reader *reader, uint64_t id,
                         struct part size_part)
{
	uint64_t size;

	return read_size(reader, size_part, &size) &&
	       trace_builder_realloc(reader->builder, id, size, reader->place,
	                             reader->error);
}

/* "64,100" */
static bool read_aligned(struct reader *reader, uint64_t id, struct part inside)
{
	const char *comma = memchr(inside.text, ',', inside.bytes);
	unsigned log2 = 0;
	uint64_t align, size;

	if (comma == NULL)
		return fail(reader, "write aligned(ALIGNMENT,SIZE)");
	struct part first = {inside.text, (size_t)(comma - inside.text)};
	struct part second = part_from(inside, first.bytes + 1);
	if (!read_size(reader, first, &align) ||
	    !read_size(reader, second, &size))
		return false;
	while (log2 <= TRACE_ALIGN_LOG2_MAX && (uint64_t)1 << log2 != align)
		log2++;
	if (log2 > TRACE_ALIGN_LOG2_MAX)
		return fail_part(reader, first,
		                 "is not an alignment (a power of two up to "
		                 "1M)");
	return trace_builder_alloc(reader->builder, TRACE_ALIGNED, id, size,
	                           log2, reader->place, reader->error);
}

/* What is behind `a=`. */
static bool read_assignment(struct reader *reader, uint64_t id,
                            struct part right)
{
	static const struct {
		const char *word;
		enum trace_kind kind;
	} calls[] = {{"malloc", TRACE_MALLOC},
	             {"calloc", TRACE_CALLOC},
	             {"aligned", TRACE_ALIGNED},
	             {"realloc", TRACE_REALLOC}};
	struct part inside;

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (!is_call_of(right, calls[i].word))
			continue;
		if (!between_parentheses(reader, right, calls[i].word, &inside))
			return false;
		if (calls[i].kind == TRACE_REALLOC)
			return read_realloc(reader, id, inside);
		if (calls[i].kind == TRACE_ALIGNED)
			return read_aligned(reader, id, inside);
		return read_alloc(reader, calls[i].kind, id, inside);
	}
	return read_alloc(reader, TRACE_MALLOC, id, right);
}

static bool read_free(struct reader *reader, struct part name)
{
	uint64_t id;

	if (part_is(name, "NULL"))
		return trace_builder_free_null(reader->builder, reader->place,
		                               reader->error);
	return read_name(reader, name, &id) &&
	       trace_builder_free_block(reader->builder, id, reader->place,
	                                reader->error);
}

static bool read_thread(struct reader *reader, struct part part,
                        uint64_t *thread)
{
	return number_parse(part.text, part.bytes, thread) ||
	       fail(reader, "the number of the thread is missing");
}

static bool read_start_or_exit(struct reader *reader, struct part inside,
                               enum trace_kind kind)
{
	uint64_t thread;

	if (!read_thread(reader, inside, &thread))
		return false;
	if (kind == TRACE_THREAD_START)
		return trace_builder_thread_start(reader->builder, thread,
		                                  reader->place, reader->error);
	return trace_builder_thread_exit(reader->builder, thread, reader->place,
	                                 reader->error);
}

static bool read_phase(struct reader *reader, struct part inside)
{
	char name[512];

	snprintf(name, sizeof name, "%.*s",
	         inside.bytes < sizeof name ? (int)inside.bytes
	                                    : (int)sizeof name - 1,
	         inside.text);
	return trace_builder_phase(reader->builder, name, reader->place,
	                           reader->error);
}

/* module(PATH), frame(MODULE,HEX,TEXT), site(FRAME,CALLER) */
static bool read_declaration(struct reader *reader)
{
	struct trace_sites *sites = trace_builder_sites(reader->builder);

	if (sites == NULL)
		return fail(reader, "no memory for call sites");
	const char *reason = text_sites_declare(sites, reader->token.text,
	                                        reader->token.bytes);
	return reason == NULL || fail(reader, reason);
}

/* "^3": the next event was called from site 3. */
static bool read_site(struct reader *reader)
{
	struct trace_sites *sites = trace_builder_sites(reader->builder);
	uint64_t site;

	if (sites == NULL)
		return fail(reader, "no memory for call sites");
	if (reader->site != 0)
		return fail(reader, "the site before it has no event yet");
	if (!number_parse(reader->token.text + 1, reader->token.bytes - 1,
	                  &site) ||
	    site == 0)
		return fail(reader, "a site is ^ and a number above 0");
	if (site >= sites->site_count)
		return fail(reader, "there is no such site above");
	reader->site = (uint32_t)site;
	return true;
}

/* Gives the event just read the site that stood before it. */
static bool set_site(struct reader *reader)
{
	if (reader->site == 0)
		return true;
	if (!trace_builder_last_has_block(reader->builder))
		return fail(reader,
		            "only what allocates or resizes has a site");
	trace_builder_site(reader->builder, reader->site);
	reader->site = 0;
	return true;
}

/* "~4096": so many bytes of the next event's block are written to. */
static bool read_touched(struct reader *reader)
{
	if (reader->touched != UINT64_MAX)
		return fail(reader, "the bytes before it have no event yet");
	if (!number_parse(reader->token.text + 1, reader->token.bytes - 1,
	                  &reader->touched) ||
	    reader->touched > TRACE_SIZE_MAX)
		return fail(reader, "what is touched is ~ and a number of "
		                    "bytes, 2^46 at most");
	return true;
}

/* Gives the event just read the bytes that stood before it. */
static bool set_touched(struct reader *reader)
{
	uint64_t touched = reader->touched;

	if (touched == UINT64_MAX)
		return true;
	if (!trace_builder_last_has_block(reader->builder))
		return fail(reader,
		            "only what allocates or resizes is touched");
	if (touched > trace_builder_last_size(reader->builder))
		return fail(reader, "more bytes are touched than it has");
	trace_builder_untouched(
		reader->builder, trace_builder_events(reader->builder) - 1,
		trace_builder_last_size(reader->builder) - touched);
	reader->touched = UINT64_MAX;
	return true;
}

/* free(a), start(1), exit(1), phase(name) */
static bool read_statement(struct reader *reader, struct part all)
{
	struct part inside;

	if (is_call_of(all, "free"))
		return between_parentheses(reader, all, "free", &inside) &&
		       read_free(reader, inside);
	if (is_call_of(all, "start"))
		return between_parentheses(reader, all, "start", &inside) &&
		       read_start_or_exit(reader, inside, TRACE_THREAD_START);
	if (is_call_of(all, "exit"))
		return between_parentheses(reader, all, "exit", &inside) &&
		       read_start_or_exit(reader, inside, TRACE_THREAD_EXIT);
	if (is_call_of(all, "phase"))
		return between_parentheses(reader, all, "phase", &inside) &&
		       read_phase(reader, inside);
	return fail(reader, "not an event; write a=100, a:200, -a, free(a), "
	                    "start(1), @1, ...");
}

static bool read_event(struct reader *reader)
{
	struct part all = {reader->token.text, reader->token.bytes};
	size_t left = 0;
	uint64_t id;

	if (all.text[0] == '-')
		return read_free(reader, part_from(all, 1));
	while (left < all.bytes && is_name_byte(all.text[left]))
		left++;
	char mark = left < all.bytes ? all.text[left] : '\0';
	if (mark != '=' && mark != ':')
		return read_statement(reader, all);
	if (!read_name(reader, (struct part){all.text, left}, &id))
		return false;
	if (mark == ':')
		return read_realloc(reader, id, part_from(all, left + 1));
	return read_assignment(reader, id, part_from(all, left + 1));
}

/* "+250": the next event comes 250 ns after the one before. */
static bool read_delta(struct reader *reader)
{
	uint64_t delta_ns;

	if (reader->delta_is_pending)
		return fail(reader, "the time before it has no event yet");
	if (!number_parse(reader->token.text + 1, reader->token.bytes - 1,
	                  &delta_ns))
		return fail(reader, "a time is + and a number of nanoseconds");
	if (delta_ns > UINT64_MAX - reader->time_ns)
		return fail(reader, "the time passes 2^64 ns");
	if (delta_ns > 0 && trace_builder_events(reader->builder) == 0)
		return fail(reader, "the first event is at time 0");
	reader->time_ns += delta_ns;
	reader->delta_is_pending = true;
	reader->has_times = true;
	return true;
}

static bool read_token(struct reader *reader)
{
	struct token *token = &reader->token;
	uint64_t thread;

	if (token->text[0] == '@')
		return read_thread(
			       reader,
			       (struct part){token->text + 1, token->bytes - 1},
			       &thread) &&
		       trace_builder_thread(reader->builder, thread,
		                            reader->place, reader->error);
	if (token->text[0] == '+')
		return read_delta(reader);
	if (token->text[0] == '^')
		return read_site(reader);
	if (token->text[0] == '~')
		return read_touched(reader);
	if (text_sites_is_declaration(token->text, token->bytes))
		return read_declaration(reader);
	if (!read_event(reader) || !set_site(reader) || !set_touched(reader))
		return false;
	if (reader->has_times)
		trace_builder_time(reader->builder, reader->time_ns);
	reader->delta_is_pending = false;
	return true;
}

/* Keeps what follows "# source: " at the start of a line. */
static void read_source(struct reader *reader, const char *line)
{
	static const char mark[] = "# source: ";
	size_t left = (size_t)(reader->tokenizer.end - line);
	size_t bytes = 0;

	if (left < sizeof mark - 1 || memcmp(line, mark, sizeof mark - 1) != 0)
		return;
	line += sizeof mark - 1;
	left -= sizeof mark - 1;
	while (bytes < left && bytes < SOURCE_BYTES_MAX &&
	       line[bytes] != '\n' && line[bytes] != '\r' &&
	       line[bytes] != '\0')
		bytes++;
	memcpy(reader->source, line, bytes);
	reader->source[bytes] = '\0';
}

/*
 * "alloclab-text 1" (2 with call sites, 3 with what is touched), alone on the first
 * line, and the source below it.
 */
static bool read_first_line(struct reader *reader)
{
	const char *text = reader->tokenizer.at;
	size_t bytes = (size_t)(reader->tokenizer.end - text);
	size_t magic = strlen(TRACE_TEXT_MAGIC);

	if (bytes < magic || memcmp(text, TRACE_TEXT_MAGIC, magic) != 0)
		return true;
	tokenizer_next(&reader->tokenizer);
	reader->token = tokenizer_next(&reader->tokenizer);
	reader->place = 1;
	if (reader->token.line != 1 || reader->token.bytes != 1 ||
	    reader->token.text[0] < '1' || reader->token.text[0] > '3')
		return trace_builder_fail(
			reader->builder, 1, reader->error,
			"this program reads versions 1 to 3 of the text form, "
			"\"" TRACE_TEXT_MAGIC " 1\"");
	const char *newline = memchr(text, '\n', bytes);
	if (newline != NULL)
		read_source(reader, newline + 1);
	return true;
}

static bool read_all(struct reader *reader)
{
	if (!read_first_line(reader))
		return false;
	for (;;) {
		struct token token = tokenizer_next(&reader->tokenizer);
		if (token.bytes == 0)
			break;
		reader->token = token;
		reader->place = trace_place(token.line,
		                            token.is_first ? 0 : token.column);
		if (!read_token(reader))
			return false;
	}
	if (reader->delta_is_pending)
		return fail(reader, "no event follows this time");
	if (reader->site != 0)
		return fail(reader, "no event follows this site");
	if (reader->touched != UINT64_MAX)
		return fail(reader, "no event follows these bytes");
	return true;
}

bool text_read(const struct trace_text *in, struct trace *trace,
               struct trace_error *error)
{
	struct reader reader = {.builder = trace_builder_new(in->name, "line"),
	                        .error = error,
	                        .touched = UINT64_MAX};

	if (reader.builder == NULL)
		return trace_fail(error, "%.200s: no memory", in->name);
	trace_builder_names(reader.builder, name_of, &reader);
	tokenizer_open(&reader.tokenizer, in->text, in->bytes, true);
	bool sound = read_all(&reader);
	if (sound)
		sound = trace_builder_finish(reader.builder, reader.source,
		                             trace, error);
	else
		trace_builder_free(reader.builder);
	name_table_free(&reader.names);
	return sound;
}
