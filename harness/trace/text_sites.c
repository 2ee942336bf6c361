/*
 * text_sites.c - reads declarations of call sites.
 */
#include "text_sites.h"

#include <string.h>

#include "token.h"

static const char no_memory[] = "no memory for more call sites";
static const char twice[] = "the same stands above already";

/* One argument of several. */
struct argument {
	const char *text;
	size_t bytes;
};

/* The text before the next comma; `rest` moves behind it.  False at the end. */
static bool next_argument(struct argument *rest, struct argument *argument)
{
	if (rest->text == NULL)
		return false;
	const char *comma = memchr(rest->text, ',', rest->bytes);
	*argument = *rest;
	if (comma == NULL) {
		rest->text = NULL;
		return true;
	}
	argument->bytes = (size_t)(comma - rest->text);
	rest->bytes -= argument->bytes + 1;
	rest->text = comma + 1;
	return true;
}

static int hex_digit(char byte)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = memchr(digits, byte, sizeof digits - 1);

	return at == NULL ? -1 : (int)(at - digits);
}

static bool parse_hex(struct argument argument, uint64_t *number)
{
	*number = 0;
	if (argument.bytes == 0 || argument.bytes > 16)
		return false;
	for (size_t i = 0; i < argument.bytes; i++) {
		int digit = hex_digit(argument.text[i]);
		if (digit < 0)
			return false;
		*number = *number << 4 | (uint64_t)digit;
	}
	return true;
}

/* %NN back to bytes; at most `room` of them.  False if malformed. */
static bool unescape(struct argument argument, char *to, size_t room,
                     size_t *count)
{
	const char *at = argument.text, *end = at + argument.bytes;
	uint64_t byte;

	for (*count = 0; at < end; (*count)++) {
		if (*count == room)
			return false;
		if (*at != '%') {
			to[*count] = *at++;
			continue;
		}
		struct argument digits = {at + 1, 2};
		if (end - at < 3 || !parse_hex(digits, &byte) || byte == 0)
			return false;
		to[*count] = (char)byte;
		at += 3;
	}
	return true;
}

static const char *add_module(struct trace_sites *sites, const char *inside,
                              size_t bytes)
{
	struct argument all = {inside, bytes};
	uint32_t number = sites->module_count;
	char path[4096];
	size_t count;

	if (!unescape(all, path, sizeof path - 1, &count))
		return "write module(PATH), %NN for blanks and the like, at "
		       "most 4095 bytes";
	path[count] = '\0';
	uint32_t got = sites_module(sites, path);
	return got == SITES_FULL ? no_memory : got == number ? NULL : twice;
}

/* The text of the frame declared last. */
static const char *set_text(struct trace_sites *sites, struct argument argument)
{
	char text[SITE_TEXT_BYTES_MAX];
	size_t count;

	if (!unescape(argument, text, sizeof text, &count) || count == 0)
		return "the text of a frame has 1 to 4000 bytes, %NN for "
		       "blanks and the like";
	return sites_set_text(sites, sites->frame_count - 1, text, count)
	               ? NULL
	               : no_memory;
}

static const char *add_frame(struct trace_sites *sites, const char *inside,
                             size_t bytes)
{
	struct argument rest = {inside, bytes}, first, second, third;
	uint32_t number = sites->frame_count;
	uint64_t module, offset;

	if (!next_argument(&rest, &first) || !next_argument(&rest, &second) ||
	    !number_parse(first.text, first.bytes, &module) ||
	    !parse_hex(second, &offset) || offset > SITE_OFFSET_MAX)
		return "write frame(MODULE,HEX) or frame(MODULE,HEX,TEXT), HEX "
		       "below 2^47";
	if (module >= sites->module_count)
		return "there is no such module above";
	uint32_t got = sites_frame(sites, (uint32_t)module, offset);
	if (got != number)
		return got == SITES_FULL ? no_memory : twice;
	if (!next_argument(&rest, &third))
		return NULL;
	if (rest.text != NULL)
		return "three arguments at most";
	return set_text(sites, third);
}

static const char *add_site(struct trace_sites *sites, const char *inside,
                            size_t bytes)
{
	struct argument rest = {inside, bytes}, first, second;
	uint32_t number = sites->site_count;
	uint64_t frame, caller = 0;

	if (!next_argument(&rest, &first) ||
	    !number_parse(first.text, first.bytes, &frame) ||
	    (next_argument(&rest, &second) &&
	     !number_parse(second.text, second.bytes, &caller)) ||
	    rest.text != NULL)
		return "write site(FRAME) or site(FRAME,CALLER)";
	if (frame >= sites->frame_count)
		return "there is no such frame above";
	if (caller >= number)
		return "there is no such caller above";
	uint32_t got = sites_site(sites, (uint32_t)frame, (uint32_t)caller);
	return got == SITES_FULL ? no_memory : got == number ? NULL : twice;
}

/* --- all three ---------------------------------------------------------- */

static const struct {
	const char *word; /* with its parenthesis */
	const char *(*add)(struct trace_sites *sites, const char *inside,
	                   size_t bytes);
} words[] = {
	{"module(", add_module}, {"frame(", add_frame}, {"site(", add_site}};

enum { WORDS = sizeof words / sizeof words[0] };

/* Which of the words the token begins with; WORDS: none. */
static size_t find_word(const char *token, size_t bytes)
{
	size_t i = 0;

	while (i < WORDS &&
	       (bytes < strlen(words[i].word) ||
	        memcmp(token, words[i].word, strlen(words[i].word)) != 0))
		i++;
	return i;
}

bool text_sites_is_declaration(const char *token, size_t bytes)
{
	return find_word(token, bytes) < WORDS;
}

const char *text_sites_declare(struct trace_sites *sites, const char *token,
                               size_t bytes)
{
	size_t which = find_word(token, bytes);
	size_t word = strlen(words[which].word);

	if (token[bytes - 1] != ')')
		return "the ) is missing (no blanks inside)";
	return words[which].add(sites, token + word, bytes - word - 1);
}
