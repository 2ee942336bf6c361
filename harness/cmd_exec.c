/*
 * cmd_exec.c - `alloclab exec`: becomes a program that has another malloc.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "programs/contender.h"
#include "record/program.h"

/* As shells have it, for what never became the program. */
enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

struct arguments {
	const char *allocator;
	char **argv; /* the program's, ended by NULL */
};

static const struct argp_option options[] = {
	{"allocator", 'a', "NAME[:KNOB=VALUE,...]", 0,
         "An allocator of the lab (make list), lib:NAME, lib:./FILE.so, or "
         "system",
         0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a':
		arguments->allocator = value;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->argv = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which program?");
		return 0;
	case ARGP_KEY_END:
		if (arguments->allocator == NULL)
			argp_error(state, "which allocator?  -a NAME");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[--] PROGRAM [ARGUMENT...]",
	.doc = "Runs PROGRAM with its malloc replaced, as the library that "
	       "`make preload` has built of the allocator.\v"
	       "This process becomes the program: exit status, signals and "
	       "terminal are its own, and the programs that it starts have "
	       "the same malloc.  Before that: 2 for a mistake in the "
	       "options, 126 for a program that cannot be run so (static and "
	       "setuid ones), 127 for one that is not there.",
};

static int say(int status, const struct trace_error *error)
{
	return command_fail("exec", status, error);
}

static int status_of(enum program_state state)
{
	return state == PROGRAM_NOT_FOUND ? EXIT_NOT_FOUND
	                                  : EXIT_NOT_EXECUTABLE;
}

/* Returns only if that is not possible. */
static int become(struct contender *contender, char **argv)
{
	struct trace_error error;
	char **environment = library_environment(&contender->library);

	if (environment == NULL) {
		trace_fail(&error, "no memory for the environment");
		return say(EXIT_FAILED, &error);
	}
	execvpe(argv[0], argv, environment);
	int why = errno;
	free(environment);
	trace_fail(&error, "%s: %s", argv[0], strerror(why));
	return say(why == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE,
	           &error);
}

int cmd_exec(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct contender contender;
	struct trace_error error;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	if (contender_open(arguments.allocator, &contender, &error) !=
	    CONTENDER_READY)
		return say(EXIT_USAGE, &error);
	enum program_state state = program_find(arguments.argv[0], &error);
	if (state != PROGRAM_FITS && contender.library.preload[0] != '\0')
		return say(status_of(state), &error);
	return become(&contender, arguments.argv);
}
