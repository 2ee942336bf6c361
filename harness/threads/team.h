/*
 * team.h - one heap, and the OS threads that replay a plan on it.
 *
 *     team_open      tables of every member, heap still missing
 *     team_gather    the threads exist and wait at the barrier
 *     team_enter     the heap is made, logical thread 0 attached
 *     team_go        all at once; back when the last has ended
 *     team_close     the threads are gone; all memory but the heap's own
 *
 * The caller of team_go is member 0, so that a team of one makes no thread: a C
 * library that skips its locks while there is only one still does so.
 */
#ifndef HARNESS_THREADS_TEAM_H
#define HARNESS_THREADS_TEAM_H

#include <pthread.h>

#include "../clock/stage.h"
#include "plan.h"
#include "threads.h"

struct team;
struct member;

/* What each member does between the barrier and its end. */
typedef void team_work(struct member *member);

struct member {
	_Alignas(CACHE_LINE_BYTES) struct team *team;
	const struct strand *strand;
	struct stage stage; /* its loop: handles and blocks of the strand */
	pthread_t thread;
	uint64_t end_ns; /* on the clock of now.h                */
	uint64_t waits;  /* handovers that were not there yet    */
	void *extra;     /* what the work knows of this member   */

	/* The recorded event in work, for whereabouts.h; MEMBER_DONE. */
	_Alignas(CACHE_LINE_BYTES) _Atomic uint64_t at;
};

struct team {
	const struct plan *plan;
	const struct allocator *allocator; /* with locks; NULL: null      */
	struct member *members;            /* plan->threads of them         */
	struct handover *handovers;
	struct page_source pages;
	struct heap *heap; /* NULL for the null allocator   */
	char single_thread;
	team_work *work;
	enum touch touch;
	uint64_t start_ns;
	unsigned started; /* threads beside the caller     */

	atomic_uint ready;    /* of those, how many wait at the barrier    */
	atomic_bool released; /* the barrier is open                       */
	atomic_bool stopped;  /* a member met a mistake: all come to an end */
};

/* `allocator` NULL: the null allocator, whose blocks are touched as `touch`. */
bool team_open(struct team *team, const struct plan *plan,
               const struct allocator *allocator, enum touch touch,
               struct verdict *verdict);
bool team_gather(struct team *team, team_work *work, struct verdict *verdict);
bool team_enter(struct team *team, const struct knob_values *values,
                const struct page_source_options *options,
                struct verdict *verdict);
void team_go(struct team *team);
void team_close(struct team *team);

/* What the members and the heap have to tell when all have ended. */
void team_sum_up(const struct team *team, struct threads_figures *figures);

#endif
