/*
 * command.c - what subcommands say on stderr in the same words.
 */
#include "command.h"

#include <stdio.h>

int command_refuse(const struct trace_error *error)
{
	fprintf(stderr, "alloclab: %s\n", error->text);
	return EXIT_USAGE;
}

int command_fail(const char *command, int status,
                 const struct trace_error *error)
{
	fprintf(stderr, "alloclab %s: %s\n", command, error->text);
	return status;
}

void command_say_verdict(const char *label, const struct verdict *verdict)
{
	if (verdict->kind != VERDICT_OK)
		fprintf(stderr, "alloclab: %s: %s at event %llu: %s\n", label,
		        verdict_word(verdict->kind),
		        (unsigned long long)verdict->event, verdict->sentence);
}

void command_say_results(const char *path, bool interrupted)
{
	fflush(stdout);
	fprintf(stderr, "alloclab: %sresults are in %s/\n",
	        interrupted ? "interrupted; what had finished: " : "", path);
}
