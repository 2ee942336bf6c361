/*
 * shared_trace.c - the events of a trace in memory that programs share.
 *
 *     memfd:  | events | times | untouched bytes |
 *               16       8       8 bytes each; the last two if there are any
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace.h"

static size_t ops_bytes(const struct trace *trace)
{
	return trace->events * sizeof *trace->ops;
}

/* Of an array with a word for each event, which need not be there. */
static size_t words_bytes(const struct trace *trace, const uint64_t *words)
{
	return words == NULL ? 0 : trace->events * sizeof *words;
}

/* Points the arrays that `trace` has into the mapping. */
static void set_places(struct trace *trace, char *start)
{
	trace->ops = (struct trace_op *)start;
	start += ops_bytes(trace);
	if (trace->times != NULL) {
		trace->times = (uint64_t *)start;
		start += words_bytes(trace, trace->times);
	}
	if (trace->untouched != NULL)
		trace->untouched = (uint64_t *)start;
}

/* Copies the arrays into the mapping, one behind the other. */
static void copy_arrays(const struct trace *trace, char *start)
{
	size_t times = words_bytes(trace, trace->times);

	memcpy(start, trace->ops, ops_bytes(trace));
	start += ops_bytes(trace);
	if (trace->times != NULL)
		memcpy(start, trace->times, times);
	if (trace->untouched != NULL)
		memcpy(start + times, trace->untouched,
		       words_bytes(trace, trace->untouched));
}

bool trace_share(struct trace *trace, struct trace_error *error)
{
	struct trace before = *trace;
	size_t bytes = ops_bytes(trace) + words_bytes(trace, trace->times) +
	               words_bytes(trace, trace->untouched);
	int memory = memfd_create("trace", MFD_CLOEXEC);
	char *start = MAP_FAILED;

	if (memory >= 0 && ftruncate(memory, (off_t)bytes) == 0)
		start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		             memory, 0);
	if (start == MAP_FAILED) {
		trace_fail(error, "no memory to share the trace: %s",
		           strerror(errno));
		if (memory >= 0)
			close(memory);
		return false;
	}
	copy_arrays(trace, start);
	set_places(trace, start);
	trace_free_events(&before);
	trace->shared_bytes = bytes;
	trace->shared_memory = memory;
	return true;
}

bool trace_adopt(struct trace *trace, const struct trace *copy, int memory)
{
	char *start = mmap(NULL, copy->shared_bytes, PROT_READ, MAP_SHARED,
	                   memory, 0);

	if (start == MAP_FAILED)
		return false;
	*trace = *copy;
	trace->phases = trace->names = NULL;
	trace->ids = NULL;
	trace->sites = NULL;
	trace->site_of = NULL;
	trace->source = trace->notes = NULL;
	trace->form = NULL;
	trace->shared_memory = memory;
	set_places(trace, start);
	return true;
}

void trace_free_events(struct trace *trace)
{
	if (trace->shared_bytes > 0) {
		munmap(trace->ops, trace->shared_bytes);
		close(trace->shared_memory);
	} else {
		free(trace->ops);
		free(trace->times);
		free(trace->untouched);
	}
	trace->ops = NULL;
	trace->times = NULL;
	trace->untouched = NULL;
	trace->shared_bytes = 0;
}
