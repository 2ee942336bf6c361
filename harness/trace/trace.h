/*
 * trace.h - an allocation trace in memory: what every reader makes and every
 * replay takes.
 *
 * A trace is a list of events.  Each names a *slot*, a place in a table of live
 * blocks, and slots are used again after a free, so that the table is just as
 * large as the largest number of blocks live at a time:
 *
 *     text         slot    live blocks
 *     a=malloc(8)   0      a
 *     b=malloc(4)   1      a b
 *     free(a)       0        b
 *     c=malloc(2)   0      c b           2 slots, 3 blocks
 *
 * A trace that has passed trace_builder (trace_builder.h) is *sound*: it
 * allocates into empty slots only, frees and resizes full ones only, and every
 * thread starts before it acts.  Replay relies on that and checks nothing.
 * A thread's number may start again after its exit; thread 0 never exits.
 *
 * Threads: a sound trace is constant; any number of threads may read it.
 */
#ifndef HARNESS_TRACE_TRACE_H
#define HARNESS_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sites.h"

enum trace_kind {
	TRACE_MALLOC,       /* slot, size                                     */
	TRACE_CALLOC,       /* slot, size: bytes in all                       */
	TRACE_ALIGNED,      /* slot, size, align_log2                         */
	TRACE_REALLOC,      /* slot, size > 0: resizes the block of the slot  */
	TRACE_FREE,         /* slot, or trace.slots for free(NULL)            */
	TRACE_THREAD_START, /* thread begins (thread 0 is there from the start) */
	TRACE_THREAD_EXIT, /* thread ends                                    */
	TRACE_PHASE,       /* slot: index in trace.phases                    */
	TRACE_KINDS,
};

/* One event; 16 bytes, so that 100 million fit into 1.6 GB. */
struct trace_op {
	uint64_t size;
	uint32_t slot;
	uint16_t thread;    /* the logical thread that acts */
	uint8_t kind;       /* enum trace_kind              */
	uint8_t align_log2; /* of TRACE_ALIGNED             */
};

enum {
	TRACE_THREADS_MAX = 4096,
	TRACE_ALIGN_LOG2_MAX = 20, /* 1 MiB */
};
static const uint32_t TRACE_SLOTS_MAX = UINT32_MAX - 1;
static const uint64_t TRACE_SIZE_MAX = (uint64_t)1 << 46;

struct trace {
	struct trace_op *ops;
	uint64_t events;  /* of all kinds                                   */
	uint64_t *times;  /* ns since the first event, one per event; or NULL */
	uint32_t slots;   /* most blocks live at a time                     */
	uint32_t threads; /* logical threads, 1 at least                    */
	uint64_t calls;   /* events that call the allocator                 */
	uint64_t peak_live_bytes; /* most bytes requested and not yet freed */
	uint64_t peak_live_event; /* the first event that reached them      */
	uint64_t checksum; /* XXH64 of ops, without times and names         */
	char **phases;     /* names, by first appearance                    */
	uint32_t phase_count;
	const char *form;    /* that was read: "binary"...; NULL if made here */
	uint64_t form_bytes; /* of that */
	char *source; /* the recorded command, or how it was made; "" unknown */
	char *notes; /* what an importer left out or put in, a line each; NULL */

	/* Where the calls were made (sites.h): both, or both NULL.  An event
	   that allocates or resizes has a site, 0 if unknown; others have 0. */
	struct trace_sites *sites;
	uint32_t *site_of; /* one per event */

	/* One per event that allocates or resizes: how many bytes of its block
	   the program has not written to until the block's next event, as far
	   as is known; 0 for other events.  NULL: 0 for all.  */
	uint64_t *untouched;

	/* Only from short texts with names, else NULL; see trace_event_name() */
	uint32_t *ids; /* one per event: index in names      */
	char **names;
	uint32_t name_count;

	/* Of trace_share(); 0 bytes: the events are this process's alone. */
	size_t shared_bytes;
	int shared_memory; /* a file descriptor */
};

/*
 * The name of the block that an event is about: as the text called it, or
 * letters made from the slot (a, b, ... z, aa, ab, ...), written to `letters`.
 */
enum { TRACE_LETTERS_BYTES = 16 };
const char *trace_event_name(const struct trace *trace, uint64_t event,
                             char letters[TRACE_LETTERS_BYTES]);

/* The n-th name in the row a, b, ... z, aa, ab, ..., counted from 0. */
const char *trace_letters(uint64_t n, char letters[TRACE_LETTERS_BYTES]);

/* What went wrong, for the user: "file:line: reason" or "file: byte N: ...". */
struct trace_error {
	char text[512];
};

/* Formats a message into `error`; returns false, so that callers return it. */
bool trace_fail(struct trace_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Moves events, times and what was left untouched into a file in memory, so that
 * a program started later reads the very same pages.  False with `error` set, and
 * the trace as it was.
 */
bool trace_share(struct trace *trace, struct trace_error *error);

/*
 * The other end: `copy` is the struct of a shared trace, as another process has
 * it, and `memory` the descriptor.  Phases, names, sites and the source are left
 * out.
 * False with errno set.
 */
bool trace_adopt(struct trace *trace, const struct trace *copy, int memory);

/* Frees what the trace holds; the struct itself is the caller's. */
void trace_destroy(struct trace *trace);

/* Frees what trace_share() moves, alone. */
void trace_free_events(struct trace *trace);

/* A name for messages: "malloc", "thread start"... */
const char *trace_kind_name(enum trace_kind kind);

/* How many of its block's bytes the program wrote to; all if nothing is known. */
static inline uint64_t trace_touched(const struct trace *trace, uint64_t event)
{
	uint64_t size = trace->ops[event].size;

	return trace->untouched == NULL ? size : size - trace->untouched[event];
}

/* Whether an event calls the allocator (all but thread marks and phases). */
static inline bool trace_kind_is_call(unsigned kind)
{
	return kind <= TRACE_FREE;
}

/*
 * Reads a trace of any known format, told apart by its contents, compressed
 * (zstd, gzip) or not: our binary and text forms, the five .rep/.script
 * dialects, OSTEP lists, logs of other tools.  Warnings (such as one operation
 * more than the header says) and the trace's notes go to stderr, one line each.
 * False with `error` set for anything malformed; nothing is left behind then.
 */
bool trace_read_file(const char *path, struct trace *trace,
                     struct trace_error *error);

/* The same for a file that is said to be of this format: "ltrace", ... */
bool trace_read_file_as(const char *path, const char *format,
                        struct trace *trace, struct trace_error *error);

/* The names that trace_read_file_as() knows, with ", " between. */
extern const char trace_format_names[];

/*
 * The same for text in memory; `name` stands for the file in messages.  Here the
 * text form needs no first line, so that `a=100 b=40 -a c=60` is a trace.
 */
bool trace_read_text(const char *name, const char *text, size_t bytes,
                     struct trace *trace, struct trace_error *error);

/*
 * Writes a trace in binary or text form to a temporary file beside `path`, then
 * renames it: `path` is either complete or untouched.
 */
bool trace_write_binary(const char *path, const struct trace *trace,
                        struct trace_error *error);
bool trace_write_text(const char *path, const struct trace *trace,
                      struct trace_error *error);

/* Prints the text form; errors are left in the stream (ferror). */
void trace_print_text(FILE *to, const struct trace *trace);

/*
 * Prints one event in the long form, without thread, time or the line's end:
 * "c=malloc(60)".  `name` is that of the block or the phase.
 */
void trace_print_event(FILE *to, const struct trace_op *op, const char *name);

#endif
