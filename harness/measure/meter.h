/*
 * meter.h - the second measured replay: where every byte was.
 *
 * The audit found the events that matter.  The meter replays the same trace on
 * the same addresses, takes a census at each of them and at the sample points,
 * and writes the rows of timeline.csv, tiers.csv, heapmap.csv, blocks.csv,
 * failures.csv, and sharing.csv (docs/csv.md).
 */
#ifndef HARNESS_MEASURE_METER_H
#define HARNESS_MEASURE_METER_H

#include "audit.h"
#include "census.h"

enum {
	METER_SAMPLES = 400, /* points of a long trace, and its peak  */
	METER_EVERY_EVENT_MAX = 1000, /* a trace up to here: every event      */
	METER_BLOCKS_MAX = 20000,     /* a trace up to here gets a blocks.csv */
};

struct meter_options {
	size_t limit_bytes;
	bool is_paced; /* the clock is the trace's times */
	volatile uint64_t *progress;
	const char *label;
	uint64_t cell_bytes;              /* of heapmap.csv, a power of two */
	uint64_t sizes[CENSUS_QUANTILES]; /* request sizes p50, p90, p99     */
	uint64_t last_event;              /* where the audit ended           */
	FILE *timeline, *tiers, *heapmap, *failures;
	FILE *blocks;  /* NULL: none */
	FILE *sharing; /* NULL: none; a trace of one thread needs none */
};

/* Why the footprint grew to its peak: the heap just before that growth. */
struct growth {
	bool known;
	uint64_t event;         /* the one that grew                         */
	uint64_t request_bytes; /* what it asked for; 0: it was no request   */
	uint64_t need_bytes;    /* a hole would have to be so large          */
	uint64_t grown_bytes;
	uint8_t kind;            /* of the event: enum trace_kind             */
	uint64_t slack;          /* bytes that nothing can use         */
	uint64_t bound;          /* free bytes that cannot merge       */
	struct census_tier free; /* all free memory                    */
	struct census_tier wilderness; /* of it, the unused end of the heap  */
	struct census_tier main_tier;  /* of the rest, the tier with most    */
};

struct meter {
	struct parts at_peak; /* the footprint at its first peak             */
	double jw1_net, jw2_net, jw3_net, jw4_net; /* #1: over the samples   */
	uint64_t touched_bytes; /* resident part of the footprint at its peak */
	uint64_t
		tag_bytes; /* of each small block, beside its usable bytes    */
	struct growth growth;
};

/*
 * Meters one allocator whose audit is known.  O(samples * blocks) beside the
 * replay.  The verdict is BROKEN_HEAP where walk, oracle and source disagree.
 */
struct verdict meter_run(const struct allocator *allocator,
                         const struct knob_values *values,
                         const struct trace *trace, const struct audit *audit,
                         const struct meter_options *options,
                         struct meter *meter);

#endif
