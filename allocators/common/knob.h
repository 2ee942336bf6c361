/*
 * knob.h - the parameters of an allocator, as data.
 *
 * A constant that someone would want to sweep is a knob.  An allocator lists
 * its knobs in an array; `alloclab list` prints it, and the command line sets
 * them: `first-fit:order=lifo,growth=64K`.  Values are numbers; a choice is the
 * number of one of its names.
 *
 *     enum { BUMP_GROWTH, BUMP_KNOBS };
 *     static const struct knob knobs[] = {
 *         [BUMP_GROWTH] = {.name = "growth", .unit = "bytes", ...},
 *         [BUMP_KNOBS] = {0},          <- a knob without a name ends the list
 *     };
 *     size_t growth = values->of[BUMP_GROWTH];
 */
#ifndef ALLOCATORS_COMMON_KNOB_H
#define ALLOCATORS_COMMON_KNOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KNOBS_MAX = 24 }; /* of one allocator */

struct knob {
	const char *name;
	const char *unit; /* "bytes", "pages", "blocks"...; "" for a choice   */
	uint64_t initial; /* the default; for a choice, the index of a name   */
	uint64_t min, max;          /* inclusive; ignored for a choice        */
	bool power_of_two;          /* only powers of two are in the range    */
	const char *const *choices; /* ends with NULL; NULL for a number      */
	const char *summary;        /* one line: what turning it changes      */
	const char *source;         /* key in docs/references.md, or ""       */
};

struct knob_values {
	uint64_t of[KNOBS_MAX]; /* in the order of the knob array */
};

/* Sets every value to its knob's default. */
void knob_defaults(const struct knob *knobs, struct knob_values *values);

/*
 * Applies `settings`, "name=value,name=value" (may be empty), on top of
 * `values`.  A value is a decimal number with an optional K, M or G (times
 * 2^10, 2^20, 2^30), or the name of a choice.
 *
 * Returns true, or false with a message in `error` that names the knob, the bad
 * value and the range or the choices; `values` is then half set.  A knob that is
 * set twice is a mistake, too.
 */
bool knob_parse(const struct knob *knobs, const char *settings,
                struct knob_values *values, char *error, size_t capacity);

/*
 * Writes "name=value,name=value" for every knob (or, with changed_only, those
 * that differ from the default) into `text`; the inverse of knob_parse.
 */
void knob_print(const struct knob *knobs, const struct knob_values *values,
                bool changed_only, char *text, size_t capacity);

/* Writes the range or the choices of one knob: "16..4096, a power of two". */
void knob_print_range(const struct knob *knob, char *text, size_t capacity);

#endif
