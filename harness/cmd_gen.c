/*
 * cmd_gen.c - `alloclab gen`: traces from workload specs.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "generate/generate.h"
#include "generate/spec_keys.h"
#include "trace/trace.h"

enum { OPTION_TEXT = 256, OPTION_SEED, OPTION_SET, OPTION_KEYS };

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Write the trace to FILE", 0},
	{"text", OPTION_TEXT, NULL, 0,
         "In text form; without -o on standard output", 0},
	{"seed", OPTION_SEED, "N", 0, "Use seed N: the same as --set seed=N",
         0},
	{"set", OPTION_SET, "KEY=VALUE", 0,
         "Put VALUE wherever the spec gives KEY, or into [workload]; "
         "NAME.KEY=VALUE means the phases and groups of that name only",
         0},
	{"keys", OPTION_KEYS, NULL, 0, "List the keys of a spec and exit", 0},
	{0},
};

struct arguments {
	const char *output;
	bool text;
	char *seed_setting;
	const char **sets; /* NULL-terminated */
	size_t set_count;
	const char **specs;
	size_t spec_count;
};

static void *or_die(void *memory)
{
	if (memory == NULL) {
		fputs("alloclab gen: no memory\n", stderr);
		exit(EXIT_FAILED);
	}
	return memory;
}

/* Appends to a NULL-terminated list. */
static void append(const char ***list, size_t *count, const char *text)
{
	*list = or_die(realloc(*list, (*count + 2) * sizeof **list));
	(*list)[(*count)++] = text;
	(*list)[*count] = NULL;
}

static void add_seed(struct arguments *arguments, const char *seed)
{
	free(arguments->seed_setting);
	if (asprintf(&arguments->seed_setting, "seed=%s", seed) < 0)
		or_die(NULL);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->output = text;
		return 0;
	case OPTION_TEXT:
		arguments->text = true;
		return 0;
	case OPTION_SEED:
		add_seed(arguments, text);
		return 0;
	case OPTION_SET:
		append(&arguments->sets, &arguments->set_count, text);
		return 0;
	case OPTION_KEYS:
		spec_keys_print();
		exit(EXIT_DONE);
	case ARGP_KEY_ARG:
		append(&arguments->specs, &arguments->spec_count, text);
		return 0;
	case ARGP_KEY_END:
		if (arguments->spec_count == 0)
			argp_error(state, "which spec?");
		if (arguments->spec_count > 1 &&
		    (arguments->output != NULL || arguments->text))
			argp_error(state, "one spec at a time, please");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse_option,
	"SPEC...",
	"Makes a trace from a workload spec (workloads/*.ini).\v"
	"Without -o and --text nothing is written: a table says, for each "
	"spec, what its trace would be.",
	NULL,
	NULL,
	NULL};

/* "alloclab gen: reason", and the status of bad input. */
static int refuse(const struct trace_error *error)
{
	return command_fail("gen", EXIT_USAGE, error);
}

/*
 * Standard output may be a file that others write to, so it is never opened
 * anew; it takes text only.
 */
static bool write_trace(const struct arguments *arguments,
                        const struct trace *trace, struct trace_error *error)
{
	if (arguments->output == NULL) {
		trace_print_text(stdout, trace);
		return fflush(stdout) == 0 ||
		       trace_fail(error, "standard output: %s",
		                  strerror(errno));
	}
	return arguments->text
	               ? trace_write_text(arguments->output, trace, error)
	               : trace_write_binary(arguments->output, trace, error);
}

/* "dir/churn.ini" -> "churn", cut to the column. */
static void print_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	const char *dot = strrchr(name, '.');

	printf("| %.*s ", dot == NULL ? (int)strlen(name) : (int)(dot - name),
	       name);
}

/* A row of workloads/README.md. */
static bool print_row(const struct arguments *arguments, const char *path,
                      struct trace_error *error)
{
	char shows[256];
	const char *kind;
	struct trace trace;

	if (!generate_describe(path, shows, sizeof shows, &kind, error) ||
	    !generate_with(path, arguments->sets, &trace, error))
		return false;
	print_name(path);
	printf("| %s | %s | %llu | %u | %llu |\n", kind, shows,
	       (unsigned long long)trace.events, trace.slots,
	       (unsigned long long)trace.peak_live_bytes);
	trace_destroy(&trace);
	return true;
}

static int print_table(const struct arguments *arguments)
{
	struct trace_error error;

	puts("| name | kind | shows | events | peak live blocks | "
	     "peak live bytes |\n| --- | --- | --- | ---: | ---: | ---: |");
	for (size_t i = 0; i < arguments->spec_count; i++)
		if (!print_row(arguments, arguments->specs[i], &error))
			return refuse(&error);
	return EXIT_DONE;
}

static int make_trace(const struct arguments *arguments)
{
	struct trace_error error;
	struct trace trace;

	if (!generate_with(arguments->specs[0], arguments->sets, &trace,
	                   &error))
		return refuse(&error);
	bool written = write_trace(arguments, &trace, &error);
	trace_destroy(&trace);
	return written ? EXIT_DONE : refuse(&error);
}

int cmd_gen(int argc, char **argv)
{
	struct arguments arguments = {0};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.seed_setting != NULL)
		append(&arguments.sets, &arguments.set_count,
		       arguments.seed_setting);
	int status = arguments.output != NULL || arguments.text
	                     ? make_trace(&arguments)
	                     : print_table(&arguments);
	free(arguments.sets);
	free(arguments.specs);
	free(arguments.seed_setting);
	return status;
}
