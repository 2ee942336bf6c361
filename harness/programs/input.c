/*
 * input.c - a file, or a copy of what is piped in, to be opened for each run.
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../run/interrupt.h"

/* How long whoever pipes something in may take to begin. */
enum { BEGIN_MS = 100 };

static bool write_all(int file, const char *bytes, size_t count)
{
	while (count > 0) {
		ssize_t put = write(file, bytes, count);
		if (put < 0)
			return false;
		bytes += put;
		count -= (size_t)put;
	}
	return true;
}

/* Copies all that comes; false with errno. */
static bool copy(int from, int to)
{
	static char block[1 << 16];
	ssize_t got;

	while ((got = read(from, block, sizeof block)) > 0)
		if (!write_all(to, block, (size_t)got))
			return false;
	return got == 0 && !interrupt_came();
}

/* A path that opens a file of ours anew, at its beginning. */
static void use_descriptor(struct input *input, int file)
{
	snprintf(input->own, sizeof input->own, "/proc/self/fd/%d", file);
	input->path = input->own;
}

/* What can be read only once. */
static bool keep(struct input *input, const char *asked, int from,
                 struct trace_error *error)
{
	input->file = memfd_create("stdin", MFD_CLOEXEC);
	if (from < 0 || input->file < 0 || !copy(from, input->file)) {
		trace_fail(error, "--input %.300s: %s", asked, strerror(errno));
		input_close(input);
		return false;
	}
	use_descriptor(input, input->file);
	return true;
}

static bool open_asked(struct input *input, const char *asked,
                       struct trace_error *error)
{
	struct stat status;

	if (strcmp(asked, "-") == 0)
		return keep(input, asked, STDIN_FILENO, error);
	if (stat(asked, &status) != 0 || access(asked, R_OK) != 0)
		return trace_fail(error, "--input %.300s: %s", asked,
		                  strerror(errno));
	if (!S_ISFIFO(status.st_mode))
		return true;
	int file = open(asked, O_RDONLY | O_CLOEXEC);
	bool good = keep(input, asked, file, error);
	if (file >= 0)
		close(file);
	return good;
}

static void say_ignored(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	if (poll(&in, 1, BEGIN_MS) > 0 && (in.revents & POLLIN) != 0)
		fprintf(stderr,
		        "alloclab compare: what is piped in is not read; "
		        "--input - gives it to each run\n");
}

bool input_open(struct input *input, const char *asked,
                struct trace_error *error)
{
	struct stat status = {.st_mode = 0};

	*input = (struct input){.path = asked, .file = -1};
	if (asked != NULL)
		return open_asked(input, asked, error);
	fstat(STDIN_FILENO, &status);
	if (S_ISREG(status.st_mode))
		use_descriptor(input, STDIN_FILENO);
	else if (S_ISFIFO(status.st_mode))
		say_ignored();
	return true;
}

void input_close(struct input *input)
{
	if (input->file >= 0)
		close(input->file);
	input->file = -1;
}
