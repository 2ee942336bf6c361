/*
 * import_heaptrack.c - imports the raw data of heaptrack [Heaptrack], as
 * `heaptrack --raw` leaves it, compressed or not.
 *
 *     v 10400 3                       version, format: 3
 *     x 8 /bin/job                    the program: length, path
 *     X /bin/job -v                   and how it was called
 *     m 1 -                           forget all modules
 *     m 8 /lib/y.so 7f00 0 850 ...    module: base, then its segments
 *     t 7f120 4                       the next stack: an address in the call
 *                                     of stack 4; counted from 1
 *     + 40 5 55af0                    a block: size, stack, address
 *     - 55af0                         freed
 *     c 1000                          ms since the start
 *
 * All numbers are hexadecimal.  Its stacks are a tree as our sites are.  Which
 * function was called is not told, nor the thread: every allocation counts as
 * malloc of thread 0, a realloc as free and malloc.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_log.h"

enum { FORMAT = 3 };

/* A piece of a module in the program's memory. */
struct segment {
	uint64_t begin;
	uint64_t end;
	uint64_t base; /* of its module */
	uint32_t module;
};

struct heaptrack {
	struct call_log log;
	struct token program;
	struct token command;
	struct segment *segments;
	size_t segment_count;
	uint32_t *stacks; /* number -> site; stacks[0]: 0 */
	uint64_t stack_count;
	bool has_version;
	bool in_command; /* which may have line breaks: up to the I line */
};

static bool fail(struct heaptrack *heaptrack, const char *reason)
{
	return trace_builder_fail(heaptrack->log.builder, heaptrack->log.place,
	                          heaptrack->log.error, "%s", reason);
}

static bool scan_next_hex(struct scan *line, uint64_t *number)
{
	return scan_blanks(line) && scan_hex(line, number);
}

/* --- modules ------------------------------------------------------------ */

/* A length, a blank, and so many bytes. */
static bool scan_string(struct scan *line, struct token *text)
{
	uint64_t bytes;

	if (!scan_next_hex(line, &bytes) || !scan_text(line, " ") ||
	    bytes > (uint64_t)(line->end - line->at))
		return false;
	*text = (struct token){.text = line->at, .bytes = (size_t)bytes};
	line->at += bytes;
	return true;
}

static uint32_t module_of(struct heaptrack *heaptrack, struct token name)
{
	struct trace_sites *sites = trace_builder_sites(heaptrack->log.builder);
	char path[4096];

	if (token_is(&name, "x")) /* the program itself */
		name = heaptrack->program;
	if (sites == NULL || name.bytes >= sizeof path)
		return SITES_FULL;
	if (name.bytes > 0)
		memcpy(path, name.text, name.bytes);
	path[name.bytes] = '\0';
	return sites_module(sites, path);
}

static bool add_segment(struct heaptrack *heaptrack, struct segment segment)
{
	size_t count = heaptrack->segment_count;

	if ((count & (count - 1)) == 0) {
		size_t room = count == 0 ? 1 : 2 * count;
		struct segment *grown =
			realloc(heaptrack->segments, room * sizeof *grown);
		if (grown == NULL)
			return fail(heaptrack, "no memory for modules");
		heaptrack->segments = grown;
	}
	heaptrack->segments[heaptrack->segment_count++] = segment;
	return true;
}

static bool read_module(struct heaptrack *heaptrack, struct scan *line)
{
	uint64_t base, offset, bytes;
	struct token name;

	if (!scan_string(line, &name))
		return fail(heaptrack, "m and no length and path behind it");
	if (token_is(&name, "-")) {
		heaptrack->segment_count = 0;
		return true;
	}
	uint32_t module = module_of(heaptrack, name);
	if (module == SITES_FULL)
		return fail(heaptrack, "a path too long, or too many modules");
	if (!scan_next_hex(line, &base))
		return fail(heaptrack, "a module without its base");
	while (scan_next_hex(line, &offset)) {
		if (!scan_next_hex(line, &bytes))
			return fail(heaptrack, "a segment without its size");
		struct segment segment = {.begin = base + offset,
		                          .end = base + offset + bytes,
		                          .base = base,
		                          .module = module};
		if (!add_segment(heaptrack, segment))
			return false;
	}
	return scan_at_end(line) || fail(heaptrack, "not a segment");
}

/* --- stacks ------------------------------------------------------------- */

/*
 * The frame of an address; outside all modules it is one of module "".
 * Heaptrack keeps the last byte of the call, one before where it returns to.
 */
static uint32_t frame_of(struct heaptrack *heaptrack, uint64_t address)
{
	struct trace_sites *sites = trace_builder_sites(heaptrack->log.builder);

	for (size_t i = 0; i < heaptrack->segment_count; i++) {
		const struct segment *segment = &heaptrack->segments[i];
		uint64_t offset = address - segment->base + 1;
		if (address >= segment->begin && address < segment->end &&
		    offset <= SITE_OFFSET_MAX)
			return sites_frame(sites, segment->module, offset);
	}
	uint32_t module = sites == NULL ? SITES_FULL : sites_module(sites, "");
	return module == SITES_FULL
	               ? SITES_FULL
	               : sites_frame(sites, module,
	                             (address + 1) & SITE_OFFSET_MAX);
}

static bool push_stack(struct heaptrack *heaptrack, uint32_t site)
{
	uint64_t count = heaptrack->stack_count;

	if ((count & (count - 1)) == 0) {
		uint32_t *grown = realloc(heaptrack->stacks,
		                          (2 * count + 1) * sizeof *grown);
		if (grown == NULL)
			return fail(heaptrack, "no memory for call stacks");
		heaptrack->stacks = grown;
	}
	heaptrack->stacks[heaptrack->stack_count++] = site;
	return true;
}

