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

#include "map_file.h"

/* A page at first, 128 records: programs start threads by the thousand. */
enum { WINDOW_MIN_BYTES = 4 * 1024, WINDOW_MAX_BYTES = 4 * 1024 * 1024 };

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

/* The key is made by the first thread, while there is no other. */
static void make_end_key(void)
{
	bool made = pthread_key_create(&end_key, thread_ends) == 0;

	end_key_state = made && end_key < KEYS_WITHOUT_ALLOCATION ? KEY_USABLE
	                                                          : KEY_USELESS;
}

static void take_thread_number(void)
{
	writer.thread = atomic_fetch_add(&session->image->threads, 1);
	writer.has_thread = true;
	if (end_key_state == KEY_UNKNOWN)
		make_end_key();
	if (end_key_state == KEY_USABLE)
		pthread_setspecific(end_key, (void *)(uintptr_t)1);
}

/* Maps the next window; false with errno if there is no room for it. */
static bool map_window(void)
{
	char path[4096 + 16];
	uint32_t bytes = writer.window_bytes * 2;

	if (writer.window_bytes > 0)
		munmap((char *)writer.limit - writer.window_bytes,
		       writer.window_bytes);
	writer.window_bytes = 0;
	writer.next = writer.limit = NULL;
	if (bytes < WINDOW_MIN_BYTES)
		bytes = WINDOW_MIN_BYTES;
	if (bytes > WINDOW_MAX_BYTES)
		bytes = WINDOW_MAX_BYTES;
	thread_path(path, sizeof path);
	char *window = map_file(path, 0, writer.limit_offset, bytes);
	if (window == NULL)
		return false;
	writer.next = (struct raw_record *)window;
	writer.limit = (struct raw_record *)(window + bytes);
	writer.limit_offset += bytes;
	writer.window_bytes = bytes;
	return true;
}

/*
 * After its destructors the C library still frees a few blocks for a thread.
 * A window for each ended thread would stay mapped for ever: write instead.
 */
static bool write_late(const struct raw_record *record)
{
	struct raw_record copy = {0};
	char path[4096 + 16];

	thread_path(path, sizeof path);
	int file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	writer_store(&copy, record);
	ssize_t written = pwrite(file, &copy, sizeof copy, writer.limit_offset);
	close(file);
	writer.limit_offset += (int64_t)sizeof copy;
	return written == (ssize_t)sizeof copy;
}

static bool record_without_window(const struct raw_record *record)
{
	if (writer.ended)
		return write_late(record);
	if (!writer.has_thread)
		take_thread_number();
	if (!map_window())
		return false;
	writer_store(writer.next++, record);
	return true;
}

void writer_record_slowly(const struct raw_record *record)
{
	int error = errno, cancel;

	/* open and close are cancellation points; malloc must not be one. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (writer.busy) { /* a signal handler that allocates, at this point */
		session_stop(EBUSY);
	} else {
		writer.busy = true;
		errno = EIO; /* a short write sets none */
		if (!record_without_window(record))
			session_stop(errno);
		writer.busy = false;
	}
	pthread_setcancelstate(cancel, NULL);
	errno = error;
}
