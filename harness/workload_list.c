/*
 * workload_list.c - arguments into places.
 */
#include "workload_list.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the place is new; false with `error` set if its folder is taken. */
static bool has_room_for(const struct workload_list *list,
                         const struct workload_place *place, bool *is_new,
                         struct trace_error *error)
{
	*is_new = true;
	for (int i = 0; i < list->count; i++) {
		const struct workload_place *other = &list->places[i];
		if (strcmp(other->name, place->name) != 0)
			continue;
		*is_new = false;
		return strcmp(other->text, place->text) == 0 ||
		       trace_fail(error,
		                  "%.150s and %.150s would both fill the "
		                  "folder \"%s\": run one after the other",
		                  other->text, place->text, place->name);
	}
	return true;
}

static bool append(struct workload_list *list,
                   const struct workload_place *place,
                   struct trace_error *error)
{
	size_t bytes = ((size_t)list->count + 1) * sizeof *place;
	struct workload_place *grown = realloc(list->places, bytes);

	if (grown == NULL)
		return trace_fail(error, "no memory for the workloads");
	list->places = grown;
	grown[list->count++] = *place;
	return true;
}

static bool add_place(struct workload_list *list, const char *text,
                      const char *directory, struct trace_error *error)
{
	struct workload_place place;
	bool is_new;

	if (!workload_find(text, directory, &place, error))
		return false;
	bool good = has_room_for(list, &place, &is_new, error);
	if (good && is_new)
		good = append(list, &place, error);
	if (!good || !is_new)
		workload_place_free(&place);
	return good;
}

static bool add_all(struct workload_list *list, const char *directory,
                    struct trace_error *error)
{
	char **names = workload_names(directory);
	bool good = names != NULL ||
	            trace_fail(error, "%.300s: no workloads there", directory);

	for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
		good = good && add_place(list, names[i], directory, error);
		free(names[i]);
	}
	free(names);
	return good;
}

static bool add_words(struct workload_list *list, char *words,
                      const char *directory, struct trace_error *error)
{
	const char *word;
	bool good = true;

	while (good && (word = strsep(&words, " \t\n")) != NULL) {
		if (strcmp(word, WORKLOAD_ALL) == 0)
			good = add_all(list, directory, error);
		else if (word[0] != '\0')
			good = add_place(list, word, directory, error);
	}
	return good;
}

/* results/all/ is for the table across workloads. */
static bool none_is_called_all(const struct workload_list *list,
                               struct trace_error *error)
{
	for (int i = 0; list->count > 1 && i < list->count; i++)
		if (strcmp(list->places[i].name, WORKLOAD_ALL) == 0)
			return trace_fail(
				error,
				"%.200s would fill the folder \"%s\", "
				"which is for the table across "
				"workloads: run it alone",
				list->places[i].text, WORKLOAD_ALL);
	return true;
}

bool workload_list_add(struct workload_list *list, const char *text,
                       const char *directory, struct trace_error *error)
{
	if (strchr(text, '=') != NULL || access(text, F_OK) == 0)
		return add_place(list, text, directory, error) &&
		       none_is_called_all(list, error);
	char *words = strdup(text);
	bool good = words != NULL ? add_words(list, words, directory, error)
	                          : trace_fail(error, "no memory");
	free(words);
	return good && none_is_called_all(list, error);
}

void workload_list_free(struct workload_list *list)
{
	for (int i = 0; i < list->count; i++)
		workload_place_free(&list->places[i]);
	free(list->places);
	*list = (struct workload_list){0};
}
