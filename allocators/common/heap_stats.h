/*
 * heap_stats.h - what an allocator did, counted.
 *
 * These counts do not depend on the machine: the same trace and knobs give the
 * same numbers in every run, so tests assert on them where wall time would
 * flicker.  All are totals since create().  They are kept on slow paths only: a
 * search counts its links in a register and adds them here once, at its end.
 */
#ifndef ALLOCATORS_COMMON_HEAP_STATS_H
#define ALLOCATORS_COMMON_HEAP_STATS_H

#include <stdint.h>

struct heap_stats {
	/*
	 * Links followed in free lists and trees, by malloc (the search) and by
	 * free (the ordered insertion).  Every block looked at counts one, the
	 * chosen one too; a search that fails has looked at the whole list.
	 * Taking the head of a list without looking further is no search: 0.
	 */
	uint64_t links;
	uint64_t searches; /* searches made, failed ones included            */
	uint64_t
		exact_fits; /* free blocks used whole: no rest, or none to keep   */
	uint64_t splits;    /* blocks cut in two, by malloc or by realloc     */
	uint64_t merges;    /* pairs of neighbours (or buddies) joined        */
	uint64_t grows;     /* times the heap asked its source for more pages */
	uint64_t shrinks;   /* times it gave pages back                       */
	uint64_t moves;     /* reallocs that had to copy                      */
};

#endif
