/*
 * input.h - what a program reads on stdin: the same in every run.
 */
#ifndef HARNESS_PROGRAMS_INPUT_H
#define HARNESS_PROGRAMS_INPUT_H

#include "../trace/trace.h"

struct input {
	const char *path; /* NULL: /dev/null           */
	int file;         /* that path leads to, or -1 */
	char own[32];     /* room for it               */
};

/*
 * `asked` is a file, or a pipe, of which a copy is made; "-", all that comes in
 * on our own stdin; or NULL, our own stdin if that is a file.  What is piped in
 * and not asked for is left alone, since it may never end: a line on stderr says
 * so.  False with `error` set.
 */
bool input_open(struct input *input, const char *asked,
                struct trace_error *error);

void input_close(struct input *input);

#endif
