/*
 * suite.c - files into programs that are ready to run.
 */
#include "suite.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../generate/spec_file.h"
#include "../run/interrupt.h"
#include "helper.h"

static const char ending[] = ".program";

/* ---- one file ------------------------------------------------------------ */

/* A file as it is being read. */
struct draft {
	const char *here; /* its folder, absolute */
	enum suite_size size;
	struct suite_program *owned;
	struct program *program;
	char *sizes[2];
};

static const struct key {
	const char *name;
	size_t offset; /* in struct suite_program */
} keys[] = {
	{"needs", offsetof(struct suite_program, needs)},
	{"install", offsetof(struct suite_program, install)},
	{"prepare", offsetof(struct suite_program, prepare)},
	{"run", offsetof(struct suite_program, run)},
	{"before", offsetof(struct suite_program, before)},
	{"after", offsetof(struct suite_program, after)},
	{"input", offsetof(struct suite_program, input)},
	{"what", offsetof(struct suite_program, what)},
};

/* The place of a key's text; NULL: not such a key. */
static char **place_of(struct draft *draft, const char *key)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(keys[i].name, key) == 0)
			return (char **)((char *)draft->owned + keys[i].offset);
	if (strcmp(key, "short") == 0)
		return &draft->sizes[SUITE_SHORT];
	return strcmp(key, "full") == 0 ? &draft->sizes[SUITE_FULL] : NULL;
}

/* Keys whose value is one of two words. */
static bool set_choice(const struct spec_file *file,
                       const struct spec_line *line, const char *yes,
                       const char *no, bool *choice, struct trace_error *error)
{
	*choice = strcmp(line->value, yes) == 0;
	return *choice || strcmp(line->value, no) == 0 ||
	       spec_file_fail(file, line, error,
	                      "%s is %s or %s, not \"%.60s\"", line->key, yes,
	                      no, line->value);
}

static bool take_line(struct draft *draft, const struct spec_file *file,
                      const struct spec_line *line, struct trace_error *error)
{
	if (line->is_heading)
		return strcmp(line->value, "program") == 0 ||
		       spec_file_fail(file, line, error,
		                      "there is only [program], not [%.60s]",
		                      line->value);
	if (strcmp(line->key, "timed") == 0)
		return set_choice(file, line, "no", "yes",
		                  &draft->program->is_untimed, error);
	if (strcmp(line->key, "kind") == 0)
		return set_choice(file, line, "stress", "program",
		                  &draft->program->is_stress, error);
	char **place = place_of(draft, line->key);
	if (place == NULL)
		return spec_file_fail(file, line, error,
		                      "no key is called %.60s", line->key);
	if (*place != NULL)
		return spec_file_fail(file, line, error, "%s is set twice",
		                      line->key);
	*place = strdup(line->value);
	return *place != NULL || trace_fail(error, "no memory");
}

static bool read_file(struct draft *draft, const char *path,
                      struct trace_error *error)
{
	struct spec_file file;
	bool good = true;

	if (!spec_file_read(path, &file, error))
		return false;
	for (size_t i = 0; good && i < file.count; i++)
		good = take_line(draft, &file, &file.lines[i], error);
	spec_file_free(&file);
	if (good && draft->owned->run == NULL)
		good = trace_fail(error, "%.300s: run is missing", path);
	return good;
}

/* ---- getting ready ------------------------------------------------------- */

/* Runs a command of the shell; true if it succeeds.  Output goes to `out`. */
static bool succeeds(const char *command, const char *folder, int out)
{
	int status = 1;
	pid_t helper = helper_start(command, folder, out, out);

	while (helper > 0 && waitpid(helper, &status, 0) < 0)
		if (interrupt_came()) {
			helper_kill(helper);
			return false;
		}
	return helper > 0 && status == 0;
}

/* An empty folder for it. */
static bool make_folder(struct draft *draft, const char *work,
                        struct trace_error *error)
{
	static const char *const words[] = {"short", "full"};
	char *folder = draft->owned->folder;
	char absolute[PATH_MAX];

	if (realpath(work, absolute) == NULL)
		return trace_fail(error, "%.300s: %s", work, strerror(errno));
	snprintf(folder, sizeof draft->owned->folder, "%.3900s/%s-%s", absolute,
	         draft->program->name, words[draft->size]);
	setenv("WORK", folder, 1);
	draft->program->directory = folder;
	return succeeds("rm -rf \"$WORK\" && mkdir \"$WORK\"", NULL,
	                STDERR_FILENO) ||
	       trace_fail(error, "%.300s: cannot be made", folder);
}

/* $HERE and $SIZE, for this program's commands and words. */
static void set_variables(const struct draft *draft)
{
	const char *size = draft->sizes[draft->size];

	setenv("HERE", draft->here, 1);
	setenv("SIZE", size != NULL ? size : "", 1);
}

static bool split_run(struct draft *draft, const char *path,
                      struct trace_error *error)
{
	struct suite_program *owned = draft->owned;

	if (wordexp(owned->run, &owned->words, WRDE_NOCMD | WRDE_UNDEF) != 0 ||
	    owned->words.we_wordc == 0)
		return trace_fail(error,
		                  "%.300s: run is no list of words, with no "
		                  "more than $HERE and $SIZE in it",
		                  path);
	owned->is_split = true;
	draft->program->argv = owned->words.we_wordv;
	return true;
}

/*
 * A command that is run later, when $SIZE is another program's: it is set at the
 * start.  False without memory.
 */
