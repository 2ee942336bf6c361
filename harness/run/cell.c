/*
 * cell.c - fork, limit, wait, and read how it ended.
 */
#include "cell.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clock/loop.h"
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

/* The result begins on a cache line of its own. */
static size_t head_bytes(void)
{
	return (sizeof(struct cell_page) + CACHE_LINE_BYTES - 1) /
	       CACHE_LINE_BYTES * CACHE_LINE_BYTES;
}

/* Calls the work with the stack moved down. */
static __attribute__((noinline)) struct verdict work_lower(
	struct cell_page *page, cell_work *work, void *ctx)
{
	char *offset = __builtin_alloca(page->stack_offset + 1);

	__asm__ volatile("" : : "r"(offset) : "memory"); /* it is in use */
	return work(ctx, &page->progress, (char *)page + head_bytes());
}

static _Noreturn void do_work(struct cell_page *page, cell_work *work,
                              void *ctx)
{
	page->verdict = work_lower(page, work, ctx);
	page->finished = true;
	fflush(NULL);
	_exit(0);
}

/* Makes the process what every child is, whatever it runs. */
static void become_child(const struct cell *cell, pid_t parent)
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
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	set_limits(&cell->limits);
}

/* Puts a descriptor at another number, also for the program to come. */
static void move_file(int from, int to)
{
	if (from == to)
		fcntl(to, F_SETFD, 0);
	else
		dup2(from, to);
}

/* Does not come back; a program that cannot be started has the status 127. */
static _Noreturn void become_program(const struct cell *cell,
                                     const struct cell_program *program)
{
	int last = CELL_FILES + program->file_count;

	/* Out of the way first: their numbers may be those to be filled. */
	int memory = fcntl(cell->memory, F_DUPFD_CLOEXEC, last);
	int files[CELL_FILES_MAX];
	for (int i = 0; i < program->file_count; i++)
		files[i] = fcntl(program->files[i], F_DUPFD_CLOEXEC, last);
	move_file(memory, CELL_MEMORY);
	for (int i = 0; i < program->file_count; i++)
		move_file(files[i], CELL_FILES + i);
	execve(program->path, program->arguments, program->environment);
	fprintf(stderr, "%s: %s\n", program->path, strerror(errno));
	fflush(stderr);
	_exit(127);
}

_Noreturn void cell_serve(cell_work *work, void *ctx)
{
	struct stat status;
	void *page = MAP_FAILED;

	if (fstat(CELL_MEMORY, &status) == 0)
		page = mmap(NULL, (size_t)status.st_size,
		            PROT_READ | PROT_WRITE, MAP_SHARED, CELL_MEMORY, 0);
	if (page == MAP_FAILED) {
		fprintf(stderr, "alloclab: this command is not for people\n");
		exit(1);
	}
	do_work(page, work, ctx);
}

/* ---- the parent --------------------------------------------------------- */

static bool open_page(struct cell *cell)
{
	cell->memory = memfd_create("cell", MFD_CLOEXEC);
	cell->messages = memfd_create("messages", MFD_CLOEXEC);
	if (cell->memory < 0 || cell->messages < 0 ||
	    ftruncate(cell->memory, (off_t)cell->page_bytes) != 0)
		return false;
	void *page = mmap(NULL, cell->page_bytes, PROT_READ | PROT_WRITE,
	                  MAP_SHARED, cell->memory, 0);
	if (page == MAP_FAILED)
		return false;
	cell->page = page;
	cell->page->stack_offset = cell->limits.stack_offset;
	cell->result = (char *)page + head_bytes();
	return true;
}

/* Everything but the fork; false with errno set, and the cell closed. */
static bool prepare(struct cell *cell, size_t result_bytes,
                    const struct cell_limits *limits)
{
	*cell = (struct cell){.limits = *limits,
	                      .page_bytes = head_bytes() + result_bytes};
	if (!open_page(cell)) {
		cell_close(cell);
		return false;
	}
	cell->seconds = now_s();
	cell->deadline = cell->seconds + limits->seconds;
	/* Ignored, as it may be, no child is waited for. */
	signal(SIGCHLD, SIG_DFL);
	fflush(NULL);
	return true;
}

/* What the parent does after the fork. */
static bool note_child(struct cell *cell, pid_t pid)
{
	if (pid > 0) {
		cell->pid = pid;
		return true;
	}
	cell_close(cell);
	return false;
}

bool cell_start(struct cell *cell, cell_work *work, void *ctx,
                size_t result_bytes, const struct cell_limits *limits)
{
	pid_t parent = getpid();

	if (!prepare(cell, result_bytes, limits))
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		become_child(cell, parent);
		do_work(cell->page, work, ctx);
	}
	return note_child(cell, pid);
}

bool cell_start_program(struct cell *cell, const struct cell_program *program,
                        size_t result_bytes, const struct cell_limits *limits)
{
	pid_t parent = getpid();

	if (!prepare(cell, result_bytes, limits))
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		become_child(cell, parent);
		become_program(cell, program);
	}
	return note_child(cell, pid);
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
	if (cell->memory > 0)
		close(cell->memory);
	if (cell->page != NULL)
		munmap(cell->page, cell->page_bytes);
	*cell = (struct cell){0};
}
