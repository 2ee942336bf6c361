/*
 * inspect.h - what the files that look at a heap share.
 */
#ifndef ALLOCATORS_PTMALLOC_INSPECT_H
#define ALLOCATORS_PTMALLOC_INSPECT_H

#include <sched.h>

#include "../common/scratch.h"
#include "ptmalloc.h"

/* The "tiers" of chunks in a set of special ones; compared as pointers. */
extern const char PT_HANDLE[];
extern const char PT_CACHED[]; /* also the name of that tier */

/*
 * Opens a set of all chunks that the tags show as live and that are not: those
 * in thread caches and fast bins (by tier), and those of handles.
 */
bool pt_special_open(struct pt_heap *heap, struct block_set *set);

/* Where the row of chunks of a heap ends: its fence, or the top. */
const struct chunk *pt_chunks_end(const struct arena *arena,
                                  const struct thread_space *space);

#endif
