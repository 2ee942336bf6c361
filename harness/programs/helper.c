/*
 * helper.c - fork, sh -c, pidfd.
 */
#include "helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../run/interrupt.h"

pid_t helper_start(const char *command, const char *directory, int out, int err)
{
	pid_t helper = fork();

	if (helper != 0)
		return helper;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	interrupt_unwatch();
	int nothing = open("/dev/null", O_RDONLY);
	if ((directory != NULL && chdir(directory) != 0) || nothing < 0 ||
	    dup2(nothing, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

bool helper_has_ended(pid_t helper, int *exit_status)
{
	int status;

	if (waitpid(helper, &status, WNOHANG) != helper)
		return false;
	*exit_status = WIFEXITED(status) ? WEXITSTATUS(status)
	                                 : HELPER_SIGNAL + WTERMSIG(status);
	return true;
}

void helper_kill(pid_t helper)
{
	int status;

	kill(-helper, SIGKILL);
	kill(helper, SIGKILL); /* its group may not exist yet */
	waitpid(helper, &status, 0);
}

void helper_wait(pid_t process, double seconds)
{
	const struct timespec pause = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
	int file = (int)syscall(SYS_pidfd_open, process, 0);
	struct pollfd poll = {.fd = file, .events = POLLIN};

	ppoll(&poll, file >= 0, &pause, NULL);
	if (file >= 0)
		close(file);
}
