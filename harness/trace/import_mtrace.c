/*
 * import_mtrace.c - imports what the C library writes after mtrace() [glibc, Heap
 * Consistency and Tracing].
 *
 *     = Start
 *     @ ./x:(main+2c)[0x11b2] + 0x1fc1a2a0 0xa         malloc, calloc, ...
 *     @ ./x:[0x11b2] - 0x1fc1a2a0                      free
 *     @ ./x:[0x11b2] < 0x1fc1a2a0                      realloc: the old block
 *     @ ./x:[0x11b2] > 0x1fc1a4a0 0x3e8                and the new one
 *     @ ./x:[0x11b2] ! 0x1fc1a4a0 0x7fff               realloc that failed
 *     = End
 *
 * Each call has its caller: a site of one frame.  Threads and what was called
 * are not told: all allocations count as malloc, and as of thread 0.
 */
#include <stdio.h>
#include <string.h>

#include "call_log.h"

/* Who called, as the line says it. */
struct caller {
	struct token module; /* no text: unknown */
	struct token name;
	uint64_t offset;
};

struct mtrace {
	struct call_log log;
	struct caller caller;
	bool has_old; /* a `<` waits for its `>` */
	uint64_t old;
};

/* --- callers ------------------------------------------------------------ */

/* The frame of a module's offset; SITES_FULL without memory. */
static uint32_t frame_of(struct trace_sites *sites, struct token module,
                         uint64_t offset)
{
	char path[4096];

	if (module.bytes >= sizeof path)
		module.bytes = sizeof path - 1;
	snprintf(path, sizeof path, "%.*s", (int)module.bytes, module.text);
	uint32_t number = sites_module(sites, path);
	return number == SITES_FULL ? SITES_FULL
	                            : sites_frame(sites, number, offset);
}

/* The next event was called from here. */
static bool set_site(struct call_log *log, const struct caller *caller)
{
	struct trace_sites *sites = trace_builder_sites(log->builder);
	struct token name = caller->name;
	uint32_t frame = SITES_FULL, site = SITES_FULL;

	if (caller->module.text == NULL)
		return true;
	if (sites != NULL)
		frame = frame_of(sites, caller->module, caller->offset);
	if (frame != SITES_FULL)
		site = sites_site(sites, frame, 0);
	if (site == SITES_FULL ||
	    (name.bytes > 0 && sites->frames[frame].text == NULL &&
	     !sites_set_text(sites, frame, name.text, name.bytes)))
		return trace_builder_fail(log->builder, log->place, log->error,
		                          "no memory for call sites");
	log->site = site;
	return true;
}

/* "./x:(main+2c)" => "./x" and "main+2c"; "./x:" => "./x" */
static void take_name(struct caller *caller)
{
	const char *text = caller->module.text;
	size_t *bytes = &caller->module.bytes;
	const char *paren = memrchr(text, '(', *bytes);

	if (*bytes > 0 && text[*bytes - 1] == ')' && paren != NULL) {
		caller->name.text = paren + 1;
		caller->name.bytes = (size_t)(text + *bytes - 2 - paren);
		*bytes = (size_t)(paren - text);
	}
	if (*bytes > 0 && text[*bytes - 1] == ':')
		--*bytes;
}

/* "./x:(main+2c)[0x11b2] ", "./x:[0x11b2] ", "[0x11b2] ".  The path may have
 * blanks and brackets: its end is the last "[0x...] " before the mark. */
static bool read_caller(struct mtrace *mtrace, struct scan *line)
{
	struct caller *caller = &mtrace->caller;
	struct token all = scan_rest(line);
	struct scan open = *line, found = *line;
	bool closed = false;

	while (!closed && scan_find(&open, "[0x")) {
		found = open;
		found.at++;
		closed = scan_prefixed_hex(&found, &caller->offset) &&
		         scan_text(&found, "] ");
		open.at += !closed;
	}
	if (!closed || caller->offset > SITE_OFFSET_MAX)
		return call_log_fail(&mtrace->log, all,
		                     "no caller as mtrace writes it");
	caller->module.text = line->at;
	caller->module.bytes = (size_t)(open.at - line->at);
	take_name(caller);
	line->at = found.at;
	return true;
}

/* --- lines -------------------------------------------------------------- */

static bool add_call(struct mtrace *mtrace, char mark, uint64_t address,
                     uint64_t size)
{
	struct call_log *log = &mtrace->log;

	if (mark == '+')
		return set_site(log, &mtrace->caller) &&
		       call_log_alloc(log, TRACE_MALLOC, address, size);
	if (mark == '-')
		return call_log_free(log, address);
	if (mark == '!') {
		log->counts.failed_calls++;
		return true;
	}
	if (mark == '<') {
		mtrace->has_old = true;
		mtrace->old = address;
		return true;
	}
	if (!mtrace->has_old)
		return trace_builder_fail(log->builder, log->place, log->error,
		                          "\">\" without the \"<\" before it");
	mtrace->has_old = false;
	return set_site(log, &mtrace->caller) &&
	       call_log_realloc(log, mtrace->old, address, size);
}

static bool read_call(struct mtrace *mtrace, struct scan *line)
{
	struct call_log *log = &mtrace->log;
	struct token all = scan_rest(line);
	char mark = scan_at_end(line) ? '\0' : *line->at;
	bool has_size = mark == '+' || mark == '>' || mark == '!';
	uint64_t address = 0, size = 0;

	if (mark == '\0' || strchr("+-<>!", mark) == NULL)
		return call_log_fail(log, all,
		                     "not a line of mtrace (+, -, <, > or !)");
	line->at++;
	if (mtrace->has_old && mark != '>')
		return call_log_fail(log, all, "a \">\" must follow the \"<\"");
	if (!scan_blanks(line) || !scan_address(line, &address) ||
	    (has_size && (!scan_blanks(line) || !scan_number(line, &size))) ||
	    !scan_blanks(line) || !scan_at_end(line))
		return call_log_fail(log, all,
		                     has_size ? "not an address and a size"
		                              : "not an address");
	return add_call(mtrace, mark, address, size);
}

static bool read_line(struct mtrace *mtrace, struct scan *line)
{
	if (scan_text(line, "= "))
		return true; /* Start, End */
	mtrace->caller = (struct caller){0};
	if (scan_text(line, "@ ") && !read_caller(mtrace, line))
		return false;
	return read_call(mtrace, line);
}

bool import_mtrace(const struct trace_text *in, struct trace *trace,
                   struct trace_error *error)
{
	struct mtrace mtrace = {0};
	struct call_log *log = &mtrace.log;
	bool good = true;
	struct scan line;

	if (!call_log_open(log, in, error))
		return false;
	while (good && call_log_next(log, &line))
		good = read_line(&mtrace, &line);
	log->counts.cut_calls += mtrace.has_old;
	return call_log_close(log, good, "imported from an mtrace log", trace);
}

bool mtrace_begins(struct scan line)
{
	return scan_text(&line, "= Start") || scan_text(&line, "@ ");
}
