/*
 * tick_scale.c - two points make a line.
 */
#include "tick_scale.h"

#include "../clock/now.h"
#include "ticks.h"

void tick_scale_begin(struct tick_scale *scale)
{
	*scale = (struct tick_scale){.clock = RAW_CLOCK_NS};
	if (ticks_are_time())
		scale->clock = RAW_CLOCK_TICKS;
	scale->begin_ns = now_ns();
	scale->begin_ticks = ticks();
}

void tick_scale_end(struct tick_scale *scale)
{
	scale->end_ns = now_ns();
	scale->end_ticks = ticks();
}

uint64_t tick_scale_ns(const struct tick_scale *scale, uint64_t time)
{
	bool is_ns = scale->clock != RAW_CLOCK_TICKS;
	uint64_t begin = is_ns ? scale->begin_ns : scale->begin_ticks;

	if (time < begin) /* the counters of two cores differ a little */
		return 0;
	if (is_ns || scale->end_ticks == scale->begin_ticks)
		return time - begin;
	double rate = (double)(scale->end_ns - scale->begin_ns) /
	              (double)(scale->end_ticks - scale->begin_ticks);
	return (uint64_t)((double)(time - begin) * rate);
}
