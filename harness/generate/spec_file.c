/*
 * spec_file.c - reads the lines of a spec through libinih.
 *
 * inih as distributed calls back for entries only and without line numbers, and
 * cuts long lines in silence.  The function that hands it lines therefore counts
 * them, refuses long ones, and notes headings itself; the handler notes the
 * entries.  The first mistake ends the reading.
 */
#include "spec_file.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* inih's buffer holds 200 bytes, line end and '\0' among them. */
	LINE_BYTES_MAX = 190,
	NAME_BYTES_MAX = 40, /* of keys and sections; inih cuts at 50 */
};

struct reading {
	struct spec_file *file;
	struct trace_error *error;
	FILE *stream;
	unsigned number;   /* of the line read last       */
	bool is_continued; /* it began with a blank       */
	bool failed;       /* error is set                */
};

bool spec_file_fail(const struct spec_file *file, const struct spec_line *line,
                    struct trace_error *error, const char *format, ...)
{
	char reason[384];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	if (line->from_set != NULL)
		return trace_fail(error, "--set %.100s: %s", line->from_set,
		                  reason);
	return trace_fail(error, "%.200s:%u: %s", file->name, line->number,
	                  reason);
}

/* --- lines -------------------------------------------------------------- */

/* Makes room at `place`; NULL without memory. */
static struct spec_line *insert_line(struct spec_file *file, size_t place)
{
	if (file->count == file->capacity) {
		size_t capacity = file->capacity * 2 + 32;
		struct spec_line *lines =
			realloc(file->lines, capacity * sizeof *lines);
		if (lines == NULL)
			return NULL;
		file->lines = lines;
		file->capacity = capacity;
	}
	struct spec_line *line = &file->lines[place];
	memmove(line + 1, line, (file->count - place) * sizeof *line);
	file->count++;
	*line = (struct spec_line){0};
	return line;
}

static bool fill_line(struct spec_line *line, const char *key, size_t key_bytes,
                      const char *value, size_t value_bytes)
{
	line->is_heading = key == NULL;
	line->key = key == NULL ? NULL : strndup(key, key_bytes);
	line->value = strndup(value, value_bytes);
	return (key == NULL || line->key != NULL) && line->value != NULL;
}

void spec_file_free(struct spec_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		free(file->lines[i].key);
		free(file->lines[i].value);
	}
	free(file->lines);
	*file = (struct spec_file){0};
}

/* --- reading ------------------------------------------------------------ */

static void reading_fail(struct reading *reading, const char *reason)
{
	struct spec_line here = {.number = reading->number};

	if (!reading->failed)
		spec_file_fail(reading->file, &here, reading->error, "%s",
		               reason);
	reading->failed = true;
}

static void append_line(struct reading *reading, const char *key,
                        size_t key_bytes, const char *value, size_t bytes)
{
	struct spec_line *line =
		insert_line(reading->file, reading->file->count);

	if (line != NULL)
		line->number = reading->number;
	if (line == NULL || !fill_line(line, key, key_bytes, value, bytes))
		reading_fail(reading, "no memory");
}

/* Notes "[phase serve]"; inih itself complains where ] is missing. */
static void note_heading(struct reading *reading, const char *text)
{
	const char *end = strchr(text, ']');

	if (end == NULL)
		return;
	if (end - text > NAME_BYTES_MAX)
		reading_fail(reading, "a section's name is too long");
	else
		append_line(reading, NULL, 0, text + 1,
		            (size_t)(end - text - 1));
}

/* inih's fgets: one line, counted and looked at. */
static char *read_line(char *buffer, int capacity, void *ctx)
{
	struct reading *reading = ctx;

	if (reading->failed || fgets(buffer, capacity, reading->stream) == NULL)
		return NULL;
	size_t bytes = strlen(buffer);
	reading->number++;
	reading->is_continued = buffer[0] == ' ' || buffer[0] == '\t';
	if (bytes > LINE_BYTES_MAX)
		reading_fail(reading, "a line has at most 190 characters; "
		                      "continue it on the next, indented");
	if (buffer[0] == '[')
		note_heading(reading, buffer);
	return reading->failed ? NULL : buffer;
}

/* Joins a continued value to the one before; inih leaves comments on it. */
static void continue_value(struct reading *reading, const char *more)
{
	struct spec_line *line =
		&reading->file->lines[reading->file->count - 1];
	size_t bytes = strcspn(more, ";");
	char *joined;

	if (asprintf(&joined, "%s %.*s", line->value, (int)bytes, more) < 0) {
		reading_fail(reading, "no memory");
		return;
	}
	free(line->value);
	line->value = joined;
}

/* inih's handler: one entry; 0 stops nothing, so failures are remembered. */
static int note_entry(void *ctx, const char *section, const char *key,
                      const char *value)
{
	struct reading *reading = ctx;
	struct spec_file *file = reading->file;

	(void)section;
	if (reading->failed)
		return 0;
	if (file->count == 0)
		reading_fail(reading, "a spec begins with [workload]");
	else if (strlen(key) > NAME_BYTES_MAX)
		reading_fail(reading, "a key's name is too long");
	else if (reading->is_continued &&
	         !file->lines[file->count - 1].is_heading)
		continue_value(reading, value);
	else
		append_line(reading, key, strlen(key), value, strlen(value));
	return !reading->failed;
}

