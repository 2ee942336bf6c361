/*
 * heap_peak.h - the most memory of a heap that was ever resident.
 *
 * The pages of a page source become resident when they are touched, and stop
 * being so when they are given back; nothing else takes them away (swapped out
 * still counts).  So resident memory falls only inside calls of the page source,
 * and the peak is the largest of what was resident just before each of them, and
 * at the end.  Nobody has to look in between, and no peak lies between two looks.
 *
 * The same code looks at a replay's heap and at a program's under the preloaded
 * library: like is compared with like.
 */
#ifndef HARNESS_CLOCK_HEAP_PEAK_H
#define HARNESS_CLOCK_HEAP_PEAK_H

#include <stdint.h>

struct heap_peak {
	uint64_t bytes; /* resident: the most that was seen    */
	uint64_t now;   /* at the last time it was looked at   */
	uint64_t looks;

	uint64_t process_bytes; /* anonymous, of the process, when `bytes`
	                           was looked at last                     */
};

/*
 * Looks, if the process holds more anonymous memory than ever before, by more
 * than 1/256; what a peak lacks is less than that.  `peak` is a struct
 * heap_peak, at first all zero: a page source calls this before it gives pages
 * back (page_source_options.before_loss).
 *
 * Calls no malloc, little stack, any thread.  3 us where nothing is new; else
 * some 50 us for each resident MiB.
 */
void heap_peak_look(void *peak);

/* Looks in any case: at the end. */
void heap_peak_look_closely(struct heap_peak *peak);

#endif
