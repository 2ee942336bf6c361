/*
 * folder.c - parts into files, files into place.
 */
#include "folder.h"

#include <bsd/string.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keep.h"
#include "report.h"

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

static bool is_empty_folder(const char *path)
{
	DIR *open = opendir(path);
	int entries = 0;

	while (open != NULL && readdir(open) != NULL)
		entries++;
	if (open != NULL)
		closedir(open);
	return entries == 2; /* . and .. */
}

/* What is not ours is not replaced: files, and folders of something else. */
static bool may_replace(const char *path, struct trace_error *error)
{
	char file[4096];

	snprintf(file, sizeof file, "%s/run.json", path);
	return access(path, F_OK) != 0 || access(file, F_OK) == 0 ||
	       is_empty_folder(path) ||
	       trace_fail(error,
	                  "%.300s is there and holds no results: it is left "
	                  "alone",
	                  path);
}

bool folder_cannot_write(const struct folder *folder, struct trace_error *error)
{
	return cannot_write(folder->path, error);
}

bool folder_create(struct folder *folder, const char *results, const char *name,
                   struct trace_error *error)
{
	folder->keeps = false;
	snprintf(folder->path, sizeof folder->path, "%s/%s", results, name);
	snprintf(folder->temp, sizeof folder->temp, "%s/.%s.%d", results, name,
	         (int)getpid());
	if (!may_replace(folder->path, error))
		return false;
	if (mkdir(results, 0777) != 0 && errno != EEXIST)
		return cannot_write(results, error);
	remove_folder(folder->temp);
	return mkdir(folder->temp, 0777) == 0 ||
	       cannot_write(folder->path, error);
}

bool folder_keep(struct folder *folder, const struct trace *trace,
                 struct trace_error *error)
{
	folder->keeps = true;
	return keep_is_possible(folder->path, trace, error);
}

/* ---- one file ----------------------------------------------------------- */

FILE *folder_csv_open(const struct folder *folder, const char *name,
                      const char *header)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", folder->temp, name);
	FILE *out = fopen(path, "w");
	if (out != NULL)
		fprintf(out, "%s\n", header);
	return out;
}

bool folder_csv_close(const struct folder *folder, FILE *out,
                      struct trace_error *error)
{
	bool failed = out == NULL || ferror(out) != 0;

	if (out != NULL && fclose(out) != 0)
		failed = true;
	return !failed || folder_cannot_write(folder, error);
}

/* Adds the rows to keep, and closes the file. */
static bool end_file(const struct folder *folder, const struct run *run,
                     const char *name, const char *header, FILE *out,
                     struct trace_error *error)
{
	char old[4096];

	snprintf(old, sizeof old, "%s/%s", folder->path, name);
	if (out != NULL && folder->keeps &&
	    !keep_rows(old, header, run, out, error)) {
		fclose(out);
		return false;
	}
	return folder_csv_close(folder, out, error);
}

/*
 * Appends the whole lines of a child's part.  One that was killed may have left
 * a part of a line at the end.
 */
static void copy_lines(FILE *from, FILE *to)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t got;

	while ((got = getline(&line, &room, from)) > 0)
		if (line[got - 1] == '\n')
			fwrite(line, 1, (size_t)got, to);
	free(line);
}

/* Joins the children's parts of one file, and removes them. */
static bool join_parts(const struct folder *folder, const struct run *run,
                       enum part part, struct trace_error *error)
{
	char name[64], path[4096];
	bool any = false;

	snprintf(name, sizeof name, "%s.csv", part_names[part]);
	snprintf(path, sizeof path, "%s/%s", folder->temp, name);
	FILE *out = folder_csv_open(folder, name, part_headers[part]);
	if (out == NULL)
		return folder_cannot_write(folder, error);
	long empty = ftell(out);
	for (int i = 0; i < run->count; i++) {
		char part_file[4096];
		part_path(run, i, part, part_file, sizeof part_file);
		FILE *in = fopen(part_file, "r");
		if (in == NULL)
			continue;
		copy_lines(in, out);
		fclose(in);
		unlink(part_file);
		any = true;
	}
	if (!end_file(folder, run, name, part_headers[part], out, error))
		return false;
	struct stat status;
	if (!any && stat(path, &status) == 0 && status.st_size == empty)
		unlink(path);
	return true;
}

/* ---- all files ---------------------------------------------------------- */

static bool write_rows(const struct folder *folder, const struct run *run,
                       const char *name, const char *header,
                       void (*write)(const struct run *run, FILE *out),
                       struct trace_error *error)
{
	FILE *out = folder_csv_open(folder, name, header);

	if (out != NULL)
		write(run, out);
	return end_file(folder, run, name, header, out, error);
}

static void write_summary(const struct run *run, FILE *out)
{
	report_summary(run, NULL, out);
}

/* The same in every run of the trace: nothing is to be kept. */
static bool write_phases(const struct folder *folder, const struct run *run,
                         struct trace_error *error)
{
	FILE *out = folder_csv_open(folder, "phases.csv", report_phases_header);

	if (out != NULL)
		report_phases(&run->workload->trace, out);
	return folder_csv_close(folder, out, error);
}

bool folder_fill(const struct folder *folder, const struct run *run,
                 const char *command, struct trace_error *error)
{
	char path[4096], old[4096];

	for (int part = 0; part < PARTS; part++)
		if (!join_parts(folder, run, (enum part)part, error))
			return false;
	if (!write_rows(folder, run, "summary.csv", report_summary_header,
	                write_summary, error) ||
	    !write_rows(folder, run, "repetitions.csv",
	                report_repetitions_header, report_repetitions, error) ||
	    !write_rows(folder, run, "locks.csv", report_locks_header,
	                report_locks, error) ||
	    !write_phases(folder, run, error))
		return false;
	snprintf(path, sizeof path, "%s/run.json", folder->temp);
	snprintf(old, sizeof old, "%s/run.json", folder->path);
	return report_json(run, command, path, folder->keeps ? old : NULL) ||
	       cannot_write(path, error);
}

void folder_step_aside(struct folder *folder)
{
	if (access(folder->path, F_OK) == 0)
		strlcat(folder->path, ".interrupted", sizeof folder->path);
}

bool folder_commit(const struct folder *folder, struct trace_error *error)
{
	char old[3200];

	snprintf(old, sizeof old, "%s.old", folder->temp);
	if (rename(folder->path, old) != 0 && errno != ENOENT)
		return cannot_write(folder->path, error);
	if (rename(folder->temp, folder->path) != 0) {
		cannot_write(folder->path, error);
		rename(old, folder->path);
		return false;
	}
	remove_folder(old);
	if (access(old, F_OK) == 0)
		fprintf(stderr, "alloclab: what else lay in %s is now in %s\n",
		        folder->path, old);
	return true;
}

void folder_abandon(const struct folder *folder)
{
	remove_folder(folder->temp);
}