static bool read_stream(struct reading *reading)
{
	int line = ini_parse_stream(read_line, reading, note_entry, reading);

	if (reading->failed)
		return false;
	if (line > 0) {
		reading->number = (unsigned)line;
		reading_fail(reading, "this is neither [section] nor key = "
		                      "value nor a ; comment");
	} else if (line < 0 || ferror(reading->stream)) {
		return trace_fail(reading->error, "%.200s: %s",
		                  reading->file->name, strerror(errno));
	} else if (reading->file->count == 0) {
		reading->number = 1;
		reading_fail(reading, "the spec is empty");
	}
	return !reading->failed;
}

bool spec_file_read(const char *path, struct spec_file *file,
                    struct trace_error *error)
{
	struct reading reading = {.file = file, .error = error};

	*file = (struct spec_file){.name = path};
	reading.stream = fopen(path, "r");
	if (reading.stream == NULL)
		return trace_fail(error, "%.200s: %s", path, strerror(errno));
	bool good = read_stream(&reading);
	fclose(reading.stream);
	if (!good)
		spec_file_free(file);
	return good;
}

/* --- --set -------------------------------------------------------------- */

/* A --set, taken apart; its words are not ended by '\0'. */
struct setting {
	const char *text;
	const char *section; /* NULL: everywhere */
	size_t section_bytes;
	const char *key;
	size_t key_bytes;
	const char *value;
};

/* Whether a heading is one that the setting names (or [workload] if none). */
static bool setting_names(const struct setting *setting, const char *heading)
{
	const char *blank = strchr(heading, ' ');

	if (setting->section == NULL)
		return strcmp(heading, "workload") == 0;
	const char *name = blank == NULL ? heading : blank + 1;
	return strlen(name) == setting->section_bytes &&
	       strncmp(name, setting->section, setting->section_bytes) == 0;
}

static bool setting_parse(const char *set, struct setting *setting,
                          struct trace_error *error)
{
	const char *equals = strchr(set, '=');

	if (equals == NULL || equals == set)
		return trace_fail(error,
		                  "--set %.100s: this is not key=value or "
		                  "section.key=value",
		                  set);
	const char *dot = memchr(set, '.', (size_t)(equals - set));
	setting->text = set;
	setting->section = dot == NULL ? NULL : set;
	setting->section_bytes = dot == NULL ? 0 : (size_t)(dot - set);
	setting->key = dot == NULL ? set : dot + 1;
	setting->key_bytes = (size_t)(equals - setting->key);
	setting->value = equals + 1;
	return true;
}

static bool replace(struct spec_line *line, const struct setting *setting)
{
	char *value = strdup(setting->value);

	if (value == NULL)
		return false;
	free(line->value);
	line->value = value;
	line->from_set = setting->text;
	return true;
}

static bool is_key(const struct spec_line *line, const struct setting *setting)
{
	return !line->is_heading && strlen(line->key) == setting->key_bytes &&
	       strncmp(line->key, setting->key, setting->key_bytes) == 0;
}

/* Replaces what is there; false without memory. */
static bool replace_entries(struct spec_file *file,
                            const struct setting *setting, bool *found)
{
	bool inside = false;

	for (size_t i = 0; i < file->count; i++) {
		struct spec_line *line = &file->lines[i];
		if (line->is_heading)
			inside = setting->section == NULL ||
			         setting_names(setting, line->value);
		if (!inside || !is_key(line, setting))
			continue;
		*found = true;
		if (!replace(line, setting))
			return false;
	}
	return true;
}

/* Adds the entry behind each heading it names; false without memory. */
static bool add_entries(struct spec_file *file, const struct setting *setting,
                        bool *found)
{
	for (size_t i = 0; i < file->count; i++) {
		if (!file->lines[i].is_heading ||
		    !setting_names(setting, file->lines[i].value))
			continue;
		struct spec_line *line = insert_line(file, i + 1);
		if (line == NULL ||
		    !fill_line(line, setting->key, setting->key_bytes,
		               setting->value, strlen(setting->value)))
			return false;
		line->number = file->lines[i].number;
		line->from_set = setting->text;
		*found = true;
	}
	return true;
}

bool spec_file_set(struct spec_file *file, const char *set,
                   struct trace_error *error)
{
	struct setting setting = {0};
	bool found = false;

	if (!setting_parse(set, &setting, error))
		return false;
	if (!replace_entries(file, &setting, &found) ||
	    (!found && !add_entries(file, &setting, &found)))
		return trace_fail(error, "no memory");
	if (!found)
		return trace_fail(
			error, "--set %.100s: %.200s has no section \"%.*s\"",
			set, file->name,
			setting.section == NULL ? 8
						: (int)setting.section_bytes,
			setting.section == NULL ? "workload" : setting.section);
	return true;
}
