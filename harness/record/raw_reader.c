/*
 * raw_reader.c - a k-way merge: a binary heap of streams, ordered by the stamp
 * of the call that each would give next.
 *
 * Invariants.
 *     I1  a stream in the heap is not done: `call` is its next call
 *     I2  no stream's next stamp is below that of its parent in the heap
 */
#include "raw_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files up to this are read, larger ones mapped. */
enum { READ_MAX_BYTES = 64 * 1024 };

/* --- records to calls ----------------------------------------------------- */

static uint64_t next_stamp(const struct raw_stream *stream)
{
	return stream->call.stamp;
}

/* Whether a call was made before recording had to stop. */
static bool is_in_time(const struct raw_reader *reader, uint64_t stamp)
{
	return reader->image.end_stamp == 0 || stamp < reader->image.end_stamp;
}

/* What a note says of the records behind it. */
static void take_note(struct raw_call *call, enum raw_kind kind, uint64_t value)
{
	if (kind == RAW_TIME)
		call->time = value;
	if (kind == RAW_SITE)
		call->site = (uint32_t)value;
	if (kind == RAW_SIZE)
		call->size = value;
}

/* `call` has the notes in front of this record already. */
static void take_record(struct raw_call *call, enum raw_kind kind,
                        uint64_t head, uint64_t tail)
{
	uint64_t size = tail & RAW_SIZE_MASK;

	call->kind = kind;
	call->address = head & RAW_ADDRESS_MASK;
	call->align_log2 = head >> RAW_ALIGN_SHIFT & 0xff;
	call->stamp = tail >> RAW_STAMP_SHIFT;
	if (size != RAW_SIZE_IN_FRONT)
		call->size = size;
}

/* Reads the stream's next call, over records that were never completed. */
static void stream_advance(const struct raw_reader *reader,
                           struct raw_stream *stream)
{
	while (stream->next != stream->end) {
		const struct raw_record *record = stream->next++;
		uint64_t head = record->head;
		enum raw_kind kind = head >> RAW_KIND_SHIFT;
		if (kind >= RAW_NOTES) {
			take_note(&stream->call, kind, record->tail);
			continue;
		}
		if (head == 0 ||
		    !is_in_time(reader, record->tail >> RAW_STAMP_SHIFT))
			continue;
		take_record(&stream->call, kind, head, record->tail);
		return;
	}
	stream->done = true;
}

/* --- the heap ----------------------------------------------------------- */

static void sift_down(struct raw_reader *reader, uint32_t at)
{
	struct raw_stream **heap = reader->heap;
	struct raw_stream *moving = heap[at];

	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= reader->heap_count)
			break;
		if (child + 1 < reader->heap_count &&
		    next_stamp(heap[child + 1]) < next_stamp(heap[child]))
			child++;
		if (next_stamp(moving) <= next_stamp(heap[child]))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moving;
}

static void heap_build(struct raw_reader *reader)
{
	for (uint32_t i = 0; i < reader->image.threads; i++) {
		struct raw_stream *stream = &reader->streams[i];
		stream_advance(reader, stream);
		if (!stream->done)
			reader->heap[reader->heap_count++] = stream;
	}
	for (uint32_t i = reader->heap_count / 2; i-- > 0;)
		sift_down(reader, i);
}

bool raw_reader_next(struct raw_reader *reader, struct raw_call *call,
                     const struct raw_stream **from)
{
	if (reader->heap_count == 0)
		return false;
	struct raw_stream *stream = reader->heap[0];
	*call = stream->call;
	*from = stream;
	stream_advance(reader, stream);
	if (stream->done)
		reader->heap[0] = reader->heap[--reader->heap_count];
	if (reader->heap_count > 0)
		sift_down(reader, 0);
	return true;
}

/* --- files -------------------------------------------------------------- */

/* The file was made longer than it was filled: zeros follow the records. */
static void trim_tail(struct raw_stream *stream)
{
	while (stream->end != stream->records && stream->end[-1].head == 0)
		stream->end--;
}

/*
 * A small file is read: the kernel maps no more than 65,530 at a time, and a
 * program may have had more threads.  NULL with errno on failure.
 */
static const void *stream_load(struct raw_stream *stream, int file,
                               size_t bytes)
{
	if (bytes > READ_MAX_BYTES) {
		void *mapped =
			mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0);
		if (mapped == MAP_FAILED)
			return NULL;
		stream->mapped_bytes = bytes;
		return mapped;
	}
	stream->read = malloc(bytes);
	if (stream->read == NULL ||
	    read(file, stream->read, bytes) != (ssize_t)bytes)
		return NULL;
	return stream->read;
}

