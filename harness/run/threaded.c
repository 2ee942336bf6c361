/*
 * threaded.c - replay on real threads as passes of a run.
 */
#include "threaded.h"

#include <bsd/string.h>
#include <errno.h>
#include <string.h>

#include "../clock/again.h"
#include "../mapped.h"
#include "../report/csv.h"
#include "../threads/threads.h"
#include "interrupt.h"
#include "order.h"

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

/* The rows of this round, behind those of earlier ones; floors have none. */
static bool write_round(const struct pass *pass,
                        const struct threads_figures *sum)
{
	const struct subject *subject = pass_subject(pass);
	char path[4096];

	if (pass->subject == SUBJECT_FLOOR)
		return true;
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

/* One of the replays of a short trace, or the only one. */
struct replay {
	const struct subject *subject; /* NULL: the null allocator */
	const struct plan *plan;
	struct threads_options options;
	struct threads_figures *sum; /* seen by forks */
};

static struct verdict replay(void *ctx)
{
	const struct replay *it = ctx;
	const struct subject *subject = it->subject;
	struct threads_figures figures;
	struct verdict verdict =
		threads_time(subject != NULL ? subject->allocator : NULL,
	                     subject != NULL ? &subject->values : NULL,
	                     it->plan, &it->options, &figures);

	add_figures(it->sum, &figures);
	return verdict;
}

/*
 * Replays as often as the trace is short, and writes the rows of threads.csv if
 * this is a round of a subject.
 */
static struct verdict replay_all(const struct pass *pass,
                                 const struct subject *subject,
                                 const struct speed_options *options,
                                 bool is_round, struct speed *speed)
{
	struct replay it = {
		.subject = subject,
		.plan = pass->run->plan,
		.options = {.limit_bytes = options->limit_bytes,
	                    .touch = options->touch,
	                    .progress = options->progress},
		.sum = mapped_new(sizeof *it.sum),
	};
	uint64_t replays =
		options->progress != NULL ? 1 : speed_repeats(it.plan->trace);
	struct verdict verdict = {0};

	if (it.sum == NULL) {
		verdict_set(&verdict, VERDICT_FAILED, 0, "no memory");
		return verdict;
	}
	if (subject != NULL)
		verdict = again_run(replays, replay, &it);
	for (uint64_t i = 0; subject == NULL && i < replays; i++)
		verdict = replay(&it); /* null has no heap to begin anew */
	fill_speed(it.sum, replays, speed);
	if (is_round && verdict.kind == VERDICT_OK &&
	    !write_round(pass, it.sum))
		verdict_set(&verdict, VERDICT_NOT_WRITTEN, 0,
		            "%.300s: cannot write: %s",
		            pass->run->options->folder, strerror(errno));
	mapped_free(it.sum);
	return verdict;
}

struct verdict threaded_speed(const struct pass *pass,
                              const struct speed_options *options,
                              struct speed *speed)
{
	return replay_all(pass, pass_subject(pass), options, false, speed);
}

struct verdict threaded_round(const struct pass *pass, struct speed *speed)
{
	const struct speed_options options = {
		.limit_bytes = pass->run->options->memory_bytes,
		.touch = pass->run->options->touch,
	};

	return replay_all(pass, pass_subject(pass), &options, true, speed);
}

struct verdict threaded_null(const struct pass *pass, struct speed *speed)
{
	const struct speed_options options = {
		.touch = pass->run->options->touch,
	};

	return replay_all(pass, NULL, &options, false, speed);
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
	const struct subject *subject = pass_subject(pass);
	const struct run_options *run = pass->run->options;
	const struct threads_options options = {
		.limit_bytes = run->memory_bytes,
		.depth = run->paranoid ? ORACLE_ALL : ORACLE_EDGES,
		.progress = progress,
	};

	return threads_check(subject->allocator, &subject->values,
	                     pass->run->plan, &options, result);
}

/* Who hangs may wait for another: where are they all? */
static void add_positions(const struct threads_figures *figures,
                          struct verdict *verdict)
{
	enum { SHOWN = 8 };
	char place[64];

	for (unsigned i = 0; i < figures->threads && i < SHOWN; i++) {
		const char *mark = i == 0 ? ";" : ",";
		if (figures->of[i].at == MEMBER_DONE)
			snprintf(place, sizeof place, "%s thread %u at its end",
			         mark, i);
		else
			snprintf(place, sizeof place,
			         "%s thread %u at event %lu", mark, i,
			         figures->of[i].at);
		strlcat(verdict->sentence, place, sizeof verdict->sentence);
	}
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
	if (verdict->kind == VERDICT_HANG)
		add_positions(figures, &row->verdict);
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
