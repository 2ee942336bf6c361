/*
 * blame.c - a replay up to the peak, and one walk there.
 *
 * Idea.  A first replay finds the event at which the footprint is largest, a
 * second one, on the same addresses, stops there.  On the way each live block
 * is known by its slot: which group asked for it last (malloc, or the realloc
 * that put it where it is), and when it was made.
 *
 * Words.
 *     group    a call site, or sizes and a thread (groups.h)
 *     age      of a block: events since it was allocated, and the bytes that
 *              the program has asked for since; a realloc makes no block younger
 *     long     lived for at least so many % of all events up to the moment
 *
 * Read next: attribution.c, report.c.
 */
#include "blame.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* What is known of the block in a slot. */
struct slot_owner {
	uint32_t group;
	uint64_t born;       /* event, from 1                   */
	uint64_t born_bytes; /* asked for by all before it was  */
};

/* One live block's age, for the medians. */
struct age {
	uint32_t group;
	uint64_t events, bytes;
};

struct blaming {
	const struct subject *subject;
	const struct trace *trace;
	const struct groups *groups;
	const struct blame_options *options;
	volatile uint64_t *progress;
	struct replayer replayer;
	struct slot_owner *owners; /* by slot */
	uint64_t asked_bytes;      /* by all events so far */
	struct attribution attribution;
	struct age *ages;
	uint64_t age_count;
};

/* What the child leaves: a blame and the holdings behind it. */
struct result {
	uint64_t event;
	struct parts parts;
	uint64_t metadata, free_pages, blocks;
	struct holding holdings[];
};

/* --- the replay --------------------------------------------------------- */

static bool open_replayer(struct blaming *blaming)
{
	const struct subject *subject = blaming->subject;

	if (!replayer_open(&blaming->replayer, subject->allocator,
	                   &subject->values, blaming->trace,
	                   blaming->options->memory_bytes, ORACLE_PLACES))
		return false;
	blaming->replayer.is_paced = blaming->options->is_paced;
	return true;
}

/* The first event, from 1, after which most is committed. */
static bool find_peak(struct blaming *blaming, uint64_t *peak)
{
	struct replayer *replayer = &blaming->replayer;
	size_t most = 0;

	*peak = 0;
	if (!open_replayer(blaming))
		return false;
	while (replayer->event < blaming->trace->events) {
		*blaming->progress = replayer->event + 1;
		if (!replayer_step(replayer))
			return false;
		if (replayer->pages.committed_bytes > most) {
			most = replayer->pages.committed_bytes;
			*peak = replayer->event;
		}
	}
	replayer_close(replayer);
	return replayer->verdict.kind == VERDICT_OK;
}

/* Notes whose block the event made or moved. */
static void note_owner(struct blaming *blaming, uint64_t event)
{
	const struct trace_op *op = &blaming->trace->ops[event];

	if (op->kind > TRACE_REALLOC)
		return;
	struct slot_owner *owner = &blaming->owners[op->slot];
	owner->group = groups_of(blaming->groups, event);
	if (op->kind != TRACE_REALLOC) {
		owner->born = event + 1;
		owner->born_bytes = blaming->asked_bytes;
	}
	blaming->asked_bytes += op->size;
}

static bool replay_to(struct blaming *blaming, uint64_t event)
{
	struct replayer *replayer = &blaming->replayer;

	if (!open_replayer(blaming))
		return false;
	while (replayer->event < event) {
		*blaming->progress = replayer->event + 1;
		if (!replayer_step(replayer))
			return false;
		note_owner(blaming, replayer->event - 1);
	}
	return true;
}

/* --- the walk ----------------------------------------------------------- */

static bool is_long(const struct blaming *blaming, uint64_t age)
{
	return age * 100 >=
	       blaming->replayer.event * blaming->options->long_percent;
}

static void visit(void *ctx, const struct census_extent *extent)
{
	struct blaming *blaming = ctx;
	const struct oracle *oracle = &blaming->replayer.oracle;

	if (extent->extent.kind != EXTENT_LIVE) {
		attribution_add(&blaming->attribution, extent, NULL);
		return;
	}
	const struct oracle_block *block =
		oracle_find(oracle, extent->extent.start);
	const struct slot_owner *owner =
		&blaming->owners[block - oracle->blocks];
	struct age *age = &blaming->ages[blaming->age_count++];
	*age = (struct age){
		.group = owner->group,
		.events = blaming->replayer.event - owner->born,
		.bytes = blaming->asked_bytes - owner->born_bytes,
	};
	struct block_owner of = {owner->group, is_long(blaming, age->events)};
	attribution_add(&blaming->attribution, extent, &of);
}

