/*
 * test_threads_plan.c - the plan for real threads, run by a simulator that picks
 * whom to let go on: whatever it picks, every call meets the block that it met in
 * the recording, and nobody waits for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/splitmix64.h"
#include "harness/threads/plan.h"
#include "harness/threads/threads.h"
#include "lab.h"
#include "traces.h"

/* A block is called by the event that made it; 0: none. */
struct strand_state {
	uint64_t *blocks; /* per slot of the strand */
	uint64_t next;    /* operation              */
	bool *attached;   /* per handle             */
};

struct simulation {
	const struct trace *trace;
	struct plan plan;
	struct strand_state strands[THREADS_MAX];
	uint64_t *given; /* per handover: the block + 1; 0: not yet     */
	uint64_t *met;   /* per event: the block that the recording met */
	uint64_t done;   /* operations */
	unsigned attached, most_attached;
	uint64_t in_flight, most_in_flight; /* blocks given and not taken */
};

/* What the recording says about each event: the block it is about. */
static uint64_t *recorded_blocks(const struct trace *trace)
{
	uint64_t *met = calloc(trace->events + 1, sizeof *met);
	uint64_t *slots = calloc((size_t)trace->slots + 1, sizeof *slots);

	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		if (!trace_kind_is_call(op->kind) || op->slot == trace->slots)
			continue;
		if (op->kind < TRACE_REALLOC)
			slots[op->slot] = i + 1;
		met[i] = slots[op->slot];
	}
	free(slots);
	return met;
}

static void open_simulation(struct simulation *sim, const struct trace *trace,
                            unsigned threads)
{
	struct trace_error error;

	*sim = (struct simulation){.trace = trace,
	                           .met = recorded_blocks(trace)};
	assert_true(plan_make(&sim->plan, trace, threads, &error));
	sim->given = calloc(sim->plan.handovers, sizeof *sim->given);
	for (unsigned i = 0; i < sim->plan.threads; i++) {
		const struct trace *own = &sim->plan.strands[i].trace;
		sim->strands[i].blocks =
			calloc((size_t)own->slots + 1, sizeof(uint64_t));
		sim->strands[i].attached =
			calloc((size_t)own->threads + 1, sizeof(bool));
	}
	sim->strands[0].attached[0] = true;
	sim->attached = sim->most_attached = 1;
}

static void close_simulation(struct simulation *sim)
{
	for (unsigned i = 0; i < sim->plan.threads; i++) {
		free(sim->strands[i].blocks);
		free(sim->strands[i].attached);
	}
	free(sim->given);
	free(sim->met);
	plan_free(&sim->plan);
}

static void simulate_mark(struct simulation *sim, struct strand_state *state,
                          const struct trace_op *op)
{
	bool starts = op->kind == TRACE_THREAD_START;

	assert_true(state->attached[op->thread] != starts);
	state->attached[op->thread] = starts;
	sim->attached += starts ? 1u : -1u;
	if (sim->attached > sim->most_attached)
		sim->most_attached = sim->attached;
}

static void simulate_call(struct simulation *sim, struct strand_state *state,
                          const struct trace_op *op, uint64_t event)
{
	assert_true(state->attached[op->thread]);
	if (op->slot == STRAND_NO_SLOT) {
		assert_int_equal(op->kind, TRACE_FREE);
		assert_int_equal(state->blocks[op->slot], 0);
		return;
	}
	if (op->kind < TRACE_REALLOC) {
		assert_int_equal(state->blocks[op->slot], 0);
		state->blocks[op->slot] = event;
	}
	assert_int_equal(state->blocks[op->slot], sim->met[event - 1]);
	if (op->kind == TRACE_FREE)
		state->blocks[op->slot] = 0;
}

static void note_flight(struct simulation *sim, const struct trace_op *op)
{
	if (op->slot == STRAND_NO_SLOT)
		return;
	sim->in_flight += op->kind == LOOP_GIVE ? 1 : -(uint64_t)1;
	if (sim->in_flight > sim->most_in_flight)
		sim->most_in_flight = sim->in_flight;
}

/* One operation of a strand; false if it waits or has come to its end. */
static bool simulate_step(struct simulation *sim, unsigned number)
{
	struct strand_state *state = &sim->strands[number];
	const struct strand *strand = &sim->plan.strands[number];

	if (state->next == strand->trace.events)
		return false;
	const struct trace_op *op = &strand->trace.ops[state->next];
	uint64_t event = strand->recorded[state->next];
	if (op->kind == LOOP_TAKE) {
		if (sim->given[op->size] == 0)
			return false;
		assert_int_equal(state->blocks[op->slot], 0);
		state->blocks[op->slot] = sim->given[op->size] - 1;
		note_flight(sim, op);
	} else if (op->kind == LOOP_GIVE) {
		assert_int_equal(sim->given[op->size], 0);
		sim->given[op->size] = state->blocks[op->slot] + 1;
		state->blocks[op->slot] = 0;
		note_flight(sim, op);
	} else if (op->kind == TRACE_THREAD_START ||
	           op->kind == TRACE_THREAD_EXIT) {
		simulate_mark(sim, state, op);
	} else {
		simulate_call(sim, state, op, event);
	}
	state->next++;
	sim->done++;
	return true;
}

