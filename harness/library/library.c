/*
 * library.c - words of the command line that stand for a malloc of others.
 */
#include "library.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

static const char prefix[] = "lib:";

/* Libraries by name: the sonames that are looked for, and Debian's package. */
static const struct known {
	const char *name;
	const char *sonames[3];
	const char *package;
} known_libraries[] = {
	{"jemalloc", {"libjemalloc.so.2"}, "libjemalloc2"},
	/* Debian has gperftools; Google's newer tcmalloc is no shared library. */
	{"tcmalloc", {"libtcmalloc_minimal.so.4"}, "libtcmalloc-minimal4"},
	{"mimalloc",
         {"libmimalloc.so.2.0", "libmimalloc.so.2"},
         "libmimalloc2.0"},
};

enum { KNOWN = sizeof known_libraries / sizeof *known_libraries };

bool library_is_word(const char *word)
{
	size_t length = strcspn(word, "[");

	return strncmp(word, prefix, strlen(prefix)) == 0 ||
	       (length == strlen("system") &&
	        strncmp(word, "system", length) == 0);
}

/* ---- the brackets -------------------------------------------------------- */

/* The variable between brackets at `*at`; moves behind them. */
static bool read_variable(const char **at, const char *word,
                          struct library *library, struct trace_error *error)
{
	const char *start = *at + 1, *end = strchr(start, ']');
	const char *equals = strchr(start, '=');

	if (**at != '[' || end == NULL)
		return trace_fail(error,
		                  "%s: a variable is written [NAME=value], "
		                  "\"%s\" is not",
		                  word, *at);
	if (equals == NULL || equals > end || equals == start)
		return trace_fail(error, "%s: [%.*s] should be [NAME=value]",
		                  word, (int)(end - start), start);
	if (strncmp(start, "LD_PRELOAD=", strlen("LD_PRELOAD=")) == 0)
		return trace_fail(error, "%s: LD_PRELOAD is what the lab sets",
		                  word);
	if (library->variable_count == LIBRARY_VARIABLES)
		return trace_fail(error, "%s: more than %d variables", word,
		                  LIBRARY_VARIABLES);
	if (end - start >= LIBRARY_VARIABLE_BYTES)
		return trace_fail(error, "%s: more than %d bytes in a variable",
		                  word, LIBRARY_VARIABLE_BYTES - 1);
	snprintf(library->variables[library->variable_count++],
	         LIBRARY_VARIABLE_BYTES, "%.*s", (int)(end - start), start);
	*at = end + 1;
	return true;
}

static bool read_variables(const char *at, const char *word,
                           struct library *library, struct trace_error *error)
{
	while (*at != '\0')
		if (!read_variable(&at, word, library, error))
			return false;
	return true;
}

/* ---- the library --------------------------------------------------------- */

/* That one heap serves all calls. */
static enum library_state check_family(const char *word,
                                       const struct library *library,
                                       struct trace_error *error)
{
	if (library->facts.missing[0] == '\0')
		return LIBRARY_READY;
	trace_fail(error,
	           "%s: replaces malloc, but not %s: blocks would pass between "
	           "two heaps",
	           word, library->facts.missing);
	return LIBRARY_UNUSABLE;
}

/* Whether the process has got its malloc from the library it was to have. */
static bool is_in_effect(const struct library *library)
{
	const char *loaded = library->facts.loaded_as;
	const char *base = strrchr(loaded, '/');
	char *path;

	if (library->facts.path[0] == '\0')
		return true; /* it did not live to say */
	if (strchr(library->preload, '/') == NULL)
		return strcmp(base == NULL ? loaded : base + 1,
		              library->preload) == 0;
	path = realpath(library->preload, NULL);
	bool same = path != NULL && strcmp(path, library->facts.path) == 0;
	free(path);
	return same;
}

