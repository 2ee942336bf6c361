/*
 * settings.c - what the environment asks of the preloaded library.
 *
 *     ALLOCLAB_CONF=NAME[:KNOB=VALUE,...]  knobs of the allocator NAME
 *     ALLOCLAB_STATS=FILE                  a report at exit; %p is the process id
 *     ALLOCLAB_STATS_SIGNAL=1              and on SIGUSR2
 *     ALLOCLAB_STATS_RESIDENT=1            with the peak of resident memory
 *
 * Read once, at the first call, which may be before the C library knows its
 * environment: then as our constructor got it, or before that from
 * /proc/self/environ, for 20 microseconds more.  Ignored in a program that runs
 * with more rights than its user (AT_SECURE).  What cannot be used is one line on
 * stderr, which is still the user's then, and the default.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload.h"

struct preload_settings preload_settings;

static __attribute__((format(printf, 1, 2))) void complain(const char *format,
                                                           ...)
{
	char text[640];
	va_list args;

	int used = snprintf(text, sizeof text,
	                    "liballoclab-" PRELOAD_NAME ".so: ");
	va_start(args, format);
	used += vsnprintf(text + used, sizeof text - (size_t)used - 1, format,
	                  args);
	va_end(args);
	if (used > (int)sizeof text - 2)
		used = (int)sizeof text - 2;
	text[used++] = '\n';
	if (write(STDERR_FILENO, text, (size_t)used) < 0)
		return; /* nobody listens */
}

/* ---- the environment ---------------------------------------------------------- */

static char **given; /* by our constructor */

void settings_give_environment(char **environment)
{
	given = environment;
}

/* The value of "NAME=VALUE" if that is the name; else NULL. */
static const char *value_of(const char *entry, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(entry, name, length) != 0 || entry[length] != '=')
		return NULL;
	return entry + length + 1;
}

/* A file, read a block at a time: this happens at the start of every process. */
static struct reader {
	int file;
	size_t at, filled;
	char block[4096];
} reader;

static bool read_byte(char *byte)
{
	if (reader.at == reader.filled) {
		ssize_t got =
			read(reader.file, reader.block, sizeof reader.block);
		if (got <= 0)
			return false;
		reader.at = 0;
		reader.filled = (size_t)got;
	}
	*byte = reader.block[reader.at++];
	return true;
}

/* Reads up to the next '\0'; what does not fit is dropped.  False at the end. */
static bool read_entry(char *entry, size_t capacity)
{
	size_t used = 0;
	char byte;

	while (read_byte(&byte)) {
		if (used < capacity)
			entry[used++] = byte;
		if (byte != '\0')
			continue;
		entry[used - 1] = '\0';
		return true;
	}
	return false;
}

/* Looks a name up as the kernel has it; "" if it is not there. */
static void look_up_in_proc(const char *name, char *value, size_t capacity)
{
	static char entry[sizeof preload_settings.stats_path];

	reader.file = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
	reader.at = reader.filled = 0;
	if (reader.file < 0)
		return;
	while (read_entry(entry, sizeof entry)) {
		const char *found = value_of(entry, name);
		if (found == NULL)
			continue;
		snprintf(value, capacity, "%s", found);
		break;
	}
	close(reader.file);
}

/* The value of a variable, "" if there is none. */
static void look_up(const char *name, char *value, size_t capacity)
{
	value[0] = '\0';
	if (getauxval(AT_SECURE) != 0)
		return;
	char **all = environ != NULL ? environ : given;
	if (all == NULL) {
		look_up_in_proc(name, value, capacity);
		return;
	}
	for (char **entry = all; *entry != NULL; entry++) {
		const char *found = value_of(*entry, name);
		if (found == NULL)
			continue;
		snprintf(value, capacity, "%s", found);
		return;
	}
}

/* ---- ALLOCLAB_CONF ------------------------------------------------------------ */

