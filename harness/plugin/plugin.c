/*
 * plugin.c - compile, try in a child, load, find the vtable.
 */
#include "plugin.h"

#include <bsd/string.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#include "../../allocators/common/misuse.h"
#include "csapp.h"

enum { PATH_BYTES = 4096 };

bool plugin_is_path(const char *word)
{
	return strchr(word, '/') != NULL;
}

/* "path/to/my-heap.c" becomes "my-heap". */
static void stem_of(const char *path, char *stem, size_t capacity)
{
	const char *slash = strrchr(path, '/');

	strlcpy(stem, slash == NULL ? path : slash + 1, capacity);
	char *dot = strrchr(stem, '.');
	if (dot != NULL)
		*dot = '\0';
}

static bool ends_in(const char *path, const char *ending)
{
	size_t length = strlen(path), tail = strlen(ending);
	return length > tail && strcmp(path + length - tail, ending) == 0;
}

/* The folder above the one that this program lies in: the repository. */
static bool find_root(char *root, size_t capacity)
{
	ssize_t length = readlink("/proc/self/exe", root, capacity - 1);

	if (length <= 0)
		return false;
	root[length] = '\0';
	while (strrchr(root, '/') != NULL) {
		char probe[PATH_BYTES + 32];
		*strrchr(root, '/') = '\0';
		snprintf(probe, sizeof probe, "%s/allocators/allocator.h",
		         root);
		if (access(probe, R_OK) == 0)
			return true;
	}
	return false;
}

/* ---- compile ------------------------------------------------------------ */

/* Runs a command; what it says goes to the terminal as it is. */
static bool run_command(char *const *arguments, struct trace_error *error)
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(arguments[0], arguments);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return trace_fail(error, "cannot start %s: %s", arguments[0],
		                  strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return trace_fail(error, "there is no compiler \"%s\"",
		                  arguments[0]);
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	       trace_fail(error, "it does not compile");
}

enum { ARGUMENTS_MAX = 64 };

/* Appends those before the NULL; false if there are too many. */
static bool append(char **arguments, size_t *count, char *const *more)
{
	for (; *more != NULL; more++) {
		if (*count == ARGUMENTS_MAX - 1)
			return false;
		arguments[(*count)++] = *more;
	}
	arguments[*count] = NULL;
	return true;
}

/*
 * Runs the compiler.  $CC may be several words, "ccache cc", which are split as
 * a shell would, but no shell runs and no command in them is carried out.
 */
static bool run_compiler(char *const *options, struct trace_error *error)
{
	const char *chosen = getenv("CC");
	char *arguments[ARGUMENTS_MAX];
	size_t count = 0;
	wordexp_t words;

	if (chosen == NULL || chosen[strspn(chosen, " \t\n")] == '\0')
		chosen = "cc";
	if (wordexp(chosen, &words, WRDE_NOCMD) != 0)
		return trace_fail(error, "CC=%s is not a command", chosen);
	bool is_command = words.we_wordc > 0 &&
	                  append(arguments, &count, words.we_wordv) &&
	                  append(arguments, &count, options);
	bool ran = is_command ? run_command(arguments, error)
	                      : trace_fail(error, "CC=%s is not a command",
	                                   chosen);
	wordfree(&words);
	return ran;
}

/* Compiles `path` into a shared object, whose path is written to `object`. */
static bool compile(const char *path, char *object, size_t capacity,
                    struct trace_error *error)
{
	char root[PATH_BYTES], stem[256], folder[PATH_BYTES + 32];
	char include_root[PATH_BYTES + 32], include_csapp[PATH_BYTES + 64];

	if (access(path, R_OK) != 0)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	if (!find_root(root, sizeof root))
		return trace_fail(error, "cannot find allocators/allocator.h "
		                         "above this program");
	stem_of(path, stem, sizeof stem);
	snprintf(folder, sizeof folder, "%s/build/plugins", root);
	mkdir(folder, 0777);
	snprintf(object, capacity, "%s/%s.%d.so", folder, stem, (int)getpid());
	snprintf(include_root, sizeof include_root, "-I%s", root);
	snprintf(include_csapp, sizeof include_csapp,
	         "-idirafter%s/harness/plugin/csapp", root);
	char *options[] = {
		"-std=gnu11",
		"-O2",
		"-g",
		"-Wall",
		"-DDRIVER",
		"-fPIC",
		"-shared",
		/* Its own functions come before ours of the same name. */
		"-Wl,-Bsymbolic",
		CHECKED ? "-DALLOCLAB_CHECKED" : "-UALLOCLAB_CHECKED",
		include_root,
		include_csapp,
		"-o",
		object,
		(char *)(size_t)path,
		NULL,
	};
	if (run_compiler(options, error))
		return true;
	char reason[sizeof error->text];
	strlcpy(reason, error->text, sizeof reason);
	return trace_fail(error, "%s: %s", path, reason);
}

/* ---- load --------------------------------------------------------------- */

/* How the child that tries to load ends; no constructor would exit with them. */
enum { TRIAL_LOADED = 201, TRIAL_REFUSED = 202, TRIAL_SECONDS = 5 };

