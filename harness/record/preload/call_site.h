/*
 * call_site.h - where in the program a call was made, as a number.
 */
#ifndef HARNESS_RECORD_PRELOAD_CALL_SITE_H
#define HARNESS_RECORD_PRELOAD_CALL_SITE_H

#include <stdint.h>

/*
 * An empty table for an image that begins, and its files PATH.sites and
 * PATH.modules; stacks have `depth` frames at most.
 */
void call_site_open(const char *path, unsigned depth);

/*
 * The site of the call into our library that is going on: a stack, which gets a
 * number when it is first seen.  0: not known.  Keeps errno.
 * Cost: the unwinder's steps; the table only for stacks that this thread has not
 * had of late.
 */
uint32_t call_site(void);

#endif
