/*
 * recorder.h - what recording costs the program that is recorded.
 */
#ifndef HARNESS_BENCH_RECORDER_H
#define HARNESS_BENCH_RECORDER_H

#include <stdio.h>

#include "../trace/trace.h"
#include "demands.h"

/*
 * Runs each program of recorded_programs.h alone, under our recorder, and under
 * `heaptrack --raw` if that is installed, in turn, `rounds` times; prints a line
 * for each and adds the ratios with their limits.  Processor time of the program;
 * what `alloclab record` does afterwards is not in it.  Between
 * interrupt_watch() and interrupt_unwatch(); after an interrupt with the rounds
 * that were finished.  False with `error` set where something failed.
 */
bool recorder_run(unsigned rounds, struct demands *demands, FILE *out,
                  struct trace_error *error);

#endif
