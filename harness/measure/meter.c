/*
 * meter.c - the replay that stops to look.
 */
#include "meter.h"

#include <stdlib.h>
#include <string.h>

#include "../clock/resident.h"
#include "../report/csv.h"
#include "heapmap.h"
#include "sharing.h"

struct metering {
	struct replayer replayer;
	const struct meter_options *options;
	const struct audit *audit;
	struct meter *meter;
	struct heapmap map;
	struct sharing sharing;
	double net_sum, requested_sum;          /* over the samples */
	uint64_t hole_sizes[CENSUS_QUANTILES];  /* for requests p50, p90, p99 */
	struct census_tier tiers[CENSUS_TIERS]; /* before the growth */
	int tier_count;
	uint64_t *ranks;   /* of each slot's block, for blocks.csv */
	uint64_t *numbers; /* likewise: the block's number         */
	uint64_t blocks;   /* numbered so far                      */
};

static bool take(struct metering *metering, struct census *census,
                 census_visitor *visit, void *ctx)
{
	return census_take(&metering->replayer, metering->hole_sizes, census,
	                   visit, ctx);
}

static double ratio(double a, double b)
{
	return b == 0 ? 0 : a / b;
}

/* What Johnstone and Wilson measured: without headers and rounding. */
static uint64_t net_of(const struct parts *parts)
{
	return parts->requested + parts->free + parts->slack;
}

/* ---- the sample points -------------------------------------------------- */

/* The recorded time of the event, if there is one; ends the row. */
static void write_time(const struct metering *metering, FILE *out)
{
	const uint64_t *times = metering->replayer.trace->times;

	if (times == NULL)
		fprintf(out, ",\n");
	else
		fprintf(out, ",%lu\n", times[metering->replayer.event - 1]);
}

static void write_timeline(struct metering *metering,
                           const struct census *census)
{
	const struct parts *parts = &census->parts;
	FILE *out = metering->options->timeline;

	csv_text(out, metering->options->label);
	fprintf(out, ",%lu,%lu,%lu,%lu,%lu,%lu,%lu", metering->replayer.event,
	        parts->requested, parts_sum(parts), parts->internal,
	        parts->metadata, parts->free, parts->slack);
	for (int i = 0; i < CENSUS_QUANTILES; i++)
		fprintf(out, ",%.4f",
		        ratio((double)census->too_small[i],
		              (double)census->all.bytes));
	write_time(metering, out);
}

static void write_tiers(struct metering *metering, const struct census *census)
{
	FILE *out = metering->options->tiers;

	for (int i = 0; i < census->tier_count; i++) {
		const struct census_tier *tier = &census->tiers[i];
		csv_text(out, metering->options->label);
		fprintf(out, ",%lu,%s,%lu,%lu,%lu\n", metering->replayer.event,
		        tier->name, tier->bytes, tier->blocks, tier->largest);
	}
}

static bool sample(struct metering *metering)
{
	struct census census;

	heapmap_begin(&metering->map, metering->replayer.event);
	if (!take(metering, &census, heapmap_add, &metering->map))
		return false;
	heapmap_end(&metering->map);
	write_timeline(metering, &census);
	write_tiers(metering, &census);
	metering->net_sum += (double)net_of(&census.parts);
	metering->requested_sum += (double)census.parts.requested;
	return true;
}

/* Evenly spaced, and the peak, so that charts can take that one apart. */
static bool is_sample_point(const struct metering *metering, uint64_t event)
{
	const struct trace *trace = metering->replayer.trace;

	return trace->events <= METER_EVERY_EVENT_MAX ||
	       event == metering->audit->peak_footprint_event ||
	       event * METER_SAMPLES / trace->events !=
	               (event - 1) * METER_SAMPLES / trace->events;
}

/* ---- the growth to the peak --------------------------------------------- */

