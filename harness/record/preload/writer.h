/*
 * writer.h - one thread's records: a window onto the end of its file.
 *
 *     file   | records already unmapped | records   | room left |
 *                                       ^ window    ^ next      ^ limit
 *
 * Storing a record is storing into memory; nothing is buffered that a crash,
 * _exit or exec could lose.  When the window is full the next part of the
 * file is mapped, twice as long up to WINDOW_MAX_BYTES.
 */
#ifndef HARNESS_RECORD_PRELOAD_WRITER_H
#define HARNESS_RECORD_PRELOAD_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../raw.h"
#include "session.h"

struct writer {
	struct raw_record *next;  /* where the next record goes            */
	struct raw_record *limit; /* end of the window                     */
	int64_t limit_offset;     /* the same place in the file            */
	uint32_t window_bytes;    /* 0: no window mapped                   */
	uint32_t thread;          /* number in the image                   */
	bool has_thread;          /* `thread` was given out                */
	bool ended;               /* its destructors have run              */
	bool busy;                /* mapping a window; a signal came in    */
	uint32_t site;            /* of the last RAW_SITE                  */
	uint64_t time;            /* of the last RAW_TIME, in ticks        */
};

/*
 * In the thread's static block: no allocation at the first use.  Owner only.
 */
extern __thread struct writer writer __attribute__((tls_model("initial-exec")));

/* Drops what a forked child inherited; its one thread starts afresh. */
void writer_forget(void);

/* Before the first record of an image, in its only thread. */
void writer_prepare(void);

/*
 * Does what the fast path does not: notes, the table of live blocks, the thread's
 * first record, a full window, a thread that has ended.  Keeps errno.
 */
void writer_record_slowly(enum raw_kind kind, const void *block, size_t size,
                          unsigned align_log2);

/* A RAW_TOUCHED for each large block that is live. */
void writer_record_touched(void);

static inline void writer_store(struct raw_record *to, enum raw_kind kind,
                                const void *block, unsigned align_log2,
                                uint64_t tail)
{
	to->tail = tail;
	/* Release: whoever sees the head sees the whole record. */
	atomic_store_explicit(&to->head,
	                      raw_head(kind, (uintptr_t)block, align_log2),
	                      memory_order_release);
}

/*
 * Appends a record and gives it the next stamp; only while session_enter() says
 * so.  The stamp comes first: an atomic increment waits for the stores before
 * it, and those of the record go to memory that is not in the cache.
 * Cost: 16 bytes, and 10 to 20 ns with the kernel's fresh pages.
 */
static inline void writer_record(enum raw_kind kind, const void *block,
                                 size_t size, unsigned align_log2)
{
	if (__builtin_expect(
		    writer.next == writer.limit || size >= RAW_SIZE_IN_FRONT ||
			    !atomic_load_explicit(&session->plain,
	                                          memory_order_relaxed),
		    0)) {
		writer_record_slowly(kind, block, size, align_log2);
		return;
	}
	uint64_t stamp = session_stamp();
	writer_store(writer.next++, kind, block, align_log2,
	             raw_tail(stamp, size));
}

#endif
