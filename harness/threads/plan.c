/*
 * plan.c - one sweep over the trace: every event to its strand, and a handover
 * wherever a block changes the strand.
 *
 * Idea.  Replay on real threads must keep what the program relied on: no block is
 * freed or resized before the call that made it has returned.  Inside a strand
 * the order of its operations sees to that.  Between two strands a handover does:
 * a GIVE right after the call that the other strand needs, a TAKE right before
 * the call that needs it.  Whatever else the recording shows as earlier or later
 * was chance, and is left to chance again.
 *
 * Words.
 *     strand    what one OS thread does, see plan.h
 *     handover  one block, once; numbered by giver, so that a giver writes to
 *               consecutive addresses and never to another giver's cache line
 *     place     where the block of a trace's slot is: in which strand's slot, or
 *               in which handover
 *
 * What waits for what.
 *     W1  realloc and free of a block wait for the last call on that block
 *     W2  a thread's start waits for all exits recorded before it: no more
 *         handles exist at a time than did in the program (take the one of them
 *         that started last: when it did, all the others were there)
 *     W3  after each RUN_AHEAD gives, a giver waits until what it had given
 *         RUN_AHEAD gives ago, and the recording had taken by then, is taken
 *     Slots of the trace that are used again make nobody wait: a strand numbers
 *     slots anew, and a slot is back as soon as its block is given or freed.
 *
 * No deadlock.  The sweep appends operations one after the other, each at the
 * end of some strand; call that order the sweep's.  (1) A strand runs its
 * operations in the sweep's order.  (2) Every TAKE is appended later than the
 * GIVE that it waits for: for W1 the GIVE is appended with the earlier event; for
 * W2 with the exit, which was met before; for W3 the takers' GIVEs are appended at
 * one checkpoint of the giver and its TAKEs at a later one.  Now look, at any
 * moment, at the first operation in the sweep's order that has not ended.  By (1)
 * its OS thread is at it; by (2), if it is a TAKE, its GIVE has ended.  So it does
 * not wait, and the replay goes on, as long as the allocator's calls return.
 * Nothing was said about which logical threads share a strand: folding changes
 * nothing.  It does need all OS threads to exist, which the start barrier is for.
 *
 * Cost of the marks.  A block that changes the strand costs one operation more
 * on either side, 16 bytes each to read, and 8 bytes for the handover: one store
 * and one load, and what it costs to move that cache line.  W3 adds one pair in
 * RUN_AHEAD.  All other operations cost what they cost in the plain loop; the null
 * allocator, replayed by the same plan, is the floor with all of it.
 *
 * Threads.  The plan is made by one and then constant.
 * Read next.  team.c, which runs it.
 */
#include "plan.h"

#include <assert.h>
#include <string.h>

#include "../mapped.h"

enum {
	NOBODY = 0xff,         /* no strand: the block's life ends here    */
	HANDOVERS_A_LINE = 8,  /* of a cache line                          */
	KEY_STRAND_SHIFT = 48, /* a handover, before all are counted: its
	                          giver, and its number among the giver's  */
};

static_assert(CACHE_LINE_BYTES / sizeof(struct handover) == HANDOVERS_A_LINE,
              "a giver's handovers begin on a line of their own");
static_assert(THREADS_MAX <= 64, "strands fit a word of bits");

/* Where the block of one of the trace's slots is. */
struct place {
	uint64_t key;  /* of the handover, if it is given */
	uint32_t slot; /* of the strand, if it is not     */
	uint8_t strand;
	bool is_given;
};

/* What the sweep knows of a strand. */
struct sweeper {
	struct strand *strand;
	uint32_t *free; /* slots that are free again, last in first out */
	uint64_t free_count, free_room;
	uint64_t blocks_given;
	uint64_t takers; /* strands that took since the checkpoint  */
	uint64_t asked;  /* strands asked there to say how far they are */
	uint64_t answers[THREADS_MAX]; /* the handovers where they say so */
	uint64_t exits_known; /* exits before this one happened before */
};

