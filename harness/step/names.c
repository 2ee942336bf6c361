/*
 * names.c - names by birth.
 */
#include "names.h"

#include <stdlib.h>

bool names_open(struct names *names, const struct trace *trace)
{
	size_t slots = (size_t)trace->slots + 1;

	*names = (struct names){.trace = trace};
	names->birth = calloc(slots, sizeof *names->birth);
	names->number = calloc(slots, sizeof *names->number);
	return names->birth != NULL && names->number != NULL;
}

void names_close(struct names *names)
{
	free(names->birth);
	free(names->number);
}

void names_event(struct names *names, uint64_t event)
{
	const struct trace_op *op = &names->trace->ops[event - 1];

	if (op->kind > TRACE_ALIGNED)
		return;
	names->birth[op->slot] = event;
	names->number[op->slot] = names->next++;
}

const char *names_slot(struct names *names, uint32_t slot)
{
	const struct trace *trace = names->trace;

	if (trace->ids != NULL)
		return trace_event_name(trace, names->birth[slot] - 1,
		                        names->letters);
	return trace_letters(names->number[slot], names->letters);
}

const char *names_subject(struct names *names, uint64_t event)
{
	const struct trace_op *op = &names->trace->ops[event - 1];
	bool has_block =
		trace_kind_is_call(op->kind) && op->slot < names->trace->slots;

	return has_block ? names_slot(names, op->slot)
	                 : trace_event_name(names->trace, event - 1,
	                                    names->letters);
}
