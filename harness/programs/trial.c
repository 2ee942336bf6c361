/*
 * trial.c - the launcher is started, looked at, and its page read.
 */
#include "trial.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include "../clock/now.h"
#include "../run/interrupt.h"
#include "beside.h"
#include "helper.h"
#include "launcher/launch_page.h"
#include "service.h"
#include "watch.h"

enum { PATH_BYTES = 4096 };

/* ---- the launcher -------------------------------------------------------- */

static const char *temporary_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder != NULL && folder[0] == '/' ? folder : "/tmp";
}

/* A file without a name; everything is appended, whoever opens it again. */
static int nameless_file(void)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof path, "%s/alloclab.XXXXXX", temporary_folder());
	int file = mkostemp(path, O_APPEND | O_CLOEXEC);
	if (file >= 0)
		unlink(path);
	return file;
}

static bool open_files(struct watch *watch, struct trace_error *error)
{
	watch->page_file = memfd_create("launch page", MFD_CLOEXEC);
	watch->out = nameless_file();
	watch->err = nameless_file();
	if (watch->page_file < 0 || watch->out < 0 || watch->err < 0 ||
	    ftruncate(watch->page_file, sizeof *watch->page) != 0)
		return trace_fail(error, "temporary files in %.300s: %s",
		                  temporary_folder(), strerror(errno));
	void *map = mmap(NULL, sizeof *watch->page, PROT_READ | PROT_WRITE,
	                 MAP_SHARED, watch->page_file, 0);
	if (map == MAP_FAILED)
		return trace_fail(error, "mmap: %s", strerror(errno));
	watch->page = map;
	return true;
}

static void close_files(struct watch *watch)
{
	const int files[] = {watch->page_file, watch->out, watch->err};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (files[i] >= 0)
			close(files[i]);
	if (watch->page != NULL)
		munmap(watch->page, sizeof *watch->page);
}

/* In the child: what the program will find.  errno if it cannot be had. */
static int arrange(const struct watch *watch)
{
	const struct trial_plan *plan = watch->plan;
	bool talks = plan->service.load == NULL;
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	interrupt_unwatch();
	if (plan->directory != NULL && chdir(plan->directory) != 0)
		return errno;
	int in = open(plan->input != NULL ? plan->input : "/dev/null",
	              O_RDONLY | O_CLOEXEC);
	if (in < 0 || nowhere < 0 || dup2(in, STDIN_FILENO) < 0 ||
	    dup2(talks ? watch->out : nowhere, STDOUT_FILENO) < 0 ||
	    dup2(talks ? watch->err : nowhere, STDERR_FILENO) < 0)
		return errno;
	/* Were it there already, dup2 would leave it closing on exec. */
	if (watch->page_file == LAUNCH_PAGE_FILE)
		return fcntl(LAUNCH_PAGE_FILE, F_SETFD, 0) < 0 ? errno : 0;
	return dup2(watch->page_file, LAUNCH_PAGE_FILE) < 0 ? errno : 0;
}

static _Noreturn void become_launcher(const struct watch *watch,
                                      const char *launcher, char **argv)
{
	watch->page->exec_errno = arrange(watch);
	if (watch->page->exec_errno == 0) {
		execve(launcher, argv, watch->plan->environment);
		watch->page->exec_errno = errno;
	}
	_exit(127);
}

static bool start(struct watch *watch, struct trace_error *error)
{
	char launcher[PATH_BYTES];
	size_t count = 0;

	if (!beside_program("alloclab-launch", launcher, sizeof launcher))
		return trace_fail(error, "no path to the launcher");
	if (access(launcher, X_OK) != 0)
		return trace_fail(error, "%s: %s; `make` builds it", launcher,
		                  strerror(errno));
	while (watch->plan->argv[count] != NULL)
		count++;
	char **argv = calloc(count + 2, sizeof *argv);
	if (argv == NULL)
		return trace_fail(error, "no memory for arguments");
	argv[0] = launcher;
	memcpy(argv + 1, watch->plan->argv, count * sizeof *argv);
	watch->page->stays = watch->plan->service.load != NULL;
	watch->launcher = fork();
	if (watch->launcher == 0)
		become_launcher(watch, launcher, argv);
	free(argv);
	return watch->launcher > 0 ||
	       trace_fail(error, "fork: %s", strerror(errno));
}

/* ---- the end ------------------------------------------------------------- */

