/*
 * cell.h - one piece of work in a process of its own.
 *
 * An allocator under test may crash, hang or eat all memory.  So each pass over
 * each allocator runs in a child with limits, and leaves its findings in memory
 * shared with the parent.  How the child ended becomes a verdict.
 *
 *     cell_start          the child is a fork: it has all that the parent has
 *     cell_start_program  the child is a program, started anew: with a library
 *                         preloaded, an environment and an address layout of
 *                         its own; it begins with cell_serve()
 *
 * Transparent huge pages are off in either.
 */
#ifndef HARNESS_RUN_CELL_H
#define HARNESS_RUN_CELL_H

#include <sys/types.h>

#include "../verdict.h"

/* What parent and child share; the result lies behind it. */
struct cell_page {
	volatile uint64_t progress; /* the event being replayed */
	size_t stack_offset;        /* of the limits            */
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
	int memory; /* the page's descriptor */
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

/* A program that does the work, as execve() takes it. */
struct cell_program {
	const char *path;
	char *const *arguments, *const *environment;
	const int *files; /* descriptors that it finds as CELL_FILES, + 1... */
	int file_count;
};

enum {
	CELL_MEMORY = 3, /* the descriptor of the page in the program */
	CELL_FILES,      /* the first of the others                   */
	CELL_FILES_MAX = 4,
};

/* The same with a program in the place of the function. */
bool cell_start_program(struct cell *cell, const struct cell_program *program,
                        size_t result_bytes, const struct cell_limits *limits);

/*
 * In such a program: does the work, with the stack as far down as the parent
 * wants it, leaves the verdict and exits; with 1, if it was not started by
 * cell_start_program().
 */
_Noreturn void cell_serve(cell_work *work, void *ctx);

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
