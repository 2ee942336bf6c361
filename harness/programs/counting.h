/*
 * counting.h - a run in which calls are counted on their way to the library.
 */
#ifndef HARNESS_PROGRAMS_COUNTING_H
#define HARNESS_PROGRAMS_COUNTING_H

#include "contender.h"
#include "counter/count_page.h"

struct counting {
	char path[64]; /* of the page: a file that programs can open */
	int file;
	struct count_page *page;
	char preload[1280], variable[128];
};

/* False with `error` set; then there is nothing to close. */
bool counting_open(struct counting *counting, struct trace_error *error);
void counting_close(struct counting *counting);

/*
 * The environment of a counted run: the counter in front of the contender's
 * library.  Malloc'ed, as library_environment() has it; NULL without memory.
 */
char **counting_environment(struct counting *counting,
                            struct contender *contender,
                            struct trace_error *error);

uint64_t counting_calls(const struct counting *counting);

/* Whether calls went on to the contender's library. */
bool counting_is_served_by(const struct counting *counting,
                           const struct contender *contender);

#endif