struct sweep {
	struct plan *plan;
	struct sweeper *sweepers;
	struct place *places; /* per slot of the trace                 */
	bool *crosses;   /* per event: another strand is next on its block */
	uint64_t *exits; /* handovers, in recorded order          */
	uint64_t exit_count, exit_room;
	uint64_t event; /* being planned, from 1                 */
	bool out_of_memory;
};

/* ---- what grows --------------------------------------------------------- */

/* The table, with room for one entry more if there is memory for that. */
static void *grow(struct sweep *sweep, void *table, uint64_t used,
                  uint64_t *room, size_t bytes)
{
	enum { FIRST = 512 };
	uint64_t wanted = *room == 0 ? FIRST : *room * 2;

	if (used < *room)
		return table;
	void *grown = mapped_new(wanted * bytes);
	if (grown == NULL) {
		sweep->out_of_memory = true;
		return table;
	}
	if (table != NULL)
		memcpy(grown, table, *room * bytes);
	mapped_free(table, *room * bytes);
	*room = wanted;
	return grown;
}

static void append(struct sweep *sweep, unsigned strand,
                   const struct trace_op *op)
{
	struct sweeper *sweeper = &sweep->sweepers[strand];
	struct strand *at = sweeper->strand;
	struct trace *trace = &at->trace;

	trace->ops = grow(sweep, trace->ops, trace->events, &at->ops_room,
	                  sizeof *trace->ops);
	at->recorded = grow(sweep, at->recorded, trace->events,
	                    &at->recorded_room, sizeof *at->recorded);
	if (sweep->out_of_memory)
		return;
	at->recorded[trace->events] = sweep->event;
	trace->ops[trace->events++] = *op;
	trace->calls += trace_kind_is_call(op->kind);
}

/* ---- slots of a strand ---------------------------------------------------- */

static uint32_t slot_take(struct sweeper *sweeper)
{
	if (sweeper->free_count > 0)
		return sweeper->free[--sweeper->free_count];
	return sweeper->strand->trace.slots++;
}

static void slot_release(struct sweep *sweep, struct sweeper *sweeper,
                         uint32_t slot)
{
	if (slot == STRAND_NO_SLOT)
		return;
	sweeper->free = grow(sweep, sweeper->free, sweeper->free_count,
	                     &sweeper->free_room, sizeof *sweeper->free);
	if (!sweep->out_of_memory)
		sweeper->free[sweeper->free_count++] = slot;
}

/* ---- handovers ------------------------------------------------------------ */

/* Appends a GIVE; returns the handover. */
static uint64_t give(struct sweep *sweep, unsigned strand, uint32_t slot)
{
	struct sweeper *sweeper = &sweep->sweepers[strand];
	uint64_t key =
		(uint64_t)strand << KEY_STRAND_SHIFT | sweeper->strand->gives++;

	append(sweep, strand,
	       &(struct trace_op){
		       .kind = LOOP_GIVE, .slot = slot, .size = key});
	slot_release(sweep, sweeper, slot);
	return key;
}

static void take(struct sweep *sweep, unsigned strand, uint32_t slot,
                 uint64_t key)
{
	append(sweep, strand,
	       &(struct trace_op){
		       .kind = LOOP_TAKE, .slot = slot, .size = key});
	sweep->sweepers[strand].strand->takes++;
}

/*
 * W3.  Waits for the answers to the last checkpoint's question, and asks every
 * strand that took since then to say when it has come to here.
 */
static void checkpoint(struct sweep *sweep, unsigned giver)
{
	struct sweeper *sweeper = &sweep->sweepers[giver];

	for (unsigned taker = 0; taker < sweep->plan->threads; taker++)
		if (sweeper->asked >> taker & 1)
			take(sweep, giver, STRAND_NO_SLOT,
			     sweeper->answers[taker]);
	sweeper->asked = sweeper->takers;
	sweeper->takers = 0;
	for (unsigned taker = 0; taker < sweep->plan->threads; taker++)
		if (sweeper->asked >> taker & 1)
			sweeper->answers[taker] =
				give(sweep, taker, STRAND_NO_SLOT);
}

