/*
 * growing_trace.h - a trace whose arrays grow while trace_builder.c adds events:
 * storage only, no soundness.
 */
#ifndef HARNESS_TRACE_GROWING_TRACE_H
#define HARNESS_TRACE_GROWING_TRACE_H

#include "trace_builder.h"

struct growing_trace {
	struct trace trace; /* so far; times and ids NULL if not kept */
	uint64_t capacity;  /* of its arrays, in events               */
	bool out_of_memory; /* for what events may have: said by settle */
};

/* Resizes *array to `count` elements of `each` bytes; false: as it was. */
bool grow_array(void *array_of_any, uint64_t count, size_t each);

bool growing_new(struct growing_trace *growing);
void growing_free(struct growing_trace *growing);

/* Ids are kept from the first event on, until the trace is too long for them. */
void growing_keep_ids(struct growing_trace *growing);

/* Appends an event about `id` (0 where there is none). */
bool growing_push(struct growing_trace *growing, struct trace_op op,
                  uint64_t id);

/* The time of the last event becomes this, if it is not later already. */
uint64_t growing_time(struct growing_trace *growing, uint64_t time_ns);

/* The table of sites, made now if there is none yet; NULL without memory. */
struct trace_sites *growing_sites(struct growing_trace *growing);

/* The last event comes from this site. */
void growing_site(struct growing_trace *growing, uint32_t site);

/* So many bytes of the block of `event` are never written to. */
void growing_untouched(struct growing_trace *growing, uint64_t event,
                       uint64_t bytes);

/* The index of a phase's name, new or known; UINT32_MAX without memory. */
uint32_t growing_phase(struct growing_trace *growing, const char *name);

/*
 * Completes the trace: source, checksum, free(NULL)'s slot, and names of the
 * `ids` ids by `name_of`.  False without memory.
 */
bool growing_settle(struct growing_trace *growing, const char *source,
                    uint64_t ids, trace_name_of *name_of, void *name_ctx);

#endif
