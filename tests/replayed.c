/*
 * replayed.c - replays for the theory of threads.
 */
#include "replayed.h"

#include <stdio.h>
#include <string.h>

#include "allocators/registry.h"
#include "harness/generate/generate.h"
#include "harness/measure/replayer.h"
#include "harness/measure/sharing.h"
#include "private_heaps.h"

enum { SETS_MAX = 8 };

void replayed_generate(const char *workload, const char *const *sets,
                       struct trace *trace)
{
	struct trace_error error;
	char path[128];

	snprintf(path, sizeof path, "workloads/%s.ini", workload);
	if (!generate_with(path, sets, trace, &error))
		fail_msg("%s", error.text);
}

/* Starts and ends become marks, which a replay passes over. */
void replayed_on_one_thread(struct trace *trace)
{
	for (uint64_t i = 0; i < trace->events; i++) {
		struct trace_op *op = &trace->ops[i];
		if (op->kind == TRACE_THREAD_START ||
		    op->kind == TRACE_THREAD_EXIT)
			op->kind = TRACE_PHASE;
		op->thread = 0;
	}
	trace->threads = 1;
}

static const struct allocator *find(const char *text,
                                    struct knob_values *values)
{
	const struct allocator *allocator;
	char name[256], message[512];

	snprintf(name, sizeof name, "%s", text);
	char *settings = strchr(name, ':');
	if (settings != NULL)
		*settings++ = '\0';
	allocator = strcmp(name, private_heaps_allocator.name) == 0
	                    ? &private_heaps_allocator
	                    : allocator_find(name);
	if (allocator == NULL)
		fail_msg("no allocator is called \"%s\"", name);
	knob_defaults(allocator->knobs, values);
	if (!knob_parse(allocator->knobs, settings == NULL ? "" : settings,
	                values, message, sizeof message))
		fail_msg("%s: %s", text, message);
	return allocator;
}

/* One event, seen by the count of shared lines too. */
static void step(struct replayer *replayer, struct sharing *sharing)
{
	const struct trace_op *op = &replayer->trace->ops[replayer->event];

	if (op->kind == TRACE_FREE && op->slot < replayer->trace->slots)
		sharing_remove(sharing, op->slot);
	if (!replayer_step(replayer))
		fail_msg("%s: event %llu: %s", replayer->allocator->name,
		         (unsigned long long)replayer->event,
		         replayer->verdict.sentence);
	if (op->kind > TRACE_ALIGNED)
		return;
	struct sharing_block block = {(uintptr_t)replayer->blocks[op->slot],
	                              op->size, op->thread};
	assert_true(sharing_add(sharing, op->slot, block, replayer->event));
}

struct replayed_figures replayed_trace(const char *allocator,
                                       const struct trace *trace)
{
	struct replayed_figures figures = {.live_bytes =
	                                           trace->peak_live_bytes};
	struct knob_values values;
	struct replayer replayer;
	struct sharing sharing;
	bool has_begun = false;

	assert_true(sharing_open(&sharing, trace->slots));
	assert_true(replayer_open(&replayer, find(allocator, &values), &values,
	                          trace, 0, ORACLE_PLACES));
	while (replayer.event < trace->events) {
		if (!has_begun &&
		    trace_kind_is_call(trace->ops[replayer.event].kind)) {
			figures.empty_bytes = replayer.pages.committed_bytes;
			has_begun = true;
		}
		step(&replayer, &sharing);
	}
	figures.peak_bytes = replayer.pages.peak_committed_bytes;
	figures.shared_lines = sharing.peak_shared_lines;
	figures.lines = sharing.peak_lines;
	replayer_close(&replayer);
	if (replayer.verdict.kind != VERDICT_OK)
		fail_msg("%s: %s", allocator, replayer.verdict.sentence);
	sharing_close(&sharing);
	return figures;
}

struct replayed_figures replayed_workload(const char *allocator,
                                          const char *workload, ...)
{
	const char *sets[SETS_MAX + 1] = {NULL};
	struct trace trace;
	va_list list;
	int count = 0;

	va_start(list, workload);
	for (const char *set = va_arg(list, const char *); set != NULL;
	     set = va_arg(list, const char *)) {
		assert_true(count < SETS_MAX);
		sets[count++] = set;
	}
	va_end(list);
	replayed_generate(workload, sets, &trace);
	struct replayed_figures figures = replayed_trace(allocator, &trace);
	trace_destroy(&trace);
	return figures;
}
