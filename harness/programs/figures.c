/*
 * figures.c - medians and ratios of what the rounds found.
 */
#include <stdlib.h>

#include "compare.h"

bool compare_is_alive(const struct cell_row *row)
{
	return row->outcome == OUTCOME_OK || row->outcome == OUTCOME_BYPASSES;
}

bool compare_has(const struct compare *compare, int program, int contender,
                 enum figure figure)
{
	const struct cell_row *row = compare_row(compare, program, contender);

	return compare->rounds > 0 && row->rounds >= compare->rounds &&
	       compare_is_alive(row) && row->figures[figure][0] > 0;
}

struct estimate compare_figure(const struct compare *compare, int program,
                               int contender, enum figure figure)
{
	const struct cell_row *row = compare_row(compare, program, contender);

	return compare_has(compare, program, contender, figure)
	               ? estimate_median(row->figures[figure], row->rounds)
	               : (struct estimate){0};
}

struct estimate compare_ratio(const struct compare *compare, int program,
                              int contender, int other, enum figure figure)
{
	if (!compare_has(compare, program, contender, figure) ||
	    !compare_has(compare, program, other, figure))
		return (struct estimate){0};
	return estimate_ratio(
		compare_row(compare, program, contender)->figures[figure],
		compare_row(compare, program, other)->figures[figure],
		compare->rounds);
}

bool compare_is_telling(const struct compare *compare, int program)
{
	int first = contenders_find(&compare->contenders, "system");

	return compare_row(compare, program, first)->calls >= CALLS_LEAST &&
	       !compare->programs[program].bypasses;
}

const char *const program_set_names[PROGRAM_SETS] = {
	[PROGRAMS_ALL] = "all",
	[PROGRAMS_REAL] = "programs",
	[PROGRAMS_STRESS] = "stress",
};

static bool is_in(const struct compare *compare, int program,
                  enum program_set set)
{
	bool is_stress = compare->programs[program].is_stress;

	return compare_is_telling(compare, program) &&
	       (set == PROGRAMS_ALL || is_stress == (set == PROGRAMS_STRESS));
}

/* Two contenders, and the programs that have both. */
struct duel {
	const struct compare *compare;
	enum figure figure;
	int a, b;
	int *programs;
};

static double ratio_in_round(void *ctx, size_t program, size_t round)
{
	const struct duel *duel = ctx;
	int p = duel->programs[program];

	return compare_row(duel->compare, p, duel->a)
	               ->figures[duel->figure][round] /
	       compare_row(duel->compare, p, duel->b)
	               ->figures[duel->figure][round];
}

struct estimate compare_mean_ratio(const struct compare *compare, int contender,
                                   int other, enum figure figure,
                                   enum program_set set, int *programs)
{
	int *both = calloc((size_t)compare->program_count + 1, sizeof *both);
	struct duel duel = {compare, figure, contender, other, both};

	*programs = 0;
	if (both == NULL)
		return (struct estimate){0};
	for (int p = 0; p < compare->program_count; p++)
		if (is_in(compare, p, set) &&
		    compare_has(compare, p, contender, figure) &&
		    compare_has(compare, p, other, figure))
			both[(*programs)++] = p;
	struct estimate mean = estimate_mean_ratio(
		ratio_in_round, &duel, (size_t)*programs, compare->rounds);
	free(both);
	return mean;
}
