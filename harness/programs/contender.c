/*
 * contender.c - words into what LD_PRELOAD and the environment will be.
 */
#include "contender.h"

#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../allocators/registry.h"
#include "../run/subject.h"
#include "beside.h"

const char *const contender_kind_names[CONTENDER_KINDS] = {
	[CONTENDER_LAB] = "lab",
	[CONTENDER_LIBRARY] = "library",
	[CONTENDER_SYSTEM] = "system",
};

/* What "all" means beside the lab's own. */
static const char *const all_libraries[] = {"lib:jemalloc", "lib:tcmalloc",
                                            "lib:mimalloc", "system"};

/* What a program asks, some allocators do not serve. */
static const struct {
	const char *name, *why;
} unfit[] = {
	{"bump", "never takes memory back"},
	{"pool", "has blocks of one size"},
};

static const char *why_unfit(const char *name)
{
	for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
		if (strcmp(unfit[i].name, name) == 0)
			return unfit[i].why;
	return NULL;
}

/* lib/liballoclab-NAME.so beside the program; false if it does not fit. */
static bool find_library(const char *name, char *path, size_t capacity)
{
	char file[64];

	return snprintf(file, sizeof file, "liballoclab-%s.so", name) <
	               (int)sizeof file &&
	       beside_program(file, path, capacity);
}

/* "tcmalloc:page_map=hash" is already in the form that the library reads. */
static bool set_knobs(struct contender *contender, struct trace_error *error)
{
	struct library *library = &contender->library;
	int length;

	if (strchr(contender->label, ':') == NULL)
		return true;
	length = snprintf(library->variables[0], LIBRARY_VARIABLE_BYTES,
	                  "ALLOCLAB_CONF=%s", contender->label);
	library->variable_count = 1;
	return length < LIBRARY_VARIABLE_BYTES ||
	       trace_fail(error, "%s: more than %d bytes of knobs",
	                  contender->label, LIBRARY_VARIABLE_BYTES);
}

static enum contender_state open_lab(const char *word,
                                     struct contender *contender,
                                     struct trace_error *error)
{
	struct library *library = &contender->library;
	struct subject *subject = malloc(sizeof *subject);
	bool good = subject != NULL ? subject_parse(word, subject, error)
	                            : trace_fail(error, "no memory");
	const char *name = good ? subject->allocator->name : "";
	const char *why = why_unfit(name);

	if (good)
		strlcpy(contender->label, subject->label,
		        sizeof contender->label);
	free(subject);
	if (!good || !set_knobs(contender, error))
		return CONTENDER_UNUSABLE;
	if (strchr(word, '/') != NULL)
		trace_fail(error,
		           "%s: only the lab's own allocators are built as "
		           "libraries",
		           word);
	else if (why != NULL)
		trace_fail(error, "%s %s: no program can run with it", name,
		           why);
	else if (!find_library(name, library->preload, sizeof library->preload))
		trace_fail(error,
		           "%s: the path of its library is too long, "
		           "or has a blank or a colon",
		           word);
	else if (access(library->preload, R_OK) == 0)
		return CONTENDER_READY;
	else
		trace_fail(error,
		           "%s is not built as a library yet: make preload",
		           name);
	return why == NULL && strchr(word, '/') == NULL ? CONTENDER_MISSING
	                                                : CONTENDER_UNUSABLE;
}

enum contender_state contender_open(const char *word,
                                    struct contender *contender,
                                    struct trace_error *error)
{
	*contender = (struct contender){.kind = CONTENDER_LAB};
	if (!library_is_word(word))
		return open_lab(word, contender, error);
	contender->kind = word[0] == 'l' ? CONTENDER_LIBRARY : CONTENDER_SYSTEM;
	strlcpy(contender->label, word, sizeof contender->label);
	switch (library_open(word, &contender->library, error)) {
	case LIBRARY_READY:
		return CONTENDER_READY;
	case LIBRARY_MISSING:
		return CONTENDER_MISSING;
	default:
		return CONTENDER_UNUSABLE;
	}
}

/* ---- several ------------------------------------------------------------- */

int contenders_find(const struct contenders *contenders, const char *label)
{
	for (int i = 0; i < contenders->count; i++)
		if (strcmp(contenders->of[i].label, label) == 0)
			return i;
	return -1;
}

/* A label of at most so many bytes is its own name: "lib:tcmalloc". */
enum { NAME_PLAIN_BYTES = 13 };

