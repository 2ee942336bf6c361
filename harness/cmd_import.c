/*
 * cmd_import.c - `alloclab import`: any trace into a file of our own.
 */
#include <argp.h>
#include <stdio.h>

#include "command.h"
#include "trace/symbolise.h"
#include "workload.h"

enum { OPTION_TEXT = 256, OPTION_WORKLOADS, OPTION_FORMAT, OPTION_BARE };

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Where the trace goes (needed)", 0},
	{"text", OPTION_TEXT, NULL, 0,
         "Write the text form; the binary one otherwise", 0},
	{"format", OPTION_FORMAT, "NAME", 0,
         "What TRACE is, a file: binary, text, rep, script, ostep, logalloc, "
         "memory_replay, ltrace, mtrace, heaptrack; its contents tell "
         "otherwise",
         0},
	{"no-symbols", OPTION_BARE, NULL, 0,
         "Leave call sites as modules and offsets, without function and line",
         0},
	{"workloads", OPTION_WORKLOADS, "DIR", 0,
         "Where names are looked up (default workloads)", 0},
	{0},
};

struct arguments {
	const char *input;
	const char *output;
	const char *directory;
	const char *format;
	bool text;
	bool is_bare;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->output = value;
		break;
	case OPTION_TEXT:
		arguments->text = true;
		break;
	case OPTION_BARE:
		arguments->is_bare = true;
		break;
	case OPTION_FORMAT:
		arguments->format = value;
		break;
	case OPTION_WORKLOADS:
		arguments->directory = value;
		break;
	case ARGP_KEY_ARG:
		if (arguments->input != NULL)
			argp_error(state, "one trace at a time");
		arguments->input = value;
		break;
	case ARGP_KEY_END:
		if (arguments->input == NULL || arguments->output == NULL)
			argp_error(state, "a trace and -o FILE are needed");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "TRACE -o FILE",
	.doc = "Reads a trace of any form known here (binary, text, CS:APP .rep, "
	       "CS107 .script, OSTEP list, a spec, text as in 'a=100 -a', and the "
	       "logs of heaptrack --raw, ltrace, mtrace, logalloc and "
	       "memory_replay, compressed or not) and writes it to FILE, which is complete afterwards or as it was "
	       "before.\vdocs/traces.md describes the forms."};

static bool open_input(const struct arguments *arguments,
                       struct workload *workload, struct trace_error *error)
{
	if (arguments->format == NULL)
		return workload_open(arguments->input, arguments->directory,
		                     workload, error);
	*workload = (struct workload){0};
	return trace_read_file_as(arguments->input, arguments->format,
	                          &workload->trace, error);
}

int cmd_import(int argc, char **argv)
{
	struct arguments arguments = {.directory = "workloads"};
	struct workload workload;
	struct trace_error error;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!open_input(&arguments, &workload, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return EXIT_USAGE;
	}
	struct trace_sites *sites = workload.trace.sites;
	if (sites != NULL && !arguments.is_bare)
		sites_symbolise(sites);
	bool written = arguments.text
	                       ? trace_write_text(arguments.output,
	                                          &workload.trace, &error)
	                       : trace_write_binary(arguments.output,
	                                            &workload.trace, &error);
	if (!written)
		fprintf(stderr, "%s\n", error.text);
	workload_close(&workload);
	return written ? EXIT_DONE : EXIT_USAGE;
}
