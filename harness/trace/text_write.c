/*
 * text_write.c - writes the text form, an event on each line, in its long form.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "formats.h"
#include "whole_file.h"

void trace_print_event(FILE *to, const struct trace_op *op, const char *name)
{
	switch ((enum trace_kind)op->kind) {
	case TRACE_MALLOC:
	case TRACE_CALLOC:
	case TRACE_REALLOC:
		fprintf(to, "%s=%s(%" PRIu64 ")", name,
		        trace_kind_name(op->kind), op->size);
		break;
	case TRACE_ALIGNED:
		fprintf(to, "%s=aligned(%u,%" PRIu64 ")", name,
		        1u << op->align_log2, op->size);
		break;
	case TRACE_FREE:
		fprintf(to, "free(%s)", name);
		break;
	case TRACE_THREAD_START:
		fprintf(to, "start(%u)", op->thread);
		break;
	case TRACE_THREAD_EXIT:
		fprintf(to, "exit(%u)", op->thread);
		break;
	case TRACE_PHASE:
		fprintf(to, "phase(%s)", name);
		break;
	case TRACE_KINDS:
		break;
	}
}

/* --- sites -------------------------------------------------------------- */

/* %NN for the bytes that would end a token or an argument. */
static void write_escaped(FILE *to, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte > ' ' && byte <= '~' && strchr("%(),#", byte) == NULL)
			putc(byte, to);
		else
			fprintf(to, "%%%02x", byte);
	}
}

static void write_frame(FILE *to, const struct site_frame *frame)
{
	fprintf(to, "frame(%" PRIu32 ",%" PRIx64, frame->module, frame->offset);
	if (frame->text != NULL) {
		putc(',', to);
		write_escaped(to, frame->text);
	}
	fputs(")\n", to);
}

static void write_site(FILE *to, const struct site *site)
{
	fprintf(to, "site(%" PRIu32, site->frame);
	if (site->caller != 0)
		fprintf(to, ",%" PRIu32, site->caller);
	fputs(")\n", to);
}

static void write_sites(FILE *to, const struct trace_sites *sites)
{
	for (uint32_t i = 0; i < sites->module_count; i++) {
		fputs("module(", to);
		write_escaped(to, sites->modules[i]);
		fputs(")\n", to);
	}
	for (uint32_t i = 0; i < sites->frame_count; i++)
		write_frame(to, &sites->frames[i]);
	for (uint32_t i = 1; i < sites->site_count; i++)
		write_site(to, &sites->sites[i]);
}

/* --- events ------------------------------------------------------------- */

static void write_events(FILE *to, const struct trace *trace)
{
	char letters[TRACE_LETTERS_BYTES];
	unsigned thread = 0;

	for (uint64_t i = 0; i < trace->events; i++) {
		const struct trace_op *op = &trace->ops[i];
		bool acts =
			trace_kind_is_call(op->kind) || op->kind == TRACE_PHASE;
		if (acts && op->thread != thread)
			fprintf(to, "@%u ", op->thread);
		if (acts)
			thread = op->thread;
		if (trace->times != NULL)
			fprintf(to, "+%" PRIu64 " ",
			        i == 0 ? 0
			               : trace->times[i] - trace->times[i - 1]);
		if (trace->site_of != NULL && trace->site_of[i] != 0)
			fprintf(to, "^%" PRIu32 " ", trace->site_of[i]);
		if (trace->untouched != NULL && trace->untouched[i] != 0)
			fprintf(to, "~%" PRIu64 " ", trace_touched(trace, i));
		trace_print_event(to, op, trace_event_name(trace, i, letters));
		putc('\n', to);
	}
}

/* The first one that can tell what the trace has. */
static int text_version(const struct trace *trace)
{
	if (trace->untouched != NULL)
		return 3;
	return trace->sites != NULL ? 2 : 1;
}

void trace_print_text(FILE *to, const struct trace *trace)
{
	fprintf(to, TRACE_TEXT_MAGIC " %d\n", text_version(trace));
	if (trace->source[0] != '\0')
		fprintf(to, "# source: %s\n", trace->source);
	if (trace->sites != NULL)
		write_sites(to, trace->sites);
	write_events(to, trace);
}

bool trace_write_text(const char *path, const struct trace *trace,
                      struct trace_error *error)
{
	struct new_file file;

	if (!new_file_open(path, &file, error))
		return false;
	trace_print_text(file.stream, trace);
	return new_file_commit(&file, error);
}
