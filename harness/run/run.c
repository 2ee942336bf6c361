/*
 * run.c - the order of the children.
 */
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../measure/heapmap.h"
#include "passes.h"
#include "progress.h"

enum {
	CORES_MAX = 64,
	STACK_OFFSETS = 256, /* times 16 bytes: up to a page */
	SIZES_COUNTED = 1 << 20,
	OUTLIER = 8, /* a footprint so many times the smallest does
	                        not set the scale of the others          */
};

static volatile sig_atomic_t got_interrupt;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	got_interrupt = 1;
}

/* ---- the shape of the workload ------------------------------------------ */

/* The size that `rank` requests are smaller than. */
static uint64_t find_rank(const uint64_t *counts, uint64_t rank)
{
	uint64_t size = 0;

	while (size + 1 < SIZES_COUNTED && counts[size] <= rank)
		rank -= counts[size++];
	return size;
}

/*
 * The 50th, 90th and 99th percentile of the request sizes; sizes from
 * SIZES_COUNTED on count as that.
 */
static bool find_size_quantiles(const struct trace *trace, uint64_t *quantiles)
{
	static const double shares[CENSUS_QUANTILES] = {.50, .90, .99};
	uint64_t *counts = calloc(SIZES_COUNTED, sizeof(*counts)), n = 0;

	if (counts == NULL)
		return false;
	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (op->kind >= TRACE_FREE)
			continue;
		counts[op->size < SIZES_COUNTED ? op->size
		                                : SIZES_COUNTED - 1]++;
		n++;
	}
	for (int i = 0; i < CENSUS_QUANTILES; i++)
		quantiles[i] =
			find_rank(counts, (uint64_t)(shares[i] * (double)n));
	free(counts);
	return true;
}

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

/* ---- the measure pass: several children at a time ----------------------- */

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

static struct cell_limits limits_of(const struct run *run)
{
	/* Room beyond the heap's limit for the oracle and its tables. */
	size_t tables = (size_t)1 << 30;
	size_t slots = (size_t)run->workload->trace.slots * 256;

	return (struct cell_limits){
		.seconds = run->options->seconds,
		.memory_bytes = run->options->memory_bytes + tables + slots,
	};
}

