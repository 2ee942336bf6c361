/*
 * raw.h - what the preloaded library leaves behind for the merge.
 *
 * One recording is a directory.  Every program image that was recorded (a
 * process, or what a process became by exec) has a head file, and every thread
 * of it a file of records in the order in which that thread made them:
 *
 *     DIR/4711.0      struct raw_image     process 4711, as it was started
 *     DIR/4711.0.0    struct raw_record[]  its first thread
 *     DIR/4711.0.1    struct raw_record[]  its second thread
 *     DIR/4711.1      struct raw_image     process 4711 after an exec
 *     DIR/skipped     one byte for each image that was not recorded
 *
 * All are written through shared mappings, so the kernel keeps what was stored
 * whatever becomes of the process.  A record whose stamp is 0 was never
 * completed: the tail of a file that was made longer than needed, or the one
 * call in which the process was killed.
 */
#ifndef HARNESS_RECORD_RAW_H
#define HARNESS_RECORD_RAW_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* How `alloclab record` speaks to the library. */
#define RAW_ENV_DIRECTORY "ALLOCLAB_RECORD_DIR"    /* an absolute path        */
#define RAW_ENV_PROCESS   "ALLOCLAB_RECORD_PID"    /* record this process...  */
#define RAW_ENV_FOLLOW    "ALLOCLAB_RECORD_FOLLOW" /* ..."1": or all of them  */
#define RAW_ENV_TIME      "ALLOCLAB_RECORD_TIME"   /* "1": fill in time_ns    */
#define RAW_SKIPPED_FILE  "skipped"

enum raw_kind {
	RAW_MALLOC = 1, /* stamped after the call                           */
	RAW_CALLOC,     /* after; size: bytes in all                        */
	RAW_ALIGNED,    /* after; align_log2                                */
	RAW_FREE,       /* before the call; address 0: free(NULL)           */
	RAW_RELEASE,    /* before realloc: the block may lose its address   */
	RAW_ACQUIRE,    /* after realloc: its address and size from now on  */
	RAW_CANCEL,     /* after a realloc that failed: nothing has changed */
	RAW_THREAD_END, /* the thread's destructors have run                */
};

struct raw_record {
	uint64_t address;
	uint64_t size;
	uint64_t time_ns : 48; /* since the image began, up to 78 hours */
	uint64_t kind : 8;     /* enum raw_kind */
	uint64_t align_log2 : 8;
	_Atomic uint64_t stamp; /* 1, 2, 3... over all threads; stored last */
};
static const uint64_t RAW_TIME_MASK = ((uint64_t)1 << 48) - 1;
static_assert(sizeof(struct raw_record) == 32, "bytes an event on disk");

enum { RAW_IMAGE_BYTES = 4096 };
static const char RAW_MAGIC[8] = "alabraw1";

struct raw_image {
	char magic[8];
	int32_t process;
	uint32_t forked;          /* 1: a fork without exec began it        */
	_Atomic uint32_t threads; /* files of records are numbered below it */
	_Atomic uint32_t skipped_children; /* forked, and not recorded       */
	uint64_t started_ns; /* CLOCK_MONOTONIC: orders the images          */
	/*
	 * Where recording had to stop early (a full disk...): records above
	 * the stamp are void, so that what remains is a true beginning.
	 */
	_Atomic uint64_t stop_stamp;
	_Atomic uint32_t stop_errno; /* 0: it did not stop */
	uint32_t command_bytes;
	char command[RAW_IMAGE_BYTES - 48]; /* argv, each string ended by 0 */
};
static_assert(sizeof(struct raw_image) == RAW_IMAGE_BYTES, "a page");

#endif
