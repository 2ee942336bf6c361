/*
 * keep.c - rows of the folder that is there into the new one.
 */
#include "keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "csv.h"

enum { LINE_MAX_BYTES = 65536 };

bool keep_is_possible(const char *folder, const struct trace *trace,
                      struct trace_error *error)
{
	char path[4096], checksum[32];
	json_error_t reason;

	if (access(folder, F_OK) != 0)
		return true;
	snprintf(path, sizeof path, "%s/run.json", folder);
	snprintf(checksum, sizeof checksum, "%016lx", trace->checksum);
	json_t *old = json_load_file(path, 0, &reason);
	const char *found = json_string_value(
		json_object_get(json_object_get(old, "trace"), "checksum"));
	bool same = found != NULL && strcmp(found, checksum) == 0;
	json_decref(old);
	return same || trace_fail(error,
	                          "%.300s holds no results of this trace, so "
	                          "there is nothing to keep; without KEEP=1 "
	                          "(--keep) they are replaced",
	                          folder);
}

static bool is_in_run(const struct run *run, const char *label)
{
	for (int i = 0; i < run->count; i++)
		if (strcmp(run->subjects[i].label, label) == 0)
			return true;
	/* The floor's rows: those of this run, if it has any. */
	return strcmp(label, "null") == 0 && run->null_reps > 0;
}

static bool is_header(char *line, const char *header)
{
	line[strcspn(line, "\r\n")] = '\0';
	return strcmp(line, header) == 0;
}

bool keep_rows(const char *path, const char *header, const struct run *run,
               FILE *out, struct trace_error *error)
{
	char *line = malloc(LINE_MAX_BYTES), label[512];
	FILE *old = fopen(path, "r");

	if (old == NULL) {
		free(line);
		return errno == ENOENT ||
		       trace_fail(error, "%.300s: %s", path, strerror(errno));
	}
	bool good = line != NULL && fgets(line, LINE_MAX_BYTES, old) != NULL &&
	            is_header(line, header);
	while (good && fgets(line, LINE_MAX_BYTES, old) != NULL)
		if (csv_first_field(line, label, sizeof label) &&
		    !is_in_run(run, label))
			fputs(line, out);
	fclose(old);
	free(line);
	return good || trace_fail(error,
	                          "%.300s has other columns than this program "
	                          "writes: its rows cannot be kept",
	                          path);
}

void keep_subjects(const char *path, const struct run *run, json_t *allocators)
{
	json_error_t reason;
	json_t *old = json_load_file(path, 0, &reason), *entry;
	size_t i;

	json_array_foreach(json_object_get(old, "allocators"), i, entry)
	{
		const char *label =
			json_string_value(json_object_get(entry, "allocator"));
		if (label != NULL && !is_in_run(run, label))
			json_array_append(allocators, entry);
	}
	json_decref(old);
}
