/*
 * token.c - splits text at white space, fast enough for gigabytes.
 */
#include "token.h"

#include <stdio.h>
#include <string.h>

/* What each byte is to the tokenizer. */
enum { WORD, BLANK, NEWLINE, HASH };

static const unsigned char byte_class[256] = {
	[' '] = BLANK,  ['\t'] = BLANK,   ['\r'] = BLANK, ['\v'] = BLANK,
	['\f'] = BLANK, ['\n'] = NEWLINE, ['#'] = HASH,
};

static unsigned class_of(char byte)
{
	return byte_class[(unsigned char)byte];
}

void tokenizer_open(struct tokenizer *tokenizer, const char *text, size_t bytes,
                    bool has_comments)
{
	*tokenizer = (struct tokenizer){.at = text,
	                                .end = text + bytes,
	                                .line_start = text,
	                                .line = 1,
	                                .has_comments = has_comments};
}

static void skip_comment(struct tokenizer *tokenizer)
{
	size_t left = (size_t)(tokenizer->end - tokenizer->at);
	const char *newline = memchr(tokenizer->at, '\n', left);

	tokenizer->at = newline != NULL ? newline : tokenizer->end;
}

static void skip_newline(struct tokenizer *tokenizer)
{
	tokenizer->at++;
	tokenizer->line++;
	tokenizer->line_start = tokenizer->at;
	tokenizer->line_first = NULL;
}

/* Moves to the next byte that begins a token, or to the end. */
static void skip_blanks(struct tokenizer *tokenizer)
{
	while (tokenizer->at < tokenizer->end) {
		unsigned class = class_of(*tokenizer->at);
		if (class == NEWLINE)
			skip_newline(tokenizer);
		else if (class == BLANK)
			tokenizer->at++;
		else if (class == HASH && tokenizer->has_comments)
			skip_comment(tokenizer);
		else
			return;
	}
}

struct token tokenizer_next(struct tokenizer *tokenizer)
{
	skip_blanks(tokenizer);
	const char *text = tokenizer->at;
	const char *at = text;

	/* A `#` ends a token too where it begins a comment: "a=1# one". */
	while (at < tokenizer->end &&
	       (class_of(*at) == WORD ||
	        (class_of(*at) == HASH && !tokenizer->has_comments)))
		at++;
	tokenizer->at = at;
	if (tokenizer->line_first == NULL)
		tokenizer->line_first = text;
	return (struct token){
		.text = text,
		.bytes = (size_t)(at - text),
		.line = tokenizer->line,
		.column = (uint64_t)(text - tokenizer->line_start) + 1,
		.is_first = text == tokenizer->line_first,
	};
}

bool token_is(const struct token *token, const char *text)
{
	return token->bytes == strlen(text) &&
	       memcmp(token->text, text, token->bytes) == 0;
}

const char *token_quote(const struct token *token,
                        char quoted[TOKEN_QUOTED_BYTES])
{
	enum { SHOWN = 40 };
	char *at = quoted;

	*at++ = '"';
	for (size_t i = 0; i < token->bytes && i < SHOWN; i++) {
		unsigned char byte = (unsigned char)token->text[i];
		if (byte >= ' ' && byte <= '~')
			*at++ = (char)byte;
		else
			at += sprintf(at, "\\x%02x", byte);
	}
	strcpy(at, token->bytes > SHOWN ? "...\"" : "\"");
	return quoted;
}

bool number_parse(const char *text, size_t bytes, uint64_t *number)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++) {
		unsigned digit = (unsigned char)text[i] - (unsigned)'0';
		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return bytes > 0;
}
