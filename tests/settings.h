/*
 * settings.h - the allocators and knob settings that the contract battery runs.
 */
#ifndef TESTS_SETTINGS_H
#define TESTS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allocators/allocator.h"

#ifdef __SANITIZE_THREAD__
enum { UNDER_TSAN = 1 };
#else
enum { UNDER_TSAN = 0 };
#endif

struct setting {
	const struct allocator *allocator;
	char name[256];    /* "first-fit:order=lifo", "first-fit"       */
	const char *knobs; /* the part behind the colon, or ""          */

	/*
	 * One knob of the default setting moved to an end of its range: made
	 * from the knob array, and given shorter runs than those chosen here.
	 */
	bool derived;
};

/*
 * The chosen settings of settings.c and, unless CONTRACT=quick is in the
 * environment, the derived ones; `*count` of them.  What is left out, and why,
 * goes to stdout as lines that start with "# ".  The list lives until the
 * program ends.
 */
const struct setting *settings_collect(size_t *count);

/*
 * The n-th of an endless row of settings in which every knob has been drawn at
 * random: a choice, or the default or an end of the range.  False where those
 * values do not go together.
 */
bool settings_draw(const struct allocator *allocator, uint64_t n,
                   struct setting *out);

#endif
