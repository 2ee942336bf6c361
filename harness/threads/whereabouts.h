/*
 * whereabouts.h - which event the threads are at, for a parent that may have to
 * say where they crashed or hung.
 *
 * Every member keeps the number of its recorded event in `at`.  A watcher thread
 * writes the least of them to `progress`: by the argument in plan.c the member that
 * is furthest behind waits for nobody, so it is where a hang is.  At a fatal
 * signal its handler writes the event of the thread that got it.
 */
#ifndef HARNESS_THREADS_WHEREABOUTS_H
#define HARNESS_THREADS_WHEREABOUTS_H

#include "team.h"

struct whereabouts {
	struct team *team;
	volatile uint64_t *progress;
	struct threads_figures *figures; /* has the events of all */
	pthread_t watcher;
	bool is_watched;
	atomic_bool ended;
};

/* Before team_go(), in a process whose end matters to its parent. */
void whereabouts_watch(struct whereabouts *whereabouts, struct team *team,
                       volatile uint64_t *progress,
                       struct threads_figures *figures);
void whereabouts_end(struct whereabouts *whereabouts);

/* By each member, first of all. */
void whereabouts_enter(struct member *member);

static inline void whereabouts_at(struct member *member, uint64_t event)
{
	atomic_store_explicit(&member->at, event, memory_order_relaxed);
}

#endif