/* Sets the knobs; false, with a sentence, if these cannot be used. */
static bool apply(const char *text, struct knob_values *values, char *error,
                  size_t capacity)
{
	const struct allocator *allocator = &PRELOAD_ALLOCATOR;
	size_t length = strcspn(text, ":");

	if (length != strlen(PRELOAD_NAME) ||
	    strncmp(text, PRELOAD_NAME, length) != 0) {
		snprintf(error, capacity, "it is for \"%.*s\"", (int)length,
		         text);
		return false;
	}
	if (text[length] == ':' &&
	    !knob_parse(allocator->knobs, text + length + 1, values, error,
	                capacity))
		return false;
	const char *refused =
		allocator->refuse == NULL ? NULL : allocator->refuse(values);
	if (refused != NULL)
		snprintf(error, capacity, "%s", refused);
	return refused == NULL;
}

static void read_conf(void)
{
	static char text[1024], error[400];
	struct knob_values *knobs = &preload_settings.knobs;

	knob_defaults(PRELOAD_ALLOCATOR.knobs, knobs);
	look_up("ALLOCLAB_CONF", text, sizeof text);
	if (text[0] == '\0' || apply(text, knobs, error, sizeof error))
		return;
	knob_defaults(PRELOAD_ALLOCATOR.knobs, knobs);
	complain("ALLOCLAB_CONF: %s; the defaults are used", error);
}

/* ---- ALLOCLAB_STATS ------------------------------------------------------------- */

static void refuse_stats(const char *why)
{
	preload_settings.stats_path[0] = '\0';
	complain("ALLOCLAB_STATS: %s; there will be no report", why);
}

/* Why no file can be made, or written, at the path; NULL: it can. */
static const char *why_unwritable(char *path)
{
	char *slash = strrchr(path, '/');
	struct stat there;

	*slash = '\0';
	bool can = access(path[0] == '\0' ? "/" : path, W_OK | X_OK) == 0;
	*slash = '/';
	if (!can)
		return "its folder cannot be written";
	if (stat(path, &there) != 0)
		return NULL;
	if (S_ISDIR(there.st_mode))
		return "it is a folder";
	return access(path, W_OK) == 0 ? NULL : "it cannot be written";
}

/* The program may change its folder before it exits. */
static void read_stats(void)
{
	static char text[sizeof preload_settings.stats_path];
	char *path = preload_settings.stats_path;
	size_t capacity = sizeof preload_settings.stats_path;

	path[0] = '\0';
	look_up("ALLOCLAB_STATS", text, sizeof text);
	if (text[0] == '\0')
		return;
	if (text[0] != '/' && getcwd(path, capacity) == NULL) {
		refuse_stats("the current folder has no name");
		return;
	}
	size_t used = strlen(path);
	if (used + strlen(text) + 2 > capacity) {
		refuse_stats("the path is too long");
		return;
	}
	snprintf(path + used, capacity - used, "%s%s",
	         text[0] == '/' ? "" : "/", text);
	const char *why = why_unwritable(path);
	if (why != NULL)
		refuse_stats(why);
}

/* "ALLOCLAB_STATS_...": 1, or 0 or nothing.  Without a file it is off. */
static bool read_switch(const char *name)
{
	char text[16];

	look_up(name, text, sizeof text);
	bool is_on = strcmp(text, "1") == 0;
	if (text[0] != '\0' && strcmp(text, "0") != 0 && !is_on)
		complain("%s: it is 0 or 1, not \"%s\"", name, text);
	if (!is_on || preload_settings.stats_path[0] != '\0')
		return is_on;
	complain("%s: ALLOCLAB_STATS names no file", name);
	return false;
}

void settings_read(void)
{
	static bool is_done;

	if (is_done)
		return;
	is_done = true;
	read_conf();
	knob_print(PRELOAD_ALLOCATOR.knobs, &preload_settings.knobs, true,
	           preload_settings.knobs_text,
	           sizeof preload_settings.knobs_text);
	read_stats();
	preload_settings.stats_on_signal = read_switch("ALLOCLAB_STATS_SIGNAL");
	preload_settings.stats_resident =
		read_switch("ALLOCLAB_STATS_RESIDENT");
}
