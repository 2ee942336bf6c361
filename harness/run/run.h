/*
 * run.h - one workload against many allocators: what runs when.
 *
 *     audit, all allocators      as many at a time as there are cores
 *     meter, all allocators      likewise: it needs the audits' peaks
 *     check on real threads      one at a time; only with THREADS
 *     rounds of the speed pass   one child at a time, shuffled in each round
 *     resident memory, latency   one at a time
 *
 * An allocator that fails a pass keeps what it has and is left out of the
 * later ones.
 */
#ifndef HARNESS_RUN_RUN_H
#define HARNESS_RUN_RUN_H

#include "../threads/plan.h"
#include "../workload.h"
#include "cell.h"
#include "subject.h"

struct run_options {
	unsigned reps;         /* of the speed pass; 0: measure pass only   */
	double seconds;        /* time limit of one child                   */
	double budget_seconds; /* of one allocator's speed pass             */
	size_t memory_bytes;   /* limit of the footprint                    */
	enum touch touch;
	unsigned threads; /* real ones; 0: one replays all, in recorded order */
	double pace;      /* see clock/speed.h; not with threads              */
	bool paranoid;    /* the oracle looks at every byte            */
	bool latency;     /* run the latency pass                      */
	uint64_t seed;    /* of the shuffling                          */
	const char *folder; /* where parts of the CSV files are written  */
	bool shows_progress;
	bool measures_alone; /* one child at a time in the measure pass too  */
};

struct run {
	const struct run_options *options;
	const struct workload *workload;
	const struct plan *plan; /* of the real threads; NULL: none */
	const char *title;       /* of the progress bar */
	struct subject *subjects;
	int count;
	uint64_t sizes[CENSUS_QUANTILES]; /* request sizes p50, p90, p99 */
	uint64_t cell_bytes;              /* of heapmap.csv, for most heaps  */
	/*
	 * The empty library, timed like any other, where libraries take part;
	 * else NULL.  Its subject is no row of the run.
	 */
	struct subject *library_floor;
	double null_ns[REPS_MAX]; /* the floor, per round         */
	size_t null_reps;
	struct estimate null_estimate;
	double empty_ns;  /* the empty loop               */
	uint64_t random;  /* state: order of rounds, places of stacks */
	bool interrupted; /* what is finished counts  */
};

/* The CSV files that children write in parts, one part per subject. */
enum part {
	PART_TIMELINE,
	PART_TIERS,
	PART_HEAPMAP,
	PART_BLOCKS,
	PART_FAILURES,
	PART_SHARING,
	PART_SEARCHES,
	PART_CLASSES,
	PART_LATENCY,
	PART_THREADS,
	PARTS,
};

/* File name without ".csv", and the header line. */
extern const char *const part_names[PARTS];
extern const char *const part_headers[PARTS];

/* The path of one subject's part in the run's folder. */
void part_path(const struct run *run, int subject, enum part part, char *path,
               size_t capacity);

/* Removes one part, or all parts, of a subject, where they are there. */
void run_remove_part(const struct run *run, int subject, enum part part);
void run_remove_parts(const struct run *run, int subject);

/*
 * Runs everything.  False with `error` set only when the lab itself cannot go
 * on (no memory, no processes, a full disk); failing allocators are findings.
 * Ends early, with what is finished, where interrupt_came().
 */
bool run_all(struct run *run, struct trace_error *error);

#endif
