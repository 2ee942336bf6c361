/*
 * writer.c - windows, and how a thread begins and ends.
 */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "call_site.h"
#include "live_table.h"
#include "map_file.h"
#include "touched.h"

/* A page at first, 256 records: programs start threads by the thousand. */
enum { WINDOW_MIN_BYTES = 4 * 1024, WINDOW_MAX_BYTES = 4 * 1024 * 1024 };

/* A record and the notes in front of it. */
enum { GROUP_MAX = 4 };

/*
 * Calls less than so many ticks after the last noted time get none of their own:
 * about 1 us of a processor's counter, 2 us of CLOCK_MONOTONIC.
 */
enum { TIME_STEP = 2048 };

/*
 * glibc keeps the values of the first 32 keys inside the thread descriptor and
 * allocates room for the others, which would put calls of ours among the
 * program's.
 */
enum { KEYS_WITHOUT_ALLOCATION = 32 };

__thread struct writer writer;

static pthread_key_t end_key;
static enum { KEY_UNKNOWN, KEY_USABLE, KEY_USELESS } end_key_state;

void writer_forget(void)
{
	writer = (struct writer){0};
}

static void thread_path(char *path, size_t capacity)
{
	snprintf(path, capacity, "%s.%u", session_image_path(), writer.thread);
}

/*
 * Other keys' destructors run before and after this one and free blocks.  The
 * C library makes PTHREAD_DESTRUCTOR_ITERATIONS rounds as long as there are
 * values left, so setting ours again puts it into the last round.
 */
static void thread_ends(void *round)
{
	uintptr_t rounds = (uintptr_t)round;

	if (rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
		pthread_setspecific(end_key, (void *)(rounds + 1));
		return;
	}
	if (!session_enter())
		return;
	writer_record(RAW_THREAD_END, NULL, 0, 0);
	if (writer.window_bytes > 0)
		munmap((char *)writer.limit - writer.window_bytes,
		       writer.window_bytes);
	writer.limit_offset -= (char *)writer.limit - (char *)writer.next;
	writer.next = writer.limit = NULL;
	writer.window_bytes = 0;
	writer.ended = true;
}

void writer_prepare(void)
{
	if (end_key_state != KEY_UNKNOWN)
		return;
	bool made = pthread_key_create(&end_key, thread_ends) == 0;
	end_key_state = made && end_key < KEYS_WITHOUT_ALLOCATION ? KEY_USABLE
	                                                          : KEY_USELESS;
}

static void take_thread_number(void)
{
	writer.thread = atomic_fetch_add(&session->image->threads, 1);
	writer.has_thread = true;
	if (end_key_state == KEY_USABLE)
		pthread_setspecific(end_key, (void *)(uintptr_t)1);
}

/*
 * Maps the next window.  False with errno if there is no room for it on disk, or
 * with 0 if there is none below --max-size.
 */
static bool map_window(void)
{
	char path[4096 + 16];
	size_t bytes = writer.window_bytes * 2u;

	if (writer.window_bytes > 0)
		munmap((char *)writer.limit - writer.window_bytes,
		       writer.window_bytes);
	writer.window_bytes = 0;
	writer.next = writer.limit = NULL;
	if (bytes < WINDOW_MIN_BYTES)
		bytes = WINDOW_MIN_BYTES;
	if (bytes > WINDOW_MAX_BYTES)
		bytes = WINDOW_MAX_BYTES;
	bytes = session_take_bytes(bytes);
	if (bytes == 0) {
		errno = 0;
		return false;
	}
	thread_path(path, sizeof path);
	char *window = map_file(path, 0, writer.limit_offset, bytes);
	if (window == NULL)
		return false;
	writer.next = (struct raw_record *)window;
	writer.limit = (struct raw_record *)(window + bytes);
	writer.limit_offset += (int64_t)bytes;
	writer.window_bytes = (uint32_t)bytes;
	return true;
}

/* One call, and what it needs in front of it. */
struct group {
	enum raw_kind kind;
	const void *block;
	size_t size;
	unsigned align_log2;
	uint32_t site; /* where it was made */
	uint64_t time; /* 0: no RAW_TIME */
	unsigned count;
};

