/*
 * trace.c - small things about traces: messages, names, the end of one.
 */
#include "trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool trace_fail(struct trace_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	return false;
}

void trace_destroy(struct trace *trace)
{
	for (uint32_t i = 0; i < trace->phase_count; i++)
		free(trace->phases[i]);
	for (uint32_t i = 0; i < trace->name_count; i++)
		free(trace->names[i]);
	free(trace->phases);
	free(trace->names);
	free(trace->ids);
	free(trace->site_of);
	sites_free(trace->sites);
	free(trace->source);
	free(trace->notes);
	trace_free_events(trace);
	*trace = (struct trace){0};
}

const char *trace_kind_name(enum trace_kind kind)
{
	static const char *const names[TRACE_KINDS] = {
		[TRACE_MALLOC] = "malloc",
		[TRACE_CALLOC] = "calloc",
		[TRACE_ALIGNED] = "aligned",
		[TRACE_REALLOC] = "realloc",
		[TRACE_FREE] = "free",
		[TRACE_THREAD_START] = "thread start",
		[TRACE_THREAD_EXIT] = "thread exit",
		[TRACE_PHASE] = "phase",
	};
	return kind < TRACE_KINDS ? names[kind] : "unknown";
}

/* Bijective base 26: a..z, aa..zz, ... */
const char *trace_letters(uint64_t n, char letters[TRACE_LETTERS_BYTES])
{
	char *at = letters + TRACE_LETTERS_BYTES - 1;
	uint64_t rest = n + 1;

	*at = '\0';
	for (; rest > 0; rest = (rest - 1) / 26)
		*--at = (char)('a' + (rest - 1) % 26);
	return at;
}

const char *trace_event_name(const struct trace *trace, uint64_t event,
                             char letters[TRACE_LETTERS_BYTES])
{
	const struct trace_op *op = &trace->ops[event];

	if (op->kind == TRACE_PHASE)
		return trace->phases[op->slot];
	if (op->kind > TRACE_FREE)
		return "";
	if (op->kind == TRACE_FREE && op->slot == trace->slots)
		return "NULL";
	if (trace->ids != NULL)
		return trace->names[trace->ids[event]];
	return trace_letters(op->slot, letters);
}
