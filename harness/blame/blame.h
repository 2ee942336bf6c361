/*
 * blame.h - which call sites' blocks keep the pages of a heap from being given
 * back, under one allocator, at one moment of a trace.
 */
#ifndef HARNESS_BLAME_BLAME_H
#define HARNESS_BLAME_BLAME_H

#include "../run/cell.h"
#include "../run/subject.h"
#include "attribution.h"
#include "groups.h"

struct blame_options {
	uint64_t event;      /* after this one, from 1; 0: peak footprint */
	uint64_t page_bytes; /* a power of two, 4096 at least             */
	/* A block is long-lived that is so many % of the events old.     */
	unsigned long_percent;
	bool is_paced;  /* the allocator's clock is the trace's times */
	double seconds; /* limit of the child process */
	size_t memory_bytes;
};

/* What came out; the holdings are by group. */
struct blame {
	struct verdict verdict;
	uint64_t event; /* the moment, counted from 1 */
	struct parts parts;
	uint64_t metadata;   /* = parts.metadata                      */
	uint64_t free_pages; /* free bytes on pages without a block   */
	uint64_t held;       /* by all groups                         */
	uint64_t blocks;     /* live                                  */
	struct holding *holdings;
	struct cell cell; /* their memory */
};

/*
 * Replays the trace in a child process and takes the heap apart.  False with
 * errno set if no process could be started.  An allocator that fails is a
 * verdict.  The subject must be one whose heap can be seen
 * (census_is_possible).  blame_close() frees the holdings.
 */
bool blame_run(const struct subject *subject, const struct trace *trace,
               const struct groups *groups, const struct blame_options *options,
               struct blame *blame);
void blame_close(struct blame *blame);

#endif
