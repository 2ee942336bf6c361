/*
 * workload.c - names, paths and inline text into traces.
 */
#include "workload.h"

#include <bsd/string.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generate/generate.h"

const char *const workload_endings[] = {".trace", ".ini", ".txt", NULL};

static bool has_ending(const char *name, const char *ending)
{
	size_t length = strlen(name), tail = strlen(ending);

	return length > tail && strcmp(name + length - tail, ending) == 0;
}

/* "path/to/x.tar.rep" becomes "x.tar". */
static void base_name(const char *path, char *name, size_t capacity)
{
	const char *slash = strrchr(path, '/');

	strlcpy(name, slash == NULL ? path : slash + 1, capacity);
	char *dot = strrchr(name, '.');
	if (dot != NULL && dot != name)
		*dot = '\0';
	if (name[0] == '\0' || name[0] == '.')
		strlcpy(name, "trace", capacity);
}

static bool is_inline(const char *text)
{
	return strpbrk(text, "= \t\n") != NULL;
}

static bool not_found(const char *text, const char *directory,
                      struct trace_error *error)
{
	char **names = workload_names(directory);
	char list[400] = "";

	for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
		strlcat(list, i > 0 ? ", " : "", sizeof list);
		strlcat(list, names[i], sizeof list);
		free(names[i]);
	}
	free(names);
	return trace_fail(error,
	                  "there is no workload \"%s\": it is neither a file "
	                  "nor a name in %s (%s)",
	                  text, directory,
	                  list[0] != '\0' ? list : "there are none there");
}

static bool found(const char *text, struct workload_place *place,
                  struct trace_error *error)
{
	place->text = strdup(text);
	return place->text != NULL || trace_fail(error, "no memory");
}

static bool found_file(const char *path, struct workload_place *place,
                       struct trace_error *error)
{
	if (access(path, F_OK) != 0)
		return trace_fail(error, "%.300s: %s", path, strerror(errno));
	base_name(path, place->name, sizeof place->name);
	return found(path, place, error);
}

bool workload_find(const char *text, const char *directory,
                   struct workload_place *place, struct trace_error *error)
{
	char path[4096];

	*place = (struct workload_place){0};
	if (strchr(text, '/') != NULL && !is_inline(text))
		return found_file(text, place, error);
	for (size_t i = 0; workload_endings[i] != NULL; i++) {
		snprintf(path, sizeof path, "%s/%s%s", directory, text,
		         workload_endings[i]);
		if (access(path, R_OK) == 0)
			return found_file(path, place, error);
	}
	if (access(text, F_OK) == 0)
		return found_file(text, place, error);
	if (!is_inline(text))
		return not_found(text, directory, error);
	place->is_inline = true;
	strlcpy(place->name, "inline", sizeof place->name);
	return found(text, place, error);
}

void workload_place_free(struct workload_place *place)
{
	free(place->text);
	*place = (struct workload_place){0};
}

bool workload_read(const struct workload_place *place,
                   struct workload *workload, struct trace_error *error)
{
	const char *text = place->text;
	struct trace *trace = &workload->trace;

	*workload = (struct workload){0};
	strlcpy(workload->name, place->name, sizeof workload->name);
	if (place->is_inline)
		return trace_read_text("inline", text, strlen(text), trace,
		                       error);
	return path_is_spec(text) ? generate_from_spec(text, trace, error)
	                          : trace_read_file(text, trace, error);
}

bool workload_open(const char *text, const char *directory,
                   struct workload *workload, struct trace_error *error)
{
	struct workload_place place;

	*workload = (struct workload){0};
	if (!workload_find(text, directory, &place, error))
		return false;
	bool good = workload_read(&place, workload, error);
	workload_place_free(&place);
	return good;
}

void workload_close(struct workload *workload)
{
	trace_destroy(&workload->trace);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_workload(const char *name)
{
	for (size_t i = 0; workload_endings[i] != NULL; i++)
		if (has_ending(name, workload_endings[i]))
			return true;
	return false;
}

char **workload_names(const char *directory)
{
	DIR *open = opendir(directory);
	char **names = NULL, name[256];
	const struct dirent *entry;
	size_t count = 0, unique = 0;

	while (open != NULL && (entry = readdir(open)) != NULL) {
		if (!is_workload(entry->d_name))
			continue;
		char **grown = realloc(names, (count + 2) * sizeof *names);
		if (grown == NULL)
			break;
		names = grown;
		base_name(entry->d_name, name, sizeof name);
		names[count++] = strdup(name);
	}
	if (open != NULL)
		closedir(open);
	if (names == NULL)
		return NULL;
	qsort(names, count, sizeof *names, compare);
	for (size_t i = 0; i < count; i++) {
		if (unique > 0 && strcmp(names[unique - 1], names[i]) == 0)
			free(names[i]);
		else
			names[unique++] = names[i];
	}
	names[unique] = NULL;
	return names;
}
