/*
 * measure_pass.c - audit and meter: several children at a time.
 */
#include <time.h>
#include <unistd.h>

#include "../measure/heapmap.h"
#include "interrupt.h"
#include "job.h"
#include "order.h"

enum {
	CORES_MAX = 64,
	OUTLIER = 8, /* a footprint so many times the smallest does
	                        not set the scale of the others          */
};

/*
 * The cell size of heapmap.csv: the tallest heap gets at most HEAPMAP_CELLS
 * cells, heaps out of all proportion (bump's) aside.
 */
static uint64_t choose_cell_bytes(const struct run *run)
{
	uint64_t smallest = UINT64_MAX, tallest = 0, cell = 16;

	for (int i = 0; i < run->count; i++) {
		uint64_t peak = run->subjects[i].audit.peak_footprint_bytes;
		if (peak > 0 && peak < smallest)
			smallest = peak;
	}
	for (int i = 0; i < run->count; i++) {
		uint64_t peak = run->subjects[i].audit.peak_footprint_bytes;
		if (peak / OUTLIER <= smallest && peak > tallest)
			tallest = peak;
	}
	while (tallest / cell > HEAPMAP_CELLS)
		cell *= 2;
	return cell;
}

/* ---- a batch: one child for every subject that wants it ---------------- */

/* What is done with a child's result once it has ended. */
typedef void collect_result(struct subject *subject, const void *result,
                            const struct verdict *verdict);

struct batch {
	struct run *run;
	struct progress *progress;
	const char *verb;
	cell_work *work;
	size_t result_bytes;
	collect_result *collect;
	bool (*wants)(const struct subject *subject);
};

static void collect_audit(struct subject *subject, const void *result,
                          const struct verdict *verdict)
{
	subject->audit = *(const struct audit *)result;
	subject->verdict = *verdict;
	subject->is_audited =
		verdict->kind == VERDICT_OK ||
		(verdict->kind == VERDICT_OUT_OF_MEMORY && verdict->event > 1);
}

static void collect_meter(struct subject *subject, const void *result,
                          const struct verdict *verdict)
{
	subject->meter = *(const struct meter *)result;
	subject->is_metered = verdict->kind == VERDICT_OK;
	if (subject->verdict.kind == VERDICT_OK)
		subject->verdict = *verdict;
}

static bool wants_audit(const struct subject *subject)
{
	(void)subject;
	return true;
}

static bool wants_meter(const struct subject *subject)
{
	return subject->is_audited;
}

/* The children of a batch: one place per core. */
struct crew {
	struct cell cells[CORES_MAX];
	struct pass passes[CORES_MAX];
	int cores;
	int next; /* the next subject to look at */
	int running;
};

/* Takes what the child in one place found, if it has ended. */
static bool collect(const struct batch *batch, struct crew *crew, int place,
                    struct trace_error *error)
{
	struct cell *cell = &crew->cells[place];
	struct verdict verdict;

	if (cell->pid == 0 ||
	    !cell_has_ended(cell, &batch->run->workload->trace, &verdict))
		return true;
	struct subject *subject =
		&batch->run->subjects[crew->passes[place].subject];
	subject->measure_seconds += cell->seconds;
	batch->collect(subject, cell->result, &verdict);
	cell_close(cell);
	crew->running--;
	batch->progress->done++;
	return run_is_written(&verdict, error);
}

/* Kills what still runs. */
static void dismiss(struct crew *crew)
{
	for (int i = 0; i < crew->cores; i++)
		cell_close(&crew->cells[i]);
	crew->running = 0;
}

/* Gives an empty place the next subject that wants this pass. */
static bool start_next(const struct batch *batch, struct crew *crew, int place,
                       struct trace_error *error)
{
	const struct cell_limits limits = run_limits(batch->run);
	struct run *run = batch->run;

	if (crew->cells[place].pid != 0)
		return true;
	while (crew->next < run->count) {
		int subject = crew->next++;
		if (!batch->wants(&run->subjects[subject]))
			continue;
		crew->passes[place] = (struct pass){run, subject};
		crew->running++;
		return pass_start(&crew->cells[place], batch->work,
		                  &crew->passes[place], batch->result_bytes,
		                  &limits) ||
		       run_cannot_fork(error);
	}
	return true;
}

static void draw_batch(const struct batch *batch, const struct crew *crew)
{
	const struct run *run = batch->run;
	double now = 0;
	char what[320] = "";

	for (int i = 0; i < crew->cores; i++) {
		if (crew->cells[i].pid == 0)
			continue;
		now += (double)crew->cells[i].page->progress /
		       (double)run->workload->trace.events;
		snprintf(what, sizeof what, "%s %s", batch->verb,
		         run->subjects[crew->passes[i].subject].label);
	}
	progress_draw(batch->progress, now, what);
}

/* One look at every place of the crew. */
static bool attend(const struct batch *batch, struct crew *crew,
                   struct trace_error *error)
{
	for (int i = 0; i < crew->cores; i++)
		if (!collect(batch, crew, i, error) ||
		    !start_next(batch, crew, i, error))
			return false;
	return true;
}

/* Gives every subject that wants it a child, as many at a time as cores. */
static bool run_batch(const struct batch *batch, struct trace_error *error)
{
	const struct timespec pause = {.tv_nsec = 300 * 1000};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct crew crew = {.cores = cores < 1           ? 1
	                             : cores > CORES_MAX ? CORES_MAX
	                                                 : (int)cores};
	bool good;

	if (batch->run->options->measures_alone)
		crew.cores = 1;
	while ((good = attend(batch, &crew, error)) && crew.running > 0 &&
	       !interrupt_came()) {
		draw_batch(batch, &crew);
		nanosleep(&pause, NULL);
	}
	dismiss(&crew);
	return good;
}

/* Half a measure pass is none: the row and the parts are left out. */
static void drop_unfinished(struct run *run)
{
	for (int i = 0; i < run->count; i++) {
		struct subject *subject = &run->subjects[i];
		bool is_half = subject->is_audited && !subject->is_metered &&
		               (subject->verdict.kind == VERDICT_OK ||
		                subject->verdict.kind == VERDICT_OUT_OF_MEMORY);
		if (is_half || subject->verdict.kind == VERDICT_NOT_RUN) {
			subject_reset(subject);
			run_remove_parts(run, i);
		}
	}
}

bool run_measure_pass(struct run *run, struct progress *progress,
                      struct trace_error *error)
{
	struct batch batch = {
		.run = run,
		.progress = progress,
		.verb = "auditing",
		.work = pass_audit,
		.result_bytes = sizeof(struct audit),
		.collect = collect_audit,
		.wants = wants_audit,
	};

	bool good = run_batch(&batch, error);
	run->cell_bytes = choose_cell_bytes(run);
	batch.verb = "metering";
	batch.work = pass_meter;
	batch.result_bytes = sizeof(struct meter);
	batch.collect = collect_meter;
	batch.wants = wants_meter;
	good = good && (interrupt_came() || run_batch(&batch, error));
	if (interrupt_came())
		drop_unfinished(run);
	return good;
}
