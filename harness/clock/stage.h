/*
 * stage.h - what a timed replay needs around the loop: heap, handles, slots,
 * all of it touched beforehand, so that the clock sees the allocator's page
 * faults and not ours.  The harness's own tables are mapped apart (mapped.h).
 */
#ifndef HARNESS_CLOCK_STAGE_H
#define HARNESS_CLOCK_STAGE_H

#include "../../allocators/common/page_source.h"
#include "speed.h"

struct stage {
	struct page_source pages;
	struct loop loop;
	uint64_t barrier_bytes; /* anonymous memory, heap still empty */
	char *null_memory;      /* of the null allocator; NULL otherwise */
	size_t null_bytes;
};

/*
 * Builds a heap on pages from the OS; false with the verdict set.  Then comes the
 * start barrier: what the process holds by now, the empty heap's own tables
 * included, is not counted as resident.  A library has made its tables long
 * before, as it was loaded.
 */
bool stage_open(struct stage *stage, const struct allocator *allocator,
                const struct knob_values *values, const struct trace *trace,
                size_t limit_bytes, struct verdict *verdict);

/* Tables alone, for one loop of many on a heap that the caller makes. */
bool stage_open_tables(struct stage *stage, const struct allocator *allocator,
                       const struct trace *trace, struct verdict *verdict);

/* The stage for the null allocator: an address of its own for each slot. */
bool stage_open_null(struct stage *stage, const struct trace *trace,
                     enum touch touch, struct verdict *verdict);

/* Drops everything, the heap's pages included, without tearing it down. */
void stage_close(struct stage *stage);

#endif
