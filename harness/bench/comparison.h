/*
 * comparison.h - allocators side by side on many workloads.
 *
 * A round runs every allocator once on every workload, in an order shuffled
 * anew, each in a process of its own.  So the rounds are spread over the whole
 * time, and what disturbs the machine for a while disturbs every row alike.
 *
 *     round 1: sqlite: b a null c   perl: c null a b   ...
 *     round 2: perl: null c b a     sqlite: a c b null ...
 *
 * Time here is processor time: on a quiet machine the same as wall time, on one
 * that others use, too, what they take is not in it.
 */
#ifndef HARNESS_BENCH_COMPARISON_H
#define HARNESS_BENCH_COMPARISON_H

#include "../run/run.h"
#include "../workload_list.h"

enum {
	RESIDENT_ROUNDS = 3,

	/*
	 * A heap of less counts as so much: what it needs there depends on
	 * which pages its process has touched before the barrier.
	 */
	RESIDENT_LEAST_BYTES = 64 << 10,
};

enum measure {
	MEASURE_TIME,     /* processor time per call, ns               */
	MEASURE_RESIDENT, /* peak resident memory, every page touched  */
	MEASURE_WHOLE,    /* the same with all that was there before   */
	MEASURES,
};

/* One workload. */
struct contest {
	struct workload workload;
	struct run run; /* its subjects are this contest's own */
	/* Per subject, bytes. */
	double (*resident)[RESIDENT_ROUNDS], (*whole)[RESIDENT_ROUNDS];
};

struct comparison {
	struct run_options options;
	struct subject *subjects; /* as parsed; contests have copies */
	int subject_count;
	struct contest *contests;
	int count;
	unsigned rounds;          /* finished ones */
	unsigned resident_rounds; /* likewise      */
	bool interrupted;
};

/* Nothing to compare yet. */
void comparison_open(struct comparison *comparison);
void comparison_close(struct comparison *comparison);

/*
 * Adds an allocator, before the first workload; *number is its place, -1 where a
 * library is not installed (which has been said).  False with `error` set.
 */
bool comparison_add_subject(struct comparison *comparison, const char *word,
                            int *number, struct trace_error *error);

/* The same subjects as another's.  False without memory. */
bool comparison_copy_subjects(struct comparison *comparison,
                              const struct comparison *other,
                              struct trace_error *error);

/*
 * Adds a workload and takes its trace over, all of it on one thread: a library
 * has caches for OS threads only.
 */
bool comparison_add(struct comparison *comparison, struct workload *workload,
                    struct trace_error *error);

/* Reads and adds all of a list. */
bool comparison_add_list(struct comparison *comparison,
                         const struct workload_list *list,
                         struct trace_error *error);

/*
 * Runs `rounds` rounds, or, if that is 0, as many as fit into `seconds`, 3 at
 * least; then RESIDENT_ROUNDS of the resident pass.  An interrupt ends it with
 * the rounds that are whole.
 */
bool comparison_run(struct comparison *comparison, const char *title,
                    unsigned rounds, double seconds, struct trace_error *error);

/* Whether the subject came to the end of every round on this workload. */
bool comparison_has(const struct comparison *comparison, enum measure measure,
                    int contest, int subject);

/* The median over the rounds. */
double comparison_median(const struct comparison *comparison,
                         enum measure measure, int contest, int subject);

/* a / b on one workload; both must be there. */
struct estimate comparison_ratio(const struct comparison *comparison,
                                 enum measure measure, int contest, int a,
                                 int b);

/*
 * a / b: the geometric mean over the workloads that have both; *workloads is
 * their number.
 */
struct estimate comparison_mean(const struct comparison *comparison,
                                enum measure measure, int a, int b,
                                int *workloads);

#endif
