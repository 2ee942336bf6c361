/*
 * import_rep.c - imports the traces of the CS:APP malloc lab and its relatives.
 *
 *     dialect          header integers                          then operations
 *     classic (2002)   suggested_heap ids operations weight     a ID SIZE
 *     F10              weight ids operations ignore_ranges      r ID SIZE
 *     2016 and later   weight ids operations peak_bytes         f ID
 *     xv6              ids operations
 *     CS107 .script    none; `#` comments
 *
 * Tokens, not lines.  Old drivers accept much that is wrong; here it is refused.
 * Kept from them: `f -1` is free(NULL), `r` on an id never seen is malloc, and
 * `r ID 0` is free.  docs/traces.md lists all.
 */
#include <inttypes.h>
#include <stdio.h>

#include "formats.h"
#include "token.h"
#include "trace_builder.h"

enum { HEADER_MAX = 4 };
static const uint64_t SIZE_MAX_BYTES = UINT32_MAX;

struct header {
	uint64_t ids;        /* UINT64_MAX where there is no header */
	uint64_t operations; /* the same                            */
	char source[256];
};

struct importer {
	const char *name;
	struct trace_builder *builder;
	struct tokenizer tokenizer;
	struct header header;
	struct trace_error *error;
};

static bool fail(struct importer *importer, const struct token *at,
                 const char *reason)
{
	char quoted[TOKEN_QUOTED_BYTES];

	if (at->bytes == 0)
		return trace_builder_fail(importer->builder, at->line,
		                          importer->error,
		                          "the file ends here: %s", reason);
	return trace_builder_fail(importer->builder, at->line, importer->error,
	                          "%s: %s", token_quote(at, quoted), reason);
}

static struct token next(struct importer *importer)
{
	return tokenizer_next(&importer->tokenizer);
}

static bool is_letter(const struct token *token)
{
	return (token->text[0] | 0x20) >= 'a' && (token->text[0] | 0x20) <= 'z';
}

/* --- the header --------------------------------------------------------- */

static void header_of_two(struct header *header, const uint64_t *numbers)
{
	header->ids = numbers[0];
	header->operations = numbers[1];
	snprintf(header->source, sizeof header->source,
	         "imported from a .rep file (xv6)");
}

static void header_of_four(struct header *header, const uint64_t *numbers)
{
	header->ids = numbers[1];
	header->operations = numbers[2];
	if (numbers[0] > 3) {
		snprintf(header->source, sizeof header->source,
		         "imported from a .rep file (classic; suggested heap "
		         "%" PRIu64 ", weight %" PRIu64 ")",
		         numbers[0], numbers[3]);
		return;
	}
	bool is_f10 = numbers[3] <= 1;
	snprintf(header->source, sizeof header->source,
	         "imported from a .rep file (%s; weight %" PRIu64
	         ", %s %" PRIu64 ")",
	         is_f10 ? "F10" : "2016", numbers[0],
	         is_f10 ? "ignore ranges" : "peak bytes", numbers[3]);
}

/* The numbers up to the first operation, which stays unread. */
static bool read_header(struct importer *importer)
{
	uint64_t numbers[HEADER_MAX];
	int count = 0;

	for (;;) {
		struct tokenizer before = importer->tokenizer;
		struct token token = next(importer);
		if (token.bytes == 0)
			return fail(importer, &token,
			            count < 2 ? "a number alone is neither a "
			                        ".rep file nor an OSTEP "
			                        "list (+SIZE,-INDEX)"
			                      : "no operation follows the "
			                        "header");
		if (is_letter(&token)) {
			importer->tokenizer = before;
			break;
		}
		if (count == HEADER_MAX)
			return fail(importer, &token,
			            "a fifth number in the header; the "
			            "dialects known here have two or four");
		if (!number_parse(token.text, token.bytes, &numbers[count]))
			return fail(importer, &token,
			            "not a number that a header can have");
		count++;
	}
	if (count == 2)
		header_of_two(&importer->header, numbers);
	else if (count == 4)
		header_of_four(&importer->header, numbers);
	else
		return trace_builder_fail(
			importer->builder, importer->tokenizer.line,
			importer->error,
			"a header of %d number%s; the dialects known here "
			"have two or four",
			count, count == 1 ? "" : "s");
	return true;
}

/* --- the operations ----------------------------------------------------- */

static bool read_id(struct importer *importer, const struct token *operation,
                    const struct token *token, uint64_t *id)
{
	uint64_t ids = importer->header.ids;

	if (token->bytes == 0)
		return fail(importer, token, "the operation has no id");
	if (!number_parse(token->text, token->bytes, id)) {
		char reason[64];
		snprintf(reason, sizeof reason, "not an id (after \"%c\")",
		         operation->text[0]);
		return fail(importer, token, reason);
	}
	if (*id >= ids)
		return trace_builder_fail(
			importer->builder, token->line, importer->error,
			"id %" PRIu64 " is out of range: the header says "
			"%" PRIu64 " ids, counted from 0",
			*id, ids);
	return true;
}

/* The old drivers take the size of the operation before if there is none. */
static bool fail_no_size(struct importer *importer,
                         const struct token *operation, uint64_t id)
{
	return trace_builder_fail(
		importer->builder, operation->line, importer->error,
		"\"%c %" PRIu64 "\" has no size", operation->text[0], id);
}

