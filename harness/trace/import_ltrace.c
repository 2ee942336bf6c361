/*
 * import_ltrace.c - imports what ltrace prints [Ltrace].
 *
 *     ltrace -f -e malloc+free+calloc+realloc+aligned_alloc -o job.ltrace job
 *
 *     [pid 7] x->malloc(10)             = 0x5649     with -f, to a terminal
 *     7 x->malloc(10)                   = 0x5649     with -f, to a file
 *     x->realloc(0x5649, 100 <unfinished ...>
 *     <... realloc resumed> )           = 0x5701
 *     +++ exited (status 0) +++
 *
 * Words.  A call *ends* at the line with its result; where another thread acts
 * in between it *begins* at an earlier line, as unfinished.  A free counts from
 * its begin, an allocation from its end, so that an address is free before it is
 * given out again.
 *
 * ltrace tells no threads from child processes.  Calls after exec() are another
 * program's: they are left out.  Other functions than those known are, too.
 */
#include <stdlib.h>
#include <string.h>

#include "call_log.h"

enum function {
	F_MALLOC,
	F_CALLOC,
	F_REALLOC,
	F_REALLOCARRAY,
	F_ALIGNED,  /* (alignment, size) */
	F_OPERATOR, /* (size, alignment): operator new of C++17 */
	F_VALLOC,
	F_POSIX, /* its result is written to memory: not shown */
	F_FREE,
	F_OTHER,
};

enum { ARGUMENTS = 3 };

/* A call as far as it is known. */
struct call {
	enum function function;
	uint64_t arguments[ARGUMENTS];
	uint32_t block; /* that a realloc took at its begin */
	bool is_open;   /* begun, and not ended */
};

struct lane {
	struct call call;
	bool is_gone; /* exec(): another program now */
};

struct ltrace {
	struct call_log log;
	struct address_map lane_of; /* pid + 1 -> lane */
	struct lane *lanes;
	uint32_t lane_count;
};

static const struct {
	const char *name;
	enum function function;
	int arguments;
} known[] = {
	{"malloc", F_MALLOC, 1},
	{"calloc", F_CALLOC, 2},
	{"realloc", F_REALLOC, 2},
	{"reallocarray", F_REALLOCARRAY, 3},
	{"aligned_alloc", F_ALIGNED, 2},
	{"memalign", F_ALIGNED, 2},
	{"valloc", F_VALLOC, 1},
	{"posix_memalign", F_POSIX, 0},
	{"free", F_FREE, 1},
	{"cfree", F_FREE, 1},
	{"_Znwm", F_MALLOC, 1},
	{"_Znam", F_MALLOC, 1},
	{"_ZnwmRKSt9nothrow_t", F_MALLOC, 1},
	{"_ZnamRKSt9nothrow_t", F_MALLOC, 1},
	{"_ZnwmSt11align_val_t", F_OPERATOR, 2},
	{"_ZnamSt11align_val_t", F_OPERATOR, 2},
	{"_ZdlPv", F_FREE, 1},
	{"_ZdaPv", F_FREE, 1},
	{"_ZdlPvm", F_FREE, 1},
	{"_ZdaPvm", F_FREE, 1},
	{"_ZdlPvSt11align_val_t", F_FREE, 1},
	{"_ZdaPvSt11align_val_t", F_FREE, 1},
	{"_ZdlPvmSt11align_val_t", F_FREE, 1},
	{"_ZdaPvmSt11align_val_t", F_FREE, 1},
};

enum { KNOWN = sizeof known / sizeof known[0] };

/* --- pieces of a line --------------------------------------------------- */

/* Digits, dots and colons up to a blank: a pid, a time of day, an interval. */
static bool scan_clock(struct scan *line, struct token *clock)
{
	struct scan ahead = *line;
	size_t bytes = 0;

	if (!scan_token(&ahead, clock))
		return false;
	while (bytes < clock->bytes &&
	       strchr("0123456789.:", clock->text[bytes]) != NULL)
		bytes++;
	if (bytes < clock->bytes || scan_at_end(&ahead))
		return false;
	*line = ahead;
	return scan_blanks(line);
}

/* "1795248441.543915", of -ttt, in ns. */
static bool parse_time(struct token clock, uint64_t *time_ns)
{
	struct scan scan = {clock.text, clock.text + clock.bytes};
	uint64_t seconds, micros;

	if (!scan_decimal(&scan, &seconds) || !scan_text(&scan, ".") ||
	    scan.end - scan.at != 6 || !scan_decimal(&scan, &micros) ||
	    seconds < 1000000000 || seconds > 10000000000)
		return false;
	*time_ns = (seconds * 1000000 + micros) * 1000;
	return true;
}