/* A thread that was stopped before it made its file has no records. */
static bool stream_open(struct raw_reader *reader, const char *image_path,
                        struct raw_stream *stream, struct trace_error *error)
{
	struct stat status;
	char path[4096 + 16];

	snprintf(path, sizeof path, "%s.%u", image_path, stream->thread);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 && errno == ENOENT)
		return true;
	if (file < 0 || fstat(file, &status) != 0)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	size_t bytes = (size_t)status.st_size;
	if (bytes == 0) {
		close(file);
		return true;
	}
	const void *memory = stream_load(stream, file, bytes);
	close(file);
	if (memory == NULL)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	stream->records = stream->next = memory;
	stream->end = stream->records + bytes / sizeof *stream->records;
	trim_tail(stream);
	reader->records += (uint64_t)(stream->end - stream->records);
	return true;
}

/* --- blocks from before --------------------------------------------------- */

/* Records become blocks, in place: a size in front joins its record. */
static void join_sizes(struct raw_reader *reader)
{
	const struct raw_live *records = reader->live;
	uint64_t size_in_front = 0, count = 0;

	for (uint64_t i = 0; i < reader->image.live_records; i++) {
		struct raw_live record = records[i];
		uint64_t size = record.size & RAW_SIZE_MASK;
		if (record.head >> RAW_KIND_SHIFT == RAW_SIZE) {
			size_in_front = record.size;
			continue;
		}
		record.size = size == RAW_SIZE_IN_FRONT ? size_in_front : size;
		reader->live[count++] = record;
	}
	reader->live_count = count;
}

/*
 * They come by address: nothing is known of their age, and neighbours in memory
 * were most likely allocated one after the other.
 */
static bool live_open(struct raw_reader *reader, const char *image_path,
                      struct trace_error *error)
{
	size_t bytes = reader->image.live_records * sizeof *reader->live;
	char path[4096 + 16];

	if (bytes == 0)
		return true;
	snprintf(path, sizeof path, "%s.live", image_path);
	reader->live = malloc(bytes);
	if (reader->live == NULL)
		return trace_fail(error, "%s: no memory", path);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	size_t got = fread(reader->live, 1, bytes, file);
	fclose(file);
	if (got != bytes)
		return trace_fail(error, "%s: cut short", path);
	join_sizes(reader);
	reader->records += reader->live_count;
	return true;
}

/* --- images --------------------------------------------------------------- */

static bool head_read(struct raw_image *image, const char *path,
                      struct trace_error *error)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return trace_fail(error, "%s: %s", path, strerror(errno));
	ssize_t got = read(file, image, sizeof *image);
	close(file);
	if (got != (ssize_t)sizeof *image ||
	    memcmp(image->magic, RAW_MAGIC, sizeof image->magic) != 0)
		return trace_fail(error, "%s: not the head of a recording",
		                  path);
	return true;
}

static bool streams_open(struct raw_reader *reader, const char *path,
                         struct trace_error *error)
{
	uint32_t threads = reader->image.threads;

	reader->streams = calloc(threads + 1, sizeof *reader->streams);
	reader->heap = calloc(threads + 1, sizeof *reader->heap);
	if (reader->streams == NULL || reader->heap == NULL)
		return trace_fail(error, "no memory for %u threads", threads);
	for (uint32_t i = 0; i < threads; i++) {
		reader->streams[i].thread = i;
		if (!stream_open(reader, path, &reader->streams[i], error))
			return false;
	}
	return true;
}

bool raw_reader_open(struct raw_reader *reader, const char *path,
                     struct trace_error *error)
{
	*reader = (struct raw_reader){.records = 0};
	if (!head_read(&reader->image, path, error))
		return false;
	if (!raw_sites_open(&reader->sites, path, error) ||
	    !live_open(reader, path, error) ||
	    !streams_open(reader, path, error)) {
		raw_reader_close(reader);
		return false;
	}
	heap_build(reader);
	return true;
}

void raw_reader_close(struct raw_reader *reader)
{
	for (uint32_t i = 0; reader->streams && i < reader->image.threads;
	     i++) {
		struct raw_stream *stream = &reader->streams[i];
		if (stream->mapped_bytes > 0)
			munmap((void *)(uintptr_t)stream->records,
			       stream->mapped_bytes);
		free(stream->read);
	}
	free(reader->streams);
	free(reader->heap);
	free(reader->live);
	raw_sites_close(&reader->sites);
	*reader = (struct raw_reader){.records = 0};
}