static void group_plan(struct group *group)
{
	uint64_t now = session_clock();

	group->time = now - writer.time >= TIME_STEP ? now : 0;
	group->count = 1;
	group->count += group->time != 0;
	group->count += group->site != writer.site;
	group->count += group->size >= RAW_SIZE_IN_FRONT;
}

/* Writes `count` records and notes to where there is room for them. */
static void group_store(const struct group *group, struct raw_record *to)
{
	uint64_t stamp = session_stamp();

	if (group->time != 0) {
		writer_store(to++, RAW_TIME, NULL, 0, group->time);
		writer.time = group->time;
	}
	if (group->site != writer.site) {
		writer_store(to++, RAW_SITE, NULL, 0, group->site);
		writer.site = group->site;
	}
	if (group->size >= RAW_SIZE_IN_FRONT)
		writer_store(to++, RAW_SIZE, NULL, 0, group->size);
	writer_store(to, group->kind, group->block, group->align_log2,
	             raw_tail(stamp, group->size));
}

/* Into the window; false where it has no room. */
static bool group_append(struct group *group)
{
	group_plan(group);
	if (writer.limit - writer.next < (ptrdiff_t)group->count)
		return false;
	struct raw_record *to = writer.next;
	writer.next += group->count;
	group_store(group, to);
	return true;
}

/*
 * After its destructors the C library still frees a few blocks for a thread.
 * A window for each ended thread would stay mapped for ever: write instead.
 */
static bool write_late(struct group *group)
{
	struct raw_record copy[GROUP_MAX] = {0};
	char path[4096 + 16];

	thread_path(path, sizeof path);
	int file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	group_plan(group);
	group_store(group, copy);
	size_t bytes = group->count * sizeof copy[0];
	ssize_t written = pwrite(file, copy, bytes, writer.limit_offset);
	close(file);
	writer.limit_offset += (int64_t)bytes;
	return written == (ssize_t)bytes;
}

static bool record_without_window(struct group *group)
{
	if (writer.ended)
		return write_late(group);
	if (!writer.has_thread)
		take_thread_number();
	return map_window() && group_append(group);
}

/* Opens files, so that it must keep errno and not be a cancellation point. */
static void record_with_files(struct group *group)
{
	int error = errno, cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (writer.busy) { /* a signal handler that allocates, at this point */
		session_stop(EBUSY);
	} else {
		writer.busy = true;
		errno = EIO; /* a short write sets none */
		if (!record_without_window(group))
			session_stop(errno);
		writer.busy = false;
	}
	pthread_setcancelstate(cancel, NULL);
	errno = error;
}

/* Blocks have a site; what happens to them afterwards has none of its own. */
static uint32_t site_of(enum raw_kind kind)
{
	bool makes_block = kind == RAW_MALLOC || kind == RAW_CALLOC ||
	                   kind == RAW_ALIGNED || kind == RAW_ACQUIRE;

	return session->sited && makes_block ? call_site() : writer.site;
}

static void record(enum raw_kind kind, const void *block, size_t size,
                   unsigned align_log2)
{
	struct group group = {.kind = kind,
	                      .site = site_of(kind),
	                      .block = block,
	                      .size = size,
	                      .align_log2 = align_log2};

	if (!group_append(&group))
		record_with_files(&group);
}

/* What is known of the block that ends here comes before its end. */
static void note_touched(enum raw_kind kind, const void *block, size_t size)
{
	int error = errno;
	uint64_t bytes;

	if (touched_note(kind, block, size, &bytes))
		record(RAW_TOUCHED, block, bytes, 0);
	errno = error;
}

void writer_record_slowly(enum raw_kind kind, const void *block, size_t size,
                          unsigned align_log2)
{
	if (session->waits && live_table_note(kind, block, size, align_log2))
		return;
	if (session->touched)
		note_touched(kind, block, size);
	if (!writer.has_thread)
		live_table_settle(&kind, &size);
	record(kind, block, size, align_log2);
}

static void record_touched(const void *block, uint64_t bytes)
{
	record(RAW_TOUCHED, block, bytes, 0);
}

void writer_record_touched(void)
{
	touched_tell_all(record_touched);
}
