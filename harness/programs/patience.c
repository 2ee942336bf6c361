/*
 * patience.c - limits by what the program takes by itself, and lines on stderr.
 */
#include "patience.h"

#include <stdio.h>

/* A comparison that is over sooner needs no warning. */
static const double SECONDS_UNSAID = 20;

static const struct cell_row *by_itself(const struct compare *compare, int p)
{
	return compare_row(compare, p,
	                   contenders_find(&compare->contenders, "system"));
}

/* Of runs with a library. */
static double library_limit_s(const struct compare *compare, int p)
{
	double limit = by_itself(compare, p)->shortest_s * compare->of_system;

	if (compare->of_system == 0 || limit > compare->seconds)
		return compare->seconds;
	return limit > PATIENCE_S ? limit : PATIENCE_S;
}

double patience_limit_s(const struct compare *compare, int program,
                        int contender)
{
	return compare_row(compare, program, contender) ==
	                       by_itself(compare, program)
	               ? compare->seconds
	               : library_limit_s(compare, program);
}

bool patience_is_timed(const struct compare *compare, int program,
                       int contender)
{
	return !compare->programs[program].is_untimed &&
	       compare_is_alive(compare_row(compare, program, contender));
}

double patience_round_s(const struct compare *compare)
{
	double sum = 0;

	for (int p = 0; p < compare->program_count; p++)
		for (int c = 0; c < compare->contenders.count; c++)
			if (patience_is_timed(compare, p, c))
				sum += compare_row(compare, p, c)->longest_s;
	return sum;
}

void patience_say_limit(const struct compare *compare,
                        struct progress *progress)
{
	double limit = library_limit_s(compare, 0);

	if (compare->program_count != 1 || compare->of_system == 0 ||
	    limit <= PATIENCE_S || !compare_is_alive(by_itself(compare, 0)))
		return;
	progress_close(progress);
	fprintf(stderr,
	        "alloclab compare: %s takes %.2g s by itself; runs that take "
	        "longer than %.3g s are ended (--timeout)\n",
	        compare->programs[0].name, by_itself(compare, 0)->shortest_s,
	        limit);
}

void patience_say_timeout(const struct compare *compare, int program,
                          int contender, struct progress *progress)
{
	progress_close(progress);
	fprintf(stderr, "alloclab compare: %s under %s: %s; not run again\n",
	        compare->programs[program].name,
	        compare->contenders.of[contender].label,
	        compare_row(compare, program, contender)->sentence);
}

static void find_slowest(const struct compare *compare, int *program,
                         int *contender)
{
	double longest = 0;

	for (int p = 0; p < compare->program_count; p++)
		for (int c = 0; c < compare->contenders.count; c++) {
			double own = compare_row(compare, p, c)->longest_s;
			if (!patience_is_timed(compare, p, c) || own <= longest)
				continue;
			longest = own;
			*program = p;
			*contender = c;
		}
}

void patience_say_expected(const struct compare *compare, double seconds)
{
	unsigned rounds = compare->rounds_wanted;
	int p = 0, c = 0;

	if (seconds < SECONDS_UNSAID)
		return;
	find_slowest(compare, &p, &c);
	fprintf(stderr,
	        "alloclab compare: %u timed round%s, about %.0f s in all; "
	        "slowest is %s under %s, %.3g s a run\n",
	        rounds, rounds == 1 ? "" : "s", seconds,
	        compare->programs[p].name, compare->contenders.of[c].label,
	        compare_row(compare, p, c)->longest_s);
}
