/*
 * lock.h - a lock for short critical sections.
 *
 *     0 free --compare and swap--> 1 held --store--> 0
 *
 * Taking it costs one atomic instruction, releasing it a plain store and a look
 * at whether somebody sleeps.  Who finds it held spins a little, then sleeps in
 * the kernel (futex), for the holder may be waiting for a core itself or for a
 * kernel call of its own.
 *
 *     dropper    held = 0    sleepers?  -- nonzero: sleepers = 0, wake one
 *     sleeper    sleepers = 1    take?  -- no: sleep, a millisecond at most
 *
 * The dropper's look may come too early, for a store and a load after it can
 * change places; an exchange would not, but every release would cost as much as
 * taking.  Then the sleeper wakes by itself: that is what the millisecond is for.
 * Who took the lock after sleeping leaves `sleepers` set: there may be more.
 *
 * While `*single_thread` is nonzero (see allocator.h, create) taking and
 * releasing are skipped, but counted.
 *
 * The two counters are written by the holder alone; counter_read() may be
 * called beside it.  Order: acquire in the swap meets release in the store.
 */
#ifndef ALLOCATORS_COMMON_LOCK_H
#define ALLOCATORS_COMMON_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "counter.h"

struct lock {
	atomic_uint held;
	atomic_uint sleepers; /* nonzero: perhaps somebody is to be woken     */
	/* under the lock */
	struct counter acquired; /* times it was taken, skipped ones included */
	struct counter waited;   /* of these, times it was found held         */
};

/*
 * What `single_thread` points to where it never changes: heaps that only one OS
 * thread uses, and locks that are always taken.
 */
extern const char ONE_THREAD;
extern const char MANY_THREADS;

/* Waits until the lock is ours. */
void lock_wait(struct lock *lock);

/* Lets one who sleeps try again. */
void lock_wake(struct lock *lock);

/* Takes the lock if it is free; whether it did. */
static inline bool lock_grab(struct lock *lock)
{
	unsigned is_free = 0;

	return atomic_compare_exchange_strong_explicit(&lock->held, &is_free, 1,
	                                               memory_order_acquire,
	                                               memory_order_relaxed);
}

static inline void lock_open(struct lock *lock)
{
	atomic_store_explicit(&lock->held, 0, memory_order_release);
	if (__builtin_expect(atomic_load_explicit(&lock->sleepers,
	                                          memory_order_relaxed) != 0,
	                     0))
		lock_wake(lock);
}

static inline void lock_take(struct lock *lock, const char *single_thread)
{
	if (!*single_thread && !lock_grab(lock))
		lock_wait(lock);
	counter_add(&lock->acquired, 1);
}

/* False, at once, where another thread holds it. */
static inline bool lock_try(struct lock *lock, const char *single_thread)
{
	if (!*single_thread && !lock_grab(lock))
		return false;
	counter_add(&lock->acquired, 1);
	return true;
}

static inline void lock_drop(struct lock *lock, const char *single_thread)
{
	if (!*single_thread)
		lock_open(lock);
}

/*
 * Takes the lock to look at what it guards, and gives it back: not counted, for
 * the counters are about the program's own calls.
 */
void lock_look(struct lock *lock);

static inline void lock_look_away(struct lock *lock)
{
	lock_open(lock);
}

/*
 * From now on a lock that is found held ends the process, with exit status 1:
 * for a copy of a process without its other threads, where nobody is left to
 * drop it (harness/preload/report.c).
 */
void lock_alone(void);

/*
 * Around fork(): taken whatever `single_thread` says, for the byte may change
 * in between; freed in the child, where nobody else is left.
 */
static inline void lock_fork_take(struct lock *lock)
{
	if (!lock_grab(lock))
		lock_wait(lock);
}

static inline void lock_fork_drop(struct lock *lock)
{
	lock_open(lock);
}

#endif
