/*
 * handover.h - a block goes from one OS thread to another.
 *
 *     giver   block = malloc(...)   give: store-release   0 -> address + 1
 *     taker   take: load-acquire, again and again while 0   free(block)
 *
 * A handover is written once and read once (a thread's exit: by several).  So
 * giving is one store, taking one load and a branch that is not taken when the
 * block is there already; there is no lock, and the clock is never read.
 * Address + 1, because NULL can be given too: "done", without a block.
 *
 * Order: the release in handover_give meets the acquire in handover_take.
 */
#ifndef HARNESS_THREADS_HANDOVER_H
#define HARNESS_THREADS_HANDOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct handover {
	_Atomic uintptr_t given; /* 0: not yet; else the block's address + 1 */
};

static inline void handover_give(struct handover *handover, void *block)
{
	atomic_store_explicit(&handover->given, (uintptr_t)block + 1,
	                      memory_order_release);
}

static inline bool handover_is_given(struct handover *handover)
{
	return atomic_load_explicit(&handover->given, memory_order_acquire) !=
	       0;
}

/*
 * Spins, then lets other threads run, then sleeps a little, until the block is
 * there; adds 1 to `waits`.  False if `stopped` (may be NULL) is set meanwhile.
 */
bool handover_wait(struct handover *handover, uint64_t *waits,
                   const atomic_bool *stopped);

/* The block; only after it was given, or after a wait that ended well. */
static inline void *handover_block(struct handover *handover)
{
	uintptr_t given =
		atomic_load_explicit(&handover->given, memory_order_acquire);

	return (void *)(given - 1);
}

static inline void *handover_take(struct handover *handover, uint64_t *waits)
{
	if (!handover_is_given(handover))
		handover_wait(handover, waits, NULL);
	return handover_block(handover);
}

#endif
