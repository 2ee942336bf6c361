/*
 * options.c - numbers on the command line.
 */
#include "options.h"

#include <bsd/string.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../allocators/common/count.h"
#include "clock/pace.h"

uint64_t option_whole(struct argp_state *state, const char *option,
                      const char *text, uint64_t least, uint64_t most)
{
	char *end;

	errno = 0;
	uint64_t n = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 ||
	    n < least || n > most)
		argp_error(state, "%s takes %lu..%lu, not \"%s\"", option,
		           least, most, text);
	return n;
}

unsigned option_count(struct argp_state *state, const char *option,
                      const char *text, unsigned least, unsigned most)
{
	return (unsigned)option_whole(state, option, text, least, most);
}

double option_seconds(struct argp_state *state, const char *option,
                      const char *text)
{
	static const double least = 0.001, most = 1e6;
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end != '\0' || !(n >= least && n <= most))
		argp_error(state, "%s takes 0.001..1000000, not \"%s\"", option,
		           text);
	return n;
}

size_t option_memory(struct argp_state *state, const char *option,
                     const char *text)
{
	static const uint64_t least = 1 << 16, most = (uint64_t)1 << 40;
	uint64_t n = 0;

	if (!count_parse(text, &n) || n < least || n > most)
		argp_error(state,
		           "%s takes 64K..1024G (with K, M or G), not "
		           "\"%s\"",
		           option, text);
	return n;
}

enum touch option_touch(struct argp_state *state, const char *text)
{
	for (int touch = 0; touch < TOUCH_KINDS; touch++)
		if (strcmp(touch_names[touch], text) == 0)
			return (enum touch)touch;
	argp_error(state,
	           "--touch takes none, first, pages, recorded, lines or all, "
	           "not \"%s\"",
	           text);
	return TOUCH_FIRST;
}

double option_pace(struct argp_state *state, const char *text)
{
	double pace = 0;

	if (!pace_parse(text, &pace))
		argp_error(state,
		           "--pace takes recorded or xN, such as x10, not "
		           "\"%s\"",
		           text);
	return pace;
}

void option_text(struct argp_state *state, const char *option, const char *text)
{
	if (text[strspn(text, " \t\n")] == '\0')
		argp_error(state, "nothing follows %s", option);
}

/* A word as a shell reads it: 'a b', 'it'\''s'. */
static void add_word(char *text, const char *word, size_t capacity)
{
	char piece[2] = "";

	if (word[0] != '\0' &&
	    strpbrk(word, " \t\n*?[#~|&;<>()$`\\'\"") == NULL) {
		strlcat(text, word, capacity);
		return;
	}
	strlcat(text, "'", capacity);
	for (; *word != '\0'; word++) {
		piece[0] = *word;
		strlcat(text, *word == '\'' ? "'\\''" : piece, capacity);
	}
	strlcat(text, "'", capacity);
}

void option_join(int argc, char **argv, char *text, size_t capacity)
{
	strlcpy(text, argv[0], capacity); /* "alloclab run" */
	for (int i = 1; i < argc; i++) {
		strlcat(text, " ", capacity);
		add_word(text, argv[i], capacity);
	}
}
