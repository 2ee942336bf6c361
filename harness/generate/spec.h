/*
 * spec.h - a workload spec, understood: what every section says, with what it
 * inherits filled in.
 *
 *     [workload]  seed, what happens at the end, defaults for what follows
 *     [phase a]   so many operations; defaults for its groups
 *     [group x]   a kind of object of phase a, with a share of its operations
 *     [group y]
 *     [phase b]   a phase without groups is one group of its own
 *
 * A section starts as a copy of the one it stands in, so one struct holds the
 * settings of all three; `keys` in spec_keys.c says which key belongs where.
 * workloads/README.md describes the language for those who write specs.
 */
#ifndef HARNESS_GENERATE_SPEC_H
#define HARNESS_GENERATE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "distribution.h"
#include "spec_file.h"

/* What makes the trace. */
enum spec_kind {
	KIND_PHASES,   /* phases.c: the sections of the spec       */
	KIND_ROBSON,   /* adversary.c: Robson's, oblivious         */
	KIND_NEXT_FIT, /* adversary.c: next fit's bad case         */
	KIND_BUDDY,    /* adversary.c: the buddy system's bad case */
	KIND_PRIVATE,  /* crew.c: this and all that follow         */
	KIND_LARSON,
	KIND_THREAD_CHURN,
	KIND_RING,
	KIND_FALSE_SHARING,
};

/* In which order blocks die. */
enum order {
	ORDER_NOT_GIVEN,
	ORDER_RANDOM,
	ORDER_LIFO,  /* the newest first */
	ORDER_FIFO,  /* the oldest first */
	ORDER_LEAVE, /* not at all */
};

/* How blocks of two threads get into one cache line. */
enum sharing {
	SHARING_ACTIVE,  /* given out so to two that ask in turn     */
	SHARING_PASSIVE, /* made by one, freed and used by the others */
};

/* Which block grows. */
enum grow_which { GROW_RANDOM, GROW_NEWEST };

/* A bound on what is live, moving evenly from one end of a phase to the other. */
struct level {
	bool is_given;
	uint64_t from, to;
};

enum { THREAD_ANY = -1 };

struct settings {
	/* [workload] only */
	uint64_t kind; /* enum spec_kind */
	uint64_t seed;
	uint64_t at_end; /* enum order */
	uint64_t repeat;
	uint64_t units; /* of the adversaries: M, m */
	uint64_t unit_bytes, header_bytes;
	uint64_t largest_log2, rounds;
	uint64_t in_flight; /* of a crew: blocks that each thread holds */
	uint64_t sharing;   /* enum sharing */
	char *shows;        /* in the spec_file */

	/* [phase] */
	uint64_t operations, threads;

	/* [group] */
	double share;
	char *pool; /* in the spec_file; NULL: named after the group */
	struct distribution size, lifetime, align, burst;
	double correlation;
	struct table live_objects;
	struct level live, live_bytes;
	uint64_t death; /* enum order */
	uint64_t bursts_open;
	double keep;
	uint64_t end_order; /* enum order */
	double calloc_share, aligned_share;
	double grow_share, grow_factor;
	uint64_t grow_step, grow_to;
	uint64_t grow_which; /* enum grow_which */
	int64_t thread, free_thread;
	double remote_share;
};

struct group {
	const struct spec_line *heading;
	struct settings settings;
	uint32_t pool;                          /* index in spec.pools */
	double lifetime_factor[TABLE_ROWS_MAX]; /* by row of size's table; only
	                                           with live_objects */
};

struct phase {
	const char *name; /* in the spec_file */
	const struct spec_line *heading;
	struct settings settings;
	uint32_t first_group, groups;
};

struct spec {
	struct spec_file file;
	struct settings workload;
	struct phase *phases;
	uint32_t phase_count;
	struct group *groups;
	uint32_t group_count;
	const char **pools; /* names, by first appearance */
	uint32_t pool_count;
};

/*
 * Reads a spec, applies `sets` (NULL-terminated, may be NULL) and checks
 * everything.  False with "file:line: reason" or "--set x: reason".
 */
bool spec_read(const char *path, const char *const *sets, struct spec *spec,
               struct trace_error *error);

void spec_free(struct spec *spec);

/* "phases", "robson"... */
const char *spec_kind_name(enum spec_kind kind);

#endif
