/*
 * shared_trace.c - the events of a trace in memory that programs share.
 *
 *     memfd:  | events, 16 bytes each | times, 8 bytes each, if there are any |
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

/* Points ops and times into the mapping. */
static void set_places(struct trace *trace, char *start, bool has_times)
{
	trace->ops = (struct trace_op *)start;
	trace->times =
		has_times ? (uint64_t *)(start + ops_bytes(trace)) : NULL;
}

bool trace_share(struct trace *trace, struct trace_error *error)
{
	bool has_times = trace->times != NULL;
	size_t times = has_times ? trace->events * sizeof *trace->times : 0;
	size_t bytes = ops_bytes(trace) + times;
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
	memcpy(start, trace->ops, ops_bytes(trace));
	if (has_times)
		memcpy(start + ops_bytes(trace), trace->times, times);
	trace_free_events(trace);
	set_places(trace, start, has_times);
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
	set_places(trace, start, copy->times != NULL);
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
	}
	trace->ops = NULL;
	trace->times = NULL;
	trace->shared_bytes = 0;
}