static void write_failure(struct metering *metering,
                          const struct census_tier *tier)
{
	const struct growth *growth = &metering->meter->growth;
	FILE *out = metering->options->failures;

	csv_text(out, metering->options->label);
	fprintf(out, ",%lu,%lu,%lu,%lu,%s,%lu,%lu,%lu,%d\n", growth->event,
	        growth->request_bytes, growth->need_bytes, growth->grown_bytes,
	        tier->name, tier->bytes, tier->blocks, tier->largest,
	        tier->bytes >= growth->need_bytes);
}

/* The heap stands just before the event that grew it to its peak. */
static bool study_growth(struct metering *metering)
{
	const struct audit *audit = metering->audit;
	struct growth *growth = &metering->meter->growth;
	const struct trace *trace = metering->replayer.trace;
	const struct trace_op *op =
		&trace->ops[audit->peak_footprint_event - 1];
	struct census census;

	if (!take(metering, &census, NULL, NULL))
		return false;
	*growth = (struct growth){
		.known = true,
		.event = audit->peak_footprint_event,
		.request_bytes = audit->growth_request_bytes,
		.grown_bytes = audit->growth_bytes,
		.kind = op->kind,
		.slack = census.parts.slack,
		.free = census.all,
	};
	for (int i = 0; i < census.tier_count; i++) {
		const struct census_tier *tier = &census.tiers[i];
		if (census_tier_is_bound(tier->name))
			growth->bound += tier->bytes;
		if (strcmp(tier->name, "wilderness") == 0)
			growth->wilderness = *tier;
		else if (tier->bytes > growth->main_tier.bytes)
			growth->main_tier = *tier;
	}
	memcpy(metering->tiers, census.tiers, sizeof metering->tiers);
	metering->tier_count = census.tier_count;
	return true;
}

/*
 * After the growth: how large a hole would have had to be, which is the usable
 * size that the block was given and its tags.
 */
static void finish_growth(struct metering *metering)
{
	struct growth *growth = &metering->meter->growth;
	const struct replayer *replayer = &metering->replayer;
	const struct trace_op *op = &replayer->trace->ops[growth->event - 1];

	if (!growth->known || growth->request_bytes == 0)
		return;
	growth->need_bytes = replayer->oracle.blocks[op->slot].usable +
	                     metering->meter->tag_bytes;
	for (int i = 0; i < metering->tier_count; i++)
		write_failure(metering, &metering->tiers[i]);
	write_failure(metering, &growth->free);
}

/* ---- the peaks ---------------------------------------------------------- */

static bool take_apart_peaks(struct metering *metering)
{
	const struct audit *audit = metering->audit;
	struct meter *meter = metering->meter;
	uint64_t event = metering->replayer.event;
	struct census census;

	if (event != audit->peak_footprint_event &&
	    event != audit->peak_requested_event)
		return true;
	if (!take(metering, &census, NULL, NULL))
		return false;
	double net = (double)net_of(&census.parts);
	if (event == audit->peak_requested_event)
		meter->jw2_net =
			ratio(net, (double)audit->peak_requested_bytes);
	if (event == audit->peak_footprint_event) {
		struct page_source *pages = &metering->replayer.pages;
		meter->at_peak = census.parts;
		meter->jw3_net =
			ratio(net, (double)audit->peak_footprint_requested);
		meter->jw4_net =
			ratio(net, (double)audit->peak_requested_bytes);
		meter->touched_bytes =
			resident_between(pages->base, pages->end);
		finish_growth(metering);
	}
	return true;
}

/* ---- blocks.csv --------------------------------------------------------- */

/* Looks for one block while a census passes by. */
struct rank_search {
	const void *start;
	uint64_t rank;
};

static void compare_start(void *ctx, const struct census_extent *seen)
{
	struct rank_search *search = ctx;

	if (seen->extent.start == search->start)
		search->rank = seen->rank;
}

static bool begin_block(struct metering *metering, uint32_t slot)
{
	struct rank_search search = {metering->replayer.blocks[slot], 0};
	struct census census;

	if (!take(metering, &census, compare_start, &search))
		return false;
	metering->ranks[slot] = search.rank;
	metering->numbers[slot] = ++metering->blocks;
	return true;
}

