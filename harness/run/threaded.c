/*
 * threaded.c - replay on real threads as passes of a run.
 */
#include "threaded.h"

#include <errno.h>
#include <string.h>

#include "../report/csv.h"
#include "../threads/threads.h"
#include "interrupt.h"
#include "order.h"

static const struct subject *subject_of(const struct pass *pass)
{
	return &pass->run->subjects[pass->subject];
}

/* ---- timed ---------------------------------------------------------------- */

/* Replays of a short trace are added up. */
static void add_figures(struct threads_figures *sum,
                        const struct threads_figures *one)
{
	sum->threads = one->threads;
	sum->wall_ns += one->wall_ns;
	sum->calls += one->calls;
	sum->page_faults += one->page_faults;
	sum->system_ns += one->system_ns;
	sum->cpu_ns += one->cpu_ns;
	sum->resident_bytes = one->resident_bytes;
	if (one->peak_footprint_bytes > sum->peak_footprint_bytes)
		sum->peak_footprint_bytes = one->peak_footprint_bytes;
	lock_table_merge(&sum->locks, &one->locks);
	for (unsigned i = 0; i < one->threads; i++) {
		sum->of[i].ns += one->of[i].ns;
		sum->of[i].calls += one->of[i].calls;
		sum->of[i].takes += one->of[i].takes;
		sum->of[i].waits += one->of[i].waits;
	}
}

static double ns_per_op(uint64_t ns, uint64_t calls)
{
	return calls == 0 ? 0 : (double)ns / (double)calls;
}

static void fill_speed(const struct threads_figures *sum, uint64_t replays,
                       struct speed *speed)
{
	speed->ns_per_op = ns_per_op(sum->wall_ns, sum->calls);
	speed->cpu_ns_per_op = ns_per_op(sum->cpu_ns, sum->calls);
	speed->resident_bytes = sum->resident_bytes;
	speed->page_faults = sum->page_faults / replays;
	speed->system_ns = sum->system_ns / replays;
	speed->footprint_bytes = sum->peak_footprint_bytes;
	speed->locks = sum->locks;
	speed->replays = replays;
}

/* The rows of this round, behind those of earlier ones. */
static bool write_round(const struct pass *pass,
                        const struct threads_figures *sum)
{
	const struct subject *subject = subject_of(pass);
	char path[4096];

	part_path(pass->run, pass->subject, PART_THREADS, path, sizeof path);
	FILE *out = fopen(path, "a");
	if (out == NULL)
		return false;
	for (unsigned i = 0; i < sum->threads; i++) {
		csv_text(out, subject->label);
		fprintf(out, ",%zu,%u,%lu,%.3f,%lu,%lu\n", subject->reps + 1, i,
		        sum->of[i].calls,
		        ns_per_op(sum->of[i].ns, sum->of[i].calls),
		        sum->of[i].takes, sum->of[i].waits);
	}
	bool failed = ferror(out) != 0;
	return fclose(out) == 0 && !failed;
}

/* Replays as often as the trace is short; `sum` adds the figures up. */
static struct verdict replay(const struct pass *pass,
                             const struct speed_options *options,
                             struct threads_figures *sum, struct speed *speed)
{
	const struct subject *subject = subject_of(pass);
	const struct plan *plan = pass->run->plan;
	const struct threads_options threads = {
		.limit_bytes = options->limit_bytes,
		.touch = options->touch,
		.progress = options->progress,
	};
	uint64_t replays =
		options->progress != NULL ? 1 : speed_repeats(plan->trace);
	struct threads_figures one;
	struct verdict verdict = {0};

	for (uint64_t i = 0; i < replays && verdict.kind == VERDICT_OK; i++) {
		verdict = threads_time(subject->allocator, &subject->values,
		                       plan, &threads, &one);
		add_figures(sum, &one);
	}
	fill_speed(sum, replays, speed);
	return verdict;
}

struct verdict threaded_speed(const struct pass *pass,
                              const struct speed_options *options,
                              struct speed *speed)
{
	struct threads_figures sum = {0};

