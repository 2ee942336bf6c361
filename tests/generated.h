/*
 * generated.h - what tests of the generator share: a spec as text in, the trace
 * and what can be read off it out.
 */
#ifndef TESTS_GENERATED_H
#define TESTS_GENERATED_H

#include "lab.h"

#include "harness/trace/trace.h"

/* One block of a trace. */
struct generated_block {
	uint64_t size;      /* requested at birth                         */
	uint64_t last_size; /* after its last realloc                     */
	uint64_t birth;     /* operations (allocations, reallocs) until then */
	uint64_t death;     /* likewise; UINT64_MAX if it lives at the end */
	uint16_t born_by, freed_by;
	uint8_t kind;
	uint8_t align_log2;
};

struct generated {
	struct trace trace;
	struct generated_block *blocks; /* by birth */
	size_t count;
	uint64_t operations;
	char text[4096]; /* small traces: see generated_text() */
};

/*
 * Generates from a spec's text, with `sets` (NULL-terminated or NULL) put in its
 * place; fails the test where that does not work.  Freed by generated_free.
 */
struct generated *generate_text(const char *spec, const char *const *sets);

/* The same from a spec in workloads/. */
struct generated *generate_named(const char *name);

void generated_free(struct generated *generated);

/*
 * The events of a small trace, blocks numbered by birth:
 * "start | 1:16 2:24 -1 2:48 |": phase start, block 1 of 16 bytes, block 2,
 * block 1 freed, block 2 resized to 48.
 */
const char *generated_text(struct generated *generated);

/* Requires that the spec is refused with exactly this message; "FILE" in it
 * stands for the spec's path. */
void expect_spec_error(const char *spec, const char *const *sets,
                       const char *message);

#endif
