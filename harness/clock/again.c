/*
 * again.c - fork, replay, wait.
 */
#include "again.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../mapped.h"

/* What a fork leaves for the process that it is a fork of. */
struct end {
	bool finished;
	struct verdict verdict;
};

/* Ends this process as its fork ended. */
static _Noreturn void end_like(int status)
{
	if (WIFSIGNALED(status))
		raise(WTERMSIG(status));
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* Does not come back where the fork did not. */
static struct verdict run_in_fork(again_work *work, void *ctx, struct end *end)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		end->verdict = work(ctx);
		end->finished = true;
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		verdict_set(&end->verdict, VERDICT_FAILED, 0, "fork: %s",
		            strerror(errno));
	else if (!end->finished)
		end_like(status);
	return end->verdict;
}

struct verdict again_run(uint64_t times, again_work *work, void *ctx)
{
	struct verdict verdict = {0};

	if (times == 1)
		return work(ctx);
	struct end *end = mapped_new(sizeof *end);
	if (end == NULL)
		verdict_set(&verdict, VERDICT_FAILED, 0, "no memory");
	for (uint64_t i = 0; i < times && verdict.kind == VERDICT_OK; i++) {
		*end = (struct end){0};
		verdict = run_in_fork(work, ctx, end);
	}
	mapped_free(end);
	return verdict;
}
