/*
 * trace_read.c - tells the formats apart by their contents and calls the reader
 * of each.
 */
#include <string.h>

#include "formats.h"
#include "whole_file.h"

static bool begins_with(const struct trace_text *in, const char *magic)
{
	size_t bytes = strlen(magic);

	return in->bytes >= bytes && memcmp(in->text, magic, bytes) == 0;
}

bool trace_read_text(const char *name, const char *text, size_t bytes,
                     struct trace *trace, struct trace_error *error)
{
	struct trace_text in = {name, text, bytes};

	return text_read(&in, trace, error);
}

bool trace_read_file(const char *path, struct trace *trace,
                     struct trace_error *error)
{
	struct whole_file file;

	if (!whole_file_read(path, &file, error))
		return false;
	struct trace_text in = {path, file.bytes, file.count};
	bool sound = begins_with(&in, TRACE_TEXT_MAGIC)
	                     ? text_read(&in, trace, error)
	                     : trace_fail(error,
	                                  "%.200s:1: a text trace begins with "
	                                  "\"" TRACE_TEXT_MAGIC " 1\"",
	                                  path);
	whole_file_free(&file);
	return sound;
}
