/*
 * import_replay.c - imports the text that Android's memory_replay reads
 * [MemoryReplay].
 *
 *     TID: malloc ADDRESS SIZE          TID: realloc NEW OLD SIZE
 *     TID: calloc ADDRESS COUNT SIZE    TID: memalign ADDRESS ALIGNMENT SIZE
 *     TID: free ADDRESS                 TID: thread_done 0x0
 *
 * Two more numbers behind a call are the times of its begin and end in ns.
 */
#include "call_log.h"

enum { NUMBERS_MAX = 6 };

/* What stands behind the function's name. */
struct numbers {
	uint64_t at[NUMBERS_MAX];
	int count;
};

static bool read_numbers(struct call_log *log, struct scan *line,
                         struct numbers *numbers)
{
	for (numbers->count = 0;; numbers->count++) {
		scan_blanks(line);
		struct token rest = scan_rest(line);
		if (scan_at_end(line))
			return true;
		if (numbers->count == NUMBERS_MAX)
			return call_log_fail(log, rest, "too many numbers");
		struct scan before = *line;
		struct token word;
		if (!scan_number(line, &numbers->at[numbers->count]) ||
		    (!scan_at_end(line) && *line->at != ' ' &&
		     *line->at != '\t')) {
			scan_token(&before, &word);
			return call_log_fail(log, word, "not a number");
		}
	}
}

static bool add_call(struct call_log *log, int which, const uint64_t *at)
{
	switch (which) {
	case 0:
		return call_log_alloc(log, TRACE_MALLOC, at[0], at[1]);
	case 1:
		return call_log_calloc(log, at[0], at[1], at[2]);
	case 2:
		return call_log_realloc(log, at[1], at[0], at[2]);
	case 3:
		return call_log_aligned(log, at[0], at[1], at[2]);
	default:
		return call_log_free(log, at[0]);
	}
}

static bool read_call(struct call_log *log, struct token function,
                      struct scan *line)
{
	static const struct {
		const char *name;
		int numbers;
	} calls[] = {{"malloc", 2},
	             {"calloc", 3},
	             {"realloc", 3},
	             {"memalign", 3},
	             {"free", 1}};
	struct numbers numbers;
	int which = 0, known = (int)(sizeof calls / sizeof calls[0]);

	while (which < known && !token_is(&function, calls[which].name))
		which++;
	if (which == known)
		return call_log_fail(log, function,
		                     "not a call that memory_replay knows");
	if (!read_numbers(log, line, &numbers))
		return false;
	int extra = numbers.count - calls[which].numbers;
	if (extra != 0 && extra != 2)
		return call_log_fail(log, function,
		                     "not as many numbers behind it as it "
		                     "takes (and two times)");
	log->has_time = extra == 2;
	if (log->has_time)
		log->time_ns = numbers.at[calls[which].numbers];
	return add_call(log, which, numbers.at);
}

static bool read_line(struct call_log *log, struct scan *line)
{
	struct token all = scan_rest(line), function;
	uint64_t thread;

	if (!scan_decimal(line, &thread) || !scan_text(line, ":") ||
	    !scan_blanks(line) || !scan_token(line, &function))
		return call_log_fail(log, all,
		                     "not a line of memory_replay (TID: "
		                     "function address ...)");
	if (token_is(&function, "thread_done"))
		return call_log_thread_exit(log, thread);
	return call_log_thread(log, thread) && read_call(log, function, line);
}

bool import_replay(const struct trace_text *in, struct trace *trace,
                   struct trace_error *error)
{
	struct call_log log;
	bool good = true;
	struct scan line;

	if (!call_log_open(&log, in, error))
		return false;
	while (good && call_log_next(&log, &line))
		good = read_line(&log, &line);
	return call_log_close(&log, good, "imported from a memory_replay text",
	                      trace);
}

bool replay_begins(struct scan line)
{
	struct token function;
	uint64_t thread;

	return scan_decimal(&line, &thread) && scan_text(&line, ":") &&
	       scan_blanks(&line) && scan_word(&line, &function) &&
	       (scan_at_end(&line) || *line.at == ' ');
}
