/*
 * audit.c - the replay that looks at every event.
 */
#include "audit.h"

#include <errno.h>
#include <string.h>

#include "../report/csv.h"
#include "links.h"

/* What the audit keeps between two events. */
struct auditor {
	struct replayer replayer;
	const struct audit_options *options;
	struct audit *audit;
	uint128 footprint_sum, requested_sum; /* over all events */
	struct links_histogram links, window; /* window: since the last row */
	uint64_t window_from;
	uint64_t links_before; /* totals after the event before */
	uint64_t footprint_before;
};

static void write_window(struct auditor *auditor, uint64_t event)
{
	struct links_histogram *window = &auditor->window;
	FILE *out = auditor->options->searches;

	if (out == NULL || window->all == 0)
		return;
	csv_text(out, auditor->options->label);
	fprintf(out, ",%lu,%lu,%lu,%.4f,%lu,%lu\n", auditor->window_from, event,
	        window->all, links_mean(window), links_quantile(window, 0.99),
	        window->max);
	links_clear(window);
	auditor->window_from = event + 1;
}

/* How many links were followed since this was asked last. */
static uint64_t new_links(struct auditor *auditor)
{
	uint64_t before = auditor->links_before;
	struct heap_stats stats;

	auditor->replayer.allocator->stats(auditor->replayer.heap, &stats);
	auditor->links_before = stats.links;
	return stats.links - before;
}

/* What attach and detach followed is no call's: it is passed over. */
static void read_counters(struct auditor *auditor, const struct trace_op *op)
{
	uint64_t links = new_links(auditor);

	if (!trace_kind_is_call(op->kind))
		return;
	links_add(&auditor->links, links);
	links_add(&auditor->window, links);
	auditor->audit->calls++;
}

static void read_footprint(struct auditor *auditor, const struct trace_op *op)
{
	struct audit *audit = auditor->audit;
	uint64_t event = auditor->replayer.event;
	uint64_t footprint = auditor->replayer.pages.committed_bytes;
	uint64_t requested = auditor->replayer.oracle.requested_bytes;
	uint64_t before = auditor->footprint_before;

	auditor->footprint_sum += footprint;
	auditor->requested_sum += requested;
	if (requested > audit->peak_requested_bytes) {
		audit->peak_requested_bytes = requested;
		audit->peak_requested_event = event;
		audit->footprint_at_peak_requested = footprint;
	}
	if (footprint > audit->peak_footprint_bytes) {
		bool allocates =
			trace_kind_is_call(op->kind) && op->kind != TRACE_FREE;
		audit->growth_bytes =
			footprint > before ? footprint - before : 0;
		audit->growth_request_bytes = allocates ? op->size : 0;
		audit->peak_footprint_bytes = footprint;
		audit->peak_footprint_event = event;
		audit->peak_footprint_requested = requested;
	}
	auditor->footprint_before = footprint;
}

static bool check_heap(struct auditor *auditor)
{
	struct replayer *replayer = &auditor->replayer;

	if (replayer->allocator->check == NULL)
		return true;
	const char *broken = replayer->allocator->check(replayer->heap);
	return broken == NULL ||
	       verdict_set(&replayer->verdict, VERDICT_BROKEN_HEAP,
	                   replayer->event, "%s", broken);
}

/* Whether part k of `parts` equal parts of the trace ends at this event. */
static bool ends_part(uint64_t event, uint64_t events, uint64_t parts)
{
	return event * parts / events != (event - 1) * parts / events;
}

static bool replay_all(struct auditor *auditor)
{
	struct replayer *replayer = &auditor->replayer;
	const struct trace *trace = replayer->trace;

	while (replayer->event < trace->events) {
		const struct trace_op *op = &trace->ops[replayer->event];
		*auditor->options->progress = replayer->event + 1;
		if (!replayer_step(replayer)) {
			write_window(auditor, replayer->event - 1);
			return false;
		}
		read_counters(auditor, op);
		read_footprint(auditor, op);
		uint64_t event = replayer->event;
		if (ends_part(event, trace->events, AUDIT_WINDOWS))
			write_window(auditor, event);
		if (ends_part(event, trace->events, AUDIT_CHECKS) &&
		    !check_heap(auditor))
			return false;
	}
	return oracle_verify_all(&replayer->oracle, replayer->event,
	                         &replayer->verdict);
}

static double ratio(double a, double b)
{
	return b == 0 ? 0 : a / b;
}

static void sum_up(struct auditor *auditor)
{
	struct audit *audit = auditor->audit;
	double peak = (double)audit->peak_footprint_bytes;

	audit->jw1 = ratio((double)auditor->footprint_sum,
	                   (double)auditor->requested_sum);
	audit->jw2 = ratio((double)audit->footprint_at_peak_requested,
	                   (double)audit->peak_requested_bytes);
	audit->jw3 = ratio(peak, (double)audit->peak_footprint_requested);
	audit->jw4 = ratio(peak, (double)audit->peak_requested_bytes);
	audit->links_mean = links_mean(&auditor->links);
	audit->links_p99 = links_quantile(&auditor->links, 0.99);
	audit->links_max = auditor->links.max;
	auditor->replayer.allocator->stats(auditor->replayer.heap,
	                                   &audit->stats);
	for (int call = 0; call < PAGE_CALLS; call++)
		audit->source_calls += auditor->replayer.pages.calls[call];
	if (auditor->replayer.verdict.kind == VERDICT_OK)
		lock_table_add(&audit->locks, auditor->replayer.allocator,
		               auditor->replayer.heap);
}

struct verdict audit_run(const struct allocator *allocator,
                         const struct knob_values *values,
                         const struct trace *trace,
                         const struct audit_options *options,
                         struct audit *audit)
{
	struct auditor auditor = {
		.options = options, .audit = audit, .window_from = 1};
	struct replayer *replayer = &auditor.replayer;

	*audit = (struct audit){0};
	if (replayer_open(replayer, allocator, values, trace,
	                  options->limit_bytes, options->depth) &&
	    links_open(&auditor.links) && links_open(&auditor.window)) {
		replayer->is_paced = options->is_paced;
		auditor.footprint_before = replayer->pages.committed_bytes;
		new_links(&auditor);
		replay_all(&auditor);
		sum_up(&auditor);
	}
	replayer_close(replayer);
	links_close(&auditor.links);
	links_close(&auditor.window);
	return replayer->verdict;
}
