/*
 * tick_scale.h - the times in raw records as nanoseconds.
 */
#ifndef HARNESS_RECORD_TICK_SCALE_H
#define HARNESS_RECORD_TICK_SCALE_H

#include <stdint.h>

#include "raw.h"

/*
 * Both clocks, read before the first and after the last record.  The rate found
 * over the whole recording is as exact as the readings: 100 ns in all of it.
 */
struct tick_scale {
	enum raw_clock clock;
	uint64_t begin_ticks, begin_ns;
	uint64_t end_ticks, end_ns;
};

/* The cheapest clock that this machine can trust; reads it. */
void tick_scale_begin(struct tick_scale *scale);
void tick_scale_end(struct tick_scale *scale);

/* A time of a raw record in ns since the beginning; after tick_scale_end(). */
uint64_t tick_scale_ns(const struct tick_scale *scale, uint64_t time);

#endif
