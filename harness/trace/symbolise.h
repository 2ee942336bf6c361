/*
 * symbolise.h - gives frames their texts: function, file and line.
 */
#ifndef HARNESS_TRACE_SYMBOLISE_H
#define HARNESS_TRACE_SYMBOLISE_H

#include "sites.h"

/*
 * Asks addr2line (of binutils, which gcc needs too) about every frame of every
 * module that is a file here.  A function that was inlined gets a line of its
 * own, above the one it went into.  Frames of which nothing is known keep what
 * they have, in most cases no text.  Returns the frames that have a text then.
 *
 * The modules must be the files that the program had loaded: nothing tells
 * whether they were changed since.  Cost: addr2line reads the debug information
 * of each module once.
 */
uint32_t sites_symbolise(struct trace_sites *sites);

/* Whether no frame has a text. */
bool sites_are_bare(const struct trace_sites *sites);

#endif