/* The block of this slot was made or resized, and another strand is next. */
static void give_block(struct sweep *sweep, uint32_t slot)
{
	struct place *place = &sweep->places[slot];
	struct sweeper *giver = &sweep->sweepers[place->strand];

	place->key = give(sweep, place->strand, place->slot);
	place->is_given = true;
	if (++giver->blocks_given % RUN_AHEAD == 0)
		checkpoint(sweep, place->strand);
}

/* The block is to be used by this strand: W1. */
static void take_block(struct sweep *sweep, uint32_t slot, unsigned strand)
{
	struct place *place = &sweep->places[slot];

	if (!place->is_given)
		return;
	uint32_t own = slot_take(&sweep->sweepers[strand]);
	sweep->sweepers[place->strand].takers |= (uint64_t)1 << strand;
	take(sweep, strand, own, place->key);
	*place = (struct place){.slot = own, .strand = (uint8_t)strand};
}

/* W2. */
static void wait_for_exits(struct sweep *sweep, unsigned strand)
{
	uint64_t *known = &sweep->sweepers[strand].exits_known;

	for (; *known < sweep->exit_count; ++*known)
		if (sweep->exits[*known] >> KEY_STRAND_SHIFT != strand)
			take(sweep, strand, STRAND_NO_SLOT,
			     sweep->exits[*known]);
}

static void tell_exit(struct sweep *sweep, unsigned strand)
{
	uint64_t key = give(sweep, strand, STRAND_NO_SLOT);

	sweep->exits = grow(sweep, sweep->exits, sweep->exit_count,
	                    &sweep->exit_room, sizeof *sweep->exits);
	if (!sweep->out_of_memory)
		sweep->exits[sweep->exit_count++] = key;
}

/* ---- the sweep ------------------------------------------------------------ */

static void plan_call(struct sweep *sweep, struct trace_op op, unsigned strand)
{
	struct sweeper *sweeper = &sweep->sweepers[strand];
	uint32_t slot = op.slot;
	struct place *place = &sweep->places[slot];

	if (op.kind == TRACE_FREE && slot == sweep->plan->trace->slots) {
		op.slot = STRAND_NO_SLOT;
		append(sweep, strand, &op);
		return;
	}
	if (op.kind < TRACE_REALLOC)
		*place = (struct place){.slot = slot_take(sweeper),
		                        .strand = (uint8_t)strand};
	else
		take_block(sweep, slot, strand);
	op.slot = place->slot;
	append(sweep, strand, &op);
	if (op.kind == TRACE_FREE)
		slot_release(sweep, sweeper, op.slot);
	else if (sweep->crosses[sweep->event - 1])
		give_block(sweep, slot);
}

static void plan_event(struct sweep *sweep)
{
	struct trace_op op = sweep->plan->trace->ops[sweep->event - 1];
	unsigned strand = plan_strand(sweep->plan, op.thread);

	op.thread = (uint16_t)plan_handle(sweep->plan, op.thread);
	if (trace_kind_is_call(op.kind)) {
		plan_call(sweep, op, strand);
		return;
	}
	if (op.kind == TRACE_PHASE)
		return;
	op.slot = STRAND_NO_SLOT;
	if (op.kind == TRACE_THREAD_START)
		wait_for_exits(sweep, strand);
	append(sweep, strand, &op);
	if (op.kind == TRACE_THREAD_EXIT)
		tell_exit(sweep, strand);
}

/* Looks back over the trace: which strand is next on the block of an event? */
static bool find_crossings(struct sweep *sweep)
{
	const struct trace *trace = sweep->plan->trace;
	uint8_t *next = mapped_new((size_t)trace->slots + 1);

	if (next == NULL)
		return false;
	memset(next, NOBODY, (size_t)trace->slots + 1);
	for (uint64_t i = trace->events; i-- > 0;) {
		const struct trace_op *op = &trace->ops[i];
		uint8_t strand = (uint8_t)plan_strand(sweep->plan, op->thread);
		if (!trace_kind_is_call(op->kind))
			continue;
		sweep->crosses[i] = op->kind != TRACE_FREE &&
		                    next[op->slot] != strand &&
		                    next[op->slot] != NOBODY;
		next[op->slot] = op->kind < TRACE_REALLOC ? NOBODY : strand;
	}
	mapped_free(next, (size_t)trace->slots + 1);
	return true;
}

