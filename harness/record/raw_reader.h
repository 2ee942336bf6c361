/*
 * raw_reader.h - the records of one program image, of all its threads, in the
 * order of their stamps.
 */
#ifndef HARNESS_RECORD_RAW_READER_H
#define HARNESS_RECORD_RAW_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/trace.h"
#include "raw.h"
#include "raw_sites.h"

/* A record with what the notes in front of it said. */
struct raw_call {
	enum raw_kind kind;
	unsigned align_log2;
	uint64_t address;
	uint64_t size;
	uint64_t stamp;
	uint64_t time; /* of the last RAW_TIME, in ticks; 0: none */
	uint32_t site; /* of the last RAW_SITE; 0: none           */
};

/* One thread's file, mapped or read. */
struct raw_stream {
	const struct raw_record *records;
	const struct raw_record *next; /* behind that of `call` */
	const struct raw_record *end;
	struct raw_call call; /* the next one, if not done */
	bool done;
	size_t mapped_bytes; /* 0: not mapped */
	void *read;          /* NULL: not read */
	uint32_t thread;
};

/* A block that was live when recording started. */
struct raw_live {
	uint64_t head; /* raw_head() of the call that allocated it */
	uint64_t size;
};

struct raw_reader {
	struct raw_image image; /* the head file, copied */
	uint64_t records;       /* in all streams, with notes */
	struct raw_stream *streams;
	struct raw_stream **heap; /* streams with records left, least first */
	uint32_t heap_count;
	struct raw_sites sites;
	struct raw_live *live; /* by address */
	uint64_t live_count;
};

/*
 * Opens the image whose head file is at `path`.  False with `error` set if it
 * is none or cannot be read.
 */
bool raw_reader_open(struct raw_reader *reader, const char *path,
                     struct trace_error *error);
void raw_reader_close(struct raw_reader *reader);

/*
 * Sets `call` to the next one and `from` to the stream that it is from; false
 * at the end.  O(log threads).
 */
bool raw_reader_next(struct raw_reader *reader, struct raw_call *call,
                     const struct raw_stream **from);

#endif
