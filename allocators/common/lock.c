/*
 * lock.c - waiting for a lock: spin, then sleep in the kernel.
 */
#include "lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

const char ONE_THREAD = 1;
const char MANY_THREADS = 0;

enum {
	SPINS = 100, /* looks, a microsecond or some: a short section    */
	SLEEP_NS =
		1000000 /* at most, should the dropper have looked too early */
};

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static bool spin(struct lock *lock)
{
	for (int i = 0; i < SPINS; i++) {
		/* Looking does not take the line from its holder. */
		if (atomic_load_explicit(&lock->held, memory_order_relaxed) ==
		            0 &&
		    lock_grab(lock))
			return true;
		relax();
	}
	return false;
}

/* Where futex is forbidden this is a look at the lock with a detour. */
static void sleep_while_held(struct lock *lock)
{
	const struct timespec most = {.tv_nsec = SLEEP_NS};

	syscall(SYS_futex, &lock->held, FUTEX_WAIT_PRIVATE, 1, &most);
}

static bool is_alone;

void lock_alone(void)
{
	is_alone = true;
}

static void wait_for(struct lock *lock)
{
	int saved_errno = errno;

	if (spin(lock))
		return;
	if (is_alone)
		_exit(1);
	for (;;) {
		atomic_store(&lock->sleepers, 1); /* before the next look */
		if (spin(lock))
			break;
		sleep_while_held(lock);
	}
	errno = saved_errno;
}

void lock_wait(struct lock *lock)
{
	wait_for(lock);
	counter_add(&lock->waited, 1);
}

__attribute__((noinline, cold)) void lock_wake(struct lock *lock)
{
	int saved_errno = errno;

	atomic_store_explicit(&lock->sleepers, 0, memory_order_relaxed);
	syscall(SYS_futex, &lock->held, FUTEX_WAKE_PRIVATE, 1);
	errno = saved_errno;
}

void lock_look(struct lock *lock)
{
	if (!lock_grab(lock))
		wait_for(lock);
}
