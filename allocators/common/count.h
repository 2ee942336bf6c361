/*
 * count.h - whole numbers as people write them, in knobs, specs and options.
 */
#ifndef ALLOCATORS_COMMON_COUNT_H
#define ALLOCATORS_COMMON_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads digits, perhaps with K, M or G (2^10, 2^20, 2^30; lower case too): 4096,
 * 64K.  False, and `out` is as it was, if that is not all of `text` or more than
 * 64 bits hold.
 */
bool count_parse(const char *text, uint64_t *out);

#endif