static bool bind(const struct draft *draft, char **command)
{
	const char *size = draft->sizes[draft->size];
	char *bound;

	if (*command == NULL)
		return true;
	if (asprintf(&bound, "SIZE='%s'; %s", size != NULL ? size : "",
	             *command) < 0)
		return false;
	free(*command);
	*command = bound;
	return true;
}

/* Whether the machine has what it takes; says so if not. */
static bool is_possible(const struct draft *draft)
{
	const struct suite_program *owned = draft->owned;

	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool is_there = owned->needs == NULL ||
	                succeeds(owned->needs, owned->folder, nowhere);

	if (nowhere >= 0)
		close(nowhere);
	if (is_there)
		return true;
	fprintf(stderr, "alloclab: %s is skipped: this machine lacks %s\n",
	        draft->program->name,
	        owned->install != NULL ? owned->install : "what it takes");
	return false;
}

static bool prepare(struct draft *draft, const char *path, const char *work,
                    bool *is_skipped, struct trace_error *error)
{
	struct suite_program *owned = draft->owned;
	struct program *program = draft->program;

	*is_skipped = false;
	set_variables(draft);
	if (!make_folder(draft, work, error))
		return false;
	*is_skipped = !is_possible(draft);
	if (*is_skipped)
		return true;
	if (owned->prepare != NULL &&
	    !succeeds(owned->prepare, owned->folder, STDERR_FILENO))
		return trace_fail(error, "%.300s: prepare failed", path);
	if (!split_run(draft, path, error) || !bind(draft, &owned->before) ||
	    !bind(draft, &owned->after))
		return false;
	program->before = owned->before;
	program->after = owned->after;
	program->input = owned->input;
	return true;
}

/* ---- the suite ----------------------------------------------------------- */

static void free_program(struct suite_program *owned)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		free(*(char **)((char *)owned + keys[i].offset));
	if (owned->is_split)
		wordfree(&owned->words);
}

/* The last entry of both arrays is the one that is being made. */
static bool add_file(struct suite *suite, const char *path, const char *here,
                     enum suite_size size, const char *work,
                     struct trace_error *error)
{
	struct draft draft = {.here = here,
	                      .size = size,
	                      .owned = &suite->owned[suite->count],
	                      .program = &suite->programs[suite->count]};
	const char *name = strrchr(path, '/') + 1;
	bool is_skipped = false;

	*draft.owned = (struct suite_program){0};
	*draft.program = (struct program){0};
	snprintf(draft.program->name, sizeof draft.program->name, "%.*s",
	         (int)(strlen(name) - strlen(ending)), name);
	bool good = read_file(&draft, path, error) &&
	            prepare(&draft, path, work, &is_skipped, error);
	free(draft.sizes[SUITE_SHORT]);
	free(draft.sizes[SUITE_FULL]);
	if (!good || is_skipped)
		free_program(draft.owned);
	else
		suite->count++;
	suite->skipped += is_skipped;
	return good;
}

static bool is_named(const char *path, char *const *names)
{
	const char *name = strrchr(path, '/') + 1;
	size_t length = strlen(name) - strlen(ending);

	for (; *names != NULL; names++)
		if (strlen(*names) == length &&
		    strncmp(*names, name, length) == 0)
			return true;
	return false;
}

/* Every name must be that of a file. */
static bool check_names(const char *directory, char *const *names,
                        struct trace_error *error)
{
	char path[PATH_MAX];

	for (; *names != NULL; names++) {
		snprintf(path, sizeof path, "%.3000s/%.200s%s", directory,
		         *names, ending);
		if (access(path, R_OK) != 0)
			return trace_fail(error,
			                  "there is no program \"%.100s\" in "
			                  "%.200s",
			                  *names, directory);
	}
	return true;
}

static bool add_files(struct suite *suite, const glob_t *found,
                      const char *here, char *const *names,
                      enum suite_size size, const char *work,
                      struct trace_error *error)
{
	suite->owned = calloc(found->gl_pathc + 1, sizeof *suite->owned);
	suite->programs = calloc(found->gl_pathc + 1, sizeof *suite->programs);
	if (suite->owned == NULL || suite->programs == NULL)
		return trace_fail(error, "no memory for the programs");
	for (size_t i = 0; i < found->gl_pathc && !interrupt_came(); i++)
		if ((*names == NULL || is_named(found->gl_pathv[i], names)) &&
		    !add_file(suite, found->gl_pathv[i], here, size, work,
		              error))
			return false;
	return suite->count > 0 ||
	       trace_fail(error, "no program is left to run");
}

bool suite_open(struct suite *suite, const char *directory, char *const *names,
                enum suite_size size, const char *work,
                struct trace_error *error)
{
	char here[PATH_MAX], pattern[PATH_MAX + 16];
	glob_t found = {0};

	*suite = (struct suite){0};
	if (realpath(directory, here) == NULL)
		return trace_fail(error, "%.300s: %s", directory,
		                  strerror(errno));
	if (!check_names(here, names, error))
		return false;
	if (mkdir(work, 0777) != 0 && errno != EEXIST)
		return trace_fail(error, "--work %.300s: %s", work,
		                  strerror(errno));
	snprintf(pattern, sizeof pattern, "%s/*%s", here, ending);
	glob(pattern, 0, NULL, &found);
	bool good = add_files(suite, &found, here, names, size, work, error);
	globfree(&found);
	return good;
}

void suite_close(struct suite *suite)
{
	for (int i = 0; i < suite->count; i++)
		free_program(&suite->owned[i]);
	free(suite->owned);
	free(suite->programs);
	*suite = (struct suite){0};
}
