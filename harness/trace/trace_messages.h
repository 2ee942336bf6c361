/*
 * trace_messages.h - sentences about places in a file and about ids, for
 * trace_builder.c.
 */
#ifndef HARNESS_TRACE_TRACE_MESSAGES_H
#define HARNESS_TRACE_TRACE_MESSAGES_H

#include <stdarg.h>

#include "trace_builder.h"

/* What a reader calls its file, the places in it, and its ids. */
struct trace_messages {
	char *name;
	const char *place_word; /* "line", or "byte", ...          */
	const char *id_word;    /* "id", for "id 3"                */
	trace_name_of *name_of; /* NULL, or gives the name of an id */
	void *name_ctx;
};

/* "name:7: ...", "name:1: column 9: ...", "name: byte 7: ...".  Returns false. */
bool message_fail(const struct trace_messages *messages, uint64_t place,
                  struct trace_error *error, const char *format, va_list args);

/*
 * The other half of a mistake, seen from `here`: "line 5", "column 9" if that is
 * on the same line, "line 5, column 9", "byte 70".
 */
enum { MESSAGE_PLACE_BYTES = 64 };
const char *message_place(const struct trace_messages *messages, uint64_t here,
                          uint64_t there, char text[MESSAGE_PLACE_BYTES]);

/* "id 3", or the name of it. */
enum { MESSAGE_ID_BYTES = 128 };
const char *message_id(const struct trace_messages *messages, uint64_t id,
                       char text[MESSAGE_ID_BYTES]);

#endif