static bool cannot_fork(struct trace_error *error)
{
	return trace_fail(error, "cannot start a process: %s", strerror(errno));
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
static void collect(const struct batch *batch, struct crew *crew, int place)
{
	struct cell *cell = &crew->cells[place];
	struct verdict verdict;

	if (cell->pid == 0 ||
	    !cell_has_ended(cell, &batch->run->workload->trace, &verdict))
		return;
	struct subject *subject =
		&batch->run->subjects[crew->passes[place].subject];
	subject->measure_seconds += cell->seconds;
	batch->collect(subject, cell->result, &verdict);
	cell_close(cell);
	crew->running--;
	batch->progress->done++;
}

/* Gives an empty place the next subject that wants this pass. */
static bool start_next(const struct batch *batch, struct crew *crew, int place)
{
	const struct cell_limits limits = limits_of(batch->run);
	struct run *run = batch->run;

	while (crew->next < run->count && !got_interrupt) {
		int subject = crew->next++;
		if (!batch->wants(&run->subjects[subject]))
			continue;
		crew->passes[place] = (struct pass){run, subject};
		crew->running++;
		return cell_start(&crew->cells[place], batch->work,
		                  &crew->passes[place], batch->result_bytes,
		                  &limits);
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

/* Gives every subject that wants it a child, as many at a time as cores. */
static bool run_batch(const struct batch *batch, struct trace_error *error)
{
	const struct timespec pause = {.tv_nsec = 300 * 1000};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct crew crew = {.cores = cores < 1           ? 1
	                             : cores > CORES_MAX ? CORES_MAX
	                                                 : (int)cores};

	if (batch->run->options->measures_alone)
		crew.cores = 1;
	do {
		for (int i = 0; i < crew.cores; i++) {
			collect(batch, &crew, i);
			if (crew.cells[i].pid == 0 &&
			    !start_next(batch, &crew, i))
				return cannot_fork(error);
		}
		draw_batch(batch, &crew);
		nanosleep(&pause, NULL);
	} while (crew.running > 0);
	return true;
}

static bool run_measure_pass(struct run *run, struct progress *progress,
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

	if (!run_batch(&batch, error))
		return false;
	run->cell_bytes = choose_cell_bytes(run);
	batch.verb = "metering";
	batch.work = pass_meter;
	batch.result_bytes = sizeof(struct meter);
	batch.collect = collect_meter;
	batch.wants = wants_meter;
	return run_batch(&batch, error);
}

/* ---- the speed pass: one child at a time -------------------------------- */

/* Runs one child to its end; its result is copied to `result`. */
static bool run_alone(struct run *run, struct progress *progress, int subject,
                      cell_work *work, void *result, size_t result_bytes,
                      struct verdict *verdict, double *seconds,
                      struct trace_error *error)
{
	struct cell_limits limits = limits_of(run);
	struct pass pass = {run, subject};
	struct cell cell;

	limits.stack_offset =
		splitmix64(&run->random) % STACK_OFFSETS * MALLOC_ALIGN_BYTES;

	if (!cell_start(&cell, work, &pass, result_bytes, &limits))
		return cannot_fork(error);
	cell_wait(&cell, &run->workload->trace, verdict);
	if (result_bytes > 0)
		memcpy(result, cell.result, result_bytes);
	*seconds = cell.seconds;
	cell_close(&cell);
	progress->done++;
	return true;
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
	if (verdict.kind != VERDICT_OK)
		row->verdict = verdict;
	row->reps = 0;
	return true;
}

static bool time_subject(struct run *run, struct progress *progress,
                         int subject, unsigned position,
                         struct trace_error *error)
{
	struct subject *row = &run->subjects[subject];
	struct verdict verdict;
	struct speed speed;
	double seconds;

	if (!run_alone(run, progress, subject, pass_speed, &speed, sizeof speed,
	               &verdict, &seconds, error))
		return false;
	if (verdict.kind != VERDICT_OK) {
		row->verdict = verdict;
		return locate_death(run, progress, subject, error);
	}
	row->ns_per_op[row->reps] = speed.ns_per_op;
	row->resident[row->reps] = (double)speed.resident_bytes;
	row->page_faults[row->reps] = (double)speed.page_faults;
	row->system_ns[row->reps] = (double)speed.system_ns;
	row->position[row->reps] = position;
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

/* One child for every subject and for null, which is number `count`. */
static bool run_round(struct run *run, struct progress *progress,
                      const int *order, struct trace_error *error)
{
	char what[320];

	for (int i = 0; i <= run->count && !got_interrupt; i++) {
		int subject = order[i];
		bool is_null = subject == run->count;
		snprintf(what, sizeof what, "timing %s",
		         is_null ? "null" : run->subjects[subject].label);
		progress_draw(progress, 0, what);
		if (is_null ? !time_null(run, progress, error)
		            : is_timed(run, &run->subjects[subject]) &&
		                      !time_subject(run, progress, subject,
		                                    (unsigned)i, error))
			return false;
	}
	return true;
}

static bool run_speed_pass(struct run *run, struct progress *progress,
                           struct trace_error *error)
{
	int *order = malloc((size_t)(run->count + 1) * sizeof *order);
	struct verdict verdict;
	struct speed speed;
	double seconds;
	bool good = order != NULL;

	for (int i = 0; good && i <= run->count; i++)
		order[i] = i;
	for (unsigned round = 0;
	     good && round < run->options->reps && !got_interrupt; round++) {
		shuffle(order, run->count + 1, &run->random);
		good = run_round(run, progress, order, error);
	}
	free(order);
	if (good && run_alone(run, progress, 0, pass_empty, &speed,
	                      sizeof speed, &verdict, &seconds, error))
		run->empty_ns = speed.ns_per_op;
	run->null_estimate = estimate_median(run->null_ns, run->null_reps);
	for (int i = 0; i < run->count; i++)
		run->subjects[i].ns = estimate_median(
			run->subjects[i].ns_per_op, run->subjects[i].reps);
	return good;
}

/* The passes that run once: resident memory, and latency if wanted. */
static bool run_single_passes(struct run *run, struct progress *progress,
                              struct trace_error *error)
{
	char what[320];

	for (int i = 0; i < run->count && !got_interrupt; i++) {
		struct subject *subject = &run->subjects[i];
		struct verdict verdict = {0}, latency = {0};
		struct speed speed;
		double seconds;
		if (subject->verdict.kind != VERDICT_OK)
			continue;
		snprintf(what, sizeof what, "latency of %s", subject->label);
		progress_draw(progress, 0, what);
		if (!run_alone(run, progress, i, pass_resident, &speed,
		               sizeof speed, &verdict, &seconds, error))
			return false;
		subject->resident_bytes = speed.resident_bytes;
		subject->is_resident_known = verdict.kind == VERDICT_OK;
		if (run->options->latency &&
		    !run_alone(run, progress, i, pass_latency, NULL, 0,
		               &latency, &seconds, error))
			return false;
		subject->verdict =
			verdict.kind != VERDICT_OK ? verdict : latency;
	}
	return true;
}

void run_remove_parts(const struct run *run)
{
	char path[4096];

	for (int i = 0; i < run->count; i++) {
		for (int part = 0; part < PARTS; part++) {
			part_path(run, i, (enum part)part, path, sizeof path);
			unlink(path);
		}
	}
}

bool run_all(struct run *run, struct trace_error *error)
{
	const struct run_options *options = run->options;
	struct sigaction watch = {.sa_handler = on_interrupt}, before;
	struct progress progress;
	double cells = run->count * (3.0 + options->reps + options->latency) +
	               options->reps + 1;

	if (!find_size_quantiles(&run->workload->trace, run->sizes))
		return trace_fail(error, "no memory for the sizes");
	for (int i = 0; i < run->count; i++)
		subject_reset(&run->subjects[i]);
	run->random = options->seed;
	got_interrupt = 0;
	sigaction(SIGINT, &watch, &before);
	progress_open(&progress, run->workload->name, cells,
	              options->shows_progress);
	bool good = run_measure_pass(run, &progress, error);
	if (good && options->reps > 0)
		good = run_speed_pass(run, &progress, error);
	if (good && options->reps > 0)
		good = run_single_passes(run, &progress, error);
	progress_close(&progress);
	sigaction(SIGINT, &before, NULL);
	run->interrupted = got_interrupt;
	return good;
}