/* What stands before the call: pid, time, instruction pointer. */
static void read_prefix(struct ltrace *ltrace, struct scan *line, uint64_t *pid)
{
	struct token clock;
	uint64_t number;

	*pid = 0;
	ltrace->log.has_time = false;
	scan_blanks(line);
	if (scan_text(line, "[pid ")) {
		scan_decimal(line, pid);
		scan_text(line, "]");
		scan_blanks(line);
	}
	while (scan_clock(line, &clock)) {
		uint64_t *time_ns = &ltrace->log.time_ns;
		if (parse_time(clock, time_ns))
			ltrace->log.has_time = true;
		else if (number_parse(clock.text, clock.bytes, &number))
			*pid = number;
	}
	struct scan ahead = *line;
	if (scan_text(&ahead, "[") && scan_prefixed_hex(&ahead, &number) &&
	    scan_text(&ahead, "] "))
		*line = ahead;
}

/* "x->malloc(", "malloc@libc.so.6(", "malloc(". */
static bool scan_function(struct scan *line, struct token *function)
{
	struct scan ahead = *line, open = *line, arrow = *line;

	if (!scan_find(&open, "("))
		return false;
	arrow.end = open.at;
	if (scan_find(&arrow, "->"))
		ahead.at = arrow.at + 2;
	if (!scan_word(&ahead, function))
		return false;
	if (ahead.at < open.at && *ahead.at != '@')
		return false;
	line->at = open.at + 1;
	return true;
}

static enum function function_of(struct token name, int *arguments)
{
	for (int i = 0; i < KNOWN; i++) {
		if (!token_is(&name, known[i].name))
			continue;
		*arguments = known[i].arguments;
		return known[i].function;
	}
	*arguments = 0;
	return F_OTHER;
}

/* A number, an address, or one of the words for NULL. */
static bool scan_value(struct scan *line, uint64_t *value)
{
	*value = 0;
	return scan_text(line, "nil") || scan_text(line, "NULL") ||
	       scan_text(line, "<void>") || scan_number(line, value);
}

/* `) = 0x5649`, to the end of the line; false where there is no result. */
static bool scan_result(struct scan *line, uint64_t *result)
{
	struct scan ahead = *line;
	bool found = false;

	/* The last one: an argument may be a string with ") = " in it. */
	while (scan_find(&ahead, ")")) {
		struct scan result_at = ahead;
		ahead.at++;
		result_at.at++;
		scan_blanks(&result_at);
		if (!scan_text(&result_at, "= "))
			continue;
		*line = result_at;
		found = true;
	}
	return found && scan_value(line, result);
}

/* --- calls -------------------------------------------------------------- */

static bool begin_call(struct ltrace *ltrace, struct call *call)
{
	if (call->function == F_FREE)
		return call_log_free(&ltrace->log, call->arguments[0]);
	call->block = CALL_LOG_NO_BLOCK;
	if (call->function == F_REALLOC || call->function == F_REALLOCARRAY)
		call->block = call_log_realloc_begin(&ltrace->log,
		                                     call->arguments[0]);
	return true;
}

static bool end_realloc(struct ltrace *ltrace, const struct call *call,
                        uint64_t result)
{
	struct call_log *log = &ltrace->log;
	uint64_t size = call->arguments[1];

	if (call->function == F_REALLOCARRAY &&
	    __builtin_mul_overflow(size, call->arguments[2], &size))
		size = UINT64_MAX; /* has failed */
	return call_log_realloc_end(log, call->block, call->arguments[0],
	                            result, size);
}

static bool end_call(struct ltrace *ltrace, const struct call *call,
                     uint64_t result)
{
	enum { PAGE = 4096 };
	const uint64_t *arguments = call->arguments;
	struct call_log *log = &ltrace->log;

	switch (call->function) {
	case F_MALLOC:
		return call_log_alloc(log, TRACE_MALLOC, result, arguments[0]);
	case F_CALLOC:
		return call_log_calloc(log, result, arguments[0], arguments[1]);
	case F_REALLOC:
	case F_REALLOCARRAY:
		return end_realloc(ltrace, call, result);
	case F_ALIGNED:
		return call_log_aligned(log, result, arguments[0],
		                        arguments[1]);
	case F_OPERATOR:
		return call_log_aligned(log, result, arguments[1],
		                        arguments[0]);
	case F_VALLOC:
		return call_log_aligned(log, result, PAGE, arguments[0]);
	case F_POSIX:
		log->counts.unseen_results++;
		return true;
	case F_FREE: /* was counted at its begin */
	case F_OTHER:
		break;
	}
	return true;
}

static bool read_arguments(struct ltrace *ltrace, struct scan *line,
                           struct token name, int count, uint64_t *arguments)
{
	for (int i = 0; i < count; i++) {
		if (i > 0 && (!scan_blanks(line) || !scan_text(line, ",")))
			break;
		scan_blanks(line);
		if (!scan_value(line, &arguments[i]))
			break;
		if (i == count - 1)
			return true;
	}
	return count == 0 ||
	       call_log_fail(&ltrace->log, name,
	                     "not the arguments of a call, in numbers");
}

/* `malloc(10) = 0x5649`, or its begin. */
static bool read_call(struct ltrace *ltrace, struct lane *lane,
                      struct scan *line, struct token name)
{
	struct call call = {.function = F_OTHER};
	struct scan tail = *line;
	uint64_t result;
	int arguments;