static void read_page(const struct watch *watch, struct trial *trial)
{
	const struct launch_page *page = watch->page;
	int status = page->status;

	trial->wall_ns = page->wall_ns;
	trial->user_ns = page->user_ns;
	trial->system_ns = page->system_ns;
	trial->page_faults = page->page_faults;
	trial->major_faults = page->major_faults;
	trial->peak_bytes = page->peak_bytes;
	trial->floor_bytes = page->floor_bytes;
	trial->left_behind = page->left_behind;
	if (page->exec_errno != 0) {
		trial->end = TRIAL_NO_START;
		trial->number = page->exec_errno;
	} else if (WIFSIGNALED(status)) {
		trial->end = TRIAL_KILLED;
		trial->number = WTERMSIG(status);
	} else {
		trial->end = TRIAL_EXITED;
		trial->number = WEXITSTATUS(status);
	}
}

/* Adds a file to the hash; its size is added to *bytes. */
static void hash_file(int file, XXH64_state_t *hash, uint64_t *bytes)
{
	static char buffer[1 << 16];
	ssize_t got;
	off_t at = 0;

	while ((got = pread(file, buffer, sizeof buffer, at)) > 0) {
		XXH64_update(hash, buffer, (size_t)got);
		at += got;
	}
	*bytes += (uint64_t)at;
}

/* The last line that is not empty. */
static void read_last_line(int file, char *line, size_t capacity)
{
	struct stat status = {.st_size = 0};
	char tail[1024];

	line[0] = '\0';
	fstat(file, &status);
	off_t from = status.st_size - (off_t)sizeof tail + 1;
	ssize_t got = pread(file, tail, sizeof tail - 1, from > 0 ? from : 0);
	while (got > 0 && strchr(" \t\r\n", tail[got - 1]) != NULL)
		got--;
	if (got <= 0)
		return;
	tail[got] = '\0';
	const char *start = strrchr(tail, '\n');
	strlcpy(line, start == NULL ? tail : start + 1, capacity);
}

static void read_output(const struct watch *watch, struct trial *trial)
{
	XXH64_state_t *hash = XXH64_createState();

	if (hash != NULL) {
		XXH64_reset(hash, 0);
		hash_file(watch->out, hash, &trial->output_bytes);
		XXH64_update(hash, &trial->output_bytes,
		             sizeof trial->output_bytes);
		hash_file(watch->err, hash, &trial->output_bytes);
		trial->output_hash = XXH64_digest(hash);
	}
	XXH64_freeState(hash);
	read_last_line(watch->err, trial->says, sizeof trial->says);
}

/* The command that looks at what the program has left. */
static void run_after(struct watch *watch, struct trial *trial)
{
	const char *command = watch->plan->after;

	if (command == NULL || trial->end != TRIAL_EXITED)
		return;
	if (!watch_command(watch, command))
		trial->end = interrupt_came() ? TRIAL_STOPPED : TRIAL_TOO_LONG;
}

static void set_end(const struct watch *watch, enum watch_end end,
                    struct trial *trial)
{
	static const enum trial_end ends[] = {
		[WATCH_LATE] = TRIAL_TOO_LONG,
		[WATCH_FLOODED] = TRIAL_TOO_MUCH,
		[WATCH_INTERRUPTED] = TRIAL_STOPPED,
		[WATCH_GONE] = TRIAL_GONE,
		[WATCH_NOT_READY] = TRIAL_NOT_READY,
		[WATCH_NO_LOAD] = TRIAL_NO_LOAD,
		[WATCH_NO_STOP] = TRIAL_NO_STOP,
	};
	bool has_crashed = end == WATCH_GONE && trial->end != TRIAL_EXITED;

	if (end != WATCH_ENDED && !has_crashed)
		trial->end = ends[end];
	else if (trial->end == TRIAL_EXITED && watch_is_flooded(watch))
		trial->end = TRIAL_TOO_MUCH;
	if (end == WATCH_NO_LOAD || end == WATCH_NO_STOP)
		trial->number = watch->command;
}

bool trial_run(const struct trial_plan *plan, struct trial *trial,
               struct trace_error *error)
{
	struct watch watch = {.plan = plan,
	                      .page_file = -1,
	                      .out = -1,
	                      .err = -1,
	                      .deadline_s = now_s() + plan->seconds};

	*trial = (struct trial){.end = TRIAL_EXITED};
	if (!open_files(&watch, error) || !start(&watch, error)) {
		close_files(&watch);
		return false;
	}
	enum watch_end end = plan->service.load != NULL
	                             ? service_serve(&watch, trial)
	                             : watch_program(&watch, 0);
	watch_finish(&watch);
	uint64_t load_ns = trial->wall_ns;
	read_page(&watch, trial);
	if (plan->service.load != NULL)
		trial->wall_ns = load_ns;
	watch_read(&watch, trial);
	set_end(&watch, end, trial);
	run_after(&watch, trial);
	read_output(&watch, trial);
	close_files(&watch);
	return true;
}