static bool has_name(const struct contenders *contenders, const char *name)
{
	for (int i = 0; i < contenders->count; i++)
		if (strcmp(contenders->of[i].name, name) == 0)
			return true;
	return false;
}

/*
 * "jemalloc" of "jemalloc:purge=decay", "lib:x" of "lib:./build/lib/x.so" and of
 * "lib:x[LOG=/tmp/x]".
 */
static int base_of(const char *label, const char **prefix, const char **base)
{
	*prefix = strncmp(label, "lib:", 4) == 0 ? "lib:" : "";
	*base = label + strlen(*prefix);
	const char *slash = memrchr(*base, '/', strcspn(*base, "["));
	if (slash != NULL)
		*base = slash + 1;
	size_t bytes = strcspn(*base, ":[.");
	return bytes < NAME_PLAIN_BYTES ? (int)bytes : NAME_PLAIN_BYTES;
}

/* So that the widest tables keep to 120 columns. */
static void set_name(const struct contenders *contenders,
                     struct contender *contender)
{
	const char *prefix, *base;
	int bytes = base_of(contender->label, &prefix, &base), number = 1;
	char name[CONTENDER_NAME_BYTES];

	if (strlen(contender->label) <= NAME_PLAIN_BYTES) {
		strlcpy(contender->name, contender->label,
		        sizeof contender->name);
		return;
	}
	do
		snprintf(name, sizeof name, "%s%.*s #%d", prefix, bytes, base,
		         number++);
	while (has_name(contenders, name));
	strlcpy(contender->name, name, sizeof contender->name);
}

void contenders_print_names(const struct contenders *contenders, FILE *out)
{
	bool has_any = false;

	for (int i = 0; i < contenders->count; i++) {
		const struct contender *contender = &contenders->of[i];
		if (strcmp(contender->name, contender->label) == 0)
			continue;
		fprintf(out, "%s: %s\n", contender->name, contender->label);
		has_any = true;
	}
	if (has_any)
		putc('\n', out);
}

/* Adds one word; what is missing is said unless it was not asked for by name. */
static bool add_word(struct contenders *contenders, const char *word,
                     const char *missing_prefix, struct trace_error *error)
{
	size_t count = (size_t)contenders->count;
	struct contender *grown =
		realloc(contenders->of, (count + 1) * sizeof *grown);

	if (grown == NULL)
		return trace_fail(error, "no memory for %s", word);
	contenders->of = grown;
	switch (contender_open(word, &grown[count], error)) {
	case CONTENDER_UNUSABLE:
		return false;
	case CONTENDER_MISSING:
		if (missing_prefix != NULL)
			fprintf(stderr, "%s%s\n", missing_prefix, error->text);
		return true;
	default:
		if (contenders_find(contenders, grown[count].label) >= 0)
			return true;
		set_name(contenders, &grown[count]);
		contenders->count++;
		return true;
	}
}

static bool add_all(struct contenders *contenders, struct trace_error *error)
{
	int before = contenders->count;

	for (size_t i = 0; allocator_registry[i] != NULL; i++) {
		const struct allocator *allocator = allocator_registry[i];
		if (!allocator->ignores_page_source &&
		    why_unfit(allocator->name) == NULL &&
		    !add_word(contenders, allocator->name, NULL, error))
			return false;
	}
	if (contenders->count == before)
		fprintf(stderr, "alloclab: none of the lab's allocators is "
		                "built as a library yet: make preload\n");
	for (size_t i = 0; i < sizeof all_libraries / sizeof *all_libraries;
	     i++)
		if (!add_word(contenders, all_libraries[i], NULL, error))
			return false;
	return true;
}

bool contenders_add(struct contenders *contenders, const char *words,
                    struct trace_error *error)
{
	char *copy = strdup(words), *rest = copy, *word;
	bool good = copy != NULL || trace_fail(error, "no memory");

	while (good && (word = strsep(&rest, " \t\n")) != NULL)
		if (strcmp(word, "all") == 0)
			good = add_all(contenders, error);
		else if (word[0] != '\0')
			good = add_word(contenders, word, "alloclab: ", error);
	free(copy);
	return good && (contenders->count > 0 ||
	                trace_fail(error, "no allocator is left to run"));
}

void contenders_free(struct contenders *contenders)
{
	free(contenders->of);
	*contenders = (struct contenders){0};
}
