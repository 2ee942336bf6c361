/*
 * checked.c - replay on real threads under the oracle.
 *
 * Idea.  Each member has a view of one oracle (oracle.h): its own blocks, and the
 * shadow of the address space that all share.  A block leaves the shadow before
 * it is freed and enters it when malloc has returned it; so if the allocator gives
 * two threads the same bytes, the second of them finds the first one's bits set,
 * whatever the threads do in between.  There is no lock around any of this: it
 * would put the threads in an order, and hide from ThreadSanitizer, and from luck,
 * the very races that this pass is there to meet.
 *
 * Words.
 *     view        what one member knows of its live blocks
 *     in transit  a block that was given and not yet taken: its entry waits in a
 *                 table beside the handovers
 *
 * The first member that finds a mistake sets `stopped`; the others end at their
 * next event, and at handovers that will never come.
 */
#include <errno.h>

#include "../mapped.h"
#include "../measure/replayer.h"
#include "threads.h"
#include "whereabouts.h"

struct checker {
	struct oracle view;
	struct verdict verdict;
	const struct oracle_block *culprit; /* the block that cannot be right */
};

struct check {
	struct team team;
	struct oracle oracle;
	struct checker *checkers;        /* one per member   */
	struct oracle_block *in_transit; /* one per handover */
};

/* ---- one event of one member ---------------------------------------------- */

static struct check *check_of(struct member *member)
{
	return (struct check *)member->team; /* its first field */
}

static bool allocate(struct member *member, struct checker *checker,
                     const struct trace_op *op, uint64_t event)
{
	struct loop *loop = &member->stage.loop;
	void **at = &loop->blocks[op->slot];

	if (op->kind == TRACE_REALLOC)
		oracle_reallocating(&checker->view, op->slot);
	void *block = replay_allocation(loop->allocator,
	                                loop->threads[op->thread], op, *at);
	if (block == NULL)
		return replay_is_served(loop->allocator, loop->heap, op, event,
		                        &checker->verdict) &&
		       replay_out_of_memory(
			       op, event, checker->view.requested_bytes,
			       &member->team->pages, &checker->verdict);
	*at = block;
	checker->culprit = &checker->view.blocks[op->slot];
	return op->kind == TRACE_REALLOC
	               ? oracle_reallocated(&checker->view, op, event, block,
	                                    &checker->verdict)
	               : oracle_allocated(&checker->view, op, event, block,
	                                  &checker->verdict);
}

static bool release(struct member *member, struct checker *checker,
                    const struct trace_op *op, uint64_t event)
{
	struct loop *loop = &member->stage.loop;
	void **at = &loop->blocks[op->slot];

	if (op->slot != STRAND_NO_SLOT &&
	    !oracle_freeing(&checker->view, event, op->slot, &checker->verdict))
		return false;
	loop->allocator->free(loop->threads[op->thread], *at);
	*at = NULL;
	return true;
}

static bool attach(struct member *member, struct checker *checker,
                   const struct trace_op *op, uint64_t event)
{
	struct loop *loop = &member->stage.loop;

	loop->threads[op->thread] = loop->allocator->attach(loop->heap);
	return loop->threads[op->thread] != NULL ||
	       verdict_set(&checker->verdict, VERDICT_OUT_OF_MEMORY, event,
	                   "attach returned NULL");
}

static void give(struct member *member, struct checker *checker,
                 const struct trace_op *op)
{
	struct loop *loop = &member->stage.loop;

	if (op->slot != STRAND_NO_SLOT)
		check_of(member)->in_transit[op->size] =
			oracle_give(&checker->view, op->slot);
	handover_give(&loop->handovers[op->size], loop->blocks[op->slot]);
	loop->blocks[op->slot] = NULL;
}

/* False, without a verdict, if another member stopped all. */
static bool take(struct member *member, struct checker *checker,
                 const struct trace_op *op)
{
	struct loop *loop = &member->stage.loop;
	struct handover *handover = &loop->handovers[op->size];

	if (!handover_is_given(handover) &&
	    !handover_wait(handover, loop->waits, &member->team->stopped))
		return false;
	loop->blocks[op->slot] = handover_block(handover);
	if (op->slot != STRAND_NO_SLOT) {
		struct oracle_block *block =
			&check_of(member)->in_transit[op->size];
		oracle_take(&checker->view, op->slot, block);
		block->born = 0;
	}
	return true;
}

