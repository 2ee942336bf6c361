/*
 * spec_file.h - a spec as lines: headings and entries in their order, before
 * anything is known about what they mean.
 *
 *     [phase serve]                heading  text "phase serve", line 1
 *     size = discrete 16:1/2       entry    key "size",
 *            32:1/2                         value "discrete 16:1/2 32:1/2"
 *
 * libinih splits lines; what it does not report (the place, empty sections,
 * lines cut off) is seen by the reader that feeds it.
 */
#ifndef HARNESS_GENERATE_SPEC_FILE_H
#define HARNESS_GENERATE_SPEC_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "../trace/trace.h"

struct spec_line {
	bool is_heading;
	char *key;            /* of an entry                              */
	char *value;          /* of an entry; the text inside [] of a heading */
	unsigned number;      /* its line, or that of what it replaces */
	const char *from_set; /* the --set that made it, or NULL       */
};

struct spec_file {
	const char *name; /* in messages */
	struct spec_line *lines;
	size_t count, capacity;
};

/* Reads a file.  False with "path:line: reason"; nothing is left behind then. */
bool spec_file_read(const char *path, struct spec_file *file,
                    struct trace_error *error);

void spec_file_free(struct spec_file *file);

/*
 * Applies "key=value" to every entry of that key, or "section.key=value" to the
 * sections [phase section] and [group section].  Where there is no entry to
 * replace it adds one behind the headings: to [workload] or to those sections.
 * `set` must outlive the file.
 */
bool spec_file_set(struct spec_file *file, const char *set,
                   struct trace_error *error);

/* Formats "file:line: ..." or "--set key=value: ..."; returns false. */
bool spec_file_fail(const struct spec_file *file, const struct spec_line *line,
                    struct trace_error *error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
