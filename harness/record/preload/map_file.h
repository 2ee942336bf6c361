/*
 * map_file.h - part of a file as memory, with the room on disk assured.
 */
#ifndef HARNESS_RECORD_PRELOAD_MAP_FILE_H
#define HARNESS_RECORD_PRELOAD_MAP_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Makes `bytes` at `offset` of the file at `path` exist (created if need be,
 * with O_EXCL in `flags` only if new) and maps them shared.  NULL with errno
 * where that fails: storing into a mapping that the disk has no room for would
 * kill the program with SIGBUS, so room is taken first.  Keeps no descriptor
 * open; the program may close any it likes.
 */
void *map_file(const char *path, int flags, off_t offset, size_t bytes);

#endif
