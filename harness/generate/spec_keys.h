/*
 * spec_keys.h - the keys of a spec, as data: the parser, the error messages and
 * `alloclab gen --keys` all read this one table.
 */
#ifndef HARNESS_GENERATE_SPEC_KEYS_H
#define HARNESS_GENERATE_SPEC_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* Where a key may stand, as bits. */
enum {
	IN_WORKLOAD = 1,
	IN_PHASE = 2,
	IN_GROUP = 4,
};

enum key_type {
	KEY_COUNT,        /* uint64_t, min..max               */
	KEY_SHARE,        /* double, 0..1                     */
	KEY_SIGNED_SHARE, /* double, -1..1                    */
	KEY_REAL,         /* double, min..max                 */
	KEY_CHOICE,       /* uint64_t, first_choice + index   */
	KEY_THREAD,       /* int64_t: a number or "any"       */
	KEY_TEXT,         /* char *                           */
	KEY_LEVEL,        /* struct level: "N" or "N to M"    */
	KEY_TABLE,        /* struct table                     */
	KEY_DISTRIBUTION, /* struct distribution, min..max    */
};

struct key {
	const char *name; /* NULL ends the list */
	enum key_type type;
	unsigned where; /* IN_ bits */
	unsigned kinds; /* bits of enum spec_kind that know it */
	size_t offset;  /* in struct settings */
	uint64_t min, max;
	const char *const *choices;
	uint64_t first_choice; /* the number of choices[0] */
	const char *initial;   /* the default, for people; "" must be given */
	const char *summary;   /* one line */
};

extern const struct key spec_keys[];

enum { SPEC_KEYS_MAX = 64 };

/* The key of that name, or NULL. */
const struct key *spec_key_find(const char *name);

/* Prints all keys with where they stand, defaults and ranges on stdout. */
void spec_keys_print(void);

#endif
