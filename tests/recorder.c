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

enum { ARGS_MAX = 16, TEXT_BYTES = 16384 };

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
pid_t recorder_start(va_list words)
{
	char alloclab[PATH_MAX + 16], name[] = "record";
	char *argv[ARGS_MAX] = {alloclab, name};

	snprintf(alloclab, sizeof alloclab, "%s/alloclab", build);
	for (int i = 2; i < ARGS_MAX - 1; i++)
		if ((argv[i] = va_arg(words, char *)) == NULL)
			break;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		become(argv);
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
