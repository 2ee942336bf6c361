/*
 * probe.c - a short process, asked once.
 */
#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../run/job.h"

static const double PROBE_SECONDS = 5;

#ifdef ALLOCLAB_SANITIZED
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

static bool is_possible(const struct library *library,
                        struct trace_error *error)
{
	if (library->preload[0] != '\0' && is_sanitized)
		return trace_fail(error, "lib: no malloc can be preloaded into "
		                         "this build, which is sanitized");
	return job_program != NULL ||
	       trace_fail(error, "lib: only the program alloclab has rows for "
	                         "libraries");
}

struct verdict library_probed(void *ctx, volatile uint64_t *progress,
                              void *result)
{
	struct library_facts facts;

	(void)ctx;
	(void)progress;
	library_ask(&facts);
	memcpy(result, &facts, sizeof facts);
	return (struct verdict){0};
}

bool library_probe(struct library *library, struct trace_error *error)
{
	const struct cell_limits limits = {.seconds = PROBE_SECONDS};
	const struct timespec pause = {.tv_nsec = 300 * 1000};
	const struct trace no_trace = {.events = 1};
	struct verdict verdict;
	struct cell cell;

	library->facts = (struct library_facts){0};
	if (!is_possible(library, error))
		return false;
	if (!job_start(&cell, JOB_PROBE, library, NULL, 0,
	               sizeof library->facts, &limits))
		return trace_fail(error, "cannot start a process: %s",
		                  strerror(errno));
	while (!cell_has_ended(&cell, &no_trace, &verdict))
		nanosleep(&pause, NULL);
	if (verdict.kind == VERDICT_OK)
		memcpy(&library->facts, cell.result, sizeof library->facts);
	cell_close(&cell);
	return true;
}
