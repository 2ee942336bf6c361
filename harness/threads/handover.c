/*
 * handover.c - waiting for a block: as lock.c waits for a lock.
 */
#include "handover.h"

#include <sched.h>
#include <time.h>

enum {
	SPINS = 20,       /* looks before the core is given up    */
	YIELDS = 50,      /* times that, before sleeping          */
	SLEEP_NS = 20000, /* the giver may be far behind          */
};

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

bool handover_wait(struct handover *handover, uint64_t *waits,
                   const atomic_bool *stopped)
{
	const struct timespec pause = {.tv_nsec = SLEEP_NS};

	++*waits;
	for (unsigned round = 0;; round++) {
		for (int spin = 0; spin < SPINS; spin++) {
			if (handover_is_given(handover))
				return true;
			relax();
		}
		if (stopped != NULL && atomic_load(stopped))
			return false;
		if (round < YIELDS)
			sched_yield();
		else
			nanosleep(&pause, NULL);
	}
}
