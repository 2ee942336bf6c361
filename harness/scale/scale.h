/*
 * scale.h - the same work on 1, 2, 4 ... threads: does twice the threads do twice
 * as much?
 *
 *     for each round, in a new order:
 *         for each allocator and the control, each work, each number of threads:
 *             one child process -> the wall time of all threads
 *
 * Each thread does as much whatever their number, so the ideal is one wall time
 * for all.  The control does the same without an allocator: what it loses is the
 * machine's (cores that share caches and memory), not an allocator's.  Ratios are
 * taken within a round, so that a machine that gets slower meanwhile does not
 * favour anybody.
 */
#ifndef HARNESS_SCALE_SCALE_H
#define HARNESS_SCALE_SCALE_H

#include "../run/subject.h"
#include "../threads/threads.h"

enum scale_work {
	SCALE_PRIVATE,  /* each thread frees what it made             */
	SCALE_CROSSING, /* each frees what its neighbour made         */
	SCALE_SHARING,  /* each writes to one small block: contend.h  */
	SCALE_WORKS,
};

/* "private", "crossing", "sharing" */
extern const char *const scale_work_names[SCALE_WORKS];

enum { SCALE_COUNTS_MAX = 16 }; /* different numbers of threads */

struct scale_options {
	unsigned threads_max; /* 1..THREADS_MAX                     */
	unsigned reps;        /* rounds, 1..REPS_MAX                */
	uint64_t steps;       /* of each thread: a free and a malloc */
	unsigned live;        /* blocks that each thread holds      */
	size_t max_bytes;     /* largest block                      */
	double seconds;       /* time limit of one child            */
	size_t memory_bytes;  /* limit of one heap                  */
	uint64_t seed;
	bool shows_progress;
};

/* One allocator at one work on one number of threads. */
struct scale_series {
	double wall_ns[REPS_MAX]; /* by round */
	struct threads_figures last;
};

struct scale_row {
	struct subject *subject;     /* NULL: the control */
	struct verdict verdict;      /* the first thing that went wrong */
	struct scale_series *series; /* see scale_series_of() */
};

struct scale {
	const struct scale_options *options;
	unsigned counts[SCALE_COUNTS_MAX]; /* numbers of threads, 1 first */
	unsigned count_count;
	struct scale_row *rows; /* the control is the first */
	int row_count;
	unsigned rounds; /* complete ones */
	bool interrupted;

	/* private to scale.c */
	struct trace traces[SCALE_WORKS][SCALE_COUNTS_MAX]; /* shared memory */
	uint64_t random;
};

/* What one child measures: a row, a work, counts[count] threads. */
struct point {
	int row;
	enum scale_work work;
	unsigned count;
};

/* The trace that is replayed, and that a verdict names events of. */
const struct trace *scale_trace_of(const struct scale *scale,
                                   const struct point *point);

static inline struct scale_series *scale_series_of(const struct scale *scale,
                                                   int row, unsigned work,
                                                   unsigned count)
{
	return &scale->rows[row].series[work * scale->count_count + count];
}

/* The machine's cores, at least 2: with one there is nothing to compare. */
unsigned scale_default_threads(void);

/*
 * 1,000,000: with so many even the fastest design spends most of its time in
 * warm calls, not in the first faults of its pages.  Fewer with more than 16
 * threads, so that a trace of all of them takes 512 MiB at most.
 */
uint64_t scale_default_steps(unsigned threads);

/*
 * Runs everything.  False with `error` set only when the lab itself cannot go
 * on; an allocator that fails keeps its verdict and is left out from then on.
 * After an interrupt the complete rounds count.
 */
bool scale_run(struct scale *scale, const struct scale_options *options,
               struct subject *subjects, int count, struct trace_error *error);
void scale_free(struct scale *scale);

/* ns that a thread needs for a call. */
struct estimate scale_ns_per_op(const struct scale *scale, int row,
                                unsigned work, unsigned count);

/* Times as much work a second as with one thread; the ideal is threads. */
struct estimate scale_speedup(const struct scale *scale, int row, unsigned work,
                              unsigned count);

/* That, by the control's; the ideal is 1. */
struct estimate scale_of_control(const struct scale *scale, int row,
                                 unsigned work, unsigned count);

#endif
