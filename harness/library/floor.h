/*
 * floor.h - the empty library: what the way to a malloc costs by itself.
 *
 * It lies beside the program, lib/liballoclab-empty.so (library/empty/empty.c).
 */
#ifndef HARNESS_LIBRARY_FLOOR_H
#define HARNESS_LIBRARY_FLOOR_H

#include "../run/subject.h"

/*
 * A subject for the empty library, malloc'ed, if one of `subjects` is preloaded;
 * else, or where it is not built, NULL.
 */
struct subject *library_floor_for(const struct subject *subjects, int count);

/* In a process that has the empty library: it may be empty now. */
void library_begin(void);

#endif
