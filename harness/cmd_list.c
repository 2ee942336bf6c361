/*
 * cmd_list.c - `alloclab list`: the allocators and their knobs.
 */
#include <argp.h>
#include <stdio.h>

#include "../allocators/common/knob.h"
#include "../allocators/registry.h"
#include "command.h"

static const struct argp argp = {
	.doc = "Lists the allocators and, below each, its knobs with unit, "
	       "default and range.",
};

static void print_knob(const struct knob *knob)
{
	char range[256], initial[64], list[512];
	struct knob only[2] = {*knob, {0}};
	struct knob_values values;

	knob_defaults(only, &values);
	knob_print(only, &values, false, initial, sizeof initial);
	knob_print_range(knob, range, sizeof range);
	snprintf(list, sizeof list, "%s (%s%s%s)", initial, range,
	         knob->unit[0] == '\0' ? "" : "; ", knob->unit);
	printf("    %-40s %s%s%s%s\n", list, knob->summary,
	       knob->source[0] == '\0' ? "" : " [", knob->source,
	       knob->source[0] == '\0' ? "" : "]");
}

int cmd_list(int argc, char **argv)
{
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	for (size_t i = 0; allocator_registry[i] != NULL; i++) {
		const struct allocator *allocator = allocator_registry[i];
		printf("%-12s  %s [%s]\n", allocator->name, allocator->summary,
		       allocator->source);
		for (const struct knob *knob = allocator->knobs;
		     knob->name != NULL; knob++)
			print_knob(knob);
	}
	printf("lib:...       a shared library that replaces malloc: "
	       "lib:jemalloc, lib:tcmalloc (of gperftools), "
	       "lib:mimalloc, lib:./name.so\n"
	       "    [NAME=value]%29senvironment of its row, and of system's\n",
	       "");
	return EXIT_DONE;
}
