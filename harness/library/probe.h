/*
 * probe.h - starts a process with a library and lets it say what it has.
 */
#ifndef HARNESS_LIBRARY_PROBE_H
#define HARNESS_LIBRARY_PROBE_H

#include "../run/cell.h"
#include "library.h"

/*
 * Fills the facts; they are empty where the process crashed or hung.  False with
 * `error` set if no such process can be started by this program.
 */
bool library_probe(struct library *library, struct trace_error *error);

/* The process's work: result is a struct library_facts. */
struct verdict library_probed(void *ctx, volatile uint64_t *progress,
                              void *result);

#endif
