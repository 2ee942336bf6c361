/*
 * residency.c - how much memory the kernel had to find for a heap.
 *
 * Footprint is what an allocator has asked for; resident is what it made use of,
 * and the only measure that a library has too, whose mmap calls we do not see.
 * The kernel knows it exactly, though only at a moment: so the replay stops from
 * time to time and asks.
 */
#include <sys/prctl.h>

#include "now.h"
#include "pace.h"
#include "resident.h"
#include "speed.h"
#include "stage.h"

/* Replays [from, to) and looks. */
static void look(struct stage *stage, const struct pacer *pacer, uint64_t from,
                 uint64_t to, struct residency *residency)
{
	pace_run(stage, pacer, from, to, TOUCH_PAGES);

	struct resident now = resident_now();
	uint64_t above = now.anonymous_bytes > stage->barrier_bytes
	                         ? now.anonymous_bytes - stage->barrier_bytes
	                         : 0;
	if (above > residency->peak_bytes) {
		residency->peak_bytes = above;
		residency->peak_event = to;
	}
	if (now.huge_bytes > residency->huge_bytes)
		residency->huge_bytes = now.huge_bytes;
}

struct verdict residency_run(const struct allocator *allocator,
                             const struct knob_values *values,
                             const struct trace *trace,
                             const struct speed_options *options,
                             struct residency *residency)
{
	uint64_t peak = trace->peak_live_event + 1;
	struct verdict verdict = {0};
	struct stage stage;

	if (stage_open(&stage, allocator, values, trace, options->limit_bytes,
	               &verdict)) {
		const struct pacer pacer = {now_ns(), options->pace};
		uint64_t from = 0;
		residency->barrier_bytes = stage.barrier_bytes;
		residency->huge_pages_are_off =
			prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
		for (unsigned i = 1; i <= RESIDENT_LOOKS; i++) {
			uint64_t to = trace->events * i / RESIDENT_LOOKS;
			if (from < peak && peak < to) {
				look(&stage, &pacer, from, peak, residency);
				from = peak;
			}
			look(&stage, &pacer, from, to, residency);
			from = to;
		}
	}
	stage_close(&stage);
	return verdict;
}
