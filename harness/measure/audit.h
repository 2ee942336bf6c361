/*
 * audit.h - the first measured replay: is the allocator right, and what did
 * each call cost?
 *
 * The audit runs the whole trace with the full oracle and reads the footprint
 * and the counters after every event.  It walks nothing: where it finds a peak,
 * the meter (meter.h) replays up to that event and takes the heap apart there.
 */
#ifndef HARNESS_MEASURE_AUDIT_H
#define HARNESS_MEASURE_AUDIT_H

#include <stdio.h>

#include "../../allocators/common/heap_stats.h"
#include "../threads/lock_table.h"
#include "replayer.h"

/* Sums of bytes over events: 10^8 events of 2^46 bytes fit. */
__extension__ typedef unsigned __int128 uint128;

struct audit {
	/* Of the trace, the same for every allocator. */
	uint64_t peak_requested_bytes;
	uint64_t peak_requested_event; /* the first event that reached it     */

	/* Of the heap; 0 where the allocator ignores the page source. */
	uint64_t peak_footprint_bytes;
	uint64_t peak_footprint_event;
	uint64_t peak_footprint_requested; /* live bytes at that event        */
	uint64_t footprint_at_peak_requested;
	double jw1, jw2, jw3,
		jw4; /* docs/metrics.md; 0: nothing was live     */

	/* The growth that reached the peak footprint. */
	uint64_t growth_request_bytes; /* what was asked for; 0: no request   */
	uint64_t growth_bytes; /* 0: create() alone reached the peak          */

	/* Links followed per call; by attach and detach: not counted. */
	double links_mean;
	uint64_t links_p99, links_max;

	uint64_t calls; /* of the allocator */
	struct heap_stats stats;
	uint64_t source_calls;
	struct lock_table locks; /* nobody waited: there was one OS thread   */
};

enum {
	AUDIT_WINDOWS = 400, /* rows of searches.csv per allocator          */
	AUDIT_CHECKS = 64,   /* times check() is called over the trace      */
};

struct audit_options {
	size_t limit_bytes;
	enum oracle_depth depth;
	bool is_paced;               /* the clock is the trace's times        */
	volatile uint64_t *progress; /* the event being replayed, for others */
	const char *label;           /* first column of the CSV rows          */
	FILE *searches;              /* rows of searches.csv; NULL: none      */
};

/*
 * Audits one allocator on one trace.  Returns the verdict; `audit` is complete
 * if it is OK, and counts the events before the end otherwise.
 */
struct verdict audit_run(const struct allocator *allocator,
                         const struct knob_values *values,
                         const struct trace *trace,
                         const struct audit_options *options,
                         struct audit *audit);

#endif
