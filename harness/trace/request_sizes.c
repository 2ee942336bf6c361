/*
 * request_sizes.c - how large the requests of a trace are.
 */
#include <stdlib.h>

#include "request_sizes.h"

static int compare_sizes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

bool request_sizes_open(struct request_sizes *sizes, const struct trace *trace)
{
	*sizes = (struct request_sizes){0};
	sizes->sorted = calloc(trace->calls + 1, sizeof *sizes->sorted);
	if (sizes->sorted == NULL)
		return false;
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->kind < TRACE_FREE)
			sizes->sorted[sizes->count++] = op->size;
	}
	qsort(sizes->sorted, sizes->count, sizeof *sizes->sorted,
	      compare_sizes);
	return true;
}

void request_sizes_close(struct request_sizes *sizes)
{
	free(sizes->sorted);
	*sizes = (struct request_sizes){0};
}

uint64_t request_sizes_percentile(const struct request_sizes *sizes,
                                  unsigned percent)
{
	uint64_t rank = (sizes->count * percent + 99) / 100;

	return rank > 0 ? sizes->sorted[rank - 1] : 0;
}
