/*
 * call_log.h - what importers of logs share: a program's addresses and thread
 * ids become the blocks and logical threads of a trace.
 *
 * Logs of real programs have gaps: they begin late, miss calls that a library
 * makes within itself, end in the middle.  One rule for each, the same in all
 * formats; what was done is counted, and said when the import is over:
 *
 *     free of an address where no block is known    left out
 *     realloc of such an address                    an allocation
 *     allocation where a block is known             that block is freed first
 *     a call that failed (NULL, an error)           left out
 *     an alignment above 1 MiB                      1 MiB
 *
 * What cannot be a log, such as a size that is no number, is an error with its
 * line.  Threads: one at a time.
 */
#ifndef HARNESS_TRACE_CALL_LOG_H
#define HARNESS_TRACE_CALL_LOG_H

#include "address_map.h"
#include "formats.h"
#include "scan.h"
#include "trace_builder.h"

struct call_log_counts {
	uint64_t unknown_frees;
	uint64_t unknown_reallocs;
	uint64_t missed_frees; /* put in */
	uint64_t failed_calls;
	uint64_t lowered_aligns;
	/* counted by the importers */
	uint64_t cut_calls;       /* begun, and never finished            */
	uint64_t unseen_results;  /* of posix_memalign: the log lacks them */
	uint64_t other_processes; /* calls of others than the first       */
};

struct call_log {
	struct trace_builder *builder;
	struct trace_error *error;
	struct lines lines;
	uint64_t place; /* the line at hand */
	struct call_log_counts counts;

	struct address_map blocks; /* address + 1 -> id */
	uint32_t *free_ids;        /* a stack */
	uint32_t free_count;
	uint32_t id_count;
	uint32_t id_capacity;

	struct address_map threads; /* thread id + 1 -> logical thread */
	bool thread_in_use[TRACE_THREADS_MAX];
	bool has_threads;

	uint32_t site;    /* of the next event; 0: unknown */
	bool has_time;    /* of the next events            */
	uint64_t time_ns; /* by the log's clock            */
	uint64_t first_time_ns;
	bool has_first_time;
};

/* False with `error` set if there is no memory. */
bool call_log_open(struct call_log *log, const struct trace_text *in,
                   struct trace_error *error);

/* Makes the trace if `good`; ends the log in any case. */
bool call_log_close(struct call_log *log, bool good, const char *source,
                    struct trace *trace);

/*
 * The next line that is not blank, from its first character that is not; it is
 * now at hand.  False behind the last.
 */
bool call_log_next(struct call_log *log, struct scan *line);

/* `"what": reason`, at the line at hand; returns false. */
bool call_log_fail(struct call_log *log, struct token what, const char *reason);

/*
 * The thread that acts from now on, by its number in the log.  The first one
 * is thread 0; the others start when they are first met.
 */
bool call_log_thread(struct call_log *log, uint64_t thread);

/* It will not act again; if its number does, that is a new thread. */
bool call_log_thread_exit(struct call_log *log, uint64_t thread);

/* A call that returned `address`; 0 means that it failed. */
bool call_log_alloc(struct call_log *log, enum trace_kind kind,
                    uint64_t address, uint64_t size);
bool call_log_calloc(struct call_log *log, uint64_t address, uint64_t count,
                     uint64_t size);
/* `align` is a power of two, or an error. */
bool call_log_aligned(struct call_log *log, uint64_t address, uint64_t align,
                      uint64_t size);
bool call_log_free(struct call_log *log, uint64_t address);

/* realloc(old, size) returned `address`; all of its meanings, NULL and 0 too. */
bool call_log_realloc(struct call_log *log, uint64_t old, uint64_t address,
                      uint64_t size);

/*
 * The same in two steps, where other threads act between begin and end: the old
 * address is given back at the begin.  `old` is what `begin` returned.
 */
static const uint32_t CALL_LOG_NO_BLOCK = UINT32_MAX;
uint32_t call_log_realloc_begin(struct call_log *log, uint64_t old);
bool call_log_realloc_end(struct call_log *log, uint32_t block, uint64_t old,
                          uint64_t address, uint64_t size);

#endif
