/*
 * sentence.c - a text that grows piece by piece, within its room.
 */
#include "sentence.h"

#include <stdarg.h>
#include <stdio.h>

struct sentence sentence_begin(char *text, size_t capacity)
{
	if (capacity > 0)
		text[0] = '\0';
	return (struct sentence){text, capacity};
}

void say(struct sentence *sentence, const char *format, ...)
{
	va_list args;

	if (sentence->left == 0)
		return;
	va_start(args, format);
	int wanted = vsnprintf(sentence->end, sentence->left, format, args);
	va_end(args);
	size_t used = (size_t)wanted < sentence->left ? (size_t)wanted
	                                              : sentence->left - 1;
	sentence->end += used;
	sentence->left -= used;
}
