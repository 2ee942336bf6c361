/*
 * report.c - the numbers of the heap as lines of text, at exit or on SIGUSR2.
 *
 *     allocator tcmalloc
 *     knobs page_map=hash            those that were set
 *     process 4711
 *     requested unknown              nobody keeps it: that would cost each call
 *     live_bytes 123456
 *     free_thread_cache_bytes 1024   one line for each tier
 *     ...
 *
 * At exit.  exit() may be called by a signal handler that interrupted malloc: a
 * lock may be held by the very thread that would wait for it, a list may be half
 * changed.  So a copy of the process looks, made by a bare clone().  It ends at a
 * lock that is held, which nobody in it will ever drop; it is killed if it goes
 * round in circles; if it crashes, nothing is lost.  After a few tries the report
 * says that the heap was busy.  The copy sends no SIGCHLD, and wait() of the
 * program does not see it.
 *
 * On a signal.  The handler sets a flag; the next call, of any thread, writes the
 * report (handle.c).
 *
 * No stdio, no malloc, little stack.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "preload.h"

enum {
	TRIES = 20,     /* another thread may hold a lock for a moment */
	TRY_MS = 10000, /* before a copy that goes round is killed     */
	TEXT_BYTES = 8192,
};

struct text {
	size_t used;
	char bytes[TEXT_BYTES];
};

static struct lock text_lock; /* guards `text` */
static struct text text;
static atomic_bool wanted; /* by a signal */

/* ---- lines -------------------------------------------------------------------- */

static void put(struct text *out, const char *words)
{
	size_t length = strlen(words);

	if (length > sizeof out->bytes - out->used)
		return;
	memcpy(out->bytes + out->used, words, length);
	out->used += length;
}

/* A name of the lab as a word: "thread cache" => thread_cache. */
static void put_word(struct text *out, const char *words)
{
	size_t start = out->used;

	put(out, words);
	for (size_t i = start; i < out->used; i++)
		if (out->bytes[i] == ' ' || out->bytes[i] == '-')
			out->bytes[i] = '_';
}

static void put_number(struct text *out, uint64_t number)
{
	char digits[24], *at = digits + sizeof digits;

	*--at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	put(out, at);
}

static void put_line(struct text *out, const char *name, uint64_t number)
{
	put(out, name);
	put(out, " ");
	put_number(out, number);
	put(out, "\n");
}

/* "free_thread_cache_bytes 1024" */
static void put_parts(struct text *out, const char *before, const char *name,
                      const char *after, uint64_t number)
{
	put(out, before);
	put_word(out, name);
	put_line(out, after, number);
}

/* ---- the numbers ---------------------------------------------------------------- */

/* The caller holds the source's lock, or cannot wait for it. */
static NOINLINE void put_source(struct text *out)
{
	const struct page_source *pages = &preload_pages;
	static const char *const names[PAGE_CALLS] = {
		[PAGE_GROW] = "grow",     [PAGE_RESERVE] = "reserve",
		[PAGE_COMMIT] = "commit", [PAGE_RESIZE] = "resize",
		[PAGE_SHRINK] = "shrink", [PAGE_RELEASE] = "release",
		[PAGE_PURGE] = "purge",
	};

	put_line(out, "committed_bytes", pages->committed_bytes);
	put_line(out, "peak_committed_bytes", pages->peak_committed_bytes);
	put_line(out, "reserved_bytes", pages->reserved_bytes);
	for (int call = 0; call < PAGE_CALLS; call++)
		put_parts(out, "page_", names[call], "_calls",
		          pages->calls[call]);
	put_line(out, "page_calls_refused", pages->refused);
}

/* The same.  Unknown where the kernel does not say which mappings are ours. */
static NOINLINE void put_resident(struct text *out)
{
	struct heap_peak *peak = &preload_peak;

	if (!preload_settings.stats_resident)
		return;
	heap_peak_look_closely(peak);
	if (peak->bytes == 0) {
		put(out, "resident unknown\n");
		return;
	}
	put_line(out, "resident_bytes", peak->now);
	put_line(out, "peak_resident_bytes", peak->bytes);
	put_line(out, "resident_looks", peak->looks);
}

static NOINLINE void put_usage(struct text *out)
{
	struct heap_usage usage;

	PRELOAD_CALLS.usage(preload_heap(), &usage);
	put_line(out, "live_bytes", usage.live_bytes);
	put_line(out, "metadata_bytes", usage.metadata_bytes);
	put_line(out, "slack_bytes", usage.slack_bytes);
	for (unsigned i = 0; i < usage.tier_count; i++)
		put_parts(out, "free_", usage.tiers[i].tier, "_bytes",
		          usage.tiers[i].bytes);
	for (unsigned i = 0; i < usage.lock_count; i++) {
		put_parts(out, "lock_", usage.locks[i].name, "_acquired",
		          usage.locks[i].acquired);
		put_parts(out, "lock_", usage.locks[i].name, "_waited",
		          usage.locks[i].waited);
	}
	put_line(out, "refills", usage.refills);
	put_line(out, "flushes", usage.flushes);
	put_line(out, "handles", usage.handles);
	put_line(out, "handles_abandoned", usage.abandoned);
}

