/*
 * timed_passes.c - speed, resident memory, latency: one child at a time.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../splitmix64.h"
#include "interrupt.h"
#include "job.h"
#include "order.h"
#include "passes.h"
#include "threaded.h"

enum { STACK_OFFSETS = 256 }; /* times 16 bytes: up to a page */

/* Waits for the end of a child, or for an interrupt: then it has not run. */
static void wait_for(struct cell *cell, const struct trace *trace,
                     struct verdict *verdict)
{
	const struct timespec pause = {.tv_nsec = 300 * 1000};

	*verdict = (struct verdict){.kind = VERDICT_NOT_RUN};
	while (!interrupt_came() && !cell_has_ended(cell, trace, verdict))
		nanosleep(&pause, NULL);
}

bool run_alone(struct run *run, struct progress *progress, int subject,
               cell_work *work, void *result, size_t result_bytes,
               struct verdict *verdict, double *seconds,
               struct trace_error *error)
{
	struct cell_limits limits = run_limits(run);
	struct pass pass = {run, subject};
	struct cell cell;

	limits.stack_offset =
		splitmix64(&run->random) % STACK_OFFSETS * MALLOC_ALIGN_BYTES;
	if (!pass_start(&cell, work, &pass, result_bytes, &limits))
		return run_cannot_fork(error);
	wait_for(&cell, &run->workload->trace, verdict);
	if (result_bytes > 0)
		memcpy(result, cell.result, result_bytes);
	*seconds = cell.seconds;
	cell_close(&cell);
	progress->done++;
	return run_is_written(verdict, error);
}

/* A speed pass died: once more, step by step, to learn where. */
static bool locate_death(struct run *run, struct progress *progress,
                         int subject, struct trace_error *error)
{
	struct subject *row = &run->subjects[subject];
	struct verdict verdict;
	struct speed speed;
	double seconds;

	if (!run_alone(run, progress, subject, pass_locate, &speed,
	               sizeof speed, &verdict, &seconds, error))
		return false;
	if (verdict.kind != VERDICT_OK && verdict.kind != VERDICT_NOT_RUN)
		row->verdict = verdict;
	row->reps = 0;
	run_remove_part(run, subject, PART_THREADS);
	return true;
}

static bool time_subject(struct run *run, struct progress *progress,
                         int subject, unsigned position,
                         struct trace_error *error)
{
	struct subject *row = pass_subject(&(struct pass){run, subject});
	struct verdict verdict;
	struct speed speed;
	double seconds;

	if (!run_alone(run, progress, subject, pass_speed, &speed, sizeof speed,
	               &verdict, &seconds, error))
		return false;
	if (verdict.kind == VERDICT_NOT_RUN)
		return true;
	if (verdict.kind != VERDICT_OK) {
		row->verdict = verdict;
		return subject == SUBJECT_FLOOR ||
		       locate_death(run, progress, subject, error);
	}
	row->ns_per_op[row->reps] = speed.ns_per_op;
	row->cpu_ns_per_op[row->reps] = speed.cpu_ns_per_op;
	row->resident[row->reps] = (double)speed.resident_bytes;
	row->page_faults[row->reps] = (double)speed.page_faults;
	row->system_ns[row->reps] = (double)speed.system_ns;
	row->position[row->reps] = position;
	if (run->plan != NULL)
		threaded_note(&row->threaded, row->reps, &speed);
	row->reps++;
	row->seconds += seconds;
	return true;
}

static bool time_null(struct run *run, struct progress *progress,
                      struct trace_error *error)
{
	struct verdict verdict;
	struct speed speed;
	double seconds;

	if (!run_alone(run, progress, 0, pass_null, &speed, sizeof speed,
	               &verdict, &seconds, error))
		return false;
	if (verdict.kind == VERDICT_OK)
		run->null_ns[run->null_reps++] = speed.ns_per_op;
	return true;
}

static bool is_timed(const struct run *run, const struct subject *subject)
{
	return subject->verdict.kind == VERDICT_OK &&
	       subject->seconds < run->options->budget_seconds;
}

/* A new order for each round, so that no allocator always follows another. */
static void shuffle(int *order, int count, uint64_t *random)
{
	for (int i = count - 1; i > 0; i--) {
		int k = (int)(splitmix64(random) % (unsigned)(i + 1));
		int swap = order[i];
		order[i] = order[k];
		order[k] = swap;
	}
}

/* Null and the empty library have the numbers behind the subjects'. */
enum { FLOORS = 2 };

