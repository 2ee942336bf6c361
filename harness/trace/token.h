/*
 * token.h - the words of a text, one after the other, with their places.
 *
 * All text formats here are tokens separated by white space (blank, tab, CR, LF,
 * VT, FF), so that CRLF files need no thought.
 */
#ifndef HARNESS_TRACE_TOKEN_H
#define HARNESS_TRACE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token {
	const char *text;
	size_t bytes;    /* 0: the end of the text        */
	uint64_t line;   /* from 1                        */
	uint64_t column; /* from 1; in bytes              */
	bool is_first;   /* of its line, comments aside   */
};

struct tokenizer {
	const char *at;
	const char *end;
	const char *line_start;
	const char *line_first; /* the first token of the line, once seen */
	uint64_t line;
	bool has_comments; /* `#` where a token may start, to the line's end */
};

void tokenizer_open(struct tokenizer *tokenizer, const char *text, size_t bytes,
                    bool has_comments);

/* The next token; bytes == 0 at the end.  Cost: O(bytes passed over). */
struct token tokenizer_next(struct tokenizer *tokenizer);

bool token_is(const struct token *token, const char *text);

/*
 * The token in quotes for a message: cut after 40 bytes, \xNN for what cannot be
 * printed.  Writes to `quoted` and returns it.
 */
enum { TOKEN_QUOTED_BYTES = 200 };
const char *token_quote(const struct token *token,
                        char quoted[TOKEN_QUOTED_BYTES]);

/* A decimal number that fills the text; false also above 2^64 - 1. */
bool number_parse(const char *text, size_t bytes, uint64_t *number);

#endif
