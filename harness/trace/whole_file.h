/*
 * whole_file.h - files read in one piece, and files written in one piece: the
 * path has the complete new contents, or still what it had before.
 */
#ifndef HARNESS_TRACE_WHOLE_FILE_H
#define HARNESS_TRACE_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "trace.h"

struct whole_file {
	char *bytes; /* and a '\0' behind them */
	size_t count;
};

/* Reads a file or pipe to its end; false with "path: reason". */
bool whole_file_read(const char *path, struct whole_file *file,
                     struct trace_error *error);
void whole_file_free(struct whole_file *file);

/*
 * A file being written: `stream` goes to a temporary name beside `path`, links
 * followed; what is not a regular file (a pipe, a device), or lies below /dev or
 * /proc, is written in place.
 */
struct new_file {
	FILE *stream;
	char *path;      /* where the contents shall be */
	char *temporary; /* NULL: written in place                      */
};

bool new_file_open(const char *path, struct new_file *file,
                   struct trace_error *error);

/* Closes, renames; on any failure (even of earlier writes) the path is as it
 * was.  Ends the new_file either way. */
bool new_file_commit(struct new_file *file, struct trace_error *error);

#endif
