/*
 * team.c - threads, a barrier, and one reading of the clock at either end.
 *
 * The barrier spins and yields, because to be woken by the kernel takes longer
 * than many a short trace: `ready` counts who has arrived, `released` lets all go.
 * Order: release of `released` meets the acquire in wait_for_release, so that
 * members see the heap that was made while they waited.
 */
#include "team.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "../../allocators/locked/locked.h"
#include "../clock/now.h"
#include "../mapped.h"
#include "placement.h"

static bool fail(struct verdict *verdict, const char *what)
{
	return verdict_set(verdict,
	                   errno == ENOMEM ? VERDICT_OUT_OF_MEMORY
	                                   : VERDICT_FAILED,
	                   0, "%s: %s", what, strerror(errno));
}

static bool open_member(struct team *team, unsigned number,
                        struct verdict *verdict)
{
	struct member *member = &team->members[number];
	const struct strand *strand = &team->plan->strands[number];
	struct loop *loop = &member->stage.loop;

	member->team = team;
	member->strand = strand;
	bool good = team->allocator == NULL
	                    ? stage_open_null(&member->stage, &strand->trace,
	                                      team->touch, verdict)
	                    : stage_open_tables(&member->stage, team->allocator,
	                                        &strand->trace, verdict);
	loop->handovers = team->handovers;
	loop->waits = &member->waits;
	return good;
}

bool team_open(struct team *team, const struct plan *plan,
               const struct allocator *allocator, enum touch touch,
               struct verdict *verdict)
{
	size_t bytes = plan->threads * sizeof *team->members;
	size_t table = plan->handovers * sizeof *team->handovers;

	*team = (struct team){
		.plan = plan,
		.allocator = allocator == NULL ? NULL : locked_over(allocator),
		.touch = touch,
		.single_thread = plan->threads == 1,
		.members = mapped_new_touched(bytes),
		.handovers = mapped_new_touched(table),
	};
	if (team->members == NULL || team->handovers == NULL)
		return fail(verdict, "the tables of the threads");
	if (allocator != NULL && team->allocator == NULL)
		return verdict_set(verdict, VERDICT_FAILED, 0,
		                   "no lock can be put around %s",
		                   allocator->name);
	for (unsigned i = 0; i < plan->threads; i++)
		if (!open_member(team, i, verdict))
			return false;
	return true;
}

/* ---- the barrier -------------------------------------------------------- */

static void wait_for_release(struct team *team)
{
	enum { LOOKS = 100 };

	atomic_fetch_add_explicit(&team->ready, 1, memory_order_release);
	for (unsigned look = 1;
	     !atomic_load_explicit(&team->released, memory_order_acquire);
	     look++)
		if (look % LOOKS == 0)
			sched_yield();
}

static void *run_member(void *argument)
{
	struct member *member = argument;

	placement_spread((unsigned)(member - member->team->members));
	wait_for_release(member->team);
	if (!atomic_load_explicit(&member->team->stopped, memory_order_relaxed))
		member->team->work(member);
	member->end_ns = now_ns();
	return NULL;
}

bool team_gather(struct team *team, team_work *work, struct verdict *verdict)
{
	team->work = work;
	for (unsigned i = 1; i < team->plan->threads; i++) {
		struct member *member = &team->members[i];
		errno = pthread_create(&member->thread, NULL, run_member,
		                       member);
		if (errno != 0)
			return fail(verdict, "a thread");
		team->started++;
	}
	placement_spread(0);
	while (atomic_load_explicit(&team->ready, memory_order_acquire) <
	       team->started)
		sched_yield();
	return true;
}

bool team_enter(struct team *team, const struct knob_values *values,
                const struct page_source_options *options,
                struct verdict *verdict)
{
	if (!page_source_open(&team->pages, options))
		return fail(verdict, "the page source");
	errno = 0;
	team->heap = team->allocator->create(values, &team->pages,
	                                     &team->single_thread);
	if (team->heap == NULL)
		return fail(verdict, "create");
	for (unsigned i = 0; i < team->plan->threads; i++)
		team->members[i].stage.loop.heap = team->heap;
	struct thread_heap **first = &team->members[0].stage.loop.threads[0];
	*first = team->allocator->attach(team->heap);
	return *first != NULL || fail(verdict, "attach");
}

static void join(struct team *team)
{
	for (unsigned i = 1; i <= team->started; i++)
		pthread_join(team->members[i].thread, NULL);
	team->started = 0;
}

void team_go(struct team *team)
{
	struct member *first = &team->members[0];

	team->start_ns = now_ns();
	atomic_store_explicit(&team->released, true, memory_order_release);
	team->work(first);
	first->end_ns = now_ns();
	join(team);
}

void team_close(struct team *team)
{
	/* Whoever still waits at the barrier goes home without work. */
	atomic_store_explicit(&team->stopped, true, memory_order_relaxed);
	atomic_store_explicit(&team->released, true, memory_order_release);
	join(team);
	for (unsigned i = 0; team->members != NULL && i < team->plan->threads;
	     i++)
		stage_close(&team->members[i].stage);
	page_source_close(&team->pages);
	mapped_free(team->members);
	mapped_free(team->handovers);
}

void team_sum_up(const struct team *team, struct threads_figures *figures)
{
	figures->threads = team->plan->threads;
	for (unsigned i = 0; i < team->plan->threads; i++) {
		const struct member *member = &team->members[i];
		uint64_t ns = member->end_ns - team->start_ns;
		figures->of[i].ns = ns;
		figures->of[i].calls = member->strand->trace.calls;
		figures->of[i].takes = member->strand->takes;
		figures->of[i].waits = member->waits;
		figures->calls += member->strand->trace.calls;
		if (ns > figures->wall_ns)
			figures->wall_ns = ns;
	}
	figures->peak_footprint_bytes = team->pages.peak_committed_bytes;
	if (team->heap != NULL)
		lock_table_add(&figures->locks, team->allocator, team->heap);
}
