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

/* One thread's file, mapped or read. */
struct raw_stream {
	const struct raw_record *records;
	const struct raw_record *next;
	const struct raw_record *end; /* behind the last complete record */
	size_t mapped_bytes;          /* 0: not mapped                   */
	void *read;                   /* NULL: not read                  */
	uint32_t thread;
};

struct raw_reader {
	struct raw_image image; /* the head file, copied */
	uint64_t records;       /* in all streams        */
	struct raw_stream *streams;
	struct raw_stream **heap; /* streams with records left, least first */
	uint32_t heap_count;
};

/*
 * Opens the image whose head file is at `path`.  False with `error` set if it
 * is none or cannot be read.
 */
bool raw_reader_open(struct raw_reader *reader, const char *path,
                     struct trace_error *error);
void raw_reader_close(struct raw_reader *reader);

/*
 * The next record and the stream that it is from; NULL at the end.  O(log
 * threads).  The record lives until close.
 */
const struct raw_record *raw_reader_next(struct raw_reader *reader,
                                         const struct raw_stream **from);

/* Whether a stream has no further record. */
static inline bool raw_stream_is_done(const struct raw_stream *stream)
{
	return stream->next == stream->end;
}

#endif
