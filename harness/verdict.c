/*
 * verdict.c - verdicts in words.
 */
#include "verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *verdict_word(enum verdict_kind kind)
{
	static const char *const words[VERDICT_KINDS] = {
		[VERDICT_OK] = "ok",
		[VERDICT_OUT_OF_MEMORY] = "out-of-memory",
		[VERDICT_REFUSED] = "refused",
		[VERDICT_CRASH] = "crash",
		[VERDICT_HANG] = "hang",
		[VERDICT_OVERLAP] = "overlap",
		[VERDICT_MISALIGNED] = "misaligned",
		[VERDICT_SHORT_BLOCK] = "short-block",
		[VERDICT_LOST_BYTES] = "lost-bytes",
		[VERDICT_BROKEN_HEAP] = "broken-heap",
		[VERDICT_LEAK] = "leak",
		[VERDICT_STOPPED] = "stopped",
		[VERDICT_FAILED] = "failed",
		[VERDICT_NOT_RUN] = "not-run",
		[VERDICT_NOT_WRITTEN] = "not-written",
	};
	return words[kind];
}

bool verdict_set(struct verdict *verdict, enum verdict_kind kind,
                 uint64_t event, const char *format, ...)
{
	va_list args;

	if (verdict->kind != VERDICT_OK)
		return false;
	verdict->kind = kind;
	verdict->event = event;
	va_start(args, format);
	vsnprintf(verdict->sentence, sizeof verdict->sentence, format, args);
	va_end(args);
	return false;
}

static void add(struct verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct verdict *verdict, const char *format, ...)
{
	size_t used = strlen(verdict->sentence);
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->sentence + used, sizeof verdict->sentence - used,
	          format, args);
	va_end(args);
}

static bool touches_slot(const struct trace_op *op, uint32_t slot)
{
	return trace_kind_is_call(op->kind) && op->slot == slot;
}

void verdict_add_history(struct verdict *verdict, const struct trace *trace,
                         uint32_t slot, uint64_t event)
{
	enum { SHOWN = 4 };
	uint64_t shown[SHOWN];
	int count = 0, older = 0;

	/* Back to the allocation; the newest SHOWN events are printed. */
	for (uint64_t i = event; i > 0; i--) {
		const struct trace_op *op = &trace->ops[i - 1];
		if (!touches_slot(op, slot))
			continue;
		if (op->kind == TRACE_FREE && i < event)
			break;
		if (count < SHOWN)
			shown[count++] = i;
		else
			older++;
		if (op->kind <= TRACE_ALIGNED)
			break;
	}
	if (count == 0)
		return;
	add(verdict, "; the block's history: %s", older > 0 ? "..., " : "");
	while (count-- > 0) {
		const struct trace_op *op = &trace->ops[shown[count] - 1];
		add(verdict, "%s", trace_kind_name(op->kind));
		if (op->kind != TRACE_FREE)
			add(verdict, "(%llu)", (unsigned long long)op->size);
		add(verdict, " at event %llu%s",
		    (unsigned long long)shown[count], count > 0 ? ", " : "");
	}
}
