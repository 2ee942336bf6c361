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

void option_join(int argc, char **argv, char *text, size_t capacity)
{
	text[0] = '\0';
	for (int i = 0; i < argc; i++) {
		bool quoted = strpbrk(argv[i], " \t*'\"") != NULL;
		strlcat(text, i > 0 ? " " : "", capacity);
		strlcat(text, quoted ? "'" : "", capacity);
		strlcat(text, argv[i], capacity);
		strlcat(text, quoted ? "'" : "", capacity);
	}
}