static NOINLINE void put_stats(struct text *out)
{
	struct heap_stats stats;

	PRELOAD_CALLS.stats(preload_heap(), &stats);
	put_line(out, "links", stats.links);
	put_line(out, "searches", stats.searches);
	put_line(out, "exact_fits", stats.exact_fits);
	put_line(out, "splits", stats.splits);
	put_line(out, "merges", stats.merges);
	put_line(out, "grows", stats.grows);
	put_line(out, "shrinks", stats.shrinks);
	put_line(out, "moves", stats.moves);
}

static void put_head(struct text *out, pid_t process)
{
	out->used = 0;
	put(out, "allocator " PRELOAD_NAME "\nknobs ");
	put(out, preload_settings.knobs_text[0] == '\0'
	                 ? "default"
	                 : preload_settings.knobs_text);
	put(out, "\n");
	put_line(out, "process", (uint64_t)process);
	put(out, "requested unknown\n");
}

static void put_all(struct text *out, pid_t process)
{
	put_head(out, process);
	lock_look(&preload_pages.lock);
	put_source(out);
	put_resident(out);
	lock_look_away(&preload_pages.lock);
	if (preload_heap() == NULL)
		return;
	put_usage(out);
	put_stats(out);
}

static void write_all(int fd, const struct text *out)
{
	size_t done = 0;

	while (done < out->used) {
		ssize_t some = write(fd, out->bytes + done, out->used - done);
		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return;
		done += (size_t)some;
	}
}

void report_to(int fd)
{
	lock_take(&text_lock, &MANY_THREADS);
	put_all(&text, getpid());
	write_all(fd, &text);
	lock_drop(&text_lock, &MANY_THREADS);
}

void report_fork_prepare(void)
{
	lock_fork_take(&text_lock);
}

void report_fork_done(void)
{
	lock_fork_drop(&text_lock);
}

/* ---- the file ------------------------------------------------------------------- */

/* ALLOCLAB_STATS with every %p replaced by the process id. */
static void put_path(struct text *path, pid_t process)
{
	char letter[2] = "";

	path->used = 0;
	for (const char *at = preload_settings.stats_path; *at != '\0'; at++) {
		if (at[0] == '%' && at[1] == 'p') {
			put_number(path, (uint64_t)process);
			at++;
		} else {
			letter[0] = *at;
			put(path, letter);
		}
	}
	path->bytes[path->used] = '\0';
}

static void write_file(const struct text *out, pid_t process)
{
	static struct text path;

	put_path(&path, process);
	/* a pipe that nobody reads must not hold up exit() */
	int file = open(path.bytes,
	                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK,
	                0644);
	if (file < 0)
		return; /* fd 2 may be anything by now */
	write_all(file, out);
	close(file);
}

/* ---- on a signal ------------------------------------------------------------------ */

static void ask(int signal)
{
	(void)signal;
	atomic_store_explicit(&wanted, true, memory_order_relaxed);
}

void report_if_wanted(void)
{
	if (!atomic_load_explicit(&wanted, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&wanted, false, memory_order_relaxed))
		return;
	lock_take(&text_lock, &MANY_THREADS);
	put_all(&text, getpid());
	write_file(&text, getpid());
	lock_drop(&text_lock, &MANY_THREADS);
}

void report_start(void)
{
	struct sigaction old;
	struct sigaction ours = {.sa_handler = ask,
	                         .sa_flags = SA_RESTART | SA_ONSTACK};

	if (!preload_settings.stats_on_signal)
		return;
	if (sigaction(SIGUSR2, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
		sigaction(SIGUSR2, &ours, NULL);
}

/* ---- at exit ------------------------------------------------------------------------ */

/* In the copy: whatever happens here stays here. */
static _Noreturn void look_and_write(pid_t process)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

	lock_alone();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
		signal(fatal[i], SIG_DFL);
	put_all(&text, process);
	write_file(&text, process);
	_exit(0);
}

enum copy_end { COPY_DONE, COPY_FAILED, COPY_STUCK };

/* Waits for the copy, not for ever. */
static enum copy_end wait_for(pid_t copy)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	int status = -1;

	for (int ms = 0; ms < TRY_MS; ms++) {
		if (waitpid(copy, &status, WNOHANG | __WALL) != 0)
			return status == 0 ? COPY_DONE : COPY_FAILED;
		nanosleep(&moment, NULL);
	}
	kill(copy, SIGKILL);
	waitpid(copy, &status, __WALL);
	return COPY_STUCK;
}

static enum copy_end report_by_copy(pid_t process)
{
	pid_t copy = (pid_t)syscall(SYS_clone, 0L, NULL, NULL, NULL, 0L);

	if (copy == 0)
		look_and_write(process);
	return copy > 0 ? wait_for(copy) : COPY_STUCK;
}

static __attribute__((destructor)) void report_at_exit(void)
{
	if (preload_settings.stats_path[0] == '\0')
		return;
	pid_t process = getpid();
	enum copy_end end = COPY_FAILED;
	for (int i = 0; i < TRIES && end == COPY_FAILED; i++)
		end = report_by_copy(process);
	if (end == COPY_DONE)
		return;
	put_head(&text, process);
	put_source(&text);
	put(&text, "heap busy\n");
	write_file(&text, process);
}
