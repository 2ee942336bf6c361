/*
 * handle.c - a handle for each thread of a program that knows nothing of
 * handles.
 *
 * Idea.  preload_self begins at a handle of no heap, so the first call of a
 * thread arrives at handle_find(), which attaches the thread; all later calls
 * find the handle there.  What calls before it has one, or after it has lost it,
 * uses a handle that all such threads share, behind a lock; so do the first frees
 * of a thread, for a thread that never calls ends with one or two.
 *
 *     preload_self
 *       FRESH --first call--> ATTACHING --> a handle --thread ends--> GONE
 *                                 |         or WATCHED                 |
 *                       calls made by                                  |
 *                       attaching itself                               |
 *                                 '-----> the shared handle <----------'
 *
 * Where a signal may ask for a report, each call has to look whether one did, in
 * whatever thread.  Then the handle is with the key alone, preload_self is WATCHED
 * for the thread's whole life, and every call arrives at handle_find(): some
 * nanoseconds more, for those who asked for it.
 *
 * Words.
 *     start    building the heap, at the first call of the process, or in our
 *              constructor, whichever comes first
 *     key      of pthread_key_create: its destructor runs when a thread ends
 *
 * Fork.  glibc runs prepare handlers in the reverse order of registration, and
 * the others in that order.  Ours are the first (-z initfirst), so those of the
 * program may call malloc: all locks of the heap are taken after theirs ran, and
 * are free again before theirs run.  They cannot be registered at the first
 * call, for pthread_atfork calls malloc under its lock.  A process with one
 * thread takes no lock at all: fork may be called by a signal handler that
 * interrupted malloc.
 *
 * Threads.  Any.  Lock order: the report's, start_lock, shared_lock, then the
 *           heap's.
 * Sources.  pthread_key_create(3), pthread_atfork(3), ld.so(8).
 *
 * Read next: report.c.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/single_threaded.h>

#include "preload.h"

_Alignas(64) const char preload_zeros[PRELOAD_STATES][UNATTACHED_BYTES];

#define HANDLE_OF(state) ((struct thread_heap *)preload_zeros[state])

_Thread_local struct thread_heap *preload_self = HANDLE_OF(STATE_FRESH);

struct page_source preload_pages;
struct heap_peak preload_peak;

static struct lock start_lock;
/* written under start_lock; meets the acquire in preload_heap() */
static struct heap *_Atomic heap_started;
static pthread_key_t key;
static bool key_is_made;

static struct lock shared_lock;
/* written under shared_lock; NULL until it is needed */
static struct thread_heap *_Atomic shared;

struct heap *preload_heap(void)
{
	return atomic_load_explicit(&heap_started, memory_order_acquire);
}

/* ---- start ------------------------------------------------------------------ */

/*
 * The value of the key: the thread's handle, and in the lowest bit whether the
 * thread is ending.
 */
static struct thread_heap *own_handle(void)
{
	void *value = key_is_made ? pthread_getspecific(key) : NULL;

	return (struct thread_heap *)((uintptr_t)value & ~(uintptr_t)1);
}

/*
 * A thread ends.  Our key is the first, and the destructors of others free
 * blocks: the handle stays for a second round.  The value is NULL here.
 */
static void end_thread(void *value)
{
	uintptr_t handle = (uintptr_t)value & ~(uintptr_t)1;

	if (handle == (uintptr_t)value &&
	    pthread_setspecific(key, (void *)(handle | 1)) == 0)
		return;
	preload_self = HANDLE_OF(STATE_GONE);
	PRELOAD_CALLS.detach((struct thread_heap *)handle);
}

static struct heap *build_heap(void)
{
	struct page_source_options options = {
		.kind = PAGE_SOURCE_OS,
		.has_real_clock = true,
		.before_loss_ctx = &preload_peak,
	};

	settings_read();
	if (preload_settings.stats_resident)
		options.before_loss = heap_peak_look;
	if (!key_is_made)
		key_is_made = pthread_key_create(&key, end_thread) == 0;
	if (!page_source_open(&preload_pages, &options))
		return NULL;
	return locked_over(&PRELOAD_ALLOCATOR)
	        ->create(&preload_settings.knobs, &preload_pages,
	                 &__libc_single_threaded);
}

/* Builds the heap at the first call; false without memory. */
static bool start(void)
{
	if (preload_heap() != NULL)
		return true;
	lock_take(&start_lock, &MANY_THREADS);
	if (preload_heap() == NULL)
		atomic_store_explicit(&heap_started, build_heap(),
		                      memory_order_release);
	lock_drop(&start_lock, &MANY_THREADS);
	return preload_heap() != NULL;
}

/* ---- finding a handle --------------------------------------------------------- */

/*
 * Gives the thread a handle; NULL without memory.  Setting the key may call
 * calloc, which finds the new handle.  Without a key nobody would detach it.
 */
