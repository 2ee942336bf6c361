/*
 * recorder.c - runs `alloclab record` and looks at what it leaves.
 */
#include "recorder.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 24, TEXT_BYTES = 16384 };

static char build[PATH_MAX]; /* the folder of alloclab           */
static char work[] = "/tmp/alloclab-test-record-XXXXXX";
static char temporary[64];    /* work/tmp, the TMPDIR of all runs */
static char text[TEXT_BYTES]; /* stderr of the last run           */
rlim_t recorder_file_limit = RLIM_INFINITY;

const char *recorder_folder(void)
{
	return work;
}

/* --- running ------------------------------------------------------------ */

/* "build/tests/programs/NAME", in one of a few buffers. */
char *recorded_program(const char *name)
{
	static char paths[4][PATH_MAX + 64];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/tests/programs/%s", build, name);
	return path;
}

/* "work/NAME" */
char *recorder_path(const char *name)
{
	static char paths[4][128];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", work, name);
	return path;
}

static _Noreturn void become(char **argv)
{
	const struct rlimit limit = {recorder_file_limit, RLIM_INFINITY};
	int errors = open(recorder_path("stderr"), O_CREAT | O_TRUNC | O_WRONLY,
	                  0600);

	if (dup2(errors, STDERR_FILENO) < 0 || chdir(work) != 0 ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0)
		_exit(125);
	setenv("TMPDIR", temporary, 1);
	execv(argv[0], argv);
	_exit(125);
}

void recorder_read_stderr(void)
{
	FILE *errors = fopen(recorder_path("stderr"), "r");

	assert_non_null(errors);
	text[fread(text, 1, sizeof text - 1, errors)] = '\0';
	fclose(errors);
}

void recorder_said(const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, text);
}

void recorder_said_not(const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" is in: %s", part, text);
}

/* A minute, for machines that have other things to do. */
enum { LOOKS = 6000, BETWEEN_LOOKS_US = 10000 };

void recorder_wait_for(const char *part)
{
	for (int i = 0; i < LOOKS; i++) {
		if (access(recorder_path("stderr"), F_OK) == 0) {
			recorder_read_stderr();
			if (strstr(text, part) != NULL)
				return;
		}
		usleep(BETWEEN_LOOKS_US);
	}
	fail_msg("\"%s\" was not said: %s", part, text);
}

void recorder_wait_for_file(const char *name)
{
	for (int i = 0; i < LOOKS; i++) {
		if (access(recorder_path(name), F_OK) == 0)
			return;
		usleep(BETWEEN_LOOKS_US);
	}
	fail_msg("%s was not made", name);
}

void recorder_left_nothing(void)
{
	DIR *folder = opendir(temporary);

	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		if (entry->d_name[0] != '.')
			fail_msg("left behind: %s", entry->d_name);
	closedir(folder);
}

/* Starts `alloclab record` with the words, up to a NULL. */
static pid_t start(const char *first, va_list words)
{
	char alloclab[PATH_MAX + 16], name[] = "record";
	char *argv[ARGS_MAX] = {alloclab, name, (char *)(uintptr_t)first};

	snprintf(alloclab, sizeof alloclab, "%s/alloclab", build);
	unlink(recorder_path("stderr"));
	for (int i = first == NULL ? 2 : 3; i < ARGS_MAX - 1; i++)
		if ((argv[i] = va_arg(words, char *)) == NULL)
			break;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		become(argv);
	return child;
}

pid_t recorder_start(va_list words)
{
	return start(NULL, words);
}

pid_t recorder_begin(const char *first, ...)
{
	va_list words;

	va_start(words, first);
	pid_t child = start(first, words);
	va_end(words);
	return child;
}

/* Runs `alloclab record WORDS...` and requires its exit status. */
void recorder_run(int expected, ...)
{
	va_list words;
	int status;

	va_start(words, expected);
	pid_t child = recorder_start(words);
	va_end(words);
	assert_int_equal(waitpid(child, &status, 0), child);
	recorder_read_stderr();
	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
		fail_msg("status %x, not %d: %s", status, expected, text);
	recorder_left_nothing();
}

/* --- traces ----------------------------------------------------------- */

void recorder_read_trace(const char *name, struct trace *trace)
{
	struct trace_error error;

	if (!trace_read_file(recorder_path(name), trace, &error))
		fail_msg("%s", error.text);
}

uint64_t recorder_count(const struct trace *trace, enum trace_kind kind,
                        uint64_t size)
{
	uint64_t *sizes = calloc(trace->slots + 1u, sizeof *sizes);
	uint64_t found = 0;

	assert_non_null(sizes);
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->kind <= TRACE_REALLOC)
			sizes[op->slot] = op->size;
		if (op->kind <= TRACE_FREE)
			found += op->kind == kind && sizes[op->slot] == size;
	}
	free(sizes);
	return found;
}

uint64_t recorder_count_kind(const struct trace *trace, enum trace_kind kind)
{
	uint64_t found = 0;

	for (uint64_t i = 0; i < trace->events; i++)
		found += trace->ops[i].kind == kind;
	return found;
}

void recorder_require_source_end(const struct trace *trace, const char *end)
{
	size_t bytes = strlen(trace->source);

	assert_true(bytes >= strlen(end));
	assert_string_equal(trace->source + bytes - strlen(end), end);
}

/* --- the folder that all work in ---------------------------------------- */

int recorder_set_up(void **state)
{
	(void)state;
	ssize_t got = readlink("/proc/self/exe", build, sizeof build - 1);
	if (got < 0 || mkdtemp(work) == NULL)
		return -1;
	build[got] = '\0';
	dirname(dirname(build)); /* without "/tests/test_record" */
	snprintf(temporary, sizeof temporary, "%s/tmp", work);
	return mkdir(temporary, 0700);
}

int recorder_tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", work);
	return system(command);
}