static bool read_stack(struct heaptrack *heaptrack, struct scan *line)
{
	uint64_t address, caller;

	if (!scan_next_hex(line, &address) || !scan_next_hex(line, &caller) ||
	    !scan_at_end(line))
		return fail(heaptrack, "t and not an address and a stack");
	if (caller >= heaptrack->stack_count)
		return fail(heaptrack, "there is no such stack above");
	uint32_t frame = frame_of(heaptrack, address);
	uint32_t site = SITES_FULL;
	if (frame != SITES_FULL)
		site = sites_site(trace_builder_sites(heaptrack->log.builder),
		                  frame, heaptrack->stacks[caller]);
	if (site == SITES_FULL)
		return fail(heaptrack, "no memory for call stacks");
	return push_stack(heaptrack, site);
}

/* --- calls -------------------------------------------------------------- */

static bool read_alloc(struct heaptrack *heaptrack, struct scan *line)
{
	uint64_t size, stack, address;

	if (!scan_next_hex(line, &size) || !scan_next_hex(line, &stack) ||
	    !scan_next_hex(line, &address) || !scan_at_end(line))
		return fail(heaptrack, "+ and not a size, a stack, an address "
		                       "(the interpreted form has no "
		                       "addresses: use heaptrack --raw)");
	if (stack >= heaptrack->stack_count)
		return fail(heaptrack, "there is no such stack above");
	heaptrack->log.site = heaptrack->stacks[stack];
	return call_log_alloc(&heaptrack->log, TRACE_MALLOC, address, size);
}

static bool read_free(struct heaptrack *heaptrack, struct scan *line)
{
	uint64_t address;

	if (!scan_next_hex(line, &address) || !scan_at_end(line))
		return fail(heaptrack, "- and not an address");
	return call_log_free(&heaptrack->log, address);
}

static bool read_time(struct heaptrack *heaptrack, struct scan *line)
{
	enum { NS_PER_MS = 1000000 };
	uint64_t time_ms;

	if (!scan_next_hex(line, &time_ms) || time_ms > UINT64_MAX / NS_PER_MS)
		return fail(heaptrack, "c and not a time");
	heaptrack->log.has_time = true;
	heaptrack->log.time_ns = time_ms * NS_PER_MS;
	return true;
}

/* --- lines -------------------------------------------------------------- */

static bool read_version(struct heaptrack *heaptrack, struct scan *line)
{
	uint64_t version, format;

	if (!scan_next_hex(line, &version) || !scan_next_hex(line, &format))
		return fail(heaptrack, "v and not two versions");
	heaptrack->has_version = true;
	return format == FORMAT ||
	       fail(heaptrack, "a format of heaptrack that is not 3, the one "
	                       "known here");
}

/* Whether the line still belongs to the command; "I 1000 5e298f" ends it. */
static bool skip_command(struct heaptrack *heaptrack, struct scan line)
{
	uint64_t page, pages;

	if (heaptrack->in_command && scan_text(&line, "I ") &&
	    scan_next_hex(&line, &page) && scan_next_hex(&line, &pages) &&
	    scan_at_end(&line))
		heaptrack->in_command = false;
	return heaptrack->in_command;
}

static bool read_line(struct heaptrack *heaptrack, struct scan *line)
{
	if (skip_command(heaptrack, *line))
		return true;
	char mark = *line->at++;

	if (!heaptrack->has_version && mark != 'v')
		return fail(heaptrack, "heaptrack's files begin with v and "
		                       "their version");
	switch (mark) {
	case 'v':
		return read_version(heaptrack, line);
	case 'x':
		return scan_string(line, &heaptrack->program) ||
		       fail(heaptrack, "x and no length and path behind it");
	case 'm':
		return read_module(heaptrack, line);
	case 't':
		return read_stack(heaptrack, line);
	case '+':
		return read_alloc(heaptrack, line);
	case '-':
		return read_free(heaptrack, line);
	case 'c':
		return read_time(heaptrack, line);
	case 'X':
		heaptrack->command = scan_rest(line);
		heaptrack->in_command = true;
		return true;
	case 'a':
	case 'i':
	case 's':
		return fail(heaptrack,
		            "this is heaptrack's interpreted form, which has "
		            "no addresses: use heaptrack --raw");
	case 'I': /* page size */
	case 'R': /* resident */
	case 'A': /* attached */
	case 'S': /* suppressions */
	case '#':
		return true;
	}
	return fail(heaptrack, "not a line of heaptrack's raw form");
}

static bool read_lines(struct heaptrack *heaptrack)
{
	struct scan line;

	if (!push_stack(heaptrack, 0))
		return false;
	while (call_log_next(&heaptrack->log, &line))
		if (!read_line(heaptrack, &line))
			return false;
	return true;
}

bool import_heaptrack(const struct trace_text *in, struct trace *trace,
                      struct trace_error *error)
{
	struct heaptrack heaptrack = {
		.command = {.text = " a program", .bytes = 10}};

	if (!call_log_open(&heaptrack.log, in, error))
		return false;
	bool good = read_lines(&heaptrack);
	char source[1024];
	snprintf(source, sizeof source, "heaptrack of%.*s",
	         (int)(heaptrack.command.bytes < 900 ? heaptrack.command.bytes
	                                             : 900),
	         heaptrack.command.text);
	good = call_log_close(&heaptrack.log, good, source, trace);
	free(heaptrack.segments);
	free(heaptrack.stacks);
	return good;
}

/* "v 10400 3" */
bool heaptrack_begins(struct scan line)
{
	uint64_t number;

	return scan_text(&line, "v ") && scan_hex(&line, &number) &&
	       scan_text(&line, " ") && scan_hex(&line, &number) &&
	       scan_at_end(&line);
}