static struct thread_heap *attach(void)
{
	preload_self = HANDLE_OF(STATE_ATTACHING);
	struct thread_heap *handle =
		start() && key_is_made ? PRELOAD_CALLS.attach(preload_heap())
				       : NULL;

	if (handle == NULL) {
		preload_self = HANDLE_OF(STATE_FRESH);
		return NULL;
	}
	preload_self = handle;
	if (pthread_setspecific(key, handle) == 0) {
		if (preload_settings.stats_on_signal)
			preload_self = HANDLE_OF(STATE_WATCHED);
		return handle;
	}
	preload_self = HANDLE_OF(STATE_GONE);
	PRELOAD_CALLS.detach(handle);
	return NULL;
}

static struct thread_heap *take_shared(void)
{
	if (!start())
		return NULL;
	lock_take(&shared_lock, &MANY_THREADS);
	struct thread_heap *handle =
		atomic_load_explicit(&shared, memory_order_relaxed);
	if (handle == NULL) {
		handle = PRELOAD_CALLS.attach(preload_heap());
		atomic_store_explicit(&shared, handle, memory_order_relaxed);
	}
	if (handle == NULL)
		lock_drop(&shared_lock, &MANY_THREADS);
	return handle;
}

static bool has_no_handle_yet(const struct thread_heap *state)
{
	return state == HANDLE_OF(STATE_FRESH) ||
	       state == HANDLE_OF(STATE_ONE_FREE) ||
	       state == HANDLE_OF(STATE_TWO_FREES);
}

NOINLINE struct thread_heap *handle_find(void)
{
	int saved_errno = errno;
	struct thread_heap *state = preload_self, *handle = NULL;

	if (state == HANDLE_OF(STATE_WATCHED))
		handle = own_handle();
	else if (has_no_handle_yet(state))
		handle = attach();
	if (handle != NULL)
		report_if_wanted();
	else
		handle = take_shared();
	if (handle != NULL)
		errno = saved_errno;
	return handle;
}

struct thread_heap *handle_find_to_free(void)
{
	int saved_errno = errno;

	if (preload_self == HANDLE_OF(STATE_FRESH))
		preload_self = HANDLE_OF(STATE_ONE_FREE);
	else if (preload_self == HANDLE_OF(STATE_ONE_FREE))
		preload_self = HANDLE_OF(STATE_TWO_FREES);
	else
		return handle_find();
	struct thread_heap *handle = take_shared();
	errno = saved_errno;
	return handle;
}

void handle_drop(struct thread_heap *handle)
{
	if (handle == atomic_load_explicit(&shared, memory_order_relaxed))
		lock_drop(&shared_lock, &MANY_THREADS);
}

/* ---- fork --------------------------------------------------------------------- */

/* By the one thread of the process; where many fork at once, all say the same. */
static atomic_bool forks_alone;

/* The shared handle would be one that the child has to abandon. */
static void detach_shared(void)
{
	struct thread_heap *handle =
		atomic_load_explicit(&shared, memory_order_relaxed);

	if (handle == NULL)
		return;
	/* first, for another thread may get the same handle for its own */
	atomic_store_explicit(&shared, NULL, memory_order_relaxed);
	PRELOAD_CALLS.detach(handle);
}

static void fork_prepare(void)
{
	forks_alone = __libc_single_threaded;
	if (forks_alone)
		return;
	report_fork_prepare();
	lock_take(&start_lock, &MANY_THREADS);
	lock_take(&shared_lock, &MANY_THREADS);
	if (preload_heap() == NULL)
		return;
	detach_shared();
	PRELOAD_CALLS.fork_prepare(preload_heap());
	page_source_fork_prepare(&preload_pages);
}

static void drop_own_locks(void)
{
	lock_drop(&shared_lock, &MANY_THREADS);
	lock_drop(&start_lock, &MANY_THREADS);
	report_fork_done();
}

static void fork_parent(void)
{
	if (forks_alone)
		return;
	if (preload_heap() != NULL) {
		page_source_fork_parent(&preload_pages);
		PRELOAD_CALLS.fork_parent(preload_heap());
	}
	drop_own_locks();
}

static void fork_child(void)
{
	if (forks_alone)
		return;
	if (preload_heap() != NULL) {
		page_source_fork_child(&preload_pages);
		PRELOAD_CALLS.fork_child(preload_heap(), own_handle());
	}
	drop_own_locks();
}

/* glibc calls constructors as it calls main. */
static __attribute__((constructor)) void begin(int argc, char **argv,
                                               char **environment)
{
	(void)argc;
	(void)argv;
	settings_give_environment(environment);
	start();
	pthread_atfork(fork_prepare, fork_parent, fork_child);
	report_start();
}