static bool step(struct member *member, struct checker *checker,
                 const struct trace_op *op, uint64_t event)
{
	struct loop *loop = &member->stage.loop;

	switch (op->kind) {
	case TRACE_FREE:
		return release(member, checker, op, event);
	case TRACE_THREAD_START:
		return attach(member, checker, op, event);
	case TRACE_THREAD_EXIT:
		loop->allocator->detach(loop->threads[op->thread]);
		loop->threads[op->thread] = NULL;
		return true;
	case LOOP_GIVE:
		give(member, checker, op);
		return true;
	case LOOP_TAKE:
		return take(member, checker, op);
	default:
		return allocate(member, checker, op, event);
	}
}

/* The work of a member. */
static void replay(struct member *member)
{
	struct checker *checker = member->extra;
	const struct strand *strand = member->strand;
	atomic_bool *stopped = &member->team->stopped;

	whereabouts_enter(member);
	for (uint64_t i = 0; i < strand->trace.events; i++) {
		if (atomic_load_explicit(stopped, memory_order_relaxed))
			break;
		whereabouts_at(member, strand->recorded[i]);
		if (!step(member, checker, &strand->trace.ops[i],
		          strand->recorded[i])) {
			atomic_store(stopped, true);
			break;
		}
	}
	whereabouts_at(member, MEMBER_DONE);
}

/* ---- afterwards, alone ---------------------------------------------------- */

/* The other block of an overlap, in whosever view or transit it is. */
static const struct oracle_block *find_other(const struct check *check,
                                             const struct oracle_block *block)
{
	const struct oracle_block *other = NULL;
	struct oracle transit = check->oracle;

	for (unsigned i = 0; other == NULL && i < check->team.plan->threads;
	     i++)
		other = oracle_find_overlap(&check->checkers[i].view, block);
	if (other != NULL)
		return other;
	transit.blocks = check->in_transit;
	transit.slots = (uint32_t)check->team.plan->handovers;
	return oracle_find_overlap(&transit, block);
}

/*
 * The others went on for a moment before they saw that all was to stop, and may
 * have freed the other block.  Its history is told up to its birth: what came after
 * that in the recording need not have come here.
 */
static void say_overlap(const struct check *check,
                        const struct checker *checker, struct verdict *verdict)
{
	const struct oracle_block *block = checker->culprit;
	const struct oracle_block *other = find_other(check, block);

	if (other != NULL)
		oracle_say_overlap(&check->oracle, block, other,
		                   checker->verdict.event, other->born,
		                   verdict);
	else
		verdict_set(verdict, VERDICT_OVERLAP, checker->verdict.event,
		            "the block of %zu bytes at %p overlaps, or shares "
		            "its first or last 8 bytes with, a block that "
		            "another thread has freed since",
		            block->usable, (void *)block->start);
}

/* The first mistake by recorded order; an overlap's other half is looked up. */
static void judge(const struct check *check, struct verdict *verdict)
{
	const struct checker *first = NULL;

	for (unsigned i = 0; i < check->team.plan->threads; i++) {
		const struct checker *checker = &check->checkers[i];
		if (checker->verdict.kind != VERDICT_OK &&
		    (first == NULL ||
		     checker->verdict.event < first->verdict.event))
			first = checker;
	}
	if (first == NULL)
		return;
	if (first->verdict.kind == VERDICT_OVERLAP) {
		say_overlap(check, first, verdict);
		return;
	}
	*verdict = first->verdict;
}

static bool check_heap(const struct check *check, const char *when,
                       struct verdict *verdict)
{
	const struct team *team = &check->team;

	if (team->allocator->check == NULL)
		return true;
	const char *broken = team->allocator->check(team->heap);
	return broken == NULL ||
	       verdict_set(verdict, VERDICT_BROKEN_HEAP,
	                   team->plan->trace->events, "%s: %s", when, broken);
}