	return replay(pass, options, &sum, speed);
}

struct verdict threaded_round(const struct pass *pass, struct speed *speed)
{
	const struct speed_options options = {
		.limit_bytes = pass->run->options->memory_bytes,
		.touch = pass->run->options->touch,
	};
	struct threads_figures sum = {0};
	struct verdict verdict = replay(pass, &options, &sum, speed);

	if (verdict.kind == VERDICT_OK && !write_round(pass, &sum))
		verdict_set(&verdict, VERDICT_NOT_WRITTEN, 0,
		            "%.300s: cannot write: %s",
		            pass->run->options->folder, strerror(errno));
	return verdict;
}

struct verdict threaded_null(const struct pass *pass, struct speed *speed)
{
	const struct plan *plan = pass->run->plan;
	const struct threads_options threads = {
		.touch = pass->run->options->touch,
	};
	uint64_t replays = speed_repeats(plan->trace);
	struct threads_figures sum = {0}, one;
	struct verdict verdict = {0};

	for (uint64_t i = 0; i < replays && verdict.kind == VERDICT_OK; i++) {
		verdict = threads_time(NULL, NULL, plan, &threads, &one);
		add_figures(&sum, &one);
	}
	fill_speed(&sum, replays, speed);
	return verdict;
}

void threaded_note(struct threaded *threaded, size_t round,
                   const struct speed *speed)
{
	if (round == 0) { /* the oracle's replay waited for other reasons */
		threaded->locks = (struct lock_table){0};
		threaded->replays = 0;
	}
	threaded->footprints[round] = (double)speed->footprint_bytes;
	lock_table_merge(&threaded->locks, &speed->locks);
	threaded->replays += speed->replays;
}

uint64_t threaded_footprint(const struct subject *subject)
{
	if (subject->reps == 0)
		return subject->threaded.footprint_bytes;
	return (uint64_t)estimate_median(subject->threaded.footprints,
	                                 subject->reps)
	        .median;
}

/* ---- under the oracle ----------------------------------------------------- */

struct verdict pass_threads(void *ctx, volatile uint64_t *progress,
                            void *result)
{
	const struct pass *pass = ctx;
	const struct subject *subject = subject_of(pass);
	const struct run_options *run = pass->run->options;
	const struct threads_options options = {
		.limit_bytes = run->memory_bytes,
		.depth = run->paranoid ? ORACLE_ALL : ORACLE_EDGES,
		.progress = progress,
	};

	return threads_check(subject->allocator, &subject->values,
	                     pass->run->plan, &options, result);
}

/* A finding of this pass says where it comes from. */
static void collect(struct subject *row, const struct plan *plan,
                    const struct threads_figures *figures,
                    const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_NOT_RUN)
		return;
	row->threaded.is_known = verdict->kind == VERDICT_OK;
	row->threaded.footprint_bytes = figures->peak_footprint_bytes;
	row->threaded.locks = figures->locks;
	row->threaded.replays = 1;
	if (verdict->kind == VERDICT_OK)
		return;
	row->verdict = *verdict;
	snprintf(row->verdict.sentence, sizeof row->verdict.sentence,
	         "on %u threads: %.480s", plan->threads, verdict->sentence);
}

bool run_threads_pass(struct run *run, struct progress *progress,
                      struct trace_error *error)
{
	struct threads_figures figures;
	struct verdict verdict;
	double seconds;
	char what[320];

	for (int i = 0; i < run->count && !interrupt_came(); i++) {
		struct subject *row = &run->subjects[i];
		if (row->verdict.kind != VERDICT_OK)
			continue;
		snprintf(what, sizeof what, "checking %s on threads",
		         row->label);
		progress_draw(progress, 0, what);
		if (!run_alone(run, progress, i, pass_threads, &figures,
		               sizeof figures, &verdict, &seconds, error))
			return false;
		collect(row, run->plan, &figures, &verdict);
	}
	return true;
}