/* By group, youngest first. */
static int compare_ages(const void *a, const void *b)
{
	const struct age *one = a, *two = b;

	if (one->group != two->group)
		return one->group < two->group ? -1 : 1;
	return (one->events > two->events) - (one->events < two->events);
}

/* The age of the block in the middle; of two, the younger one. */
static void set_medians(struct blaming *blaming)
{
	struct age *ages = blaming->ages;
	uint64_t first = 0;

	qsort(ages, blaming->age_count, sizeof *ages, compare_ages);
	for (uint64_t i = 1; i <= blaming->age_count; i++) {
		if (i < blaming->age_count &&
		    ages[i].group == ages[first].group)
			continue;
		const struct age *median = &ages[first + (i - 1 - first) / 2];
		struct holding *holding =
			&blaming->attribution.holdings[median->group];
		holding->age_events = median->events;
		holding->age_bytes = median->bytes;
		first = i;
	}
}

static bool no_memory(struct blaming *blaming)
{
	return verdict_set(&blaming->replayer.verdict, VERDICT_FAILED,
	                   blaming->replayer.event, "no memory for the blame");
}

static bool take_apart(struct blaming *blaming, struct result *result)
{
	static const uint64_t no_sizes[CENSUS_QUANTILES];
	struct attribution *attribution = &blaming->attribution;
	struct census census;

	*attribution = (struct attribution){
		.holdings = result->holdings,
		.page_bytes = blaming->options->page_bytes,
	};
	blaming->ages = calloc(blaming->replayer.oracle.live + 1,
	                       sizeof *blaming->ages);
	if (blaming->ages == NULL)
		return no_memory(blaming);
	bool walked = census_take(&blaming->replayer, no_sizes, &census, visit,
	                          blaming);
	if (!attribution_end(attribution))
		return no_memory(blaming);
	if (!walked)
		return false;
	set_medians(blaming);
	result->parts = census.parts;
	result->metadata = attribution->metadata;
	result->free_pages = attribution->free_pages;
	result->blocks = blaming->replayer.oracle.live;
	result->event = blaming->replayer.event;
	return true;
}

/* --- the child ---------------------------------------------------------- */

static struct verdict work(void *ctx, volatile uint64_t *progress, void *memory)
{
	struct blaming *blaming = ctx;
	uint64_t event = blaming->options->event;

	blaming->progress = progress;
	blaming->owners = calloc((size_t)blaming->trace->slots + 1,
	                         sizeof *blaming->owners);
	if (blaming->owners == NULL)
		no_memory(blaming);
	else if ((event > 0 || find_peak(blaming, &event)) &&
	         replay_to(blaming, event))
		take_apart(blaming, memory);
	return blaming->replayer.verdict; /* the process ends here */
}

static void wait_for(struct cell *cell, const struct trace *trace,
                     struct verdict *verdict)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

	while (!cell_has_ended(cell, trace, verdict))
		nanosleep(&pause, NULL);
}

static void read_result(struct blame *blame, const struct groups *groups)
{
	struct result *result = blame->cell.result;

	blame->event = result->event;
	blame->parts = result->parts;
	blame->metadata = result->metadata;
	blame->free_pages = result->free_pages;
	blame->blocks = result->blocks;
	blame->holdings = result->holdings;
	for (uint32_t i = 0; i < groups->count; i++)
		blame->held += holding_held(&blame->holdings[i]);
}

bool blame_run(const struct subject *subject, const struct trace *trace,
               const struct groups *groups, const struct blame_options *options,
               struct blame *blame)
{
	/* Room beyond the heap's limit for the oracle and the tables. */
	const struct cell_limits limits = {
		.seconds = options->seconds,
		.memory_bytes = options->memory_bytes + ((size_t)1 << 30) +
	                        (size_t)trace->slots * 512,
	};
	struct blaming blaming = {.subject = subject,
	                          .trace = trace,
	                          .groups = groups,
	                          .options = options};
	size_t bytes =
		sizeof(struct result) + groups->count * sizeof(struct holding);

	*blame = (struct blame){0};
	if (!cell_start(&blame->cell, work, &blaming, bytes, &limits))
		return false;
	wait_for(&blame->cell, trace, &blame->verdict);
	read_result(blame, groups);
	return true;
}

void blame_close(struct blame *blame)
{
	if (blame->holdings != NULL)
		cell_close(&blame->cell);
	*blame = (struct blame){0};
}
