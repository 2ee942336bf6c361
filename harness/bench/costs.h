/*
 * costs.h - what the harness itself costs, each figure beside its limit.
 */
#ifndef HARNESS_BENCH_COSTS_H
#define HARNESS_BENCH_COSTS_H

#include <stdbool.h>

#include "../trace/trace.h"

/*
 * Prints the loop without an allocator, the measure pass against the speed pass,
 * and how fast text is read.  Between interrupt_watch() and interrupt_unwatch();
 * false with `error` set after an interrupt, too.  Takes about 20 s.
 */
bool costs_print(struct trace_error *error);

#endif
