/*
 * links.c - an exact histogram of links per call.
 */
#include "links.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool links_open(struct links_histogram *links)
{
	*links = (struct links_histogram){0};
	links->calls = calloc(LINKS_EXACT, sizeof *links->calls);
	return links->calls != NULL;
}

void links_close(struct links_histogram *links)
{
	free(links->calls);
}

void links_clear(struct links_histogram *links)
{
	size_t used = links->max < LINKS_EXACT ? links->max + 1 : LINKS_EXACT;

	memset(links->calls, 0, used * sizeof *links->calls);
	links->all = links->sum = links->max = 0;
}

uint64_t links_quantile(const struct links_histogram *links, double share)
{
	uint64_t wanted = (uint64_t)ceil(share * (double)links->all);
	uint64_t seen = 0;

	for (uint64_t n = 0; n < LINKS_EXACT - 1; n++) {
		seen += links->calls[n];
		if (seen >= wanted)
			return n;
	}
	return links->max;
}

double links_mean(const struct links_histogram *links)
{
	return links->all == 0 ? 0 : (double)links->sum / (double)links->all;
}