/* A library that the machine may have, by its short name. */
static enum library_state open_known(const struct known *known,
                                     const char *word, struct library *library,
                                     struct trace_error *error)
{
	for (size_t i = 0; i < 3 && known->sonames[i] != NULL; i++) {
		strlcpy(library->preload, known->sonames[i],
		        sizeof library->preload);
		if (!library_probe(library, error))
			return LIBRARY_UNUSABLE;
		if (is_in_effect(library))
			return check_family(word, library, error);
	}
	trace_fail(error, "lib:%s: %s is not installed; apt install %s",
	           known->name, known->sonames[0], known->package);
	return LIBRARY_MISSING;
}

static enum library_state open_path(const char *word, struct library *library,
                                    struct trace_error *error)
{
	if (access(library->preload, R_OK) != 0) {
		trace_fail(error, "lib:%s: %s", library->preload,
		           strerror(errno));
		return LIBRARY_UNUSABLE;
	}
	if (strchr(library->preload, ':') != NULL) {
		trace_fail(error, "%s: LD_PRELOAD takes no path with a colon",
		           word);
		return LIBRARY_UNUSABLE;
	}
	if (!library_probe(library, error))
		return LIBRARY_UNUSABLE;
	if (is_in_effect(library))
		return check_family(word, library, error);
	trace_fail(
		error,
		"%s: is no shared library that replaces malloc: %s serves it",
		word, library->facts.path);
	return LIBRARY_UNUSABLE;
}

static enum library_state open_named(const char *word, size_t length,
                                     struct library *library,
                                     struct trace_error *error)
{
	const char *name = word + strlen(prefix);
	char known[128] = "";

	length -= strlen(prefix);
	for (size_t i = 0; i < KNOWN; i++) {
		if (strlen(known_libraries[i].name) == length &&
		    strncmp(known_libraries[i].name, name, length) == 0)
			return open_known(&known_libraries[i], word, library,
			                  error);
		strlcat(known, i > 0 ? ", lib:" : "lib:", sizeof known);
		strlcat(known, known_libraries[i].name, sizeof known);
	}
	if (memchr(name, '/', length) == NULL) {
		trace_fail(error,
		           "\"%s\": no library is known by this name (there "
		           "are %s; a file is written lib:./name.so)",
		           word, known);
		return LIBRARY_UNUSABLE;
	}
	if (length >= sizeof library->preload) {
		trace_fail(error, "%.100s...: the path is too long", word);
		return LIBRARY_UNUSABLE;
	}
	snprintf(library->preload, sizeof library->preload, "%.*s", (int)length,
	         name);
	return open_path(word, library, error);
}

enum library_state library_open(const char *word, struct library *library,
                                struct trace_error *error)
{
	size_t length = strcspn(word, "[");

	*library = (struct library){0};
	if (!read_variables(word + length, word, library, error))
		return LIBRARY_UNUSABLE;
	if (strncmp(word, prefix, strlen(prefix)) != 0)
		return library_probe(library, error) ? LIBRARY_READY
		                                     : LIBRARY_UNUSABLE;
	return open_named(word, length, library, error);
}

/* ---- the environment ----------------------------------------------------- */

/* Whether an entry of the environment is the variable that `setting` sets. */
static bool is_set_by(const char *entry, const char *setting)
{
	size_t name = strcspn(setting, "=");

	return strncmp(entry, setting, name + 1) == 0;
}

static bool is_replaced(const struct library *library, const char *entry)
{
	if (library->preload[0] != '\0' && is_set_by(entry, "LD_PRELOAD="))
		return true;
	for (int i = 0; i < library->variable_count; i++)
		if (is_set_by(entry, library->variables[i]))
			return true;
	return false;
}

char **library_environment(struct library *library)
{
	size_t count = 0, used = 0;

	snprintf(library->preload_setting, sizeof library->preload_setting,
	         "LD_PRELOAD=%s", library->preload);
	while (environ[count] != NULL)
		count++;
	char **result =
		malloc((count + LIBRARY_VARIABLES + 2) * sizeof *result);
	if (result == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!is_replaced(library, environ[i]))
			result[used++] = environ[i];
	for (int i = 0; i < library->variable_count; i++)
		result[used++] = library->variables[i];
	if (library->preload[0] != '\0')
		result[used++] = library->preload_setting;
	result[used] = NULL;
	return result;
}
