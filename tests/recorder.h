/*
 * recorder.h - what the recorder's tests share: `alloclab record` in a folder of
 * its own, with nothing left behind.
 */
#ifndef TESTS_RECORDER_H
#define TESTS_RECORDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <sys/types.h>

#include "harness/trace/trace.h"

/* Group fixtures: make and remove the folder that all runs work in. */
int recorder_set_up(void **state);
int recorder_tear_down(void **state);

/* That folder, a file in it, a program of tests/programs/. */
const char *recorder_folder(void);
char *recorder_path(const char *name);
char *recorded_program(const char *name);

/* `ulimit -f` of the runs, in bytes. */
extern rlim_t recorder_file_limit;

/*
 * Runs `alloclab record WORDS...` up to a NULL; fails the test unless it exits
 * with `expected` and leaves nothing in TMPDIR.
 */
void recorder_run(int expected, ...);

/* The same in three steps: start, (waitpid), read what it said, look. */
pid_t recorder_start(va_list words);
pid_t recorder_begin(const char *first, ...);
void recorder_read_stderr(void);
void recorder_left_nothing(void);

/* Fail the test unless the last run's stderr has, or has not, this in it. */
void recorder_said(const char *part);
void recorder_said_not(const char *part);

/* Wait until a run says so, or makes such a file; fail the test after a minute. */
void recorder_wait_for(const char *part);
void recorder_wait_for_file(const char *name);

/* --- what was written ----------------------------------------------------- */

/* Reads a trace from the folder. */
void recorder_read_trace(const char *name, struct trace *trace);

/* How many events of a kind are about blocks of `size` bytes (after them). */
uint64_t recorder_count(const struct trace *trace, enum trace_kind kind,
                        uint64_t size);

/* How many events of a kind there are. */
uint64_t recorder_count_kind(const struct trace *trace, enum trace_kind kind);

/* Fails the test unless the trace's source ends so. */
void recorder_require_source_end(const struct trace *trace, const char *end);

#endif
