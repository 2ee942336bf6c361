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
};

/*
 * In the thread's static block: no allocation at the first use.  Owner only.
 */
extern __thread struct writer writer __attribute__((tls_model("initial-exec")));

/* Drops what a forked child inherited; its one thread starts afresh. */
void writer_forget(void);

/*
 * Records without a window: the thread's first record, a full window, a
 * thread that has ended.  Keeps errno.
 */
void writer_record_slowly(const struct raw_record *record);

static inline void writer_store(struct raw_record *to,
                                const struct raw_record *record)
{
	to->address = record->address;
	to->size = record->size;
	to->kind = record->kind;
	to->align_log2 = record->align_log2;
	to->time_ns = session->timed ? session_time_ns() & RAW_TIME_MASK : 0;
	/* Release: whoever sees the stamp sees the whole record. */
	atomic_store_explicit(&to->stamp, session_stamp(),
	                      memory_order_release);
}

/*
 * Appends a record and gives it the next stamp; only while session_enter() says
 * so.  Cost: an atomic increment and 32 bytes, with the kernel's fresh pages
 * 25 to 30 ns.
 */
static inline void writer_record(enum raw_kind kind, const void *block,
                                 size_t size, unsigned align_log2)
{
	const struct raw_record record = {.address = (uintptr_t)block,
	                                  .size = size,
	                                  .kind = kind,
	                                  .align_log2 = align_log2 & 0xff};

	if (__builtin_expect(writer.next != writer.limit, 1))
		writer_store(writer.next++, &record);
	else
		writer_record_slowly(&record);
}

#endif
