/*
 * session.h - whether this process is being recorded, and into which files.
 *
 *              first call      found its files
 *     COLD ----------------> STARTING ---------------> RECORDING
 *      ^                        |    \                  ^   |
 *      |                        |     v   the order to  |   | the order to
 *      '--- fork: a child       |    WAITING -----------'   | stop, disk full
 *           finds zeros here    |       |     record        |
 *                               v       v                   |
 *         not for us, no files: OFF <-----------------------'
 *
 * The state lives in a page that the kernel clears in a forked child
 * (MADV_WIPEONFORK), whichever way it was forked.  So a child is COLD again
 * before it can touch a file of its parent, and no pid need be looked up on
 * every call.  A vfork child shares the page: it runs in its parent's memory,
 * and what it allocates is the parent's.
 */
#ifndef HARNESS_RECORD_PRELOAD_SESSION_H
#define HARNESS_RECORD_PRELOAD_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/single_threaded.h>

#include "../raw.h"

enum session_state {
	SESSION_COLD, /* 0: what a wiped page says */
	SESSION_STARTING,
	SESSION_WAITING, /* keeps a table of live blocks */
	SESSION_RECORDING,
	SESSION_OFF,
};

struct session {
	_Atomic int state;             /* enum session_state */
	_Atomic uint64_t stamp;        /* the last one given out */
	_Atomic bool waits;            /* the table of live blocks is kept */
	_Atomic bool plain;            /* records need no notes and no table */
	bool sited;                    /* records carry the call's site */
	bool touched;                  /* what blocks end with is counted */
	enum raw_clock clock;          /* that RAW_TIME counts, or none */
	const _Atomic uint32_t *order; /* of `alloclab record` */
	struct raw_image *image;
};

extern struct session *session;

/*
 * What session_enter() does in all states but RECORDING: starts, obeys an order.
 * Keeps errno.
 */
bool session_enter_slowly(void);

/*
 * Ends recording for good: `error` says why, or 0 if it was asked for.  Calls
 * that got a stamp up to now count, later ones do not.
 */
void session_stop(int error);

/*
 * Takes room for records from what `--max-size` leaves: `bytes`, or less, down
 * to a page.  0: there is none, and the order to stop was given.
 */
size_t session_take_bytes(size_t bytes);

/* "DIR/4711.0", the path of the image's head file. */
const char *session_image_path(void);

/* The time that RAW_TIME keeps; 0 if none is kept. */
uint64_t session_clock(void);

/*
 * Whether the call that is about to be made should be recorded, or noted in the
 * table of live blocks.  First thing in every interposed function: it also makes
 * `next` usable.
 */
static inline bool session_enter(void)
{
	int state = atomic_load_explicit(&session->state, memory_order_relaxed);

	if (__builtin_expect(state == SESSION_RECORDING, 1) &&
	    __builtin_expect(atomic_load_explicit(session->order,
	                                          memory_order_relaxed) ==
	                             RAW_ORDER_RECORD,
	                     1))
		return true;
	return state != SESSION_OFF && session_enter_slowly();
}

/*
 * The next stamp.  Relaxed is enough: where one call happens before another
 * (a block is passed on, or freed and handed out again under the allocator's
 * lock), the first one's increment comes first in the counter's own order
 * [C11, 5.1.2.4].  A process of one thread saves the locked instruction, which
 * takes as long as the rest of a record.  There a signal handler that allocates
 * between the two lines repeats a stamp; its file keeps both records in order.
 */
static inline uint64_t session_stamp(void)
{
	if (!__libc_single_threaded)
		return 1 + atomic_fetch_add_explicit(&session->stamp, 1,
		                                     memory_order_relaxed);
	uint64_t stamp =
		1 + atomic_load_explicit(&session->stamp, memory_order_relaxed);
	atomic_store_explicit(&session->stamp, stamp, memory_order_relaxed);
	return stamp;
}

#endif
