/*
 * preload.h - what the preload_*.c programs share: how one says what was wrong,
 * how one waits for a child, and ways to run that are named on the command line.
 */
#ifndef TESTS_PROGRAMS_PRELOAD_H
#define TESTS_PROGRAMS_PRELOAD_H

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends the process, without what runs at exit. */
static inline _Noreturn void stop(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	_exit(1);
}

/* Waits for what fork() returned. */
static inline void expect_success(pid_t child)
{
	int status = 0;

	if (child < 0 || waitpid(child, &status, 0) != child)
		stop("no child");
	if (status != 0)
		stop("the child failed");
}

struct way {
	const char *name;
	void (*run)(void);
};

/* Runs the way that the first argument names; 2 if there is none. */
static inline int run_way(int count, char **arguments, const struct way *ways,
                          size_t way_count)
{
	for (size_t i = 0; i < way_count; i++) {
		if (count < 2 || strcmp(arguments[1], ways[i].name) != 0)
			continue;
		ways[i].run();
		return 0;
	}
	return 2;
}

#endif
