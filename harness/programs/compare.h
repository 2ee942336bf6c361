/*
 * compare.h - programs under many mallocs, in interleaved rounds.
 *
 *     round 0   counted: how many calls reach each library, and is the output
 *               the one that the program has without it?  Not timed.
 *     round 1.. timed: every program under every malloc that came through, in
 *               an order shuffled anew
 *
 * Outputs are held against those of `system`, the program as it is, which runs
 * twice before all others: if it does not say the same again, nobody's output is
 * compared.
 */
#ifndef HARNESS_PROGRAMS_COMPARE_H
#define HARNESS_PROGRAMS_COMPARE_H

#include "../run/statistics.h"
#include "contender.h"
#include "trial.h"

enum {
	COMPARE_ROUNDS_MAX = 100,

	/* A program that calls less often tells little about a malloc. */
	CALLS_LEAST = 100000,

	PATIENCE_S = 10,
};

/* A program, and how it is run. */
struct program {
	char name[64];
	char *const *argv;
	const char *directory, *input, *after;
	const char *before; /* a command before every run, or NULL */
	struct service service;
	bool bypasses; /* no library gets into it, and why: */
	char why_bypass[256];
	bool varies; /* found: two runs without a library say different things */
	int exit_status; /* found: of the first of them */
	bool is_untimed; /* counted and held against its own output, no more */
	bool is_stress;  /* made to be hard on a malloc                      */
};

enum outcome {
	OUTCOME_OK,
	OUTCOME_BYPASSES,   /* it ran, and no call reached the library    */
	OUTCOME_NOT_LOADED, /* the loader did not take the library        */
	OUTCOME_DIFFERS,    /* other output than without the library      */
	OUTCOME_EXIT,       /* another exit status                        */
	OUTCOME_CRASH,
	OUTCOME_TIMEOUT, /* killed at its limit                     */
	OUTCOME_FAILED,  /* could not be started, or loaded         */
	OUTCOME_NOT_RUN, /* interrupted before its turn             */
	OUTCOMES,
};

extern const char *const outcome_words[OUTCOMES];

/* Figures that a run has, per round. */
enum figure {
	FIGURE_WALL_NS,
	FIGURE_CPU_NS,
	FIGURE_PEAK_BYTES, /* of the largest process */
	FIGURE_TREE_PEAK_BYTES,
	FIGURE_MEAN_BYTES,
	FIGURE_DRAINED_BYTES,
	FIGURE_FAULTS,
	FIGURES,
};

/* A program under a malloc. */
struct cell_row {
	enum outcome outcome;
	char sentence[400];
	uint64_t calls; /* that reached the library, frees included */
	bool is_counted;
	uint64_t output_hash, output_bytes;
	int number; /* exit status or signal of the last run */
	/* Its runs, with all that belongs to one; 0: none yet. */
	double shortest_s, longest_s;
	double figures[FIGURES][COMPARE_ROUNDS_MAX];
	unsigned position[COMPARE_ROUNDS_MAX];
	unsigned rounds;
};

struct compare {
	/* In. */
	struct program *programs;
	int program_count;
	struct contenders contenders;
	unsigned rounds_wanted; /* 0: round 0 alone */
	/* That a run may take: so many seconds, or, where `of_system` is not 0,
	 * so many times what the program takes by itself, though not less than
	 * PATIENCE_S and not more than those seconds. */
	double seconds, of_system;
	uint64_t seed;
	bool shows_progress;

	/* Out: a row for each program, in it one for each malloc. */
	struct cell_row *rows;
	unsigned rounds;
	bool interrupted;
};

struct cell_row *compare_row(const struct compare *compare, int program,
                             int contender);

/*
 * Runs all.  `system` must be among the contenders.  False with `error` set if
 * the lab cannot go on; what programs do is in the rows.
 */
bool compare_run(struct compare *compare, struct trace_error *error);

/* Whether a row is run again: bypassing programs have times like others. */
bool compare_is_alive(const struct cell_row *row);

void compare_free(struct compare *compare);

/* The median of a figure over the rounds, and its interval; n is 0 without. */
struct estimate compare_figure(const struct compare *compare, int program,
                               int contender, enum figure figure);

/* The same for the ratio to another contender's, round by round. */
struct estimate compare_ratio(const struct compare *compare, int program,
                              int contender, int other, enum figure figure);

/* Whether a row says something about the malloc: enough calls reached it. */
bool compare_is_telling(const struct compare *compare, int program);

/* Which programs a mean is over; of all only those that are telling. */
enum program_set {
	PROGRAMS_ALL,
	PROGRAMS_REAL,   /* what people run              */
	PROGRAMS_STRESS, /* made to be hard on a malloc  */
	PROGRAM_SETS,
};

extern const char *const program_set_names[PROGRAM_SETS];

/*
 * The geometric mean of that ratio over the programs of a set that both came
 * through; *programs is how many those are.
 */
struct estimate compare_mean_ratio(const struct compare *compare, int contender,
                                   int other, enum figure figure,
                                   enum program_set set, int *programs);

/* Whether a row has the figure at all. */
bool compare_has(const struct compare *compare, int program, int contender,
                 enum figure figure);

#endif
