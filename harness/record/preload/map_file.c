/*
 * map_file.c - open, take room, map, close.
 */
#include "map_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Beyond `ulimit -f` the kernel would send SIGXFSZ, which ends the program. */
static int check_size_limit(off_t end)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    (rlim_t)end > limit.rlim_cur)
		return EFBIG;
	return 0;
}

/* 0, or what went wrong. */
static int take_room(int file, off_t offset, off_t bytes)
{
	int error = check_size_limit(offset + bytes);

	if (error != 0)
		return error;
	do {
		error = fallocate(file, 0, offset, bytes) == 0 ? 0 : errno;
	} while (error == EINTR);
	if (error == EOPNOTSUPP) /* a file system that cannot promise room */
		error = ftruncate(file, offset + bytes) == 0 ? 0 : errno;
	return error;
}

/*
 * All pages at once, and for writing: MAP_POPULATE would map a shared file's
 * pages for reading, so that the first store into each one would trap.
 */
static void prefault(void *memory, size_t bytes)
{
	if (madvise(memory, bytes, MADV_POPULATE_WRITE) != 0)
		errno = 0; /* Linux before 5.14: a trap for each page */
}

void *map_file(const char *path, int flags, off_t offset, size_t bytes)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);

	if (file < 0)
		return NULL;
	int error = take_room(file, offset, (off_t)bytes);
	void *memory = MAP_FAILED;
	if (error == 0) {
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		              file, offset);
		error = errno;
	}
	close(file);
	if (memory == MAP_FAILED) {
		errno = error;
		return NULL;
	}
	prefault(memory, bytes);
	return memory;
}
