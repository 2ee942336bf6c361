/*
 * preload.h - a lab allocator as the malloc of a program: what the files of the
 * preloaded library share.
 *
 *     family.c    malloc and all its kin, as the program calls them
 *     handle.c    a handle for each thread; start, thread exit, fork
 *     settings.c  ALLOCLAB_CONF and ALLOCLAB_STATS
 *     inspect.c   mallinfo, malloc_stats, malloc_info, malloc_trim
 *     report.c    the numbers of a heap as text; at exit, on a signal
 *
 * These are compiled once for each allocator, with
 *
 *     PRELOAD_NAME       "best-fit"
 *     PRELOAD_ALLOCATOR  best_fit_allocator
 *     PRELOAD_CALLS      the constant with its calls: itself, or locked_calls
 *
 * Nothing here calls malloc, directly or through the C library, but what says
 * so.
 */
#ifndef HARNESS_PRELOAD_PRELOAD_H
#define HARNESS_PRELOAD_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allocators/allocator.h"
#include "allocators/common/heap_stats.h"
#include "allocators/common/heap_usage.h"
#include "allocators/common/knob.h"
#include "allocators/common/lock.h"
#include "allocators/common/page_source.h"
#include "allocators/common/unattached.h"
#include "allocators/locked/locked.h"
#include "harness/clock/heap_peak.h"

extern const struct allocator PRELOAD_ALLOCATOR;

#define EXPORT   __attribute__((visibility("default")))
#define NOINLINE __attribute__((noinline))

/* ---- handle.c ----------------------------------------------------------- */

/*
 * The handle of this thread, the only thread-local variable of the lab; or one
 * of PRELOAD_STATES handles of no heap, which say why there is none.
 */
extern _Thread_local struct thread_heap *preload_self;

enum preload_state {
	STATE_FRESH,     /* the thread has not called yet                    */
	STATE_ONE_FREE,  /* it has called free once, ...                     */
	STATE_TWO_FREES, /* ... twice, and nothing else                      */
	STATE_ATTACHING, /* it is getting its handle                         */
	STATE_GONE,      /* its handle is gone: the thread is ending         */
	STATE_WATCHED,   /* it has one; each call may have to write a report */
	PRELOAD_STATES,
};

extern const char preload_zeros[PRELOAD_STATES][UNATTACHED_BYTES];

/* The heap and its pages; NULL before the first call, or without memory. */
struct heap *preload_heap(void);
extern struct page_source preload_pages;

/* What of it was resident at most; all zero unless stats_resident. */
extern struct heap_peak preload_peak;

/*
 * The handle to make a call with: the thread's own, or the one that all threads
 * without share, and its lock.  NULL without memory.  Keeps errno, if not NULL.
 */
struct thread_heap *handle_find(void);

/*
 * The same for a free.  Of a thread that ends without having called, the C library
 * may free what it kept for it, when nobody would take a handle back: the first
 * frees of a thread get the one that is shared.
 */
struct thread_heap *handle_find_to_free(void);

static inline struct thread_heap *handle_take(void)
{
	struct thread_heap *self = preload_self;

	if ((uintptr_t)self - (uintptr_t)preload_zeros < sizeof preload_zeros)
		return handle_find();
	return self;
}

void handle_drop(struct thread_heap *handle);

/* ---- settings.c --------------------------------------------------------- */

struct preload_settings {
	struct knob_values knobs;
	char knobs_text[512];  /* those that were set */
	char stats_path[4096]; /* absolute; "" for no report */
	bool stats_on_signal;  /* each call looks whether one came */
	bool stats_resident;   /* the peak of resident memory is kept */
};

extern struct preload_settings preload_settings;

/* The environment, where the C library does not know it yet. */
void settings_give_environment(char **environment);

/* Reads the environment, once, and says on stderr what it cannot use. */
void settings_read(void);

/* ---- report.c ----------------------------------------------------------- */

/* Installs what ALLOCLAB_STATS asks for. */
void report_start(void);

/* Writes the report if a signal asked for it.  At the start of a call. */
void report_if_wanted(void);

/* Writes the same lines to a descriptor. */
void report_to(int fd);

/* No report is under way from prepare on. */
void report_fork_prepare(void);
void report_fork_done(void);

#endif