/* Now that each giver's handovers are counted, they get their numbers. */
static void number_handovers(struct plan *plan)
{
	uint64_t first[THREADS_MAX];
	const uint64_t mask = ((uint64_t)1 << KEY_STRAND_SHIFT) - 1;

	plan->handovers = HANDOVERS_A_LINE; /* a table is never empty */
	for (unsigned i = 0; i < plan->threads; i++) {
		uint64_t lines =
			(plan->strands[i].gives + HANDOVERS_A_LINE - 1) /
			HANDOVERS_A_LINE;
		first[i] = plan->handovers;
		plan->handovers += lines * HANDOVERS_A_LINE;
	}
	for (unsigned i = 0; i < plan->threads; i++) {
		struct trace *trace = &plan->strands[i].trace;
		for (uint64_t k = 0; k < trace->events; k++) {
			struct trace_op *op = &trace->ops[k];
			if (op->kind == LOOP_GIVE || op->kind == LOOP_TAKE)
				op->size = first[op->size >> KEY_STRAND_SHIFT] +
				           (op->size & mask);
		}
	}
}

static size_t strands_bytes(const struct plan *plan)
{
	return plan->threads * sizeof(struct strand);
}

static size_t sweepers_bytes(const struct plan *plan)
{
	return plan->threads * sizeof(struct sweeper);
}

static size_t places_bytes(const struct plan *plan)
{
	return ((size_t)plan->trace->slots + 1) * sizeof(struct place);
}

static bool open_sweep(struct sweep *sweep)
{
	struct plan *plan = sweep->plan;
	const struct trace *trace = plan->trace;

	plan->strands = mapped_new(strands_bytes(plan));
	sweep->sweepers = mapped_new(sweepers_bytes(plan));
	sweep->places = mapped_new(places_bytes(plan));
	sweep->crosses = mapped_new(trace->events * sizeof(bool));
	if (plan->strands == NULL || sweep->sweepers == NULL ||
	    sweep->places == NULL || sweep->crosses == NULL)
		return false;
	for (unsigned i = 0; i < plan->threads; i++) {
		sweep->sweepers[i].strand = &plan->strands[i];
		plan->strands[i].trace.slots = STRAND_NO_SLOT + 1;
		plan->strands[i].trace.threads =
			(trace->threads - i + plan->threads - 1) /
			plan->threads;
	}
	return true;
}

static void close_sweep(struct sweep *sweep)
{
	const struct plan *plan = sweep->plan;

	for (unsigned i = 0; sweep->sweepers && i < plan->threads; i++)
		mapped_free(sweep->sweepers[i].free,
		            sweep->sweepers[i].free_room * sizeof(uint32_t));
	mapped_free(sweep->sweepers, sweepers_bytes(plan));
	mapped_free(sweep->places, places_bytes(plan));
	mapped_free(sweep->crosses, plan->trace->events * sizeof(bool));
	mapped_free(sweep->exits, sweep->exit_room * sizeof(uint64_t));
}

bool plan_make(struct plan *plan, const struct trace *trace, unsigned threads,
               struct trace_error *error)
{
	struct sweep sweep = {.plan = plan};

	*plan = (struct plan){
		.trace = trace,
		.threads = threads < trace->threads ? threads : trace->threads};
	bool good = open_sweep(&sweep) && find_crossings(&sweep);
	while (good && sweep.event < trace->events) {
		sweep.event++;
		plan_event(&sweep);
		good = !sweep.out_of_memory;
	}
	if (good)
		number_handovers(plan);
	close_sweep(&sweep);
	if (good)
		return true;
	plan_free(plan);
	return trace_fail(error, "no memory to split %lu events for %u threads",
	                  trace->events, threads);
}

void plan_free(struct plan *plan)
{
	for (unsigned i = 0; plan->strands != NULL && i < plan->threads; i++) {
		struct strand *strand = &plan->strands[i];
		mapped_free(strand->trace.ops,
		            strand->ops_room * sizeof(struct trace_op));
		mapped_free(strand->recorded,
		            strand->recorded_room * sizeof(uint64_t));
	}
	mapped_free(plan->strands, strands_bytes(plan));
	*plan = (struct plan){0};
}
