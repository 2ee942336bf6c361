/*
 * trace_messages.c - puts places and ids into words.
 *
 * A place is a line with a column above bit 40, if it has one, or any number
 * that the reader counts by.
 */
#include "trace_messages.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PLACE_LINE_BITS = 40, PLACE_COLUMN_MAX = (1 << 22) - 1 };

uint64_t trace_place(uint64_t line, uint64_t column)
{
	if (column > PLACE_COLUMN_MAX)
		column = PLACE_COLUMN_MAX;
	return line | column << PLACE_LINE_BITS;
}

static uint64_t place_line(uint64_t place)
{
	return place & (((uint64_t)1 << PLACE_LINE_BITS) - 1);
}

static uint64_t place_column(uint64_t place)
{
	return place >> PLACE_LINE_BITS;
}

static bool counts_lines(const struct trace_messages *messages)
{
	return strcmp(messages->place_word, "line") == 0;
}

bool message_fail(const struct trace_messages *messages, uint64_t place,
                  struct trace_error *error, const char *format, va_list args)
{
	char *text = error->text;
	size_t capacity = sizeof error->text;
	int used;

	if (!counts_lines(messages))
		used = snprintf(text, capacity, "%.200s: %s %" PRIu64 ": ",
		                messages->name, messages->place_word, place);
	else if (place_column(place) == 0)
		used = snprintf(text, capacity, "%.200s:%" PRIu64 ": ",
		                messages->name, place_line(place));
	else
		used = snprintf(text, capacity,
		                "%.200s:%" PRIu64 ": column %" PRIu64 ": ",
		                messages->name, place_line(place),
		                place_column(place));
	vsnprintf(text + used, capacity - (size_t)used, format, args);
	return false;
}

const char *message_place(const struct trace_messages *messages, uint64_t here,
                          uint64_t there, char text[MESSAGE_PLACE_BYTES])
{
	uint64_t line = place_line(there), column = place_column(there);
	bool is_same_line =
		line == place_line(here) && column + place_column(here) > 0;

	if (!counts_lines(messages))
		snprintf(text, MESSAGE_PLACE_BYTES, "%s %" PRIu64,
		         messages->place_word, there);
	else if (is_same_line)
		snprintf(text, MESSAGE_PLACE_BYTES, "column %" PRIu64,
		         column > 0 ? column : 1);
	else if (column == 0)
		snprintf(text, MESSAGE_PLACE_BYTES, "line %" PRIu64, line);
	else
		snprintf(text, MESSAGE_PLACE_BYTES,
		         "line %" PRIu64 ", column %" PRIu64, line, column);
	return text;
}

const char *message_id(const struct trace_messages *messages, uint64_t id,
                       char text[MESSAGE_ID_BYTES])
{
	if (messages->name_of != NULL)
		snprintf(text, MESSAGE_ID_BYTES, "%.100s",
		         messages->name_of(messages->name_ctx, id));
	else
		snprintf(text, MESSAGE_ID_BYTES, "%s %" PRIu64,
		         messages->id_word, id);
	return text;
}