static uint64_t all_operations(const struct simulation *sim)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < sim->plan.threads; i++)
		sum += sim->plan.strands[i].trace.events;
	return sum;
}

/* Lets a strand run as far as it can, then the next one, from `first` on. */
static void run_greedily(struct simulation *sim, unsigned first)
{
	uint64_t all = all_operations(sim), before;

	do {
		before = sim->done;
		for (unsigned i = 0; i < sim->plan.threads; i++)
			while (simulate_step(sim,
			                     (first + i) % sim->plan.threads))
				;
	} while (sim->done > before);
	assert_int_equal(sim->done, all);
}

static void run_at_random(struct simulation *sim, uint64_t seed)
{
	uint64_t all = all_operations(sim), idle = 0;

	while (sim->done < all) {
		unsigned i = (unsigned)(splitmix64(&seed) % sim->plan.threads);
		if (simulate_step(sim, i))
			idle = 0;
		else if (++idle > 1000 * THREADS_MAX)
			fail_msg("nobody can go on");
	}
}

/* Every event once, on the strand of its thread, in recorded order. */
static void assert_whole(const struct simulation *sim)
{
	const struct plan *plan = &sim->plan;
	uint64_t next[THREADS_MAX] = {0};

	for (uint64_t i = 0; i < sim->trace->events; i++) {
		const struct trace_op *op = &sim->trace->ops[i], *own;
		unsigned number = plan_strand(plan, op->thread);
		const struct strand *strand = &plan->strands[number];
		if (op->kind == TRACE_PHASE)
			continue;
		while (strand->trace.ops[next[number]].kind >= LOOP_GIVE)
			next[number]++;
		assert_int_equal(strand->recorded[next[number]], i + 1);
		own = &strand->trace.ops[next[number]++];
		assert_int_equal(own->kind, op->kind);
		assert_int_equal(own->size, op->size);
		assert_int_equal(own->align_log2, op->align_log2);
		assert_int_equal(own->thread, op->thread / plan->threads);
	}
}

/* Most handles at a time, in the recording. */
static unsigned most_threads(const struct trace *trace)
{
	unsigned now = 1, most = 1;

	for (uint64_t i = 0; i < trace->events; i++) {
		now += trace->ops[i].kind == TRACE_THREAD_START;
		now -= trace->ops[i].kind == TRACE_THREAD_EXIT;
		most = now > most ? now : most;
	}
	return most;
}

static void try_all_orders(const struct trace *trace, unsigned threads)
{
	struct simulation sim;
	unsigned strands = threads < trace->threads ? threads : trace->threads;

	for (unsigned order = 0; order < strands + 2; order++) {
		open_simulation(&sim, trace, threads);
		assert_whole(&sim);
		if (order < strands)
			run_greedily(&sim, order);
		else
			run_at_random(&sim, order);
		assert_int_equal(sim.in_flight, 0);
		assert_true(sim.most_attached <= most_threads(trace));
		close_simulation(&sim);
	}
}

/* ---- the tests ----------------------------------------------------------- */

static void random_traces_keep_their_blocks(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++) {
		struct trace trace = random_trace(seed, 600);
		for (unsigned threads = 1; threads <= 8; threads++)
			try_all_orders(&trace, threads);
		trace_destroy(&trace);
	}
}

/*
 * Each block is made by one thread, resized by all others in turn and freed by
 * the last: every operation but the first needs another thread's.
 */
static void crossing_at_each_operation(void **state)
{
	enum { THREADS = 8, BLOCKS = 50 };
	char text[65536] = "alloclab-text 1\n";

	(void)state;
	for (int t = 1; t < THREADS; t++)
		sprintf(text + strlen(text), "start(%d)\n", t);
	for (int b = 0; b < BLOCKS; b++) {
		sprintf(text + strlen(text), "@%d b%d=malloc(8)\n", b % THREADS,
		        b);
		for (int t = 1; t < THREADS; t++)
			sprintf(text + strlen(text), "@%d b%d=realloc(%d)\n",
			        (b + t) % THREADS, b, 8 + t);
		sprintf(text + strlen(text), "@%d free(b%d)\n", b % THREADS, b);
	}
	struct trace trace = trace_of(text);
	for (unsigned threads = 1; threads <= THREADS; threads++) {
		struct simulation sim;
		try_all_orders(&trace, threads);
		open_simulation(&sim, &trace, threads);
		uint64_t takes = 0;
		for (unsigned i = 0; i < threads; i++)
			takes += sim.plan.strands[i].takes;
		/* t and its next share a strand if N is 1, 7 and 0 if it is 7. */
		assert_int_equal(takes, threads == 1   ? 0
		                        : threads == 7 ? BLOCKS * 7
		                                       : BLOCKS * 8);
		close_simulation(&sim);
	}
	trace_destroy(&trace);
}

