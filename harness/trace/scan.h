/*
 * scan.h - the lines of a log, and what stands in one: numbers, words, marks.
 *
 * Each scan_* function moves behind what it found, or stays where it was and
 * returns false.
 */
#ifndef HARNESS_TRACE_SCAN_H
#define HARNESS_TRACE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "token.h"

struct lines {
	const char *at;
	const char *end;
	uint64_t number; /* of the line read last; from 1 */
};

/* A part of a line that is not read yet. */
struct scan {
	const char *at;
	const char *end;
};

void lines_open(struct lines *lines, const char *text, size_t bytes);

/* The next line, without its end (LF or CR LF); false behind the last. */
bool lines_next(struct lines *lines, struct scan *line);

/* Blanks and tabs; always true. */
bool scan_blanks(struct scan *scan);
bool scan_at_end(const struct scan *scan);
bool scan_text(struct scan *scan, const char *text);

/* Decimal; 0x and hexadecimal; either of the two.  False above 2^64 - 1, too. */
bool scan_decimal(struct scan *scan, uint64_t *number);
bool scan_prefixed_hex(struct scan *scan, uint64_t *number);
bool scan_number(struct scan *scan, uint64_t *number);

/* A number, or "(nil)", as printf() prints NULL. */
bool scan_address(struct scan *scan, uint64_t *address);

/* Hexadecimal without 0x. */
bool scan_hex(struct scan *scan, uint64_t *number);

/* Letters, digits and _, at least one. */
bool scan_word(struct scan *scan, struct token *word);

/* What comes before a blank or the end, at least one byte. */
bool scan_token(struct scan *scan, struct token *token);

/* Goes to the first `text` in the rest, and stays before it. */
bool scan_find(struct scan *scan, const char *text);

/* The rest as a token, to quote it in messages. */
struct token scan_rest(const struct scan *scan);

#endif
