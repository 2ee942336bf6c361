/*
 * mapped.h - the harness's own memory in a process under test.
 *
 * Mapped apart from every malloc: where the malloc itself is under test, its
 * heap holds the replay's blocks and nothing else.  The mappings are shared
 * ones, which the kernel does not count as anonymous memory and no RLIMIT_DATA
 * limits.  A page at least each: for tables, not for small things.
 *
 * Threads: any.
 */
#ifndef HARNESS_MAPPED_H
#define HARNESS_MAPPED_H

#include <stddef.h>

/*
 * `bytes` zero bytes that are not resident yet, at a multiple of 64; NULL with
 * errno without memory.
 */
void *mapped_new(size_t bytes);

/* The same, resident. */
void *mapped_new_touched(size_t bytes);

/* Makes it larger; it may move.  NULL is a new one; on failure it stays. */
void *mapped_grow(void *memory, size_t bytes);

/* NULL is allowed. */
void mapped_free(void *memory);

#endif
