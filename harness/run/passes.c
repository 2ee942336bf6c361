/*
 * passes.c - what the children do.
 */
#include "passes.h"

#include <errno.h>
#include <string.h>

#include "../measure/heapmap.h"
#include "../report/csv.h"
#include "threaded.h"

const char *const part_names[PARTS] = {
	[PART_TIMELINE] = "timeline", [PART_TIERS] = "tiers",
	[PART_HEAPMAP] = "heapmap",   [PART_BLOCKS] = "blocks",
	[PART_FAILURES] = "failures", [PART_SEARCHES] = "searches",
	[PART_THREADS] = "threads",   [PART_CLASSES] = "size_classes",
	[PART_LATENCY] = "latency",   [PART_SHARING] = "sharing",
};

const char *const part_headers[PARTS] = {
	[PART_TIMELINE] =
		"allocator,event,requested_bytes,footprint_bytes,"
		"internal_bytes,metadata_bytes,free_bytes,slack_bytes,"
		"unusable_p50,unusable_p90,unusable_p99,time_ns",
	[PART_TIERS] = "allocator,event,tier,bytes,blocks,largest_bytes",
	[PART_HEAPMAP] = "allocator,event,start_bytes,bytes,requested_bytes,"
			 "internal_bytes,metadata_bytes,free_bytes,slack_bytes",
	[PART_BLOCKS] = "allocator,block,slot,event_from,event_to,start_bytes,"
			"requested_bytes,usable_bytes",
	[PART_FAILURES] =
		"allocator,event,request_bytes,need_bytes,grown_bytes,tier,"
		"free_bytes,free_blocks,largest_bytes,"
		"would_fit_in_one_piece",
	[PART_SHARING] = "allocator,event,lines,shared_lines",
	[PART_SEARCHES] = "allocator,event_from,event_to,calls,links_mean,"
			  "links_p99,links_max",
	[PART_CLASSES] = "allocator,requested_bytes,usable_bytes",
	[PART_LATENCY] = "allocator,call,latency_ns,share_slower,samples",
	[PART_THREADS] = "allocator,round,thread,calls,ns_per_op,takes,waits",
};

void part_path(const struct run *run, int subject, enum part part, char *path,
               size_t capacity)
{
	snprintf(path, capacity, "%s/part.%d.%s", run->options->folder, subject,
	         part_names[part]);
}

static FILE *open_part(const struct pass *pass, enum part part)
{
	char path[4096];

	part_path(pass->run, pass->subject, part, path, sizeof path);
	return fopen(path, "w");
}

static struct verdict not_written(const struct pass *pass)
{
	struct verdict verdict = {0};

	verdict_set(&verdict, VERDICT_NOT_WRITTEN, 0,
	            "%.300s: cannot write: %s", pass->run->options->folder,
	            strerror(errno));
	return verdict;
}

/* Closes a part; a full disk must not go unnoticed. */
static void close_part(const struct pass *pass, FILE *part,
                       struct verdict *verdict)
{
	if (part == NULL)
		return;
	bool failed = ferror(part) != 0;
	if (fclose(part) != 0 || failed)
		*verdict = not_written(pass);
}

struct verdict pass_audit(void *ctx, volatile uint64_t *progress, void *result)
{
	const struct pass *pass = ctx;
	const struct subject *subject = pass_subject(pass);
	const struct run_options *run = pass->run->options;
	struct audit_options options = {
		.limit_bytes = run->memory_bytes,
		.depth = run->paranoid ? ORACLE_ALL : ORACLE_EDGES,
		.is_paced = run->pace > 0,
		.progress = progress,
		.label = subject->label,
		.searches = open_part(pass, PART_SEARCHES),
	};

	if (options.searches == NULL)
		return not_written(pass);
	struct verdict verdict =
		audit_run(subject->allocator, &subject->values,
	                  &pass->run->workload->trace, &options, result);
	close_part(pass, options.searches, &verdict);
	return verdict;
}

/* ---- meter -------------------------------------------------------------- */

enum {
	CLASSES_EACH_TO = 1024, /* every size up to here               */
	CLASSES_STEPS_PER_DOUBLING = 32, /* then so many a doubling          */
	CLASSES_TO = 64 * 1024,
	CLASSES_BLOCKS = 4,
};

/*
 * The least that malloc gives of a few blocks held together: where a hole leaves
 * too little behind to be of use (the C library's heap is that of the whole
 * process, and has some) a block gets more than its size class.
 */
static bool write_class(const struct replayer *replayer, const char *label,
                        size_t size, FILE *out)
{
	const struct allocator *allocator = replayer->allocator;
	struct thread_heap *self = replayer->threads[0];
	void *blocks[CLASSES_BLOCKS];
	size_t least = SIZE_MAX;

	for (int i = 0; i < CLASSES_BLOCKS; i++) {
		blocks[i] = allocator->malloc(self, size);
		size_t usable = blocks[i] == NULL
		                        ? 0
		                        : allocator->usable_size(replayer->heap,
		                                                 blocks[i]);
		if (usable < least)
			least = usable;
	}
	for (int i = 0; i < CLASSES_BLOCKS; i++)
		allocator->free(self, blocks[i]);
	if (least == 0)
		return false;
	csv_text(out, label);
	fprintf(out, ",%zu,%zu\n", size, least);
	return true;
}

/* The staircase: what malloc gives for each size, on a heap of its own. */
static void write_classes(const struct pass *pass, FILE *out,
                          struct verdict *verdict)
{
	const struct subject *subject = pass_subject(pass);
	struct replayer replayer;
	size_t size = 1, step = 1;

