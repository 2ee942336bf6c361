/*
 * whereabouts.c - a watcher, and a handler for signals that kill.
 */
#include "whereabouts.h"

#include <signal.h>
#include <time.h>

enum { EVERY_NS = 2000 * 1000 };

static _Thread_local struct member *this_member;
static volatile uint64_t *crash_progress;
static atomic_bool has_crashed;

/* Back at the default when it returns, so that the signal kills after all. */
static void note_crash(int number)
{
	(void)number;
	if (this_member == NULL || atomic_exchange(&has_crashed, true))
		return;
	*crash_progress =
		atomic_load_explicit(&this_member->at, memory_order_relaxed);
}

static void catch_crashes(volatile uint64_t *progress)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	struct sigaction action = {.sa_handler = note_crash,
	                           .sa_flags = (int)SA_RESETHAND};

	crash_progress = progress;
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		sigaction(fatal[i], &action, NULL);
}

static void note_least(const struct whereabouts *whereabouts)
{
	const struct team *team = whereabouts->team;
	uint64_t least = MEMBER_DONE;

	for (unsigned i = 0; i < team->plan->threads; i++) {
		uint64_t at = atomic_load_explicit(&team->members[i].at,
		                                   memory_order_relaxed);
		least = at < least ? at : least;
		whereabouts->figures->of[i].at = at;
	}
	if (least != MEMBER_DONE && !atomic_load(&has_crashed))
		*whereabouts->progress = least;
}

static void *watch(void *argument)
{
	const struct timespec pause = {.tv_nsec = EVERY_NS};
	struct whereabouts *whereabouts = argument;

	while (!atomic_load(&whereabouts->ended)) {
		note_least(whereabouts);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

void whereabouts_watch(struct whereabouts *whereabouts, struct team *team,
                       volatile uint64_t *progress,
                       struct threads_figures *figures)
{
	whereabouts->team = team;
	whereabouts->figures = figures;
	figures->threads = team->plan->threads;
	whereabouts->progress = progress;
	atomic_init(&whereabouts->ended, false);
	catch_crashes(progress);
	whereabouts->is_watched = pthread_create(&whereabouts->watcher, NULL,
	                                         watch, whereabouts) == 0;
}

void whereabouts_end(struct whereabouts *whereabouts)
{
	if (!whereabouts->is_watched)
		return;
	atomic_store(&whereabouts->ended, true);
	pthread_join(whereabouts->watcher, NULL);
	note_least(whereabouts);
}

void whereabouts_enter(struct member *member)
{
	this_member = member;
}
