/*
 * raw_sites.h - the call sites of a program image, as its library wrote them.
 */
#ifndef HARNESS_RECORD_RAW_SITES_H
#define HARNESS_RECORD_RAW_SITES_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/trace.h"
#include "raw.h"

struct raw_sites {
	struct raw_site *sites; /* from 1 on */
	uint32_t count;         /* the highest number + 1, or 0 */
	char *names;            /* of the modules, each ended by 0 */
	char **modules;
	uint32_t module_count;
	uint32_t *numbers; /* in the trace's table; 0: not there yet */
};

/*
 * Reads the files beside the head file `image_path`; none are no error, and no
 * sites.  False with `error` set for files that cannot be read.
 */
bool raw_sites_open(struct raw_sites *sites, const char *image_path,
                    struct trace_error *error);
void raw_sites_close(struct raw_sites *sites);

/*
 * The number in `table` of a site, with its callers, made if need be.  0 for one
 * that is not known, and without memory.
 */
uint32_t raw_sites_number(struct raw_sites *sites, struct trace_sites *table,
                          uint32_t site);

#endif
