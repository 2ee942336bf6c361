/*
 * whole_file.c - reads files whole, writes them behind a temporary name.
 */
#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_errno(const char *path, struct trace_error *error)
{
	return trace_fail(error, "%.300s: %s", path, strerror(errno));
}

/* Reads until the end; the room doubles, so that pipes work too. */
static bool read_to_end(int fd, struct whole_file *file, size_t room)
{
	for (;;) {
		if (file->count + 1 >= room)
			room *= 2;
		char *grown = realloc(file->bytes, room);
		if (grown == NULL)
			return false;
		file->bytes = grown;
		ssize_t got =
			read(fd, grown + file->count, room - file->count - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		file->count += (size_t)got;
	}
	file->bytes[file->count] = '\0';
	return true;
}

bool whole_file_read(const char *path, struct whole_file *file,
                     struct trace_error *error)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*file = (struct whole_file){0};
	if (fd < 0)
		return fail_errno(path, error);
	size_t room = 1 << 16;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		room = (size_t)status.st_size + 2;
	bool done = read_to_end(fd, file, room);
	if (!done) {
		fail_errno(path, error);
		whole_file_free(file);
	}
	close(fd);
	return done;
}

void whole_file_free(struct whole_file *file)
{
	free(file->bytes);
	*file = (struct whole_file){0};
}

/* A file that may be read as others are; mkstemp makes it private. */
static void open_to_all(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	fchmod(fd, 0666 & ~mask);
}

static bool open_temporary(struct new_file *file)
{
	if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0) {
		file->temporary = NULL;
		return false;
	}
	int fd = mkostemp(file->temporary, O_CLOEXEC);
	if (fd < 0) {
		free(file->temporary);
		file->temporary = NULL;
		return false;
	}
	open_to_all(fd);
	file->stream = fdopen(fd, "w");
	if (file->stream == NULL)
		close(fd);
	return file->stream != NULL;
}

/*
 * Where a rename has to go: links followed, because rename would replace the
 * link.  NULL: write in place.  /dev/stdout is a link to what may well be a
 * regular file, and yet must stay.
 */
static char *rename_target(const char *path)
{
	struct stat status;

	if (strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0)
		return NULL;
	if (lstat(path, &status) != 0)
		return strdup(path); /* new, or open says what is wrong */
	char *target = realpath(path, NULL);
	if (target == NULL || stat(target, &status) != 0 ||
	    !S_ISREG(status.st_mode)) {
		free(target);
		return NULL;
	}
	return target;
}

/* Closes and removes the temporary file. */
static void abandon(struct new_file *file)
{
	if (file->stream != NULL)
		fclose(file->stream);
	if (file->temporary != NULL && file->temporary[0] != '\0')
		unlink(file->temporary);
	free(file->temporary);
	free(file->path);
	*file = (struct new_file){0};
}

bool new_file_open(const char *path, struct new_file *file,
                   struct trace_error *error)
{
	*file = (struct new_file){.path = rename_target(path)};
	if (file->path != NULL) {
		open_temporary(file);
	} else {
		file->path = strdup(path);
		file->stream = fopen(path, "ae"); /* stdout may be a file */
	}
	if (file->stream == NULL || file->path == NULL) {
		fail_errno(path, error);
		abandon(file);
		return false;
	}
	return true;
}

bool new_file_commit(struct new_file *file, struct trace_error *error)
{
	bool written = ferror(file->stream) == 0;

	written = fclose(file->stream) == 0 && written;
	file->stream = NULL;
	if (written && file->temporary != NULL)
		written = rename(file->temporary, file->path) == 0;
	if (!written)
		fail_errno(file->path, error);
	else if (file->temporary != NULL)
		file->temporary[0] = '\0'; /* it is `path` now */
	abandon(file);
	return written;
}
