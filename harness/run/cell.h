/*
 * cell.h - one piece of work in a process of its own.
 *
 * An allocator under test may crash, hang or eat all memory.  So each pass over
 * each allocator runs in a forked child with limits, and leaves its findings in
 * memory shared with the parent.  How the child ended becomes a verdict.
 */
#ifndef HARNESS_RUN_CELL_H
#define HARNESS_RUN_CELL_H

#include <sys/types.h>

#include "../verdict.h"

/* What parent and child share; the result lies behind it. */
struct cell_page {
	volatile uint64_t progress; /* the event being replayed */
	bool finished;              /* the work came to its end */
	struct verdict verdict;
};

struct cell_limits {
	double seconds;      /* wall time; then the child is killed       */
	size_t memory_bytes; /* of private memory beyond what it inherits;
	                        0: no limit                               */
	/*
	 * The child's stack starts so much lower: what lies where on the stack
	 * changes times, so it is varied between repetitions [Mytkowicz09].
	 */
	size_t stack_offset;
};

/*
 * The work: fills `result` (zero at first) and returns its verdict.  Runs in
 * the child; what it prints on stderr is kept for the parent.
 */
typedef struct verdict cell_work(void *ctx, volatile uint64_t *progress,
                                 void *result);

struct cell {
	pid_t pid;       /* 0: not running */
	int messages;    /* the child's stderr, a file in memory */
	double deadline; /* on the monotonic clock, in seconds  */
	double seconds; /* when it started; once it has ended, how long it ran */
	struct cell_limits limits;
	size_t page_bytes;
	struct cell_page *page;
	void *result;
};

/*
 * Forks, with every stream flushed and SIGCHLD back at its default, so that the
 * child can be waited for.  `ctx` is the child's copy of what it is here.  False
 * with errno set if that is not possible; then the cell is closed.
 */
bool cell_start(struct cell *cell, cell_work *work, void *ctx,
                size_t result_bytes, const struct cell_limits *limits);

/*
 * Looks whether the child has ended, without waiting; kills it over its time.
 * True if it has; then `verdict` says how, with the event and, for a crash, the
 * block that was being worked on.
 */
bool cell_has_ended(struct cell *cell, const struct trace *trace,
                    struct verdict *verdict);

/* Kills the child if it still runs and frees what the cell holds. */
void cell_close(struct cell *cell);

#endif
