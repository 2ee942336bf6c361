/*
 * growing_trace.c - arrays that double, and what is computed once they stand
 * still.
 */
#include "growing_trace.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
	NAMED_EVENTS_MAX = 1 << 16, /* names are for people and short traces */
	SOURCE_BYTES_MAX = 4096,
};

bool grow_array(void *array_of_any, uint64_t count, size_t each)
{
	void **array = array_of_any;
	void *grown = realloc(*array, count * each);

	if (grown != NULL)
		*array = grown;
	return grown != NULL;
}

static bool grow_events(struct growing_trace *growing)
{
	struct trace *trace = &growing->trace;
	uint64_t capacity = growing->capacity * 2 + 64;

	if (!grow_array(&trace->ops, capacity, sizeof *trace->ops))
		return false;
	if (trace->times != NULL &&
	    !grow_array(&trace->times, capacity, sizeof *trace->times))
		return false;
	if (trace->ids != NULL &&
	    !grow_array(&trace->ids, capacity, sizeof *trace->ids))
		return false;
	if (trace->site_of != NULL &&
	    !grow_array(&trace->site_of, capacity, sizeof *trace->site_of))
		return false;
	if (trace->untouched != NULL &&
	    !grow_array(&trace->untouched, capacity, sizeof *trace->untouched))
		return false;
	growing->capacity = capacity;
	return true;
}

bool growing_new(struct growing_trace *growing)
{
	*growing = (struct growing_trace){.trace.threads = 1};
	return grow_events(growing);
}

void growing_free(struct growing_trace *growing)
{
	trace_destroy(&growing->trace);
}

void growing_keep_ids(struct growing_trace *growing)
{
	struct trace *trace = &growing->trace;

	assert(trace->events == 0);
	trace->ids = malloc(growing->capacity * sizeof *trace->ids);
	if (trace->ids == NULL)
		growing->out_of_memory = true;
}

static void drop_ids(struct trace *trace)
{
	free(trace->ids);
	trace->ids = NULL;
}

bool growing_push(struct growing_trace *growing, struct trace_op op,
                  uint64_t id)
{
	struct trace *trace = &growing->trace;

	if (trace->events == growing->capacity && !grow_events(growing))
		return false;
	if (trace->events == NAMED_EVENTS_MAX)
		drop_ids(trace);
	if (trace->ids != NULL)
		trace->ids[trace->events] = (uint32_t)id;
	if (trace->times != NULL)
		trace->times[trace->events] = trace->times[trace->events - 1];
	if (trace->site_of != NULL)
		trace->site_of[trace->events] = 0;
	if (trace->untouched != NULL)
		trace->untouched[trace->events] = 0;
	trace->ops[trace->events++] = op;
	trace->calls += trace_kind_is_call(op.kind);
	return true;
}

uint64_t growing_time(struct growing_trace *growing, uint64_t time_ns)
{
	struct trace *trace = &growing->trace;

	assert(trace->events > 0);
	if (trace->times == NULL) {
		trace->times = calloc(growing->capacity, sizeof *trace->times);
		if (trace->times == NULL) {
			growing->out_of_memory = true;
			return time_ns;
		}
	}
	uint64_t *last = &trace->times[trace->events - 1];
	if (time_ns > *last)
		*last = time_ns;
	return *last;
}

struct trace_sites *growing_sites(struct growing_trace *growing)
{
	struct trace *trace = &growing->trace;

	if (trace->sites == NULL)
		trace->sites = sites_new();
	return trace->sites;
}

void growing_site(struct growing_trace *growing, uint32_t site)
{
	struct trace *trace = &growing->trace;

	assert(trace->events > 0 && trace->sites != NULL);
	assert(site < trace->sites->site_count);
	if (trace->site_of == NULL)
		trace->site_of =
			calloc(growing->capacity, sizeof *trace->site_of);
	if (trace->site_of == NULL)
		growing->out_of_memory = true;
	else
		trace->site_of[trace->events - 1] = site;
}

void growing_untouched(struct growing_trace *growing, uint64_t event,
                       uint64_t bytes)
{
	struct trace *trace = &growing->trace;

	assert(event < trace->events && bytes <= trace->ops[event].size);
	if (trace->untouched == NULL && bytes == 0)
		return;
	if (trace->untouched == NULL)
		trace->untouched =
			calloc(growing->capacity, sizeof *trace->untouched);
	if (trace->untouched == NULL)
		growing->out_of_memory = true;
	else
		trace->untouched[event] = bytes;
}

uint32_t growing_phase(struct growing_trace *growing, const char *name)
{
	struct trace *trace = &growing->trace;
	uint32_t i = 0;

	while (i < trace->phase_count && strcmp(trace->phases[i], name) != 0)
		i++;
	if (i < trace->phase_count)
		return i;
	char *copy = strdup(name);
	if (copy == NULL || !grow_array(&trace->phases, (uint64_t)i + 1,
	                                sizeof *trace->phases)) {
		free(copy);
		return UINT32_MAX;
	}
	trace->phases[i] = copy;
	trace->phase_count++;
	return i;
}

/* --- the end ------------------------------------------------------------ */

/* One line of printable text, so that the text form can hold it. */
static char *source_line(const char *source)
{
	char *line = strndup(source, SOURCE_BYTES_MAX);

	for (char *at = line; line != NULL && *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	return line;
}

static bool keep_names(struct trace *trace, uint64_t ids,
                       trace_name_of *name_of, void *name_ctx)
{
	trace->names = calloc(ids + 1, sizeof *trace->names);
	if (trace->names == NULL)
		return false;
	for (; trace->name_count < ids; trace->name_count++) {
		char *name = strdup(name_of(name_ctx, trace->name_count));
		if (name == NULL)
			return false;
		trace->names[trace->name_count] = name;
	}
	return true;
}

/* A table that no event refers to is none. */
static void settle_sites(struct trace *trace)
{
	if (trace->site_of != NULL)
		return;
	sites_free(trace->sites);
	trace->sites = NULL;
}

/* The number of slots is known only now. */
static void settle_free_null(struct trace *trace)
{
	for (uint64_t i = 0; i < trace->events; i++)
		if (trace->ops[i].kind == TRACE_FREE &&
		    trace->ops[i].slot == TRACE_SLOTS_MAX)
			trace->ops[i].slot = trace->slots;
}

static_assert(sizeof(struct trace_op) == 16, "the checksum covers no padding");

bool growing_settle(struct growing_trace *growing, const char *source,
                    uint64_t ids, trace_name_of *name_of, void *name_ctx)
{
	struct trace *trace = &growing->trace;

	trace->source = source_line(source);
	if (growing->out_of_memory || trace->source == NULL)
		return false;
	if (trace->ids != NULL && !keep_names(trace, ids, name_of, name_ctx))
		return false;
	settle_free_null(trace);
	settle_sites(trace);
	trace->checksum =
		XXH64(trace->ops, trace->events * sizeof *trace->ops, 0);
	grow_array(&trace->ops, trace->events, sizeof *trace->ops);
	return true;
}
