/*
 * patience.h - how long a run may take, and what is said of a wait.
 *
 * A design that searches its whole list may be a thousand times slower than the
 * C library.  That is a result after some seconds; nobody has to wait for the end
 * of it, in every round.
 */
#ifndef HARNESS_PROGRAMS_PATIENCE_H
#define HARNESS_PROGRAMS_PATIENCE_H

#include "../run/progress.h"
#include "compare.h"

/* What a run of the program under the contender may take, in seconds. */
double patience_limit_s(const struct compare *compare, int program,
                        int contender);

/* Whether the timed rounds run it. */
bool patience_is_timed(const struct compare *compare, int program,
                       int contender);

/* What a timed round takes at most, by what runs took so far; in seconds. */
double patience_round_s(const struct compare *compare);

/* Says on stderr what the limit of a long program is, once it is known. */
void patience_say_limit(const struct compare *compare,
                        struct progress *progress);

/* Says on stderr, when it happens, that a row has run out of time. */
void patience_say_timeout(const struct compare *compare, int program,
                          int contender, struct progress *progress);

/*
 * Says on stderr, before the timed rounds, how long they will take and what is
 * slowest; nothing if that is a short while.
 */
void patience_say_expected(const struct compare *compare, double seconds);

#endif
