/*
 * launch.c - the launcher: starts a program, waits for it and for all that it
 * leaves behind, and adds up what they used.  Usage: launch PROGRAM ARGUMENT...,
 * with the page of launch_page.h as descriptor 3.  Linked statically, so that no
 * library is preloaded into it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch_page.h"

static struct launch_page *page;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t ns_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000000u +
	       (uint64_t)time->tv_usec * 1000u;
}

/* The resident size that the child has until it becomes the program. */
static uint64_t resident_bytes(void)
{
	char text[64] = "";
	int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t got = read(file, text, sizeof text - 1);
	char *rest = text;

	close(file);
	if (got <= 0)
		return 0;
	strtoul(text, &rest, 10);
	return strtoul(rest, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static _Noreturn void become(char **argv)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(argv[0], argv);
	page->exec_errno = errno;
	_exit(127);
}

static void add(const struct rusage *usage)
{
	uint64_t peak = (uint64_t)usage->ru_maxrss * 1024;

	page->user_ns += ns_of(&usage->ru_utime);
	page->system_ns += ns_of(&usage->ru_stime);
	page->page_faults += (uint64_t)(usage->ru_minflt + usage->ru_majflt);
	page->major_faults += (uint64_t)usage->ru_majflt;
	if (peak > page->peak_bytes)
		page->peak_bytes = peak;
}

/*
 * Kills our children: what the program left behind.  Their children become ours
 * when they are gone, and it is their turn in the next round.
 */
static void kill_children(void)
{
	char path[64];
	long child;

	snprintf(path, sizeof path, "/proc/self/task/%d/children",
	         (int)getpid());
	FILE *list = fopen(path, "re");
	while (list != NULL && fscanf(list, "%ld", &child) == 1)
		kill((pid_t)child, SIGKILL);
	if (list != NULL)
		fclose(list);
}

static int program_has_ended(void)
{
	return page->wall_ns != 0;
}

/* Waits for whichever child ends next; false if there is none. */
static int wait_for_one(pid_t program)
{
	struct rusage usage;
	int status;
	pid_t pid = wait4(-1, &status, 0, &usage);

	if (pid < 0)
		return errno == EINTR;
	add(&usage);
	if (pid == program) {
		page->wall_ns = now_ns() - page->start_ns;
		page->status = status;
	} else if (program_has_ended()) {
		page->left_behind++;
	}
	return 1;
}

/* Orphans of the program become our children; SIGTERM means: look again. */
static void wait_for_all(pid_t program)
{
	while (wait_for_one(program))
		if (program_has_ended() && !page->stays)
			kill_children();
}

static void look_again(int signal)
{
	(void)signal;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = look_again};

	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED,
	            LAUNCH_PAGE_FILE, 0);
	if (argc < 2 || page == MAP_FAILED)
		return 2;
	close(LAUNCH_PAGE_FILE);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	page->floor_bytes = resident_bytes();
	page->start_ns = now_ns();
	pid_t program = fork();
	if (program == 0)
		become(argv + 1);
	if (program < 0)
		return 1;
	page->process = program;
	sigaction(SIGTERM, &action, NULL);
	wait_for_all(program);
	page->is_over = 1;
	return 0;
}
