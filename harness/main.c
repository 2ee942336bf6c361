/*
 * main.c - the program `alloclab`: finds the subcommand and runs it.  README.md,
 * beside this file, maps the folders and the flow of a run.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "run/job.h"

#define VERSION "alloclab 0.1"

static const struct command commands[] = {
	{"run", "workloads against allocators: tables and results", cmd_run},
	{"step", "one operation at a time, each explained", cmd_step},
	{"gen", "a synthetic trace from a spec", cmd_gen},
	{"record", "run a program and keep its allocations as a trace",
         cmd_record},
	{"import", "any trace into a file of our own, binary or text",
         cmd_import},
	{"info", "what is in a trace", cmd_info},
	{"blame", "whose blocks hold the pages of the heap at its peak",
         cmd_blame},
	{"exec", "become a program that has another malloc", cmd_exec},
	{"compare", "a program under many mallocs", cmd_compare},
	{"list", "the allocators and their knobs", cmd_list},
	{"scale", "the same work on more and more threads", cmd_scale},
	{"peak", "the most resident memory of a heap in a replay", cmd_peak},
	{"bench", "our designs beside the real libraries; harness costs",
         cmd_bench},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *to)
{
	fprintf(to, "Usage: alloclab COMMAND [OPTION...]\n"
	            "Replays allocation traces against many allocators and "
	            "shows where every byte and nanosecond went.\n\n");
	for (int i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s  %s\n", commands[i].name,
		        commands[i].summary);
	fprintf(to, "\n`alloclab COMMAND --help` describes one command.\n");
}

/* Results that did not reach their file or pipe are no success. */
static int flush_results(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	fprintf(stderr, "alloclab: standard output: %s\n", strerror(errno));
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	char name[64];

	if (argc == 3 && strcmp(argv[1], JOB_COMMAND) == 0)
		job_serve(argv[2]);
	job_program = "/proc/self/exe";
	if (argc >= 2 && strcmp(argv[1], "--version") == 0)
		return puts(VERSION) < 0 ? EXIT_FAILED : EXIT_DONE;
	if (argc >= 2 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		snprintf(name, sizeof name, "alloclab %s", argv[1]);
		argv[1] = name;
		argp_err_exit_status = EXIT_USAGE;
		argp_program_version = VERSION;
		return flush_results(commands[i].run(argc - 1, argv + 1));
	}
	fprintf(stderr,
	        "alloclab: there is no command \"%s\"; see "
	        "`alloclab --help`\n",
	        argv[1]);
	return EXIT_USAGE;
}
