/*
 * scan.c - reads logs line by line.
 */
#include "scan.h"

#include <string.h>

void lines_open(struct lines *lines, const char *text, size_t bytes)
{
	*lines = (struct lines){.at = text, .end = text + bytes};
}

bool lines_next(struct lines *lines, struct scan *line)
{
	if (lines->at == lines->end)
		return false;
	const char *newline =
		memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
	line->at = lines->at;
	line->end = newline != NULL ? newline : lines->end;
	lines->at = newline != NULL ? newline + 1 : lines->end;
	lines->number++;
	if (line->end > line->at && line->end[-1] == '\r')
		line->end--;
	return true;
}

bool scan_blanks(struct scan *scan)
{
	while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t'))
		scan->at++;
	return true;
}

bool scan_at_end(const struct scan *scan)
{
	return scan->at == scan->end;
}

static size_t left(const struct scan *scan)
{
	return (size_t)(scan->end - scan->at);
}

bool scan_text(struct scan *scan, const char *text)
{
	size_t bytes = strlen(text);

	if (left(scan) < bytes || memcmp(scan->at, text, bytes) != 0)
		return false;
	scan->at += bytes;
	return true;
}

static unsigned digit_of(char byte)
{
	if (byte >= '0' && byte <= '9')
		return (unsigned)(byte - '0');
	if (byte >= 'a' && byte <= 'f')
		return (unsigned)(byte - 'a') + 10;
	if (byte >= 'A' && byte <= 'F')
		return (unsigned)(byte - 'A') + 10;
	return 16;
}

static bool scan_digits(struct scan *scan, unsigned base, uint64_t *number)
{
	const char *at = scan->at;
	uint64_t value = 0;

	for (; at < scan->end && digit_of(*at) < base; at++) {
		unsigned digit = digit_of(*at);
		if (value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	if (at == scan->at)
		return false;
	scan->at = at;
	*number = value;
	return true;
}

bool scan_decimal(struct scan *scan, uint64_t *number)
{
	return scan_digits(scan, 10, number);
}

bool scan_hex(struct scan *scan, uint64_t *number)
{
	return scan_digits(scan, 16, number);
}

bool scan_prefixed_hex(struct scan *scan, uint64_t *number)
{
	struct scan ahead = *scan;

	if (!scan_text(&ahead, "0x") || !scan_hex(&ahead, number))
		return false;
	*scan = ahead;
	return true;
}

bool scan_number(struct scan *scan, uint64_t *number)
{
	return scan_prefixed_hex(scan, number) || scan_decimal(scan, number);
}

bool scan_address(struct scan *scan, uint64_t *address)
{
	if (!scan_text(scan, "(nil)"))
		return scan_number(scan, address);
	*address = 0;
	return true;
}

static bool is_word_byte(char byte)
{
	return digit_of(byte) < 10 || byte == '_' ||
	       (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* The `bytes` next ones as a token; false if there are none. */
static bool take(struct scan *scan, size_t bytes, struct token *token)
{
	*token = (struct token){.text = scan->at, .bytes = bytes};
	scan->at += bytes;
	return bytes > 0;
}

bool scan_word(struct scan *scan, struct token *word)
{
	size_t bytes = 0;

	while (bytes < left(scan) && is_word_byte(scan->at[bytes]))
		bytes++;
	return take(scan, bytes, word);
}

bool scan_token(struct scan *scan, struct token *token)
{
	size_t bytes = 0;

	while (bytes < left(scan) && scan->at[bytes] != ' ' &&
	       scan->at[bytes] != '\t')
		bytes++;
	return take(scan, bytes, token);
}

bool scan_find(struct scan *scan, const char *text)
{
	const char *found = memmem(scan->at, left(scan), text, strlen(text));

	if (found != NULL)
		scan->at = found;
	return found != NULL;
}

struct token scan_rest(const struct scan *scan)
{
	return (struct token){.text = scan->at, .bytes = left(scan)};
}