/* All that is timed, in a new order. */
static void draw_order(struct run *run, int *order)
{
	for (int i = 0; i < run->count + FLOORS; i++)
		order[i] = i;
	shuffle(order, run->count + FLOORS, &run->random);
}

/* The child whose turn it is, if there is one. */
static bool time_one(struct run *run, struct progress *progress, int number,
                     unsigned position, struct trace_error *error)
{
	int subject = number > run->count ? SUBJECT_FLOOR : number;
	const struct subject *row =
		number == run->count
			? NULL
			: pass_subject(&(struct pass){run, subject});
	char what[320];

	if (number != run->count && (row == NULL || !is_timed(run, row)))
		return true;
	snprintf(what, sizeof what, "timing %s",
	         row == NULL ? "null" : row->label);
	progress_draw(progress, 0, what);
	return row == NULL
	               ? time_null(run, progress, error)
	               : time_subject(run, progress, subject, position, error);
}

bool run_timed_round(struct run *run, struct progress *progress,
                     struct trace_error *error)
{
	int count = run->count + FLOORS;
	int *order = malloc((size_t)count * sizeof *order);
	bool good =
		order != NULL || trace_fail(error, "no memory for the order");

	if (good)
		draw_order(run, order);
	for (int i = 0; good && i < count && !interrupt_came(); i++)
		good = time_one(run, progress, order[i], (unsigned)i, error);
	free(order);
	return good;
}

bool run_speed_pass(struct run *run, struct progress *progress,
                    struct trace_error *error)
{
	struct verdict verdict;
	struct speed speed;
	double seconds;
	bool good = true;

	for (unsigned round = 0;
	     good && round < run->options->reps && !interrupt_came(); round++)
		good = run_timed_round(run, progress, error);
	good = good && run_alone(run, progress, 0, pass_empty, &speed,
	                         sizeof speed, &verdict, &seconds, error);
	if (good && verdict.kind == VERDICT_OK)
		run->empty_ns = speed.ns_per_op;
	run->null_estimate = estimate_median(run->null_ns, run->null_reps);
	for (int i = SUBJECT_FLOOR; i < run->count; i++) {
		struct subject *row = pass_subject(&(struct pass){run, i});
		if (row != NULL)
			row->ns = estimate_median(row->ns_per_op, row->reps);
	}
	return good;
}

/* Resident memory of one allocator, from a replay that touches every page. */
static bool measure_resident(struct run *run, struct progress *progress,
                             int subject, struct trace_error *error)
{
	struct subject *row = &run->subjects[subject];
	struct verdict verdict;
	double seconds;

	if (!run_alone(run, progress, subject, pass_resident, &row->residency,
	               sizeof row->residency, &verdict, &seconds, error))
		return false;
	row->is_resident_known = verdict.kind == VERDICT_OK;
	if (verdict.kind != VERDICT_OK && verdict.kind != VERDICT_NOT_RUN)
		row->verdict = verdict;
	return true;
}

bool run_resident_round(struct run *run, struct progress *progress,
                        struct trace_error *error)
{
	char what[320];

	for (int i = 0; i < run->count && !interrupt_came(); i++) {
		if (run->subjects[i].verdict.kind != VERDICT_OK)
			continue;
		snprintf(what, sizeof what, "memory of %s",
		         run->subjects[i].label);
		progress_draw(progress, 0, what);
		if (!measure_resident(run, progress, i, error))
			return false;
	}
	return true;
}

static bool measure_latency(struct run *run, struct progress *progress,
                            int subject, struct trace_error *error)
{
	struct verdict verdict;
	double seconds;

	if (!run_alone(run, progress, subject, pass_latency, NULL, 0, &verdict,
	               &seconds, error))
		return false;
	if (verdict.kind == VERDICT_NOT_RUN)
		run_remove_part(run, subject, PART_LATENCY);
	else if (verdict.kind != VERDICT_OK)
		run->subjects[subject].verdict = verdict;
	return true;
}

bool run_single_passes(struct run *run, struct progress *progress,
                       struct trace_error *error)
{
	char what[320];

	for (int i = 0; i < run->count && !interrupt_came(); i++) {
		struct subject *subject = &run->subjects[i];
		if (subject->verdict.kind != VERDICT_OK)
			continue;
		snprintf(what, sizeof what, "memory and latency of %s",
		         subject->label);
		progress_draw(progress, 0, what);
		if (!measure_resident(run, progress, i, error))
			return false;
		if (run->options->latency &&
		    subject->verdict.kind == VERDICT_OK &&
		    !measure_latency(run, progress, i, error))
			return false;
	}
	return true;
}