/*
 * Threads 1, 2, 3... one after the other, each waiting for a block of thread 0 in
 * the middle of its life: never two of them at a time.
 */
static void a_start_waits_for_earlier_exits(void **state)
{
	char text[8192] = "alloclab-text 1\n";
	struct simulation sim;

	(void)state;
	for (int t = 1; t <= 20; t++)
		sprintf(text + strlen(text),
		        "start(%d)\n@0 b%d=malloc(8)\n@%d free(b%d)\n"
		        "@0 exit(%d)\n",
		        t, t, t, t, t);
	struct trace trace = trace_of(text);
	for (unsigned first = 0; first < 4; first++) {
		open_simulation(&sim, &trace, 4);
		run_greedily(&sim, first);
		assert_int_equal(sim.most_attached, 2);
		close_simulation(&sim);
	}
	trace_destroy(&trace);
}

/* Blocks made by thread 0 and freed at once by thread 1, `count` of them. */
static struct trace pipe_of(int count)
{
	char *text = malloc((size_t)count * 64 + 64);

	assert_non_null(text);
	char *end = text + sprintf(text, "alloclab-text 1\nstart(1)\n");
	for (int i = 0; i < count; i++)
		end += sprintf(end, "@0 b%d=malloc(8)\n@1 free(b%d)\n", i, i);
	struct trace trace = trace_of(text);
	free(text);
	return trace;
}

static void a_producer_runs_ahead_so_far_and_no_further(void **state)
{
	struct trace trace = pipe_of(10 * RUN_AHEAD);
	struct simulation sim;

	(void)state;
	/* The giver first: it stops at its second checkpoint. */
	open_simulation(&sim, &trace, 2);
	run_greedily(&sim, 0);
	assert_int_equal(sim.most_in_flight, 2 * RUN_AHEAD);
	close_simulation(&sim);
	/* Short of a checkpoint nobody asks. */
	trace_destroy(&trace);
	trace = pipe_of(RUN_AHEAD - 1);
	open_simulation(&sim, &trace, 2);
	assert_int_equal(sim.plan.strands[0].takes, 0);
	assert_int_equal(sim.plan.strands[1].gives, 0);
	close_simulation(&sim);
	trace_destroy(&trace);
}

/* No slot is waited for: a private program has no handovers at all. */
static void private_work_has_no_handovers(void **state)
{
	const struct threads_work work = {
		.threads = 4, .steps = 500, .live = 20, .max_bytes = 100};
	struct trace trace;
	struct trace_error error;
	struct simulation sim;

	(void)state;
	assert_true(threads_private_work(&work, &trace, &error));
	open_simulation(&sim, &trace, 4);
	for (unsigned i = 0; i < 4; i++) {
		const struct strand *strand = &sim.plan.strands[i];
		assert_int_equal(strand->gives + strand->takes, 0);
		assert_int_equal(strand->trace.calls, 20 + 2 * 500);
		assert_int_equal(strand->trace.slots, 20 + 1);
	}
	run_at_random(&sim, 1);
	close_simulation(&sim);
	trace_destroy(&trace);
}

/* After its first round every free is of the neighbour's block. */
static void crossing_work_crosses(void **state)
{
	const struct threads_work work = {
		.threads = 3, .steps = 1000, .live = 10, .max_bytes = 100};
	struct trace trace;
	struct trace_error error;
	uint64_t neighbours = 0;
	const unsigned live = 13; /* the next above 10 that is 1 modulo 3 */

	(void)state;
	assert_true(threads_crossing_work(&work, &trace, &error));
	assert_int_equal(trace.slots, 3 * live);
	uint64_t *met = recorded_blocks(&trace);
	for (uint64_t i = 0; i < trace.events; i++) {
		if (trace.ops[i].kind != TRACE_FREE)
			continue;
		unsigned maker = trace.ops[met[i] - 1].thread;
		neighbours += maker == (trace.ops[i].thread + 1u) % 3;
	}
	assert_true(neighbours >= 3 * (work.steps - live));
	for (unsigned threads = 1; threads <= 3; threads++)
		try_all_orders(&trace, threads);
	free(met);
	trace_destroy(&trace);
}

/* A strand's table is as large as what it ever held, not as the trace's. */
static void slots_are_used_again(void **state)
{
	struct trace trace = pipe_of(1000);
	struct simulation sim;

	(void)state;
	open_simulation(&sim, &trace, 2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(sim.plan.strands[i].trace.slots, 2);
	close_simulation(&sim);
	trace_destroy(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_traces_keep_their_blocks),
		cmocka_unit_test(crossing_at_each_operation),
		cmocka_unit_test(a_start_waits_for_earlier_exits),
		cmocka_unit_test(a_producer_runs_ahead_so_far_and_no_further),
		cmocka_unit_test(private_work_has_no_handovers),
		cmocka_unit_test(crossing_work_crosses),
		cmocka_unit_test(slots_are_used_again),
	};
	return cmocka_run_group_tests_name("threads: plan", tests, NULL, NULL);
}
