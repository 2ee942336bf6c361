/*
 * step.c - the child writes into a file in memory, the parent copies that to
 * the user.  So the child never waits for a reader (a pager, say) while its time
 * runs, and what it wrote before a crash is kept.
 */
#include "step.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../run/cell.h"
#include "narrator.h"

enum { POLL_NS = 5 * 1000 * 1000 };

/* What the child needs. */
struct stepping {
	const struct step_options *options;
	struct board board;
};

static struct verdict run_child(void *ctx, volatile uint64_t *progress,
                                void *result)
{
	struct stepping *stepping = ctx;

	return narrate(stepping->options, &stepping->board, progress, result);
}

/* Copies what is new in the file to `out`; returns where it ends now. */
static off_t copy_new(int file, off_t from, FILE *out)
{
	char text[1 << 16];
	ssize_t got;

	while ((got = pread(file, text, sizeof text, from)) > 0) {
		fwrite(text, 1, (size_t)got, out);
		from += got;
	}
	fflush(out);
	return from;
}

static void tell_head(const struct step_options *options,
                      const struct board *board)
{
	const struct trace *trace = options->trace;
	char legend[512];

	board_print(board, INK_TITLE, "%s, step by step through %s\n",
	            options->label, options->workload);
	snprintf(legend, sizeof legend,
	         "%lu events, at most %lu bytes in %u blocks live",
	         trace->events, trace->peak_live_bytes, trace->slots);
	board_note(board, "trace", legend);
	if (options->allocator->ignores_page_source)
		snprintf(legend, sizeof legend,
		         "%s does not show its heap: the live blocks alone are "
		         "drawn, \"a 104\" with their usable bytes.",
		         options->allocator->name);
	else if (options->allocator->walk == NULL)
		snprintf(legend, sizeof legend,
		         "\"a 100\" block a; \". 48\" not live: free, or "
		         "headers, which %s does not show. Addresses count "
		         "from the start of the heap.",
		         options->allocator->name);
	else
		snprintf(legend, sizeof legend,
		         "\"a 112\" block a and its usable bytes; \". 48\" "
		         "free; %s\"~ 3504\" wilderness; \"/ 16\" of no use to "
		         "any request; %s. ^ what the event is about. "
		         "Addresses count from the start of the heap.",
		         /* designs for threads are those with caches */
		         options->allocator->has_locks ? "\": 48\" cached; "
		                                       : "",
		         options->shows_all ? "\"# 8\" a header"
		                            : "headers are left out");
	board_note(board, "heap", legend);
	putc('\n', board->out);
}

static void tell_end(const struct board *board,
                     const struct narration *narration,
                     const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_OK)
		return;
	if (narration->why[0] != '\0')
		board_note(board, "why", narration->why);
	board_print(board, INK_ALARM, "%s at event %lu\n",
	            verdict_word(verdict->kind), verdict->event);
	board_note(board, "", verdict->sentence);
}

/* Copies until the child has ended. */
static void follow(struct cell *cell, int file, const struct trace *trace,
                   FILE *out, struct verdict *verdict)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	off_t copied = 0;

	while (!cell_has_ended(cell, trace, verdict)) {
		copied = copy_new(file, copied, out);
		nanosleep(&pause, NULL);
	}
	copy_new(file, copied, out);
}

bool step_run(const struct step_options *options, FILE *out,
              struct verdict *verdict)
{
	/* Room beyond the heap's limit for the oracle and its tables. */
	const struct cell_limits limits = {
		.seconds = options->seconds,
		.memory_bytes = options->memory_bytes + ((size_t)1 << 30) +
	                        (size_t)options->trace->slots * 256,
	};
	struct board board = {.out = out, .has_colour = options->has_colour};
	struct stepping stepping = {.options = options, .board = board};
	struct cell cell;
	int file = memfd_create("steps", MFD_CLOEXEC);

	stepping.board.out = file < 0 ? NULL : fdopen(file, "w");
	if (stepping.board.out == NULL) {
		if (file >= 0)
			close(file);
		return false;
	}
	tell_head(options, &board);
	bool started = cell_start(&cell, run_child, &stepping,
	                          sizeof(struct narration), &limits);
	if (started) {
		follow(&cell, file, options->trace, out, verdict);
		const struct narration *narration = cell.result;
		board.origin = narration->origin;
		tell_end(&board, narration, verdict);
		cell_close(&cell);
	}
	fclose(stepping.board.out);
	return started;
}
