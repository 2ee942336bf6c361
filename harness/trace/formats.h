/*
 * formats.h - the readers behind trace_read_file() and trace_read_text(), one
 * for each format, and how texts are told apart.
 */
#ifndef HARNESS_TRACE_FORMATS_H
#define HARNESS_TRACE_FORMATS_H

#include "trace.h"

/* A whole text in memory, and what to call it in messages. */
struct trace_text {
	const char *name;
	const char *text;
	size_t bytes;
};

/* The first line of a text trace begins with this. */
#define TRACE_TEXT_MAGIC "alloclab-text"

/* The text form, with or without its first line. */
bool text_read(const struct trace_text *in, struct trace *trace,
               struct trace_error *error);

#endif
