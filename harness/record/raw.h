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
 *     DIR/4711.0.live struct raw_record[]  blocks live when recording started
 *     DIR/4711.0.sites    struct raw_site[]    call sites, by their number
 *     DIR/4711.0.modules  paths, each ended by 0
 *     DIR/4711.1      struct raw_image     process 4711 after an exec
 *     DIR/control     struct raw_control   what is asked of all of them
 *     DIR/skipped     one byte for each image that was not recorded
 *
 * All are written through shared mappings, so the kernel keeps what was stored
 * whatever becomes of the process.  A record is 16 bytes:
 *
 *              63          56 55        48 47                             0
 *     head   | kind         | align_log2 | address                         |
 *     tail   | stamp                   40 | size, or RAW_SIZE_IN_FRONT  24 |
 *
 * The head is stored last: where it is 0 the record was never completed.  That
 * is the tail of a file that was made longer than needed, or the one call in
 * which the process was killed.  What does not fit stands in *notes* in front
 * of the record, whose tail is one number of 64 bits.
 */
#ifndef HARNESS_RECORD_RAW_H
#define HARNESS_RECORD_RAW_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* How the library finds the recording: an absolute path, in the environment. */
#define RAW_ENV_DIRECTORY "ALLOCLAB_RECORD_DIR"
/* Set where call sites are wanted, which the library needs to know early. */
#define RAW_ENV_SITES    "ALLOCLAB_RECORD_SITES"
#define RAW_UNWINDER     "libunwind.so.8"
#define RAW_CONTROL_FILE "control"
#define RAW_SKIPPED_FILE "skipped"

enum raw_kind {
	RAW_MALLOC = 1, /* stamped after the call                           */
	RAW_CALLOC,     /* after; size: bytes in all                        */
	RAW_ALIGNED,    /* after; align_log2                                */
	RAW_FREE,       /* before the call; address 0: free(NULL)           */
	RAW_RELEASE,    /* before realloc: the block may lose its address   */
	RAW_ACQUIRE,    /* after realloc: its address and size from now on  */
	RAW_CANCEL,     /* after a realloc that failed: nothing has changed */
	RAW_THREAD_END, /* the thread's destructors have run                */
	RAW_TOUCHED,    /* before free or release, or at the end: so many
	                   bytes of the block are touched               */

	RAW_NOTES,            /* from here on: not records but notes      */
	RAW_SIZE = RAW_NOTES, /* the size of the record behind it         */
	RAW_SITE,             /* from here on blocks come from that site  */
	RAW_TIME,             /* from here on it is so late, in ticks     */
};

struct raw_record {
	_Atomic uint64_t head;
	uint64_t tail;
};
static_assert(sizeof(struct raw_record) == 16, "bytes an event on disk");

enum { RAW_STAMP_SHIFT = 24, RAW_ALIGN_SHIFT = 48, RAW_KIND_SHIFT = 56 };
static const uint64_t RAW_ADDRESS_MASK = ((uint64_t)1 << RAW_ALIGN_SHIFT) - 1;
static const uint64_t RAW_SIZE_MASK = ((uint64_t)1 << RAW_STAMP_SHIFT) - 1;
static const uint64_t RAW_SIZE_IN_FRONT = RAW_SIZE_MASK; /* in a RAW_SIZE */

static inline uint64_t raw_head(enum raw_kind kind, uint64_t address,
                                unsigned align_log2)
{
	return (uint64_t)kind << RAW_KIND_SHIFT |
	       (uint64_t)align_log2 << RAW_ALIGN_SHIFT |
	       (address & RAW_ADDRESS_MASK);
}

/* Stamps reach 2^40: that many records take 16 TiB of disk. */
static inline uint64_t raw_tail(uint64_t stamp, uint64_t size)
{
	return stamp << RAW_STAMP_SHIFT |
	       (size < RAW_SIZE_IN_FRONT ? size : RAW_SIZE_IN_FRONT);
}

/* A call site: a place in the code, called from another site. */
struct raw_site {
	_Atomic uint64_t place; /* stored last; 0: there is no such site */
	uint32_t caller;        /* its number; 0: the stack begins here  */
	uint32_t unused;
};
static_assert(sizeof(struct raw_site) == 16, "bytes a site on disk");

enum { RAW_DEPTH_MAX = 64, RAW_MODULE_SHIFT = 47 };

/* `module` is 1 for the first one, 0 for code outside all files. */
static inline uint64_t raw_place(uint64_t module, uint64_t offset)
{
	return (uint64_t)1 << 63 | module << RAW_MODULE_SHIFT |
	       (offset & (((uint64_t)1 << RAW_MODULE_SHIFT) - 1));
}

/* Whether to record; only ever raised. */
enum raw_order {
	RAW_ORDER_WAIT, /* for a signal to start */
	RAW_ORDER_RECORD,
	RAW_ORDER_STOP,
};

/* Who gave the order to stop. */
enum raw_stop {
	RAW_STOP_NONE,
	RAW_STOP_SIGNAL,
	RAW_STOP_TIME, /* --for */
	RAW_STOP_SIZE, /* --max-size */
};

/*
 * What `alloclab record` wants of every process that it records, and what they
 * tell each other.
 */
struct raw_control {
	int32_t process;        /* the one that was started        */
	uint32_t follow;        /* 1: record all others, too       */
	uint32_t clock;         /* enum raw_clock                  */
	_Atomic uint32_t order; /* enum raw_order                  */
	_Atomic uint32_t stop;  /* enum raw_stop                   */
	uint32_t site_depth;    /* frames of a call site; 0: none  */
	uint32_t touched;       /* 1: count what is touched        */
	uint64_t max_bytes;     /* of all files of records; 0: any */
	_Atomic uint64_t bytes; /* of them so far                  */
};

/* What RAW_TIME counts. */
enum raw_clock {
	RAW_CLOCK_NONE,  /* no times are kept                         */
	RAW_CLOCK_NS,    /* of CLOCK_MONOTONIC                        */
	RAW_CLOCK_TICKS, /* of the processor's time stamp counter     */
};

enum { RAW_IMAGE_BYTES = 4096 };
static const char RAW_MAGIC[8] = "alabraw2";

struct raw_image {
	char magic[8];
	int32_t process;
	uint32_t forked;          /* 1: a fork without exec began it        */
	_Atomic uint32_t threads; /* files of records are numbered below it */
	_Atomic uint32_t skipped_children; /* forked, and not recorded       */
	uint64_t started_ns; /* CLOCK_MONOTONIC: orders the images         */
	/*
	 * Where recording stopped before the program ended: records with this
	 * stamp and above are void, so that what remains is a true beginning.
	 */
	_Atomic uint64_t end_stamp;  /* 0: it did not stop         */
	_Atomic uint32_t stop_errno; /* 0: it was asked to         */
	uint32_t command_bytes;
	uint64_t live_records;              /* in DIR/4711.0.live             */
	uint64_t live_left_out;             /* blocks that it has not         */
	uint64_t recording_time;            /* a RAW_TIME: when it was filled */
	char command[RAW_IMAGE_BYTES - 72]; /* argv, each string ended by 0 */
};
static_assert(sizeof(struct raw_image) == RAW_IMAGE_BYTES, "a page");

#endif