/* Every live block verified, freed and every handle detached. */
static bool free_everything(struct check *check, struct verdict *verdict)
{
	struct team *team = &check->team;
	struct thread_heap *self = team->members[0].stage.loop.threads[0];

	for (unsigned i = 0; i < team->plan->threads; i++) {
		struct loop *loop = &team->members[i].stage.loop;
		if (!oracle_verify_all(&check->checkers[i].view,
		                       team->plan->trace->events, verdict))
			return false;
		for (uint32_t slot = 0; slot < loop->trace->slots; slot++)
			team->allocator->free(self, loop->blocks[slot]);
	}
	if (!check_heap(check, "after everything was freed", verdict))
		return false;
	for (unsigned i = 0; i < team->plan->threads; i++) {
		struct loop *loop = &team->members[i].stage.loop;
		for (uint32_t k = 0; k < loop->trace->threads; k++)
			if (loop->threads[k] != NULL)
				team->allocator->detach(loop->threads[k]);
	}
	return true;
}

static void tear_down(struct check *check, struct verdict *verdict)
{
	struct team *team = &check->team;

	if (!check_heap(check, "when all threads had ended", verdict) ||
	    !free_everything(check, verdict))
		return;
	team->allocator->destroy(team->heap);
	if (team->pages.committed_bytes != 0)
		verdict_set(verdict, VERDICT_LEAK, team->plan->trace->events,
		            "%zu bytes are still held after destroy()",
		            team->pages.committed_bytes);
}

/* ---- the pass -------------------------------------------------------------- */

static bool open_views(struct check *check, enum oracle_depth depth,
                       struct verdict *verdict)
{
	struct team *team = &check->team;
	bool good = oracle_open(&check->oracle, team->allocator, team->heap,
	                        team->plan->trace, depth);

	for (unsigned i = 0; good && i < team->plan->threads; i++) {
		team->members[i].extra = &check->checkers[i];
		good = oracle_open_view(&check->checkers[i].view,
		                        &check->oracle,
		                        team->plan->strands[i].trace.slots);
	}
	return good || verdict_set(verdict, VERDICT_FAILED, 0,
	                           "no memory for the oracle");
}

static bool open_check(struct check *check, const struct allocator *allocator,
                       const struct knob_values *values,
                       const struct plan *plan,
                       const struct threads_options *options,
                       struct verdict *verdict)
{
	const struct page_source_options pages = {
		.kind = PAGE_SOURCE_ARENA,
		.limit_bytes = options->limit_bytes,
	};

	check->checkers = mapped_new(plan->threads * sizeof *check->checkers);
	check->in_transit =
		mapped_new(plan->handovers * sizeof *check->in_transit);
	if (check->checkers == NULL || check->in_transit == NULL)
		return verdict_set(verdict, VERDICT_FAILED, 0,
		                   "no memory for the oracle");
	return team_open(&check->team, plan, allocator, TOUCH_NONE, verdict) &&
	       team_gather(&check->team, replay, verdict) &&
	       team_enter(&check->team, values, &pages, verdict) &&
	       open_views(check, options->depth, verdict);
}

static void close_check(struct check *check)
{
	team_close(&check->team);
	for (unsigned i = 0; check->checkers && i < check->team.plan->threads;
	     i++)
		oracle_close_view(&check->checkers[i].view);
	oracle_close(&check->oracle);
	mapped_free(check->checkers);
	mapped_free(check->in_transit);
}

struct verdict threads_check(const struct allocator *allocator,
                             const struct knob_values *values,
                             const struct plan *plan,
                             const struct threads_options *options,
                             struct threads_figures *figures)
{
	struct whereabouts whereabouts = {0};
	struct check check = {.team = {.plan = plan}};
	struct verdict verdict = {0};

	*figures = (struct threads_figures){0};
	if (open_check(&check, allocator, values, plan, options, &verdict)) {
		if (options->progress != NULL)
			whereabouts_watch(&whereabouts, &check.team,
			                  options->progress, figures);
		team_go(&check.team);
		whereabouts_end(&whereabouts);
		judge(&check, &verdict);
		if (verdict.kind == VERDICT_OK) {
			team_sum_up(&check.team, figures);
			tear_down(&check, &verdict);
		}
	}
	close_check(&check);
	return verdict;
}
