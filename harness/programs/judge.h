/*
 * judge.h - what became of a run, as a row and a sentence.
 */
#ifndef HARNESS_PROGRAMS_JUDGE_H
#define HARNESS_PROGRAMS_JUDGE_H

#include "compare.h"
#include "counting.h"

/*
 * A run of at most `seconds`, held against the first one of the program by
 * itself, whose row is `first`.
 */
void judge(struct cell_row *row, const struct trial *trial,
           const struct cell_row *first, const struct program *program,
           double seconds);

/* That first run: what the others should do. */
void judge_first(struct cell_row *row, const struct trial *trial,
                 struct program *program, double seconds);

/* What the counted run says besides. */
void judge_calls(struct cell_row *row, const struct program *program,
                 const struct counting *counting,
                 const struct contender *contender);

/* A row that was not run, or not to its end, and why. */
void judge_failed(struct cell_row *row, enum outcome outcome,
                  const char *sentence);

#endif
