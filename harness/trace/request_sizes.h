/*
 * request_sizes.h - how large the requests of a trace are.
 */
#ifndef HARNESS_TRACE_REQUEST_SIZES_H
#define HARNESS_TRACE_REQUEST_SIZES_H

#include "trace.h"

/* The sizes of all malloc, calloc, aligned and realloc, in increasing order. */
struct request_sizes {
	uint64_t *sorted;
	uint64_t count;
};

/*
 * Collects them; false if there is no memory for it.  Free with
 * request_sizes_close().  O(n log n).
 */
bool request_sizes_open(struct request_sizes *sizes, const struct trace *trace);
void request_sizes_close(struct request_sizes *sizes);

/*
 * The smallest size that at least `percent` of the requests do not exceed
 * (the nearest rank); 0 of no requests.  `percent` is 1 to 100.
 */
uint64_t request_sizes_percentile(const struct request_sizes *sizes,
                                  unsigned percent);

#endif
