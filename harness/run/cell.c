/*
 * cell.c - fork, limit, wait, and read how it ended.
 */
#include "cell.h"

#include <bsd/string.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clock/now.h"
#include "interrupt.h"

/* ---- the child ---------------------------------------------------------- */

/* Private writable memory of this process, in bytes [proc(5), statm]. */
static size_t data_bytes(void)
{
	unsigned long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "r");

	if (statm == NULL)
		return 0;
	if (fscanf(statm, "%*u %*u %*u %*u %*u %lu", &pages) != 1)
		pages = 0;
	fclose(statm);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void set_limits(const struct cell_limits *limits)
{
	const struct rlimit no_core = {0, 0};
	struct rlimit data;

	setrlimit(RLIMIT_CORE, &no_core);
	if (limits->memory_bytes == 0 || getrlimit(RLIMIT_DATA, &data) != 0)
		return;
	data.rlim_cur = data_bytes() + limits->memory_bytes;
	if (data.rlim_cur < data.rlim_max)
		setrlimit(RLIMIT_DATA, &data);
}

/* Calls the work with the stack moved down. */
static __attribute__((noinline)) struct verdict work_lower(struct cell *cell,
                                                           cell_work *work,
                                                           void *ctx)
{
	char *offset = __builtin_alloca(cell->limits.stack_offset + 1);

	__asm__ volatile("" : : "r"(offset) : "memory"); /* it is in use */
	return work(ctx, &cell->page->progress, cell->result);
}

static _Noreturn void run_child(struct cell *cell, cell_work *work, void *ctx,
                                pid_t parent)
{
	/* A dead parent must not leave a spinning child behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);   /* it died before that was said */
	interrupt_ignore(); /* the parent decides */
	/* A test runner's or a sanitizer's handlers would blur the cause. */
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		signal(fatal[i], SIG_DFL);
	dup2(cell->messages, STDERR_FILENO);
	set_limits(&cell->limits);
	cell->page->verdict = work_lower(cell, work, ctx);
	cell->page->finished = true;
	fflush(NULL);
	_exit(0);
}

/* ---- the parent --------------------------------------------------------- */

bool cell_start(struct cell *cell, cell_work *work, void *ctx,
                size_t result_bytes, const struct cell_limits *limits)
{
	size_t head = (sizeof(struct cell_page) + 63) / 64 * 64;
	pid_t parent = getpid();

	*cell = (struct cell){.limits = *limits,
	                      .page_bytes = head + result_bytes};
	cell->messages = memfd_create("messages", MFD_CLOEXEC);
	cell->page = mmap(NULL, cell->page_bytes, PROT_READ | PROT_WRITE,
	                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cell->page == MAP_FAILED)
		cell->page = NULL;
	if (cell->messages < 0 || cell->page == NULL) {
		cell_close(cell);
		return false;
	}
	cell->result = (char *)cell->page + head;
	cell->seconds = now_s();
	cell->deadline = cell->seconds + limits->seconds;
	signal(SIGCHLD,
	       SIG_DFL); /* ignored, as it may be, none is waited for */
	fflush(NULL);
	cell->pid = fork();
	if (cell->pid == 0)
		run_child(cell, work, ctx, parent);
	if (cell->pid > 0)
		return true;
	cell->pid = 0;
	cell_close(cell);
	return false;
}

/* The last line that the child printed on stderr. */
static void last_message(const struct cell *cell, char *line, size_t capacity)
{
	char text[2048];
	ssize_t got;
	off_t end = lseek(cell->messages, 0, SEEK_END);

	line[0] = '\0';
	if (end <= 0)
		return;
	off_t from =
		end > (off_t)sizeof text - 1 ? end - (off_t)sizeof text + 1 : 0;
	got = pread(cell->messages, text, sizeof text - 1, from);
	if (got <= 0)
		return;
	text[got] = '\0';
	while (got > 0 && text[got - 1] == '\n')
		text[--got] = '\0';
	const char *start = strrchr(text, '\n');
	strlcpy(line, start == NULL ? text : start + 1, capacity);
}

/* The block that the event in progress is about. */
static void add_block(struct verdict *verdict, const struct trace *trace)
{
	if (verdict->event == 0 || verdict->event > trace->events)
		return;
	const struct trace_op *op = &trace->ops[verdict->event - 1];
	if (trace_kind_is_call(op->kind) && op->slot < trace->slots)
		verdict_add_history(verdict, trace, op->slot, verdict->event);
}

static void judge(struct cell *cell, int status, bool timed_out,
                  const struct trace *trace, struct verdict *verdict)
{
	uint64_t event = cell->page->progress;
	char message[300];

	*verdict = (struct verdict){0};
	if (!WIFSIGNALED(status) && cell->page->finished) {
		*verdict = cell->page->verdict;
		return;
	}
	last_message(cell, message, sizeof message);
	if (timed_out)
		verdict_set(verdict, VERDICT_HANG, event,
		            "not finished after %g s, with %.0f %% of the "
		            "events done (--seconds allows more)",
		            cell->limits.seconds,
		            100.0 * (double)event / (double)trace->events);
	else if (!WIFSIGNALED(status))
		verdict_set(verdict, VERDICT_FAILED, event,
		            "the process ended with status %d: %s",
		            WEXITSTATUS(status), message);
	else if (WTERMSIG(status) == SIGABRT)
		verdict_set(verdict, VERDICT_STOPPED, event, "%s",
		            message[0] != '\0' ? message : "abort()");
	else
		verdict_set(verdict, VERDICT_CRASH, event,
		            "killed by signal %d (%s)%s%s", WTERMSIG(status),
		            strsignal(WTERMSIG(status)),
		            message[0] != '\0' ? ": " : "", message);
	add_block(verdict, trace);
}

bool cell_has_ended(struct cell *cell, const struct trace *trace,
                    struct verdict *verdict)
{
	bool timed_out = false;
	int status;

	pid_t ended = waitpid(cell->pid, &status, WNOHANG);
	if (ended == 0 && now_s() < cell->deadline)
		return false;
	if (ended == 0) {
		timed_out = true;
		kill(cell->pid, SIGKILL);
		while (waitpid(cell->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	cell->pid = 0;
	cell->seconds = now_s() - cell->seconds;
	judge(cell, status, timed_out, trace, verdict);
	return true;
}

void cell_close(struct cell *cell)
{
	if (cell->pid > 0) {
		kill(cell->pid, SIGKILL);
		while (waitpid(cell->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (cell->messages > 0)
		close(cell->messages);
	if (cell->page != NULL)
		munmap(cell->page, cell->page_bytes);
	*cell = (struct cell){0};
}
