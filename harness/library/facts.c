/*
 * facts.c - whose malloc is this?  Asked inside the process that has it.
 */
#include <bsd/string.h>
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"

/* The calls that must all be one library's: blocks pass between them. */
static const char *const family[] = {"calloc", "realloc", "free"};

/* The file of the object that serves a call in this process; NULL: none. */
static const char *object_of(const char *call)
{
	Dl_info info;
	void *code = dlsym(RTLD_DEFAULT, call);

	return code != NULL && dladdr(code, &info) != 0 ? info.dli_fname : NULL;
}

static bool is_served_by(const char *call, const char *object)
{
	const char *found = object_of(call);

	return found != NULL && strcmp(found, object) == 0;
}

static void ask_mimalloc(void *version, char *text, size_t capacity)
{
	int (*ask)(void);

	memcpy(&ask, &version, sizeof ask);
	int number = ask(); /* 209: 2.0.9 or 2.9, depending on its age */
	snprintf(text, capacity, "mimalloc %d", number);
}

static void ask_tcmalloc(void *version, char *text, size_t capacity)
{
	const char *(*ask)(int *, int *, const char **);
	int major, minor;
	const char *patch;

	memcpy(&ask, &version, sizeof ask);
	snprintf(text, capacity, "%s", ask(&major, &minor, &patch));
}

static void ask_jemalloc(void *control, char *text, size_t capacity)
{
	int (*ask)(const char *, void *, size_t *, void *, size_t);
	const char *version = "";
	size_t bytes = sizeof version;

	memcpy(&ask, &control, sizeof ask);
	ask("version", &version, &bytes, NULL, 0);
	snprintf(text, capacity, "jemalloc %.*s", (int)strcspn(version, "-"),
	         version);
}

/* How libraries tell their versions. */
static const struct {
	const char *call;
	void (*ask)(void *address, char *text, size_t capacity);
} versions[] = {
	{"mallctl", ask_jemalloc},
	{"tc_version", ask_tcmalloc},
	{"mi_version", ask_mimalloc},
};

static void ask_version(const char *object, char *text, size_t capacity)
{
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
		if (is_served_by(versions[i].call, object))
			versions[i].ask(dlsym(RTLD_DEFAULT, versions[i].call),
			                text, capacity);
	if (is_served_by("gnu_get_libc_version", object))
		snprintf(text, capacity, "glibc %s", gnu_get_libc_version());
}

void library_ask(struct library_facts *facts)
{
	const char *object = object_of("malloc");
	char path[PATH_MAX];

	*facts = (struct library_facts){0};
	if (object == NULL || realpath(object, path) == NULL)
		return;
	strlcpy(facts->path, path, sizeof facts->path);
	strlcpy(facts->loaded_as, object, sizeof facts->loaded_as);
	for (size_t i = 0; i < sizeof family / sizeof *family; i++) {
		size_t used = strlen(facts->missing);
		if (!is_served_by(family[i], object))
			snprintf(facts->missing + used,
			         sizeof facts->missing - used, "%s%s",
			         used > 0 ? ", " : "", family[i]);
	}
	facts->has_usable_size = is_served_by("malloc_usable_size", object);
	facts->has_memalign = is_served_by("memalign", object);
	ask_version(object, facts->version, sizeof facts->version);
}