/* The row of the block in `slot`, whose life ends with event_to (0: never). */
static void write_block(struct metering *metering,
                        const struct oracle_block *block, uint32_t slot,
                        uint64_t event_to)
{
	FILE *out = metering->options->blocks;

	csv_text(out, metering->options->label);
	fprintf(out, ",%lu,%u,%lu,", metering->numbers[slot], slot,
	        block->born);
	if (event_to != 0)
		fprintf(out, "%lu", event_to);
	fprintf(out, ",%lu,%zu,%zu\n", metering->ranks[slot], block->requested,
	        block->usable);
}

/* Steps over one event and writes the row of the block that it ends. */
static bool step_with_blocks(struct metering *metering)
{
	struct replayer *replayer = &metering->replayer;
	const struct trace_op *op = &replayer->trace->ops[replayer->event];
	bool is_call = trace_kind_is_call(op->kind) &&
	               op->slot < replayer->trace->slots;
	struct oracle_block before = {0};

	if (is_call)
		before = replayer->oracle.blocks[op->slot];
	if (!replayer_step(replayer))
		return false;
	if (!is_call)
		return true;
	if (op->kind == TRACE_FREE || op->kind == TRACE_REALLOC)
		write_block(metering, &before, op->slot, replayer->event);
	if (op->kind == TRACE_FREE)
		return true;
	replayer->oracle.blocks[op->slot].born = replayer->event;
	return begin_block(metering, op->slot);
}

/*
 * Writes a byte into every page of the block that the event made, as a program
 * would: touched_bytes tells what of the footprint was never used.
 */
static void touch_block(const struct replayer *replayer)
{
	const struct trace_op *op = &replayer->trace->ops[replayer->event - 1];

	if (op->kind >= TRACE_FREE || op->size == 0)
		return;
	volatile char *block = replayer->blocks[op->slot];
	for (size_t at = 0; at < op->size; at += PAGE_BYTES)
		block[at] = 1;
	block[op->size - 1] = 1;
}

static void write_survivors(struct metering *metering)
{
	const struct trace *trace = metering->replayer.trace;

	for (uint32_t slot = 0; slot < trace->slots; slot++) {
		const struct oracle_block *block =
			&metering->replayer.oracle.blocks[slot];
		if (block->born != 0)
			write_block(metering, block, slot, 0);
	}
}

/* ---- sharing.csv -------------------------------------------------------- */

static bool no_memory(struct metering *metering, const char *what)
{
	return verdict_set(&metering->replayer.verdict, VERDICT_FAILED, 0,
	                   "no memory for the %s of blocks", what);
}

/* Before the event that ends a block. */
static void leave_lines(struct metering *metering, const struct trace_op *op)
{
	bool ends = op->kind == TRACE_FREE || op->kind == TRACE_REALLOC;

	if (ends && op->slot < metering->replayer.trace->slots)
		sharing_remove(&metering->sharing, op->slot);
}

/* After the event that made one. */
static bool enter_lines(struct metering *metering, const struct trace_op *op)
{
	const struct replayer *replayer = &metering->replayer;

	if (op->kind >= TRACE_FREE)
		return true;
	struct sharing_block block = {(uintptr_t)replayer->blocks[op->slot],
	                              op->size, op->thread};
	return sharing_add(&metering->sharing, op->slot, block,
	                   replayer->event) ||
	       no_memory(metering, "cache lines");
}

static void write_sharing(const struct metering *metering)
{
	const struct sharing *sharing = &metering->sharing;
	FILE *out = metering->options->sharing;

	csv_text(out, metering->options->label);
	if (sharing->peak_event > 0)
		fprintf(out, ",%lu,%lu,%lu\n", sharing->peak_event,
		        sharing->peak_lines, sharing->peak_shared_lines);
	else
		fprintf(out, ",,,0\n");
}

