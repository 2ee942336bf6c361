/*
 * import_logalloc.c - imports the logs of Mozilla's logalloc [Logalloc].
 *
 *     PID TID malloc(42)=0x7f0010    or, with numbers for addresses, =#1
 *     PID TID calloc(4,8)=#2         realloc(#1,50)=#3   free(#3)
 *     PID TID posix_memalign(64,100)=#4   memalign, aligned_alloc the same
 *
 * The processes of a browser have address spaces of their own: the first one to
 * call is imported, the calls of the others are counted.
 */
#include "call_log.h"

struct logalloc {
	struct call_log log;
	bool has_process;
	uint64_t process;
};

/* "0x7f00", "0", or "#12", which counts as 12. */
static bool scan_block(struct scan *scan, uint64_t *address)
{
	return scan_text(scan, "#") ? scan_decimal(scan, address)
	                            : scan_address(scan, address);
}

static bool scan_pair(struct scan *line, uint64_t *first, uint64_t *second)
{
	return scan_number(line, first) && scan_text(line, ",") &&
	       scan_number(line, second) && scan_text(line, ")=");
}

static bool read_malloc(struct call_log *log, struct scan *line, bool *matches)
{
	uint64_t size, address;

	*matches = scan_number(line, &size) && scan_text(line, ")=") &&
	           scan_block(line, &address);
	return !*matches || call_log_alloc(log, TRACE_MALLOC, address, size);
}

static bool read_calloc(struct call_log *log, struct scan *line, bool *matches)
{
	uint64_t count, size, address;

	*matches = scan_pair(line, &count, &size) && scan_block(line, &address);
	return !*matches || call_log_calloc(log, address, count, size);
}

static bool read_aligned(struct call_log *log, struct scan *line, bool *matches)
{
	uint64_t align, size, address;

	*matches = scan_pair(line, &align, &size) && scan_block(line, &address);
	return !*matches || call_log_aligned(log, address, align, size);
}

static bool read_valloc(struct call_log *log, struct scan *line, bool *matches)
{
	enum { PAGE = 4096 };
	uint64_t size, address;

	*matches = scan_number(line, &size) && scan_text(line, ")=") &&
	           scan_block(line, &address);
	return !*matches || call_log_aligned(log, address, PAGE, size);
}

static bool read_realloc(struct call_log *log, struct scan *line, bool *matches)
{
	uint64_t old, size, address;

	*matches = scan_block(line, &old) && scan_text(line, ",") &&
	           scan_number(line, &size) && scan_text(line, ")=") &&
	           scan_block(line, &address);
	return !*matches || call_log_realloc(log, old, address, size);
}

static bool read_free(struct call_log *log, struct scan *line, bool *matches)
{
	uint64_t address;

	*matches = scan_block(line, &address) && scan_text(line, ")");
	return !*matches || call_log_free(log, address);
}

static bool read_call(struct call_log *log, struct scan *line,
                      struct token function)
{
	static const struct {
		const char *name;
		bool (*read)(struct call_log *log, struct scan *line,
		             bool *matches);
	} calls[] = {
		{"malloc", read_malloc},
		{"calloc", read_calloc},
		{"realloc", read_realloc},
		{"free", read_free},
		{"memalign", read_aligned},
		{"valloc", read_valloc},
		{"aligned_alloc", read_aligned},
		{"posix_memalign", read_aligned},
	};
	struct token call = {.text = function.text,
	                     .bytes = (size_t)(line->end - function.text)};
	bool matches;

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (!token_is(&function, calls[i].name))
			continue;
		if (!calls[i].read(log, line, &matches))
			return false;
		scan_blanks(line);
		return (matches && scan_at_end(line)) ||
		       call_log_fail(log, call,
		                     "not a call as logalloc writes it");
	}
	return true; /* jemalloc_stats() and the like */
}

static bool read_line(struct logalloc *logalloc, struct scan *line)
{
	struct call_log *log = &logalloc->log;
	struct token all = scan_rest(line), function;
	uint64_t process, thread;

	if (!scan_decimal(line, &process) || !scan_blanks(line) ||
	    !scan_decimal(line, &thread) || !scan_blanks(line) ||
	    !scan_word(line, &function) || !scan_text(line, "("))
		return call_log_fail(log, all,
		                     "not a line of logalloc (PID TID "
		                     "function(arguments)=result)");
	if (!logalloc->has_process)
		logalloc->process = process;
	logalloc->has_process = true;
	if (process != logalloc->process) {
		log->counts.other_processes++;
		return true;
	}
	return call_log_thread(log, thread) && read_call(log, line, function);
}

bool import_logalloc(const struct trace_text *in, struct trace *trace,
                     struct trace_error *error)
{
	struct logalloc logalloc = {0};
	struct call_log *log = &logalloc.log;
	bool good = true;
	struct scan line;

	if (!call_log_open(log, in, error))
		return false;
	while (good && call_log_next(log, &line))
		good = read_line(&logalloc, &line);
	return call_log_close(log, good, "imported from a logalloc log", trace);
}

bool logalloc_begins(struct scan line)
{
	struct token function;
	uint64_t number;

	return scan_decimal(&line, &number) && scan_blanks(&line) &&
	       scan_decimal(&line, &number) && scan_blanks(&line) &&
	       scan_word(&line, &function) && scan_text(&line, "(") &&
	       (function.text[0] < '0' || function.text[0] > '9');
}