static bool read_size(struct importer *importer, const struct token *operation,
                      uint64_t id, uint64_t *size)
{
	struct token token = next(importer);
	char quoted[TOKEN_QUOTED_BYTES];

	if (token.bytes == 0 || token_is(&token, "a") ||
	    token_is(&token, "r") || token_is(&token, "f"))
		return fail_no_size(importer, operation, id);
	bool is_number = number_parse(token.text, token.bytes, size);
	bool is_huge = token.bytes > 0;
	for (size_t i = 0; i < token.bytes; i++)
		is_huge &= token.text[i] >= '0' && token.text[i] <= '9';
	if (!is_number && !is_huge)
		return fail(importer, &token,
		            token.text[0] == '-' ? "a negative size"
		                                 : "not a size");
	if (!is_number || *size > SIZE_MAX_BYTES)
		return trace_builder_fail(
			importer->builder, token.line, importer->error,
			"id %" PRIu64 " asks for %s bytes: 4 GiB and more are "
			"refused in this format",
			id, token_quote(&token, quoted));
	return true;
}

static bool read_alloc(struct importer *importer, const struct token *operation)
{
	struct token token = next(importer);
	uint64_t id, size;

	if (!read_id(importer, operation, &token, &id) ||
	    !read_size(importer, operation, id, &size))
		return false;
	if (size == 0)
		return trace_builder_fail(
			importer->builder, operation->line, importer->error,
			"\"a %" PRIu64 " 0\": a size of 0", id);
	return trace_builder_alloc(importer->builder, TRACE_MALLOC, id, size, 0,
	                           operation->line, importer->error);
}

static bool read_realloc(struct importer *importer,
                         const struct token *operation)
{
	struct trace_builder *builder = importer->builder;
	struct token token = next(importer);
	uint64_t id, size;

	if (!read_id(importer, operation, &token, &id) ||
	    !read_size(importer, operation, id, &size))
		return false;
	if (size == 0)
		return trace_builder_free_block(builder, id, operation->line,
		                                importer->error);
	if (!trace_builder_was_seen(builder, id))
		return trace_builder_alloc(builder, TRACE_MALLOC, id, size, 0,
		                           operation->line, importer->error);
	return trace_builder_realloc(builder, id, size, operation->line,
	                             importer->error);
}

static bool read_free(struct importer *importer, const struct token *operation)
{
	struct token token = next(importer);
	uint64_t id;

	if (token_is(&token, "-1"))
		return trace_builder_free_null(
			importer->builder, operation->line, importer->error);
	return read_id(importer, operation, &token, &id) &&
	       trace_builder_free_block(importer->builder, id, operation->line,
	                                importer->error);
}

static bool read_operation(struct importer *importer, const struct token *token)
{
	switch (token->bytes == 1 ? token->text[0] : '\0') {
	case 'a':
		return read_alloc(importer, token);
	case 'r':
		return read_realloc(importer, token);
	case 'f':
		return read_free(importer, token);
	}
	return fail(importer, token, "not an operation (a, r or f)");
}

static bool fail_too_few(struct importer *importer, const struct token *end)
{
	return trace_builder_fail(importer->builder, end->line, importer->error,
	                          "the file ends after %" PRIu64
	                          " operations; its header says %" PRIu64,
	                          trace_builder_events(importer->builder),
	                          importer->header.operations);
}

static bool read_operations(struct importer *importer)
{
	bool has_header = importer->header.operations != UINT64_MAX;

	for (uint64_t i = 0; i < importer->header.operations; i++) {
		struct token token = next(importer);
		if (token.bytes == 0)
			return !has_header || fail_too_few(importer, &token);
		if (!read_operation(importer, &token))
			return false;
	}
	struct token more = next(importer);
	if (more.bytes > 0)
		fprintf(stderr,
		        "%s:%" PRIu64 ": warning: the header says %" PRIu64
		        " operations; what follows from here is left out\n",
		        importer->name, more.line, importer->header.operations);
	return true;
}

static bool import(struct importer *importer, bool sound, struct trace *trace)
{
	if (sound && read_operations(importer))
		return trace_builder_finish(importer->builder,
		                            importer->header.source, trace,
		                            importer->error);
	trace_builder_free(importer->builder);
	return false;
}

bool import_rep(const struct trace_text *in, struct trace *trace,
                struct trace_error *error)
{
	struct importer importer = {
		.name = in->name,
		.builder = trace_builder_new(in->name, "line"),
		.error = error,
	};

	if (importer.builder == NULL)
		return trace_fail(error, "%.200s: no memory", in->name);
	tokenizer_open(&importer.tokenizer, in->text, in->bytes, false);
	return import(&importer, read_header(&importer), trace);
}

bool import_script(const struct trace_text *in, struct trace *trace,
                   struct trace_error *error)
{
	struct importer importer = {
		.name = in->name,
		.builder = trace_builder_new(in->name, "line"),
		.header = {.ids = UINT64_MAX,
	                   .operations = UINT64_MAX,
	                   .source = "imported from a .script file (CS107)"},
		.error = error,
	};

	if (importer.builder == NULL)
		return trace_fail(error, "%.200s: no memory", in->name);
	tokenizer_open(&importer.tokenizer, in->text, in->bytes, true);
	return import(&importer, true, trace);
}
