/*
 * launch.c - fork, environment, exec, signals, wait.
 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"

/* The library lies beside the program: build/alloclab, build/lib/... */
bool launch_find_library(char path[PATH_MAX], struct trace_error *error)
{
	char self[PATH_MAX];
	ssize_t got = readlink("/proc/self/exe", self, sizeof self - 1);

	if (got < 0)
		return trace_fail(error, "/proc/self/exe: %s", strerror(errno));
	self[got] = '\0';
	int used = snprintf(path, PATH_MAX, "%s/lib/liballoclab-record.so",
	                    dirname(self));
	if (used >= PATH_MAX || access(path, R_OK) != 0)
		return trace_fail(error, "%s is not there; `make` builds it",
		                  path);
	if (strpbrk(path, " :") != NULL)
		return trace_fail(error,
		                  "%s: LD_PRELOAD can hold no path with a "
		                  "blank or a colon",
		                  path);
	return true;
}

volatile sig_atomic_t launch_interrupts;
static volatile sig_atomic_t program; /* its pid while it runs, or 0 */

/* What a terminal sends reaches the whole group: only kill(2)s are passed on. */
static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)context;
	launch_interrupts++;
	if (program > 0 && info->si_code <= 0)
		kill((pid_t)program, signal);
}

enum { SIGNALS = 4 };
static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

void launch_catch_signals(void)
{
	struct sigaction action = {.sa_sigaction = on_signal,
	                           .sa_flags = SA_SIGINFO};

	for (size_t i = 0; i < SIGNALS; i++) {
		struct sigaction old;
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN) /* nohup stays nohup */
			sigaction(signals[i], &action, NULL);
	}
}

/* Ours goes first; a preloaded allocator behind it becomes the next one. */
static void set_preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	char *all = NULL;

	if (others == NULL || others[0] == '\0')
		setenv("LD_PRELOAD", library, 1);
	else if (asprintf(&all, "%s:%s", library, others) >= 0)
		setenv("LD_PRELOAD", all, 1);
	free(all);
}

static _Noreturn void become(const struct launch *launch, int report)
{
	launch->control->process = getpid();
	/* Whole huge pages would be there as soon as a byte of them is. */
	if (launch->control->touched != 0)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	setenv(RAW_ENV_DIRECTORY, launch->directory, 1);
	if (launch->control->site_depth > 0)
		setenv(RAW_ENV_SITES, "1", 1);
	set_preload(launch->library);
	execvp(launch->argv[0], launch->argv);
	int error = errno;
	if (write(report, &error, sizeof error) < 0)
		_exit(126);
	_exit(127);
}

/*
 * Forks with the signals held back: one that came between the fork and the note
 * of the pid would reach nobody.
 */
static void fork_program(struct launch *launch, int report)
{
	sigset_t held, before;

	sigemptyset(&held);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, &before);
	launch->process = fork();
	if (launch->process == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		become(launch, report);
	}
	program = launch->process;
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static bool start(struct launch *launch, struct trace_error *error)
{
	int report[2], why = 0;

	if (pipe2(report, O_CLOEXEC) != 0)
		return trace_fail(error, "pipe: %s", strerror(errno));
	fork_program(launch, report[1]);
	why = launch->process < 0 ? errno : 0;
	close(report[1]);
	/* exec closes the pipe: end of file means that it went well. */
	while (why == 0 && read(report[0], &why, sizeof why) < 0 &&
	       errno == EINTR)
		;
	close(report[0]);
	if (why != 0)
		return trace_fail(error, "%s: %s", launch->argv[0],
		                  strerror(why));
	return true;
}

bool launch_has_ended(struct launch *launch)
{
	if (!launch->ended && waitpid(launch->process, &launch->status,
	                              WNOHANG) == launch->process)
		launch->ended = true;
	if (launch->ended)
		program = 0;
	return launch->ended;
}

static void wait_for_program(struct launch *launch)
{
	while (!launch->ended) {
		if (waitpid(launch->process, &launch->status, 0) >= 0 ||
		    errno != EINTR)
			launch->ended = true;
	}
	program = 0;
}

/* Orphans of the program become our children (PR_SET_CHILD_SUBREAPER). */
static void wait_for_orphans(const struct launch *launch)
{
	int before = launch_interrupts;
	pid_t got;

	do {
		got = waitpid(-1, NULL, WNOHANG);
	} while (got > 0);
	if (got < 0)
		return;
	fprintf(stderr,
	        "alloclab record: waiting for processes that %s left behind; "
	        "an interrupt ends the wait\n",
	        launch->argv[0]);
	while (launch_interrupts == before) {
		got = waitpid(-1, NULL, 0);
		if (got < 0 && errno == ECHILD)
			return;
	}
}

bool launch_start(struct launch *launch, struct trace_error *error)
{
	launch->follow = launch->control->follow != 0;
	if (launch->follow)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (start(launch, error))
		return true;
	if (launch->process > 0)
		wait_for_program(launch);
	return false;
}

void launch_wait(struct launch *launch)
{
	wait_for_program(launch);
	if (launch->follow)
		wait_for_orphans(launch);
}
