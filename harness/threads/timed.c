/*
 * timed.c - the clock around all threads.
 */
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "../clock/now.h"
#include "../clock/resident.h"
#include "threads.h"
#include "whereabouts.h"

static void replay(struct member *member)
{
	loop_run(&member->stage.loop, 0, member->strand->trace.events,
	         member->team->touch);
}

/* The same and says where it is: for a run that has died before. */
static void replay_by_steps(struct member *member)
{
	const struct strand *strand = member->strand;

	whereabouts_enter(member);
	for (uint64_t i = 0; i < strand->trace.events; i++) {
		whereabouts_at(member, strand->recorded[i]);
		loop_run(&member->stage.loop, i, i + 1, member->team->touch);
	}
	whereabouts_at(member, MEMBER_DONE);
}

static void go_by_steps(struct team *team, volatile uint64_t *progress,
                        struct threads_figures *figures)
{
	struct whereabouts whereabouts = {0};

	whereabouts_watch(&whereabouts, team, progress, figures);
	team_go(team);
	whereabouts_end(&whereabouts);
}

static uint64_t system_ns(const struct rusage *usage)
{
	return (uint64_t)usage->ru_stime.tv_sec * 1000000000u +
	       (uint64_t)usage->ru_stime.tv_usec * 1000u;
}

/* Opens the barrier between two readings of the kernel's counters. */
static void go(struct team *team, const struct threads_options *options,
               uint64_t barrier_bytes, struct threads_figures *figures)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	uint64_t cpu_start = now_cpu_ns();
	if (options->progress != NULL)
		go_by_steps(team, options->progress, figures);
	else
		team_go(team);
	figures->cpu_ns = now_cpu_ns() - cpu_start;
	getrusage(RUSAGE_SELF, &after);
	uint64_t peak = resident_peak();
	figures->resident_bytes =
		peak > barrier_bytes ? peak - barrier_bytes : 0;
	figures->page_faults = (uint64_t)(after.ru_minflt - before.ru_minflt +
	                                  after.ru_majflt - before.ru_majflt);
	figures->system_ns = system_ns(&after) - system_ns(&before);
	team_sum_up(team, figures);
}

struct verdict threads_time(const struct allocator *allocator,
                            const struct knob_values *values,
                            const struct plan *plan,
                            const struct threads_options *options,
                            struct threads_figures *figures)
{
	const struct page_source_options pages = {
		.kind = PAGE_SOURCE_OS,
		.limit_bytes = options->limit_bytes,
	};
	bool by_steps = options->progress != NULL;
	struct verdict verdict = {0};
	struct team team;

	*figures = (struct threads_figures){0};
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	bool good =
		team_open(&team, plan, allocator, options->touch, &verdict) &&
		team_gather(&team, by_steps ? replay_by_steps : replay,
	                    &verdict);
	malloc_trim(0); /* what was freed must not serve `system` */
	if (good && (allocator == NULL ||
	             team_enter(&team, values, &pages, &verdict))) {
		resident_reset_peak();
		go(&team, options, resident_now().anonymous_bytes, figures);
	}
	team_close(&team);
	return verdict;
}
