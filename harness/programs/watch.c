/*
 * watch.c - pauses between looks, and what they add up to.
 */
#include "watch.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clock/now.h"
#include "../run/interrupt.h"
#include "helper.h"
#include "tree.h"

static const double FIRST_PAUSE_S = 0.001, LAST_PAUSE_S = 0.020;
static const double PAUSE_GROWTH = 1.3;
/* A look takes at most 1 / 20 of the time, so it disturbs no more than that. */
static const double PAUSE_BY_LOOK = 20;

/* How long the program may take to end when it is asked to. */
static const double GRACE_S = 10;

static void look(struct watch *watch)
{
	double before = now_s();
	uint64_t bytes = tree_resident_bytes(watch->launcher);
	double now = now_s();

	if (watch->looks > 0 && bytes > 0) {
		watch->byte_seconds += (double)(watch->bytes + bytes) / 2 *
		                       (now - watch->looked_s);
		watch->seconds += now - watch->looked_s;
	}
	if (bytes > 0) {
		watch->bytes = bytes;
		watch->looks++;
		watch->looked_s = now;
	}
	if (bytes > watch->peak_bytes)
		watch->peak_bytes = bytes;
	watch->pause_s = watch->pause_s == 0 ? FIRST_PAUSE_S
	                                     : watch->pause_s * PAUSE_GROWTH;
	if (watch->pause_s > LAST_PAUSE_S)
		watch->pause_s = LAST_PAUSE_S;
	if (watch->pause_s < (now - before) * PAUSE_BY_LOOK)
		watch->pause_s = (now - before) * PAUSE_BY_LOOK;
}

/* A file system that does not say its size (f_blocks 0) is taken as endless. */
bool watch_is_flooded(const struct watch *watch)
{
	struct stat out = {.st_size = 0}, err = {.st_size = 0};
	struct statvfs room = {.f_blocks = 0};

	fstat(watch->out, &out);
	fstat(watch->err, &err);
	fstatvfs(watch->out, &room);
	uint64_t free_blocks = geteuid() == 0 ? room.f_bfree : room.f_bavail;
	return (uint64_t)out.st_size + (uint64_t)err.st_size >
	               WATCH_OUTPUT_MAX ||
	       (room.f_blocks > 0 && free_blocks == 0);
}

static bool has_gone(struct watch *watch)
{
	int status;

	if (watch->launcher > 0 &&
	    waitpid(watch->launcher, &status, WNOHANG) == watch->launcher)
		watch->launcher = 0;
	return watch->launcher == 0;
}

enum watch_end watch_program(struct watch *watch, double until_s)
{
	while (!has_gone(watch)) {
		double now = now_s();
		if (interrupt_came())
			return WATCH_INTERRUPTED;
		if (now > watch->deadline_s)
			return WATCH_LATE;
		if (watch_is_flooded(watch))
			return WATCH_FLOODED;
		if (until_s > 0 && now > until_s)
			return WATCH_ENDED;
		helper_wait(watch->launcher, watch->pause_s);
		if (watch->page->process != 0)
			look(watch);
	}
	return until_s > 0 ? WATCH_GONE : WATCH_ENDED;
}

/* Why a command need not be waited for any longer; WATCH_ENDED: go on. */
static enum watch_end why_give_up(struct watch *watch)
{
	return interrupt_came()              ? WATCH_INTERRUPTED
	       : has_gone(watch)             ? WATCH_GONE
	       : now_s() > watch->deadline_s ? WATCH_LATE
	       : watch_is_flooded(watch)     ? WATCH_FLOODED
	                                     : WATCH_ENDED;
}

enum watch_end watch_helper(struct watch *watch, const char *command, int out,
                            int err)
{
	pid_t helper = helper_start(command, watch->plan->directory, out, err);

	watch->command = HELPER_NOT_STARTED;
	while (helper > 0 && !helper_has_ended(helper, &watch->command)) {
		enum watch_end why = why_give_up(watch);
		if (why != WATCH_ENDED) {
			helper_kill(helper);
			return why;
		}
		helper_wait(helper, watch->pause_s);
		look(watch);
	}
	return WATCH_ENDED;
}

bool watch_command(struct watch *watch, const char *command)
{
	pid_t helper = helper_start(command, watch->plan->directory, watch->out,
	                            watch->err);

	watch->command = HELPER_NOT_STARTED;
	while (helper > 0 && !helper_has_ended(helper, &watch->command)) {
		if (interrupt_came() || now_s() > watch->deadline_s + GRACE_S) {
			helper_kill(helper);
			return false;
		}
		helper_wait(helper, LAST_PAUSE_S);
	}
	return true;
}

/*
 * The launcher kills all descendants once the program is gone.  It is told more
 * than once: it may have been about to wait.
 */
void watch_finish(struct watch *watch)
{
	struct launch_page *page = watch->page;

	page->stays = 0;
	while (!has_gone(watch)) {
		if (page->process != 0 && page->wall_ns == 0)
			kill(page->process, SIGKILL);
		kill(watch->launcher, SIGTERM);
		helper_wait(watch->launcher, LAST_PAUSE_S);
	}
}

void watch_read(const struct watch *watch, struct trial *trial)
{
	trial->looks = watch->looks;
	trial->tree_peak_bytes = watch->peak_bytes;
	trial->tree_mean_bytes =
		watch->seconds > 0
			? (uint64_t)(watch->byte_seconds / watch->seconds)
			: watch->peak_bytes;
}