static bool step(struct metering *metering)
{
	struct replayer *replayer = &metering->replayer;
	const struct trace_op *op = &replayer->trace->ops[replayer->event];
	bool shares = metering->options->sharing != NULL;

	if (shares)
		leave_lines(metering, op);
	if (metering->options->blocks != NULL ? !step_with_blocks(metering)
	                                      : !replayer_step(replayer))
		return false;
	return !shares || enter_lines(metering, op);
}

/* ---- tags ---------------------------------------------------------------- */

/*
 * What lies between two blocks beside their usable bytes: the step from one
 * small block to the next, less its usable size; on a heap of its own.
 */
static uint64_t probe_tags(const struct allocator *allocator,
                           const struct knob_values *values,
                           const struct meter_options *options)
{
	enum { PROBE_BYTES = 64, TAGS_MAX = 64 };
	struct page_source pages;
	const struct page_source_options source = {
		.kind = PAGE_SOURCE_ARENA, .limit_bytes = options->limit_bytes};
	uint64_t tags = 0;

	if (allocator->usable_size == NULL ||
	    !page_source_open(&pages, &source))
		return 0;
	struct heap *heap = allocator->create(values, &pages, &ONE_THREAD);
	struct thread_heap *self = heap ? allocator->attach(heap) : NULL;
	if (self != NULL) {
		char *a = allocator->malloc(self, PROBE_BYTES);
		char *b = allocator->malloc(self, PROBE_BYTES);
		if (a != NULL && b > a) {
			size_t usable = allocator->usable_size(heap, a);
			size_t step = (size_t)(b - a);
			if (step > usable && step - usable <= TAGS_MAX)
				tags = step - usable;
		}
	}
	page_source_close(&pages);
	return tags;
}

/* ---- the replay --------------------------------------------------------- */

static bool replay_all(struct metering *metering)
{
	struct replayer *replayer = &metering->replayer;
	const struct meter_options *options = metering->options;
	uint64_t growth_event = metering->audit->peak_footprint_event;

	while (replayer->event < options->last_event) {
		uint64_t event = replayer->event + 1;
		*options->progress = event;
		if (event == growth_event &&
		    metering->audit->growth_bytes > 0 &&
		    !study_growth(metering))
			return false;
		if (!step(metering))
			return false;
		touch_block(replayer);
		if (!take_apart_peaks(metering))
			return false;
		if (is_sample_point(metering, event) && !sample(metering))
			return false;
	}
	if (options->blocks != NULL)
		write_survivors(metering);
	if (options->sharing != NULL)
		write_sharing(metering);
	return true;
}

struct verdict meter_run(const struct allocator *allocator,
                         const struct knob_values *values,
                         const struct trace *trace, const struct audit *audit,
                         const struct meter_options *options,
                         struct meter *meter)
{
	struct metering metering = {
		.options = options,
		.audit = audit,
		.meter = meter,
		.map = {.out = options->heapmap,
	                .label = options->label,
	                .cell_bytes = options->cell_bytes},
		.ranks = calloc((size_t)trace->slots + 1, sizeof(uint64_t)),
		.numbers = calloc((size_t)trace->slots + 1, sizeof(uint64_t)),
	};

	*meter = (struct meter){.tag_bytes =
	                                probe_tags(allocator, values, options)};
	for (int i = 0; i < CENSUS_QUANTILES; i++)
		metering.hole_sizes[i] = options->sizes[i] + meter->tag_bytes;
	bool ready = replayer_open(&metering.replayer, allocator, values, trace,
	                           options->limit_bytes, ORACLE_PLACES);
	if (metering.ranks == NULL || metering.numbers == NULL)
		ready = no_memory(&metering, "ranks");
	if (!sharing_open(&metering.sharing, trace->slots))
		ready = no_memory(&metering, "cache lines");
	metering.replayer.is_paced = options->is_paced;
	if (ready) {
		replay_all(&metering);
		meter->jw1_net =
			ratio(metering.net_sum, metering.requested_sum);
	}
	replayer_close(&metering.replayer);
	sharing_close(&metering.sharing);
	free(metering.ranks);
	free(metering.numbers);
	return metering.replayer.verdict;
}