/*
 * Loads in a child: constructors may crash, hang or exit, and may not take us
 * along.
 */
static bool survives_loading(const char *object, const char *path,
                             struct trace_error *error)
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		alarm(TRIAL_SECONDS);
		_exit(dlopen(object, RTLD_NOW | RTLD_LOCAL) == NULL
		              ? TRIAL_REFUSED
		              : TRIAL_LOADED);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return trace_fail(error, "cannot start a process: %s",
		                  strerror(errno));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return trace_fail(error, "%s: not loaded after %d s", path,
		                  TRIAL_SECONDS);
	if (WIFSIGNALED(status))
		return trace_fail(
			error, "%s: killed by signal %d (%s) while loading",
			path, WTERMSIG(status), strsignal(WTERMSIG(status)));
	/* Why the loader refused is asked again, where it can be told. */
	return WEXITSTATUS(status) == TRIAL_LOADED ||
	       WEXITSTATUS(status) == TRIAL_REFUSED ||
	       trace_fail(error,
	                  "%s: ended the process while loading, with "
	                  "status %d",
	                  path, WEXITSTATUS(status));
}

static void *load(const char *object, const char *path,
                  struct trace_error *error)
{
	if (!survives_loading(object, path, error))
		return NULL;
	void *loaded = dlopen(object, RTLD_NOW | RTLD_LOCAL);
	if (loaded == NULL)
		trace_fail(error, "%s: cannot be loaded: %s", path, dlerror());
	return loaded;
}

/* dlsym gives data pointers; POSIX promises that they hold functions too. */
static void *find_function(void *object, const char *name, void *function)
{
	void *found = dlsym(object, name);

	memcpy(function, &found, sizeof found);
	return found;
}

static const struct allocator *find_csapp(void *object, const char *path,
                                          const char *stem,
                                          struct trace_error *error)
{
	struct csapp_functions mm;

	if (find_function(object, "mm_malloc", &mm.malloc) == NULL ||
	    find_function(object, "mm_free", &mm.free) == NULL ||
	    find_function(object, "mm_realloc", &mm.realloc) == NULL) {
		trace_fail(error,
		           "%s: has mm_init, but not all of mm_malloc, "
		           "mm_free and mm_realloc",
		           path);
		return NULL;
	}
	find_function(object, "mm_init", &mm.init);
	const struct allocator *found = csapp_allocator(strdup(stem), &mm);
	if (found == NULL)
		trace_fail(error, "more than %d CS:APP allocators in one run",
		           CSAPP_MAX);
	return found;
}

/* A vtable with a hole would crash the harness, not the plug-in's child. */
static const char *missing_member(const struct allocator *allocator)
{
	const struct {
		const char *name;
		bool is_there;
	} members[] = {
		{"name", allocator->name != NULL},
		{"summary", allocator->summary != NULL},
		{"source", allocator->source != NULL},
		{"knobs", allocator->knobs != NULL},
		{"create", allocator->create != NULL},
		{"destroy", allocator->destroy != NULL},
		{"attach", allocator->attach != NULL},
		{"detach", allocator->detach != NULL},
		{"malloc", allocator->malloc != NULL},
		{"zero_malloc", allocator->zero_malloc != NULL},
		{"aligned_malloc", allocator->aligned_malloc != NULL},
		{"realloc", allocator->realloc != NULL},
		{"free", allocator->free != NULL},
		{"stats", allocator->stats != NULL},
	};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (!members[i].is_there)
			return members[i].name;
	return NULL;
}

static const struct allocator *find_vtable(void *object, const char *path,
                                           struct trace_error *error)
{
	char stem[256], symbol[300];

	stem_of(path, stem, sizeof stem);
	if (dlsym(object, "mm_init") != NULL)
		return find_csapp(object, path, stem, error);
	for (char *c = stem; *c != '\0'; c++)
		if (*c == '-' || *c == '.')
			*c = '_';
	snprintf(symbol, sizeof symbol, "%s_allocator", stem);
	const struct allocator *found = dlsym(object, symbol);
	if (found == NULL)
		found = dlsym(object, "plugin_allocator");
	if (found == NULL) {
		trace_fail(error,
		           "%s: exports neither %s nor plugin_allocator, nor "
		           "the mm_init of a CS:APP allocator",
		           path, symbol);
		return NULL;
	}
	const char *missing = missing_member(found);
	if (missing != NULL) {
		trace_fail(error, "%s: the allocator has no .%s", path,
		           missing);
		return NULL;
	}
	return found;
}

const struct allocator *plugin_load(const char *path, struct trace_error *error)
{
	char object[PATH_BYTES + 300];
	bool is_source = ends_in(path, ".c");

	if (!is_source && !ends_in(path, ".so")) {
		trace_fail(error, "%s: a plug-in ends in .c or .so", path);
		return NULL;
	}
	strlcpy(object, path, sizeof object);
	if (is_source && !compile(path, object, sizeof object, error))
		return NULL;
	void *loaded = load(object, path, error);
	if (is_source)
		unlink(object); /* what is loaded stays mapped */
	return loaded == NULL ? NULL : find_vtable(loaded, path, error);
}
