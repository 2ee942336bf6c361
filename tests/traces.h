/*
 * traces.h - what tests of traces share: from text, at random, through a file.
 */
#ifndef TESTS_TRACES_H
#define TESTS_TRACES_H

#include "harness/trace/trace.h"

/* The trace of a text; fails the test if it is refused. */
struct trace trace_of(const char *text);

/* A text, called "t", and the whole message that refuses it. */
struct refusal {
	const char *text;
	const char *message;
};
void expect_refusals(const struct refusal *refusals, size_t count);
#define EXPECT_REFUSALS(array)                                                 \
	expect_refusals(array, sizeof(array) / sizeof(array)[0])

/*
 * A sound trace of `events` events of all kinds; the seed decides whether it has
 * threads, phases and times.
 */
struct trace random_trace(unsigned seed, uint64_t events);

/* What trace_write_text() writes; free() it. */
char *written_text(const struct trace *trace);

/* The trace through a temporary file. */
typedef bool trace_writer(const char *path, const struct trace *trace,
                          struct trace_error *error);
struct trace written_and_read(const struct trace *trace, trace_writer *write);

/* Fails the test unless all is equal, but the form and names of blocks. */
void assert_same_trace(const struct trace *one, const struct trace *two);

#endif
