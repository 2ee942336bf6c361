/*
 * folder.c - parts into files, files into place.
 */
#include "folder.h"

#include <bsd/string.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "csv.h"
#include "report.h"

enum { LINE_MAX_BYTES = 65536 };

static bool cannot_write(const char *path, struct trace_error *error)
{
	return trace_fail(error, "%s: cannot write: %s", path, strerror(errno));
}

/* Removes a folder of plain files. */
static void remove_folder(const char *path)
{
	DIR *open = opendir(path);
	const struct dirent *entry;
	char file[4096];

	while (open != NULL && (entry = readdir(open)) != NULL) {
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			unlink(file);
	}
	if (open != NULL)
		closedir(open);
	rmdir(path);
}

bool folder_create(struct folder *folder, const char *results, const char *name,
                   struct trace_error *error)
{
	snprintf(folder->path, sizeof folder->path, "%s/%s", results, name);
	snprintf(folder->temp, sizeof folder->temp, "%s/.%s.%d", results, name,
	         (int)getpid());
	mkdir(results, 0777);
	remove_folder(folder->temp);
	return mkdir(folder->temp, 0777) == 0 ||
	       cannot_write(folder->temp, error);
}

/* ---- one file ----------------------------------------------------------- */

static void copy_stream(FILE *from, FILE *to)
{
	char bytes[1 << 16];
	size_t got;

	while ((got = fread(bytes, 1, sizeof bytes, from)) > 0)
		fwrite(bytes, 1, got, to);
}

static bool is_in_run(const struct run *run, const char *label)
{
	for (int i = 0; i < run->count; i++)
		if (strcmp(run->subjects[i].label, label) == 0)
			return true;
	return false;
}

/* Appends the old file's rows of allocators that are not in this run. */
static void keep_rows(const struct folder *folder, const struct run *run,
                      const char *file, FILE *out)
{
	char path[4096], label[512];
	char *line = malloc(LINE_MAX_BYTES);

	snprintf(path, sizeof path, "%s/%s.csv", folder->path, file);
	FILE *old = fopen(path, "r");
	bool is_header = true;
	while (old != NULL && line != NULL &&
	       fgets(line, LINE_MAX_BYTES, old) != NULL) {
		if (!is_header && csv_first_field(line, label, sizeof label) &&
		    strcmp(label, "null") != 0 && !is_in_run(run, label))
			fputs(line, out);
		is_header = false;
	}
	if (old != NULL)
		fclose(old);
	free(line);
}

static bool close_file(FILE *out, const char *path, struct trace_error *error)
{
	bool failed = ferror(out) != 0;

	failed = fclose(out) != 0 || failed;
	return !failed || cannot_write(path, error);
}

/* Joins the children's parts of one file, and removes them. */
static bool join_parts(const struct folder *folder, const struct run *run,
                       enum part part, bool keep, struct trace_error *error)
{
	char path[4096], part_file[4096];
	FILE *out = NULL;

	snprintf(path, sizeof path, "%s/%s.csv", folder->temp,
	         part_names[part]);
	for (int i = 0; i < run->count; i++) {
		part_path(run, i, part, part_file, sizeof part_file);
		FILE *in = fopen(part_file, "r");
		if (in == NULL)
			continue;
		if (out == NULL) {
			out = fopen(path, "w");
			if (out == NULL) {
				fclose(in);
				return cannot_write(path, error);
			}
			fprintf(out, "%s\n", part_headers[part]);
		}
		copy_stream(in, out);
		fclose(in);
		unlink(part_file);
	}
	if (out == NULL)
		return true;
	if (keep)
		keep_rows(folder, run, part_names[part], out);
	return close_file(out, path, error);
}

/* ---- all files ---------------------------------------------------------- */

/* Whether the folder that is there was made from the same trace. */
static bool holds_same_trace(const struct folder *folder,
                             const struct trace *trace)
{
	char path[4096], checksum[32];
	json_error_t reason;

	snprintf(path, sizeof path, "%s/run.json", folder->path);
	snprintf(checksum, sizeof checksum, "%016lx", trace->checksum);
	json_t *old = json_load_file(path, 0, &reason);
	const char *found = json_string_value(
		json_object_get(json_object_get(old, "trace"), "checksum"));
	bool same = found != NULL && strcmp(found, checksum) == 0;
	json_decref(old);
	return same;
}

static FILE *create_file(const struct folder *folder, const char *name,
                         char *path, size_t capacity)
{
	snprintf(path, capacity, "%s/%s.csv", folder->temp, name);
	return fopen(path, "w");
}

bool folder_fill(const struct folder *folder, const struct run *run,
                 const char *command, bool keep, struct trace_error *error)
{
	char path[4096];
	FILE *out;

	if (keep && !holds_same_trace(folder, &run->workload->trace)) {
		fprintf(stderr,
		        "alloclab: %s holds no results of this trace: "
		        "nothing to keep\n",
		        folder->path);
		keep = false;
	}
	for (int part = 0; part < PARTS; part++)
		if (!join_parts(folder, run, (enum part)part, keep, error))
			return false;
	if ((out = create_file(folder, "summary", path, sizeof path)) == NULL)
		return cannot_write(path, error);
	report_summary(run, out);
	if (keep)
		keep_rows(folder, run, "summary", out);
	if (!close_file(out, path, error))
		return false;
	if ((out = create_file(folder, "repetitions", path, sizeof path)) ==
	    NULL)
		return cannot_write(path, error);
	report_repetitions(run, out);
	if (keep)
		keep_rows(folder, run, "repetitions", out);
	if (!close_file(out, path, error))
		return false;
	if ((out = create_file(folder, "phases", path, sizeof path)) == NULL)
		return cannot_write(path, error);
	report_phases(&run->workload->trace, out);
	if (!close_file(out, path, error))
		return false;
	snprintf(path, sizeof path, "%s/run.json", folder->temp);
	return report_json(run, command, path) || cannot_write(path, error);
}

bool folder_commit(const struct folder *folder, struct trace_error *error)
{
	char old[3200];

	snprintf(old, sizeof old, "%s.old", folder->temp);
	if (rename(folder->path, old) != 0 && errno != ENOENT)
		return cannot_write(folder->path, error);
	if (rename(folder->temp, folder->path) != 0)
		return cannot_write(folder->path, error);
	remove_folder(old);
	return true;
}

void folder_abandon(const struct folder *folder)
{
	remove_folder(folder->temp);
}
