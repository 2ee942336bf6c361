/*
 * summary.c - the CSV files that the parent writes: summary, repetitions,
 * phases.  Columns are described in docs/csv.md.
 */
#include "../run/threaded.h"
#include "csv.h"
#include "report.h"

const char report_summary_header[] =
	"allocator,status,status_event,ops,reps,ns_per_op,ns_per_op_lo,"
	"ns_per_op_hi,null_ns_per_op,peak_requested_bytes,"
	"peak_footprint_bytes,jw1,jw2,jw3,jw4,requested_bytes,internal_bytes,"
	"metadata_bytes,free_bytes,slack_bytes,links_mean,links_p99,links_max,"
	"peak_resident_bytes,jw1_net,jw2_net,jw3_net,jw4_net,touched_bytes,"
	"splits,merges,exact_fits,grows,shrinks,moves,source_calls,"
	"page_faults,system_ns_per_op,threads,threads_footprint_bytes,"
	"start_resident_bytes,threads_resident_bytes";

/* A field that exists only sometimes. */
static void put_u64(FILE *out, bool exists, uint64_t value)
{
	putc(',', out);
	if (exists)
		fprintf(out, "%lu", value);
}

static void put_real(FILE *out, bool exists, int digits, double value)
{
	putc(',', out);
	if (exists)
		fprintf(out, "%.*f", digits, value);
}

/* Over what was requested: no number if nothing was. */
static void put_ratio(FILE *out, bool exists, double value)
{
	put_real(out, exists && value > 0, 6, value);
}

static void write_speed(const struct run *run, const struct subject *subject,
                        FILE *out)
{
	bool timed = subject->reps > 0;

	fprintf(out, ",%lu,%zu", run->workload->trace.calls, subject->reps);
	put_real(out, timed, 3, subject->ns.median);
	put_real(out, timed, 3, subject->ns.low);
	put_real(out, timed, 3, subject->ns.high);
	put_real(out, run->null_reps > 0, 3, run->null_estimate.median);
}

static void write_space(const struct subject *subject, FILE *out)
{
	const struct audit *audit = &subject->audit;
	const struct meter *meter = &subject->meter;
	bool has_source = !subject->allocator->ignores_page_source;
	bool audited = subject->is_audited && has_source;
	bool metered = subject->is_metered && has_source;

	put_u64(out, subject->is_audited, audit->peak_requested_bytes);
	put_u64(out, audited, audit->peak_footprint_bytes);
	put_ratio(out, audited, audit->jw1);
	put_ratio(out, audited, audit->jw2);
	put_ratio(out, audited, audit->jw3);
	put_ratio(out, audited, audit->jw4);
	put_u64(out, metered, meter->at_peak.requested);
	put_u64(out, metered, meter->at_peak.internal);
	put_u64(out, metered, meter->at_peak.metadata);
	put_u64(out, metered, meter->at_peak.free);
	put_u64(out, metered, meter->at_peak.slack);
	put_real(out, audited, 4, audit->links_mean);
	put_u64(out, audited, audit->links_p99);
	put_u64(out, audited, audit->links_max);
}

static uint64_t median_of(const double *values, size_t n)
{
	return (uint64_t)estimate_median(values, n).median;
}

static void write_rest(const struct run *run, const struct subject *subject,
                       FILE *out)
{
	const struct meter *meter = &subject->meter;
	const struct heap_stats *stats = &subject->audit.stats;
	bool has_source = !subject->allocator->ignores_page_source;
	bool audited = subject->is_audited && has_source;
	bool metered = subject->is_metered && has_source;
	size_t reps = subject->reps;

	put_u64(out, subject->is_resident_known, subject->residency.peak_bytes);
	put_ratio(out, metered, meter->jw1_net);
	put_ratio(out, metered, meter->jw2_net);
	put_ratio(out, metered, meter->jw3_net);
	put_ratio(out, metered, meter->jw4_net);
	put_u64(out, metered, meter->touched_bytes);
	put_u64(out, audited, stats->splits);
	put_u64(out, audited, stats->merges);
	put_u64(out, audited, stats->exact_fits);
	put_u64(out, audited, stats->grows);
	put_u64(out, audited, stats->shrinks);
	put_u64(out, audited, stats->moves);
	put_u64(out, audited, subject->audit.source_calls);
	put_u64(out, reps > 0, median_of(subject->page_faults, reps));
	put_real(out, reps > 0, 3,
	         estimate_median(subject->system_ns, reps).median /
	                 (double)run->workload->trace.calls);
	put_u64(out, true, run->plan != NULL ? run->plan->threads : 1);
	put_u64(out, has_source && subject->threaded.is_known,
	        threaded_footprint(subject));
	put_u64(out, subject->is_resident_known,
	        subject->residency.barrier_bytes);
	put_u64(out, run->plan != NULL && reps > 0,
	        median_of(subject->resident, reps));
}

void report_summary(const struct run *run, const char *workload, FILE *out)
{
	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		if (workload != NULL) {
			csv_text(out, workload);
			putc(',', out);
		}
		csv_text(out, subject->label);
		fprintf(out, ",%s", verdict_word(subject->verdict.kind));
		put_u64(out, subject->verdict.kind != VERDICT_OK,
		        subject->verdict.event);
		write_speed(run, subject, out);
		write_space(subject, out);
		write_rest(run, subject, out);
		putc('\n', out);
	}
}

const char report_repetitions_header[] =
	"allocator,round,position,ns_per_op,resident_bytes,page_faults,"
	"system_ns";

void report_repetitions(const struct run *run, FILE *out)
{
	for (int i = 0; i < run->count; i++) {
		const struct subject *subject = &run->subjects[i];
		for (size_t r = 0; r < subject->reps; r++) {
			csv_text(out, subject->label);
			fprintf(out, ",%zu,%u,%.3f,%.0f,%.0f,%.0f\n", r + 1,
			        subject->position[r] + 1, subject->ns_per_op[r],
			        subject->resident[r], subject->page_faults[r],
			        subject->system_ns[r]);
		}
	}
	for (size_t r = 0; r < run->null_reps; r++)
		fprintf(out, "null,%zu,,%.3f,,,\n", r + 1, run->null_ns[r]);
}

const char report_phases_header[] = "event,phase,time_ns";

void report_phases(const struct trace *trace, FILE *out)
{
	for (uint64_t i = 0; i < trace->events; i++) {
		if (trace->ops[i].kind != TRACE_PHASE)
			continue;
		fprintf(out, "%lu,", i + 1);
		csv_text(out, trace->phases[trace->ops[i].slot]);
		put_u64(out, trace->times != NULL,
		        trace->times != NULL ? trace->times[i] : 0);
		putc('\n', out);
	}
}
