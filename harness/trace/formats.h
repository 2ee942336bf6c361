/*
 * formats.h - the readers behind trace_read_file() and trace_read_text(), one
 * for each format.
 */
#ifndef HARNESS_TRACE_FORMATS_H
#define HARNESS_TRACE_FORMATS_H

#include "scan.h"
#include "trace.h"

/* A whole file in memory, and what to call it in messages. */
struct trace_text {
	const char *name;
	const char *text;
	size_t bytes;
};

enum trace_format {
	FORMAT_EMPTY, /* no token in it */
	FORMAT_UNKNOWN,
	FORMAT_BINARY,
	FORMAT_TEXT,     /* the text form with its first line               */
	FORMAT_INLINE,   /* perhaps the text form without that              */
	FORMAT_REP,      /* CS:APP with a header, four dialects             */
	FORMAT_SCRIPT,   /* CS107: the same operations, comments, no header */
	FORMAT_OSTEP,    /* +SIZE,-INDEX,...                                */
	FORMAT_LOGALLOC, /* Mozilla's                                    */
	FORMAT_REPLAY,   /* Android's memory_replay                      */
	FORMAT_LTRACE,
	FORMAT_MTRACE,    /* of the C library                             */
	FORMAT_HEAPTRACK, /* its raw data                                 */
	FORMATS,
};

/* The first line of a text trace begins with this. */
#define TRACE_TEXT_MAGIC "alloclab-text"

/* The binary form begins with this; the rest of its magic is in binary.h. */
#define TRACE_BINARY_MAGIC                                                     \
	"\x89"                                                                 \
	"ALT"

/* The text form, with or without its first line. */
bool text_read(const struct trace_text *in, struct trace *trace,
               struct trace_error *error);

bool binary_read(const struct trace_text *in, struct trace *trace,
                 struct trace_error *error);

bool import_rep(const struct trace_text *in, struct trace *trace,
                struct trace_error *error);
bool import_script(const struct trace_text *in, struct trace *trace,
                   struct trace_error *error);
bool import_ostep(const struct trace_text *in, struct trace *trace,
                  struct trace_error *error);
bool import_logalloc(const struct trace_text *in, struct trace *trace,
                     struct trace_error *error);
bool import_replay(const struct trace_text *in, struct trace *trace,
                   struct trace_error *error);
bool import_ltrace(const struct trace_text *in, struct trace *trace,
                   struct trace_error *error);
bool import_mtrace(const struct trace_text *in, struct trace *trace,
                   struct trace_error *error);
bool import_heaptrack(const struct trace_text *in, struct trace *trace,
                      struct trace_error *error);

/* Whether a file that begins with this line is of the format. */
bool logalloc_begins(struct scan line);
bool replay_begins(struct scan line);
bool ltrace_begins(struct scan line);
bool mtrace_begins(struct scan line);
bool heaptrack_begins(struct scan line);

#endif
