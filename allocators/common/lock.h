/*
 * lock.h - a lock for short critical sections.
 *
 *     0 free --compare and swap--> 1 held --store--> 0
 *
 * Taking it costs one atomic instruction, releasing it a plain store: nobody
 * waits in the kernel to be woken.  Who finds it held spins a little, then lets
 * others run, then sleeps for moments, which serves holders that make a kernel
 * call.  While `*single_thread` is nonzero (see allocator.h, create) taking and
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

/* Spins until the lock is ours. */
void lock_wait(struct lock *lock);

/* Takes the lock if it is free; whether it did. */
static inline bool lock_grab(struct lock *lock)
{
	unsigned is_free = 0;

	return atomic_compare_exchange_strong_explicit(&lock->held, &is_free, 1,
	                                               memory_order_acquire,
	                                               memory_order_relaxed);
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
		atomic_store_explicit(&lock->held, 0, memory_order_release);
}

/*
 * Takes the lock to look at what it guards, and gives it back: not counted, for
 * the counters are about the program's own calls.
 */
void lock_look(struct lock *lock);

static inline void lock_look_away(struct lock *lock)
{
	atomic_store_explicit(&lock->held, 0, memory_order_release);
}

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
	atomic_store_explicit(&lock->held, 0, memory_order_release);
}

#endif