	call.function = function_of(name, &arguments);
	if (call.function == F_OTHER)
		return true;
	if (!read_arguments(ltrace, line, name, arguments, call.arguments) ||
	    !begin_call(ltrace, &call))
		return false;
	if (scan_result(line, &result))
		return end_call(ltrace, &call, result);
	if (!scan_find(&tail, "<unfinished ...>") &&
	    !scan_find(&tail, "<no return ...>"))
		return call_log_fail(&ltrace->log, name,
		                     "a call without its result, and not "
		                     "unfinished");
	ltrace->log.counts.cut_calls +=
		lane->call.is_open && lane->call.function != F_FREE;
	lane->call = call;
	lane->call.is_open = true;
	return true;
}

/* `<... malloc resumed> ) = 0x5649` */
static bool read_end(struct ltrace *ltrace, struct lane *lane,
                     struct scan *line)
{
	struct token name;
	uint64_t result;
	int arguments;

	if (!scan_word(line, &name))
		return true;
	enum function function = function_of(name, &arguments);
	if (function == F_OTHER || function == F_FREE)
		return true;
	if (!lane->call.is_open || lane->call.function != function) {
		ltrace->log.counts.cut_calls++;
		return true;
	}
	lane->call.is_open = false;
	if (scan_result(line, &result))
		return end_call(ltrace, &lane->call, result);
	return call_log_fail(&ltrace->log, name, "resumed, and no result");
}

/* --- lines -------------------------------------------------------------- */

static struct lane *lane_of(struct ltrace *ltrace, uint64_t pid)
{
	uint32_t number = address_map_get(&ltrace->lane_of, pid + 1);

	if (number != ADDRESS_UNKNOWN)
		return &ltrace->lanes[number];
	struct lane *grown =
		realloc(ltrace->lanes,
	                ((size_t)ltrace->lane_count + 1) * sizeof *grown);
	if (grown != NULL)
		ltrace->lanes = grown;
	if (grown == NULL ||
	    !address_map_add(&ltrace->lane_of, pid + 1, ltrace->lane_count))
		return NULL;
	grown[ltrace->lane_count] = (struct lane){0};
	return &grown[ltrace->lane_count++];
}

/* "+++ exited (status 0) +++", "--- Called exec() ---", "--- SIGCHLD ---" */
static bool read_event(struct ltrace *ltrace, struct lane *lane,
                       struct scan *line, uint64_t pid)
{
	if (scan_text(line, "+++ ")) {
		*lane = (struct lane){0};
		return call_log_thread_exit(&ltrace->log, pid);
	}
	if (scan_text(line, "--- Called exec()"))
		lane->is_gone = true;
	return true;
}

static bool read_line(struct ltrace *ltrace, struct scan *line)
{
	struct call_log *log = &ltrace->log;
	struct token all = scan_rest(line), name;
	uint64_t pid;

	read_prefix(ltrace, line, &pid);
	struct lane *lane = pid == UINT64_MAX ? NULL : lane_of(ltrace, pid);
	if (lane == NULL)
		return call_log_fail(log, all, "no memory for one more thread");
	struct scan mark = *line;
	if (scan_text(&mark, "+++ ") || scan_text(&mark, "--- "))
		return read_event(ltrace, lane, line, pid);
	if (lane->is_gone) {
		log->counts.other_processes++;
		return true;
	}
	if (!call_log_thread(log, pid))
		return false;
	if (scan_text(line, "<... "))
		return read_end(ltrace, lane, line);
	if (scan_function(line, &name))
		return read_call(ltrace, lane, line, name);
	return call_log_fail(log, all,
	                     "not a line of ltrace; with ltrace -o FILE the "
	                     "program's own output stays out of it");
}

static bool read_lines(struct ltrace *ltrace)
{
	struct scan line;

	while (call_log_next(&ltrace->log, &line))
		if (!read_line(ltrace, &line))
			return false;
	for (uint32_t i = 0; i < ltrace->lane_count; i++)
		ltrace->log.counts.cut_calls +=
			ltrace->lanes[i].call.is_open &&
			ltrace->lanes[i].call.function != F_FREE;
	return true;
}

bool import_ltrace(const struct trace_text *in, struct trace *trace,
                   struct trace_error *error)
{
	struct ltrace ltrace = {0};

	if (!call_log_open(&ltrace.log, in, error))
		return false;
	bool good = call_log_close(&ltrace.log, read_lines(&ltrace),
	                           "imported from ltrace", trace);
	address_map_free(&ltrace.lane_of);
	free(ltrace.lanes);
	return good;
}

/* A call with its result, or with "<unfinished ...>". */
bool ltrace_begins(struct scan line)
{
	struct ltrace ltrace = {0};
	struct token name;
	uint64_t pid, result;

	read_prefix(&ltrace, &line, &pid);
	if (scan_text(&line, "+++ ") || scan_text(&line, "--- ") ||
	    scan_text(&line, "<... "))
		return true;
	if (!scan_function(&line, &name))
		return false;
	struct scan tail = line;
	return scan_result(&line, &result) ||
	       scan_find(&tail, " <unfinished ...>") ||
	       scan_find(&tail, " <no return ...>");
}
