/*
 * lock.c - waiting for a lock: spin, then yield, then sleep a little.
 */
#include "lock.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

const char ONE_THREAD = 1;
const char MANY_THREADS = 0;

enum {
	SPINS = 100,      /* rounds of looking before the core is given up */
	YIELDS = 50,      /* times that, before sleeping                   */
	SLEEP_NS = 20000, /* about two kernel calls of a holder            */
};

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* A signal may end the sleep early; free() must keep errno all the same. */
static void sleep_a_little(void)
{
	const struct timespec pause = {.tv_nsec = SLEEP_NS};
	int saved_errno = errno;

	nanosleep(&pause, NULL);
	errno = saved_errno;
}

void lock_wait(struct lock *lock)
{
	for (unsigned round = 0;; round++) {
		for (int spin = 0; spin < SPINS; spin++) {
			/* Looking does not take the line from its holder. */
			if (atomic_load_explicit(&lock->held,
			                         memory_order_relaxed) == 0 &&
			    lock_grab(lock)) {
				counter_add(&lock->waited, 1);
				return;
			}
			relax();
		}
		if (round < YIELDS)
			sched_yield();
		else
			sleep_a_little();
	}
}

void lock_look(struct lock *lock)
{
	while (!lock_grab(lock))
		sched_yield();
}
