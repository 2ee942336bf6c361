/*
 * subject.c - allocators from the command line.
 */
#include "subject.h"

#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../allocators/registry.h"
#include "../plugin/plugin.h"
#include "job.h"

static bool unknown(const char *name, struct trace_error *error)
{
	char known[400] = "";

	for (size_t i = 0; allocator_registry[i] != NULL; i++) {
		size_t used = strlen(known);
		snprintf(known + used, sizeof known - used, "%s%s",
		         i > 0 ? ", " : "", allocator_registry[i]->name);
	}
	if (strchr(name, '[') != NULL)
		return trace_fail(error,
		                  "%s: only system and the lib: rows take an "
		                  "environment in brackets; knobs are set as "
		                  "first-fit:order=lifo",
		                  name);
	return trace_fail(error,
	                  "no allocator is called \"%s\" (there are %s; a "
	                  "file of yours is written ./%s.c)",
	                  name, known, name);
}

static bool set_knobs(struct subject *subject, const char *name,
                      const char *settings, struct trace_error *error)
{
	const struct allocator *allocator = subject->allocator;
	char reason[400];

	knob_defaults(allocator->knobs, &subject->values);
	if (!knob_parse(allocator->knobs, settings, &subject->values, reason,
	                sizeof reason))
		return trace_fail(error, "%s: %s", allocator->name, reason);
	const char *refused = allocator->refuse != NULL
	                              ? allocator->refuse(&subject->values)
	                              : NULL;
	if (refused != NULL)
		return trace_fail(error, "%s: %s", allocator->name, refused);
	knob_print(allocator->knobs, &subject->values, true, reason,
	           sizeof reason);
	strlcpy(subject->label, name, sizeof subject->label);
	if (reason[0] != '\0')
		strlcat(subject->label, ":", sizeof subject->label);
	strlcat(subject->label, reason, sizeof subject->label);
	return true;
}

/*
 * A malloc in processes of its own.  Where there can be none (tests without the
 * program) `system` is an allocator like the others.
 */
static enum library_state parse_library(const char *word,
                                        struct subject *subject,
                                        struct trace_error *error)
{
	*subject = (struct subject){.is_library = true,
	                            .allocator = allocator_find("system")};
	strlcpy(subject->label, word, sizeof subject->label);
	return library_open(word, &subject->library, error);
}

bool subject_parse(const char *text, struct subject *subject,
                   struct trace_error *error)
{
	char name[200];
	const char *colon = strchr(text, ':');
	size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);

	*subject = (struct subject){0};
	if (library_is_word(text) && colon != NULL)
		return trace_fail(error,
		                  "%s: a library does not show its heap; run, "
		                  "scale, bench and compare take it",
		                  text);
	if (colon != NULL && colon[1] == '\0')
		return trace_fail(
			error,
			"\"%s\": nothing follows the colon; knobs are "
			"set as first-fit:order=lifo",
			text);
	snprintf(name, sizeof name, "%.*s", (int)length, text);
	if (plugin_is_path(name)) {
		subject->allocator = plugin_load(name, error);
		if (subject->allocator == NULL)
			return false;
	} else {
		subject->allocator = allocator_find(name);
		if (subject->allocator == NULL)
			return unknown(name, error);
	}
	return set_knobs(subject, name, colon != NULL ? colon + 1 : "", error);
}

static int find_label(const struct subject *subjects, int count,
                      const char *label)
{
	for (int i = 0; i < count; i++)
		if (strcmp(subjects[i].label, label) == 0)
			return i;
	return -1;
}

/* What a word stands for; MISSING has said so. */
static enum library_state parse_word(const char *word, struct subject *subject,
                                     struct trace_error *error)
{
	if (!library_is_word(word) || job_program == NULL)
		return subject_parse(word, subject, error) ? LIBRARY_READY
		                                           : LIBRARY_UNUSABLE;
	enum library_state state = parse_library(word, subject, error);
	if (state == LIBRARY_MISSING)
		fprintf(stderr, "alloclab: %s\n", error->text);
	return state;
}

bool subjects_add(const char *word, struct subject **subjects, int *count,
                  int *number, struct trace_error *error)
{
	struct subject *grown =
		realloc(*subjects, (size_t)(*count + 1) * sizeof **subjects);

	*number = -1;
	if (grown == NULL)
		return trace_fail(error, "no memory for %s", word);
	*subjects = grown;
	enum library_state state = parse_word(word, &grown[*count], error);
	if (state != LIBRARY_READY)
		return state == LIBRARY_MISSING;
	*number = find_label(grown, *count, grown[*count].label);
	if (*number < 0)
		*number = (*count)++;
	return true;
}

/* Adds one subject, or every registered one for "all". */
static bool add_word(const char *word, struct subject **subjects, int *count,
                     struct trace_error *error)
{
	int number;

	if (strcmp(word, "all") != 0)
		return subjects_add(word, subjects, count, &number, error);
	for (size_t i = 0; allocator_registry[i] != NULL; i++)
		if (!subjects_add(allocator_registry[i]->name, subjects, count,
		                  &number, error))
			return false;
	return true;
}

int subjects_parse(const char *words, struct subject **subjects,
                   struct trace_error *error)
{
	char *copy = strdup(words), *rest = copy, *word;
	int count = 0;
	bool good = copy != NULL;

	*subjects = NULL;
	while (good && (word = strsep(&rest, " \t\n")) != NULL)
		if (word[0] != '\0')
			good = add_word(word, subjects, &count, error);
	free(copy);
	if (good && count == 0)
		good = trace_fail(error,
		                  words[strspn(words, " \t\n")] == '\0'
		                          ? "no allocator is named"
		                          : "no allocator is left to run");
	if (good)
		return count;
	free(*subjects);
	*subjects = NULL;
	return -1;
}

void subject_reset(struct subject *subject)
{
	subject->verdict = (struct verdict){.kind = VERDICT_NOT_RUN};
	subject->audit = (struct audit){0};
	subject->meter = (struct meter){0};
	subject->is_audited = subject->is_metered = false;
	subject->is_resident_known = false;
	subject->residency = (struct residency){0};
	subject->threaded = (struct threaded){0};
	subject->reps = 0;
	subject->seconds = subject->measure_seconds = 0;
	subject->ns = (struct estimate){0};
}
