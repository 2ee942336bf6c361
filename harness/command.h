/*
 * command.h - the subcommands of alloclab, one per file cmd_<name>.c.
 *
 * Conventions of all: argp parses the options, results go to stdout, progress
 * and errors to stderr; exit status EXIT_DONE, EXIT_FAILED (a check failed, an
 * allocator crashed) or EXIT_USAGE (bad usage or bad input).
 */
#ifndef HARNESS_COMMAND_H
#define HARNESS_COMMAND_H

#include <stdbool.h>

#include "verdict.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	const char *summary;               /* one line for `alloclab --help` */
	int (*run)(int argc, char **argv); /* argv[0]: "alloclab <name>" */
};

/* "alloclab: reason"; returns EXIT_USAGE. */
int command_refuse(const struct trace_error *error);

/* "alloclab COMMAND: reason"; returns `status`. */
int command_fail(const char *command, int status,
                 const struct trace_error *error);

/* A line on what became of `label` in a pass, if that was not well. */
void command_say_verdict(const char *label, const struct verdict *verdict);

/* Where the results are, after everything else is on stdout. */
void command_say_results(const char *path, bool interrupted);

int cmd_run(int argc, char **argv);
int cmd_gen(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_step(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_blame(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_scale(int argc, char **argv);
int cmd_peak(int argc, char **argv);

#endif
