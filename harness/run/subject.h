/*
 * subject.h - an allocator with its knobs set, as one row of a run.
 */
#ifndef HARNESS_RUN_SUBJECT_H
#define HARNESS_RUN_SUBJECT_H

#include "../../allocators/allocator.h"
#include "../../allocators/common/knob.h"
#include "../clock/speed.h"
#include "../library/library.h"
#include "../measure/meter.h"
#include "statistics.h"

/* What replays on real threads found; all 0 without them. */
struct threaded {
	bool is_known;            /* it came to its end under the oracle      */
	uint64_t footprint_bytes; /* peak under the oracle                   */
	double footprints[REPS_MAX]; /* of the timed rounds                  */
	struct lock_table locks; /* of the timed rounds, else of the oracle's */
	uint64_t replays;        /* that the locks are the sum of            */
};

struct subject {
	const struct allocator *allocator;
	struct knob_values values;
	char label[256]; /* "first-fit:order=lifo": the CSV's first column */

	/*
	 * A malloc that comes with its process (library.h); `allocator` is
	 * then the adapter to it, `system`.
	 */
	bool is_library;
	struct library library;

	struct verdict verdict; /* the first thing that went wrong, or OK */
	struct audit audit;
	struct meter meter;
	bool is_audited; /* peaks and counts are known, up to the end     */
	bool is_metered; /* so is what the heap was made of               */

	struct threaded threaded;

	double measure_seconds; /* audit and meter together, wall time   */

	/* The speed pass: one value per round, in the same round order. */
	double ns_per_op[REPS_MAX], cpu_ns_per_op[REPS_MAX];
	double resident[REPS_MAX];
	double page_faults[REPS_MAX], system_ns[REPS_MAX];
	unsigned position[REPS_MAX];
	size_t reps;
	struct residency residency; /* with every page touched */
	bool is_resident_known;
	double seconds; /* spent in the speed pass so far */
	struct estimate ns;
};

/*
 * Makes a subject from "name" or "name:knob=value,..."; a name with a slash is a
 * plug-in's path (plugin/plugin.h).  False with a sentence that names what is
 * unknown or out of range.  Libraries are not known here.
 */
bool subject_parse(const char *text, struct subject *subject,
                   struct trace_error *error);

/*
 * Makes subjects from words separated by white space; "all" stands for every
 * allocator in the registry, and what is named twice counts once.  Libraries are
 * words as in library/library.h; one that is not installed is a line on stderr
 * and no subject.  Returns how many (1 at least), and *subjects is malloc'ed; or
 * -1 with the error set, and *subjects is NULL.
 */
int subjects_parse(const char *words, struct subject **subjects,
                   struct trace_error *error);

/*
 * Adds what one word of such a list names.  *number is its place, new or not; -1
 * where a library is not installed.  False with `error` set.
 */
bool subjects_add(const char *word, struct subject **subjects, int *count,
                  int *number, struct trace_error *error);

/* Forgets the findings of an earlier workload. */
void subject_reset(struct subject *subject);

#endif
