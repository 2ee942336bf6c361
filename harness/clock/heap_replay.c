/*
 * heap_replay.c - the loop, on a page source that says when pages go.
 */
#include "heap_replay.h"

#include <errno.h>
#include <string.h>

#include "now.h"
#include "pace.h"
#include "stage.h"

static bool make_heap(struct stage *stage, const struct knob_values *values,
                      const struct speed_options *options,
                      struct heap_replay *result)
{
	const struct page_source_options pages = {
		.kind = PAGE_SOURCE_OS,
		.limit_bytes = options->limit_bytes,
		.before_loss = heap_peak_look,
		.before_loss_ctx = &result->peak,
	};
	struct loop *loop = &stage->loop;

	if (!page_source_open(&stage->pages, &pages))
		return false;
	loop->heap =
		loop->allocator->create(values, &stage->pages, &ONE_THREAD);
	if (loop->heap != NULL)
		loop->threads[0] = loop->allocator->attach(loop->heap);
	return loop->heap != NULL && loop->threads[0] != NULL;
}

struct verdict heap_replay_run(const struct allocator *allocator,
                               const struct knob_values *values,
                               const struct trace *trace,
                               const struct speed_options *options,
                               struct heap_replay *result)
{
	struct verdict verdict = {0};
	struct stage stage;

	if (!stage_open_tables(&stage, allocator, trace, &verdict))
		return verdict;
	if (make_heap(&stage, values, options, result)) {
		const struct pacer pacer = {now_ns(), options->pace};
		pace_run(&stage, &pacer, 0, trace->events, options->touch);
		heap_peak_look_closely(&result->peak);
		result->peak_committed_bytes = stage.pages.peak_committed_bytes;
	} else {
		verdict_set(&verdict, VERDICT_FAILED, 0, "no heap: %s",
		            strerror(errno));
	}
	stage_close(&stage);
	return verdict;
}
