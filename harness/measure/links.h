/*
 * links.h - how many links each call followed: mean, 99th percentile, maximum.
 *
 * Counts are exact: one counter per number of links up to LINKS_EXACT, the few
 * calls above share the last one.
 */
#ifndef HARNESS_MEASURE_LINKS_H
#define HARNESS_MEASURE_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINKS_EXACT = 1 << 20 };

struct links_histogram {
	uint64_t *calls; /* [n]: calls that followed n links */
	uint64_t all, sum, max;
};

/* An empty histogram; false without memory for its 8 MiB. */
bool links_open(struct links_histogram *links);
void links_close(struct links_histogram *links);

/* Forgets every call.  O(the maximum so far). */
void links_clear(struct links_histogram *links);

static inline void links_add(struct links_histogram *links, uint64_t n)
{
	links->calls[n < LINKS_EXACT ? n : LINKS_EXACT - 1]++;
	links->all++;
	links->sum += n;
	if (n > links->max)
		links->max = n;
}

/*
 * The smallest n such that at least `share` (0..1) of the calls followed at most
 * n, or the maximum where that n is beyond LINKS_EXACT; 0 without calls.  O(n).
 */
uint64_t links_quantile(const struct links_histogram *links, double share);

/* 0 without calls. */
double links_mean(const struct links_histogram *links);

#endif