	if (subject->allocator->usable_size == NULL)
		return;
	if (replayer_open(&replayer, subject->allocator, &subject->values,
	                  &pass->run->workload->trace,
	                  pass->run->options->memory_bytes, ORACLE_PLACES)) {
		while (size <= CLASSES_TO &&
		       write_class(&replayer, subject->label, size, out)) {
			if (size >= CLASSES_EACH_TO && (size & (size - 1)) == 0)
				step = size / CLASSES_STEPS_PER_DOUBLING;
			size += step;
		}
	}
	replayer_close(&replayer);
	if (verdict->kind == VERDICT_OK)
		*verdict = replayer.verdict;
}

/* The run's cell size, or a larger one for a heap out of proportion (bump). */
static uint64_t cell_bytes_of(const struct run *run,
                              const struct subject *subject)
{
	uint64_t cell = run->cell_bytes;

	while (subject->audit.peak_footprint_bytes / cell > 2 * HEAPMAP_CELLS)
		cell *= 2;
	return cell;
}

struct verdict pass_meter(void *ctx, volatile uint64_t *progress, void *result)
{
	const struct pass *pass = ctx;
	const struct run *run = pass->run;
	const struct subject *subject = pass_subject(pass);
	const struct trace *trace = &run->workload->trace;
	bool ended_early = subject->verdict.kind != VERDICT_OK;
	bool with_blocks = trace->events <= METER_BLOCKS_MAX;
	bool with_sharing = trace->threads > 1;
	struct meter_options options = {
		.limit_bytes = run->options->memory_bytes,
		.is_paced = run->options->pace > 0,
		.progress = progress,
		.label = subject->label,
		.cell_bytes = cell_bytes_of(run, subject),
		.last_event = ended_early ? subject->verdict.event - 1
	                                  : trace->events,
		.timeline = open_part(pass, PART_TIMELINE),
		.tiers = open_part(pass, PART_TIERS),
		.heapmap = open_part(pass, PART_HEAPMAP),
		.failures = open_part(pass, PART_FAILURES),
		.blocks = with_blocks ? open_part(pass, PART_BLOCKS) : NULL,
		.sharing = with_sharing ? open_part(pass, PART_SHARING) : NULL,
	};
	FILE *classes = open_part(pass, PART_CLASSES);
	struct verdict verdict = {0};

	memcpy(options.sizes, run->sizes, sizeof options.sizes);
	if (options.timeline == NULL || options.tiers == NULL ||
	    options.heapmap == NULL || options.failures == NULL ||
	    classes == NULL || (with_blocks && options.blocks == NULL) ||
	    (with_sharing && options.sharing == NULL))
		return not_written(pass);
	if (census_is_possible(subject->allocator))
		verdict = meter_run(subject->allocator, &subject->values, trace,
		                    &subject->audit, &options, result);
	write_classes(pass, classes, &verdict);
	close_part(pass, options.timeline, &verdict);
	close_part(pass, options.tiers, &verdict);
	close_part(pass, options.heapmap, &verdict);
	close_part(pass, options.failures, &verdict);
	close_part(pass, options.blocks, &verdict);
	close_part(pass, options.sharing, &verdict);
	close_part(pass, classes, &verdict);
	return verdict;
}

/* ---- speed and latency -------------------------------------------------- */

static struct verdict run_speed(const struct pass *pass,
                                volatile uint64_t *progress, void *result)
{
	const struct subject *subject = pass_subject(pass);
	const struct speed_options options = {
		.limit_bytes = pass->run->options->memory_bytes,
		.touch = pass->run->options->touch,
		.pace = pass->run->options->pace,
		.progress = progress,
	};

	if (pass->run->plan != NULL)
		return threaded_speed(pass, &options, result);
	return speed_run(subject->allocator, &subject->values,
	                 &pass->run->workload->trace, &options, result);
}

struct verdict pass_speed(void *ctx, volatile uint64_t *progress, void *result)
{
	const struct pass *pass = ctx;

	(void)progress;
	if (pass->run->plan != NULL)
		return threaded_round(pass, result);
	return run_speed(pass, NULL, result);
}

struct verdict pass_locate(void *ctx, volatile uint64_t *progress, void *result)
{
	const struct pass *pass = ctx;

	return run_speed(pass, progress, result);
}

struct verdict pass_resident(void *ctx, volatile uint64_t *progress,
                             void *result)
{
	const struct pass *pass = ctx;
	const struct subject *subject = pass_subject(pass);

	const struct speed_options options = {
		.limit_bytes = pass->run->options->memory_bytes,
		.pace = pass->run->options->pace,
	};

	(void)progress;
	return residency_run(subject->allocator, &subject->values,
	                     &pass->run->workload->trace, &options, result);
}

struct verdict pass_null(void *ctx, volatile uint64_t *progress, void *result)
{
	const struct pass *pass = ctx;

	(void)progress;
	if (pass->run->plan != NULL)
		return threaded_null(pass, result);
	return speed_run_null(&pass->run->workload->trace,
	                      pass->run->options->touch, result);
}

struct verdict pass_empty(void *ctx, volatile uint64_t *progress, void *result)
{
	const struct pass *pass = ctx;

	(void)progress;
	return speed_run_empty(&pass->run->workload->trace, result);
}

struct verdict pass_latency(void *ctx, volatile uint64_t *progress,
                            void *result)
{
	const struct pass *pass = ctx;
	const struct subject *subject = pass_subject(pass);
	const struct speed_options options = {
		.limit_bytes = pass->run->options->memory_bytes,
		.touch = pass->run->options->touch,
	};
	FILE *out = open_part(pass, PART_LATENCY);

	(void)progress;
	(void)result;
	if (out == NULL)
		return not_written(pass);
	struct verdict verdict = latency_run(
		subject->allocator, &subject->values,
		&pass->run->workload->trace, &options, subject->label, out);
	close_part(pass, out, &verdict);
	return verdict;
}
