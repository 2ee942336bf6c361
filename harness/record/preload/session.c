/*
 * session.c - starts, forks and stops the recording of one process.
 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../ticks.h"
#include "call_site.h"
#include "live_table.h"
#include "map_file.h"
#include "next.h"
#include "touched.h"
#include "writer.h"

enum { SESSION_PAGE_BYTES = 4096 };
static_assert(sizeof(struct session) <= SESSION_PAGE_BYTES, "one page");

/* From the environment, once; a forked child inherits both. */
static char directory[4096 - 64];
static struct raw_control *control;

static char image_path[4096];

/* Stands in until there is a page that forks wipe. */
static struct session before_start;
struct session *session = &before_start;

const char *session_image_path(void)
{
	return image_path;
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t session_clock(void)
{
	switch (session->clock) {
	case RAW_CLOCK_NONE:
		return 0;
	case RAW_CLOCK_NS:
		return clock_ns();
	case RAW_CLOCK_TICKS:
		return ticks();
	}
	return 0;
}

/* False where the environment does not ask for a recording. */
static bool find_recording(void)
{
	const char *path = getenv(RAW_ENV_DIRECTORY);
	char file[sizeof image_path];

	if (path == NULL || strlen(path) >= sizeof directory)
		return false;
	/* The program may change its environment: keep a copy. */
	strcpy(directory, path);
	snprintf(file, sizeof file, "%s/%s", directory, RAW_CONTROL_FILE);
	control = map_file(file, 0, 0, sizeof *control);
	return control != NULL;
}

/* One byte more in DIR/skipped; appends of one byte do not mix. */
static void note_skipped_program(void)
{
	char path[sizeof image_path];

	snprintf(path, sizeof path, "%s/%s", directory, RAW_SKIPPED_FILE);
	int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		return;
	if (write(file, "+", 1) < 0)
		errno = 0; /* one program fewer in a message, no more */
	close(file);
}

static void wipe_page(void)
{
	memset(session, 0, sizeof *session);
}

/* Moves the session into a page that a fork wipes; false without memory. */
static bool session_move_to_page(void)
{
	struct session *page =
		mmap(NULL, SESSION_PAGE_BYTES, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return false;
	page->state = SESSION_STARTING;
	session = page;
	if (madvise(page, SESSION_PAGE_BYTES, MADV_WIPEONFORK) == 0)
		return true;
	/* Linux before 4.14: catches fork(), though not a bare clone(). */
	return pthread_atfork(NULL, NULL, wipe_page) == 0;
}

static void read_command(struct raw_image *image)
{
	int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return;
	ssize_t got = read(file, image->command, sizeof image->command - 1);
	image->command_bytes = got > 0 ? (uint32_t)got : 0;
	close(file);
}

/* Makes the head file of this image: the first free DIR/PID.0, DIR/PID.1... */
static bool image_create(bool forked)
{
	struct raw_image *image = NULL;

	for (unsigned n = 0; image == NULL; n++) {
		snprintf(image_path, sizeof image_path, "%s/%d.%u", directory,
		         (int)getpid(), n);
		image = map_file(image_path, O_EXCL, 0, sizeof *image);
		if (image == NULL && errno != EEXIST)
			return false;
	}
	image->process = getpid();
	image->forked = forked;
	image->started_ns = clock_ns();
	read_command(image);
	memcpy(image->magic, RAW_MAGIC, sizeof image->magic);
	session->image = image;
	session->clock = control->clock;
	session->order = &control->order;
	session->sited = control->site_depth > 0;
	session->touched = control->touched != 0 && touched_open();
	if (session->sited)
		call_site_open(image_path, control->site_depth);
	writer_prepare();
	return true;
}

/* A program was started with the library in it: for us? */
static bool start_program(void)
{
	if (!find_recording())
		return false;
	if (control->follow == 0 && control->process != getpid()) {
		note_skipped_program();
		return false;
	}
	return session_move_to_page() && image_create(false);
}

/* The page was wiped: this is a forked child of a recorded process. */
static bool start_forked_child(struct raw_image *image_of_parent)
{
	if (control->follow != 0)
		return image_create(true);
	atomic_fetch_add(&image_of_parent->skipped_children, 1);
	return false;
}

/* But for large sizes.  What is touched is no note, and has the same way. */
static bool has_no_notes(void)
{
	return session->clock == RAW_CLOCK_NONE && !session->sited &&
	       !session->touched;
}

/* The state after a start that went well. */
static int first_state(void)
{
	switch (control->order) {
	case RAW_ORDER_WAIT:
		session->waits = live_table_open();
		return session->waits ? SESSION_WAITING : SESSION_OFF;
	case RAW_ORDER_RECORD:
		session->plain = has_no_notes();
		return SESSION_RECORDING;
	default:
		return SESSION_OFF;
	}
}

/* Leaves COLD.  Calls that the start itself makes are not recorded. */
static void start(void)
{
	/* The page's pointer to the head file went with its other contents. */
	static struct raw_image *image;
	static bool next_found;

	if (!next_found)
		next_find();
	next_found = true;
	if (environ == NULL) { /* before the C library's own start: too early */
		session->state = SESSION_COLD;
		return;
	}
	writer_forget();
	bool started = session == &before_start ? start_program()
	                                        : start_forked_child(image);
	if (started)
		image = session->image;
	session->state = started ? first_state() : SESSION_OFF;
}

/* The live blocks, as a file of records; false with errno. */
static bool write_live_blocks(size_t count)
{
	size_t bytes = count * sizeof(struct raw_record);
	char path[sizeof image_path + 8];

	if (count == 0)
		return true;
	snprintf(path, sizeof path, "%s.live", image_path);
	void *memory = map_file(path, 0, 0, bytes);
	if (memory == NULL)
		return false;
	live_table_copy(memory);
	munmap(memory, bytes);
	atomic_fetch_add(&control->bytes, bytes);
	session->image->live_records = count;
	return true;
}

/*
 * One thread leaves WAITING.  The others go on, and whoever comes to the table
 * waits for its locks.
 */
static void end_waiting(enum session_state next_state)
{
	int waiting = SESSION_WAITING, cancel;

	if (!atomic_compare_exchange_strong(&session->state, &waiting,
	                                    next_state))
		return;
	/* Opening a file is a cancellation point; malloc must not be one. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	size_t count = live_table_lock();
	errno = ENOMEM;
	if (next_state == SESSION_RECORDING && !write_live_blocks(count))
		session_stop(errno);
	session->image->live_left_out = live_table_left_out();
	session->image->recording_time = session_clock();
	live_table_give_up();
	session->waits = false;
	session->plain = has_no_notes();
	pthread_setcancelstate(cancel, NULL);
}

/* The states that have a page and a head file. */
static bool is_under_way(void)
{
	return session->state == SESSION_WAITING ||
	       session->state == SESSION_RECORDING;
}

/* Of the blocks that are live at the end. */
static void tell_touched(void)
{
	if (session->state == SESSION_RECORDING && session->touched)
		writer_record_touched();
}

/* As exit() ends the program; _exit and a signal do not come here. */
__attribute__((destructor)) static void program_ends(void)
{
	int error = errno;

	tell_touched();
	errno = error;
}

bool session_enter_slowly(void)
{
	int cold = SESSION_COLD, error = errno;

	if (atomic_compare_exchange_strong(&session->state, &cold,
	                                   SESSION_STARTING)) {
		start();
	} else if (is_under_way() && *session->order == RAW_ORDER_RECORD) {
		end_waiting(SESSION_RECORDING);
	} else if (is_under_way() && *session->order == RAW_ORDER_STOP) {
		end_waiting(SESSION_OFF);
		tell_touched();
		session_stop(0);
	}
	errno = error;
	return is_under_way();
}

void session_stop(int error)
{
	uint64_t running = 0;

	if (atomic_compare_exchange_strong(&session->image->end_stamp, &running,
	                                   session->stamp + 1))
		session->image->stop_errno = (uint32_t)error;
	session->state = SESSION_OFF;
}

static void order_stop(enum raw_stop why)
{
	uint32_t none = RAW_STOP_NONE;

	atomic_compare_exchange_strong(&control->stop, &none, why);
	control->order = RAW_ORDER_STOP;
}

size_t session_take_bytes(size_t bytes)
{
	enum { PAGE_BYTES = 4096 };
	uint64_t max = control->max_bytes;
	uint64_t used = control->bytes;

	do {
		uint64_t left = max > used ? max - used : 0;
		if (max == 0)
			left = bytes;
		if (left < bytes)
			bytes = left / PAGE_BYTES * PAGE_BYTES;
		if (bytes == 0) {
			order_stop(RAW_STOP_SIZE);
			return 0;
		}
	} while (!atomic_compare_exchange_weak(&control->bytes, &used,
	                                       used + bytes));
	return bytes;
}
