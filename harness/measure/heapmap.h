/*
 * heapmap.h - the heap as a column of cells, for heapmap.csv.
 *
 *     extents   |live 40|..free 24..|live 16|meta 8|....free 168....|
 *     cells     |--------------64-----------|---------64-----| ...
 *     row       requested 40, free 24       | live 16, meta 8, free 40
 *
 * Neighbouring cells of the same composition are written as one row, which
 * makes large holes and large blocks cheap.
 */
#ifndef HARNESS_MEASURE_HEAPMAP_H
#define HARNESS_MEASURE_HEAPMAP_H

#include <stdio.h>

#include "census.h"

enum { HEAPMAP_CELLS = 256 }; /* of the tallest heap in proportion */

/* Consecutive bytes of the heap and what they are used for. */
struct stretch {
	uint64_t start, bytes;
	struct parts parts;
};

struct heapmap {
	FILE *out;
	const char *label;
	uint64_t cell_bytes; /* a power of two */
	uint64_t event;
	struct stretch cell; /* being filled              */
	struct stretch run;  /* full cells, not yet written */
};

/* Begins the column of one event, before the first extent. */
void heapmap_begin(struct heapmap *map, uint64_t event);

/* Adds the next extent; a census_visitor with the heapmap as its context. */
void heapmap_add(void *heapmap, const struct census_extent *extent);

/* Writes what is left of the column. */
void heapmap_end(struct heapmap *map);

#endif
