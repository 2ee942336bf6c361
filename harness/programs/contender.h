/*
 * contender.h - a malloc that a program can be run with, as one row.
 *
 *     tcmalloc:page_map=hash   an allocator of the lab, as a library to preload
 *                              (make preload), with its knobs in ALLOCLAB_CONF
 *     lib:jemalloc, lib:./x.so a library of others, see library/library.h
 *     system                   nothing preloaded: the C library's own
 *
 * All but the words of the lab's allocators, and all that sets the environment,
 * is library/library.h's.
 */
#ifndef HARNESS_PROGRAMS_CONTENDER_H
#define HARNESS_PROGRAMS_CONTENDER_H

#include <stdio.h>

#include "../library/library.h"

enum contender_kind {
	CONTENDER_LAB,
	CONTENDER_LIBRARY,
	CONTENDER_SYSTEM, /* also with an environment: system[NAME=value] */
	CONTENDER_KINDS,
};

extern const char *const contender_kind_names[CONTENDER_KINDS];

enum { CONTENDER_NAME_BYTES = 24 };

struct contender {
	char label[256];                 /* as results name it */
	char name[CONTENDER_NAME_BYTES]; /* as tables do: the label, or
	                                    "jemalloc #1" for a long one */
	enum contender_kind kind;
	struct library library; /* what is preloaded, and the variables */
};

enum contender_state {
	CONTENDER_READY,
	CONTENDER_MISSING,  /* known; its library is not here */
	CONTENDER_UNUSABLE, /* a mistake of the user          */
};

/* Reads one word.  Other than READY there is a sentence in `error`. */
enum contender_state contender_open(const char *word,
                                    struct contender *contender,
                                    struct trace_error *error);

/* Several of them, each once. */
struct contenders {
	struct contender *of;
	int count;
};

/*
 * Adds the words, separated by white space; "all" stands for every allocator of
 * the lab whose library is built and every known library that is installed.
 * A named one that is missing is a line on stderr and no row.  False with
 * `error` set for a mistake, and if there is no row at all.
 */
bool contenders_add(struct contenders *contenders, const char *words,
                    struct trace_error *error);

/* A line for each name that is not the label, and an empty one if any is. */
void contenders_print_names(const struct contenders *contenders, FILE *out);

/* The place of a label; -1: it has none. */
int contenders_find(const struct contenders *contenders, const char *label);

void contenders_free(struct contenders *contenders);

#endif
